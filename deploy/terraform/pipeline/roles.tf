# One role for each program, with the policy of deploy/iam, and two for ECS itself.

data "aws_iam_policy_document" "tasks_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:ecs:${local.region}:${local.account}:*"]
    }
  }
}

locals {
  programs = toset(["ingest-worker", "embed-worker", "ingestctl"])

  policy_values = {
    DOCUMENTS_BUCKET        = var.shared.documents_bucket
    HANDOVER_BUCKET         = var.shared.handover_bucket
    HANDOVER_PREFIX         = local.handover
    EXPORT_BUCKET           = var.shared.export_bucket
    INGEST_QUEUE_ARN        = aws_sqs_queue.this["events"].arn
    INGEST_DEAD_LETTERS_ARN = aws_sqs_queue.dead["events"].arn
    CHUNK_QUEUE_ARN         = aws_sqs_queue.this["chunks"].arn
    CHUNK_DEAD_LETTERS_ARN  = aws_sqs_queue.dead["chunks"].arn
    KMS_KEY_ARN             = var.shared.kms_key_arn
    OPENSEARCH_DOMAIN_ARN   = var.shared.domain_arn
    TASKS_ARN               = "arn:${local.partition}:ecs:${local.region}:${local.account}:task/${var.shared.cluster}/*"
  }
}

resource "aws_iam_role" "task" {
  for_each           = local.programs
  name               = "${local.prefix}-${each.key}"
  description        = "What ${each.key} of the pipeline ${var.name} may do"
  assume_role_policy = data.aws_iam_policy_document.tasks_trust.json
}

resource "aws_iam_role_policy" "task" {
  for_each = local.programs
  name     = "program"
  role     = aws_iam_role.task[each.key].id
  policy   = templatefile("${path.module}/../../iam/${each.key}.json", local.policy_values)
}

# Traces go to X-Ray's own endpoint: no resource can be named for it.
resource "aws_iam_role_policy" "traces" {
  for_each = startswith(local.trace_endpoint, "https://xray.") ? toset(["ingest-worker", "embed-worker"]) : []
  name     = "traces"
  role     = aws_iam_role.task[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "SendSpans"
      Effect   = "Allow"
      Action   = ["xray:PutSpans", "xray:PutSpansForIndexing"]
      Resource = "*"
    }]
  })
}

# `--replay --batch` keeps the vectors of a batch beside the chunk payloads.
resource "aws_iam_role_policy" "batches" {
  count  = var.batches ? 1 : 0
  name   = "batches"
  role   = aws_iam_role.task["embed-worker"].id
  policy = templatefile("${path.module}/../../iam/embed-worker-batches.json", local.policy_values)
}

# EMBEDDING_PROVIDER=bedrock: documents are embedded by embed-worker, questions by ingestctl.
resource "aws_iam_role_policy" "bedrock" {
  for_each = length(var.bedrock_models) > 0 ? toset(["embed-worker", "ingestctl"]) : []
  name     = "bedrock"
  role     = aws_iam_role.task[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "EmbedTexts"
      Effect   = "Allow"
      Action   = ["bedrock:InvokeModel"]
      Resource = var.bedrock_models
    }]
  })
}

# ECS itself: pulls the image, writes the log, reads the secret.
resource "aws_iam_role" "execution" {
  name               = "${local.prefix}-execution"
  assume_role_policy = data.aws_iam_policy_document.tasks_trust.json
}

resource "aws_iam_role_policy" "execution" {
  #checkov:skip=CKV_AWS_290:ecr:GetAuthorizationToken names no resource.
  #checkov:skip=CKV_AWS_355:ecr:GetAuthorizationToken names no resource.
  name = "start-tasks"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "LogIn", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = "*" },
      {
        Sid      = "Pull"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = "arn:${local.partition}:ecr:${local.region}:${local.account}:repository/${var.shared.name}"
      },
      {
        Sid      = "Log"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = [for group in aws_cloudwatch_log_group.this : "${group.arn}:*"]
      },
      { Sid = "ReadSecret", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = var.shared.secret_arn },
      {
        Sid       = "OpenSecret"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = var.shared.kms_key_arn
        Condition = { StringLike = { "kms:ViaService" = ["secretsmanager.*.amazonaws.com", "ecr.*.amazonaws.com"] } }
      },
    ]
  })
}
