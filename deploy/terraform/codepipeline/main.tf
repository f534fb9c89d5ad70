# Delivery inside AWS, for teams without GitHub Actions: CodePipeline tests, builds and signs the images, waits for a person, and deploys.

data "aws_caller_identity" "this" {}
data "aws_region" "this" {}
data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  region    = data.aws_region.this.name
  partition = data.aws_partition.this.partition

  swift = "swift:6.3.3-bookworm@sha256:7060a792f4cd9eaa0d00826d941cec00ab8d252d33b8b28bc8e105f51f2dba73"
  builds = {
    test   = { image = local.swift, privileged = false, environment = {} }
    image  = { image = "aws/codebuild/amazonlinux2-x86_64-standard:5.0", privileged = true, environment = { REPOSITORY_URL = var.repository_url, COSIGN_KEY = "awskms:///${aws_kms_key.signing.arn}" } }
    deploy = { image = "aws/codebuild/amazonlinux2-x86_64-standard:5.0", privileged = false, environment = { CLUSTER = var.name, PIPELINE = var.pipeline } }
  }
}

module "artifacts" {
  source      = "../bucket"
  name        = "${var.name}-artifacts-${local.account}"
  kms_key_arn = var.kms_key_arn
  expire_days = 30
}

# cosign signs the images' digests with it.
resource "aws_kms_key" "signing" {
  #checkov:skip=CKV_AWS_7:Keys that sign cannot be rotated by KMS: old signatures have to stay valid.
  description              = "Signatures of images of ${var.name}"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Account", Effect = "Allow", Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }, Action = "kms:*", Resource = "*" }]
  })
}

resource "aws_cloudwatch_log_group" "build" {
  for_each          = local.builds
  name              = "/${var.name}/delivery/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["codebuild", "codepipeline"])
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "build" {
  for_each           = local.builds
  name               = "${var.name}-delivery-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust["codebuild"].json
}

# What each build needs to run at all.
resource "aws_iam_role_policy" "build" {
  for_each = local.builds
  name     = "build"
  role     = aws_iam_role.build[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      { Sid = "Log", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.build[each.key].arn}:*" },
      { Sid = "Artifacts", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = "${module.artifacts.arn}/*" },
      { Sid = "UseKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.kms_key_arn },
      ], each.key == "image" ? [
      { Sid = "Sign", Effect = "Allow", Action = ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"], Resource = aws_kms_key.signing.arn },
    ] : [])
  })
}

# And what GitHub Actions would have: images and services.
resource "aws_iam_role_policy" "deliver" {
  for_each = toset(["image", "deploy"])
  name     = "deliver"
  role     = aws_iam_role.build[each.key].id
  policy = templatefile("${path.module}/../../iam/delivery.json", {
    REPOSITORY_ARN = var.repository_arn
    SERVICES_ARN   = "arn:${local.partition}:ecs:${local.region}:${local.account}:service/${var.name}/*"
    TASK_ROLES_ARN = "arn:${local.partition}:iam::${local.account}:role/${var.name}-*"
    KMS_KEY_ARN    = var.kms_key_arn
  })
}

resource "aws_codebuild_project" "this" {
  #checkov:skip=CKV_AWS_316:docker build needs it; the project builds this repository's own Dockerfile alone.
  for_each       = local.builds
  name           = "${var.name}-${each.key}"
  service_role   = aws_iam_role.build[each.key].arn
  encryption_key = var.kms_key_arn
  build_timeout  = each.key == "image" ? 180 : 60

  artifacts { type = "CODEPIPELINE" }
  source {
    type      = "CODEPIPELINE"
    buildspec = "deploy/codebuild/${each.key}.yml"
  }
  environment {
    type            = "LINUX_CONTAINER"
    compute_type    = "BUILD_GENERAL1_LARGE"
    image           = each.value.image
    privileged_mode = each.value.privileged
    dynamic "environment_variable" {
      for_each = each.value.environment
      content {
        name  = environment_variable.key
        value = environment_variable.value
      }
    }
  }
  logs_config {
    cloudwatch_logs { group_name = aws_cloudwatch_log_group.build[each.key].name }
  }
}

resource "aws_iam_role" "pipeline" {
  name               = "${var.name}-delivery-pipeline"
  assume_role_policy = data.aws_iam_policy_document.trust["codepipeline"].json
}

resource "aws_iam_role_policy" "pipeline" {
  name = "run"
  role = aws_iam_role.pipeline.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Source", Effect = "Allow", Action = ["codestar-connections:UseConnection"], Resource = var.connection_arn },
      { Sid = "Build", Effect = "Allow", Action = ["codebuild:BatchGetBuilds", "codebuild:StartBuild"], Resource = [for project in aws_codebuild_project.this : project.arn] },
      { Sid = "Artifacts", Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], Resource = "${module.artifacts.arn}/*" },
      { Sid = "UseKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.kms_key_arn },
    ]
  })
}

resource "aws_codepipeline" "this" {
  name          = var.name
  role_arn      = aws_iam_role.pipeline.arn
  pipeline_type = "V2"

  artifact_store {
    type     = "S3"
    location = module.artifacts.name
    encryption_key {
      type = "KMS"
      id   = var.kms_key_arn
    }
  }

  stage {
    name = "Source"
    action {
      name             = "Source"
      category         = "Source"
      owner            = "AWS"
      provider         = "CodeStarSourceConnection"
      version          = "1"
      output_artifacts = ["source"]
      configuration = {
        ConnectionArn        = var.connection_arn
        FullRepositoryId     = var.repository
        BranchName           = var.branch
        OutputArtifactFormat = "CODEBUILD_CLONE_REF"
      }
    }
  }

  stage {
    name = "Test"
    action {
      name            = "Test"
      category        = "Test"
      owner           = "AWS"
      provider        = "CodeBuild"
      version         = "1"
      input_artifacts = ["source"]
      configuration   = { ProjectName = aws_codebuild_project.this["test"].name }
    }
  }

  stage {
    name = "Image"
    action {
      name            = "Image"
      namespace       = "Built"
      category        = "Build"
      owner           = "AWS"
      provider        = "CodeBuild"
      version         = "1"
      input_artifacts = ["source"]
      configuration   = { ProjectName = aws_codebuild_project.this["image"].name }
    }
  }

  stage {
    name = "Approval"
    action {
      name     = "Approval"
      category = "Approval"
      owner    = "AWS"
      provider = "Manual"
      version  = "1"
    }
  }

  stage {
    name = "Deploy"
    action {
      name            = "Deploy"
      category        = "Build"
      owner           = "AWS"
      provider        = "CodeBuild"
      version         = "1"
      input_artifacts = ["source"]
      configuration = {
        ProjectName          = aws_codebuild_project.this["deploy"].name
        EnvironmentVariables = jsonencode([{ name = "IMAGE", value = "#{Built.IMAGE}", type = "PLAINTEXT" }])
      }
    }
  }
}
