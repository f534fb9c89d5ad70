# What GitHub Actions may do, without a stored key: push images to the one repository, and deploy the fleet's services.

locals {
  makes_delivery = var.github_repository != ""
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = local.makes_delivery ? 1 : 0
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "delivery_trust" {
  count = local.makes_delivery ? 1 : 0
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github[0].arn]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
    # Jobs of the environment "production" alone, which the repository protects by review.
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:${var.github_repository}:environment:production"]
    }
  }
}

resource "aws_iam_role" "delivery" {
  count              = local.makes_delivery ? 1 : 0
  name               = "${var.name}-delivery"
  assume_role_policy = data.aws_iam_policy_document.delivery_trust[0].json
}

resource "aws_iam_role_policy" "delivery" {
  count = local.makes_delivery ? 1 : 0
  name  = "deliver"
  role  = aws_iam_role.delivery[0].id
  policy = templatefile("${path.module}/../../iam/delivery.json", {
    REPOSITORY_ARN = aws_ecr_repository.this.arn
    SERVICES_ARN   = "arn:${local.partition}:ecs:${local.region}:${local.account}:service/${var.name}/*"
    TASK_ROLES_ARN = "arn:${local.partition}:iam::${local.account}:role/${var.name}-*"
    KMS_KEY_ARN    = aws_kms_key.this.arn
  })
}
