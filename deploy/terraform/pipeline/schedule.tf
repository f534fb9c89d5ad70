# Daily tasks of ingestctl: the export of the ledger, and the evaluation of the search.

data "aws_iam_policy_document" "events_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "schedule" {
  name               = "${local.prefix}-schedule"
  assume_role_policy = data.aws_iam_policy_document.events_trust.json
}

resource "aws_iam_role_policy" "schedule" {
  name = "run-tasks"
  role = aws_iam_role.schedule.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RunTasks"
        Effect    = "Allow"
        Action    = ["ecs:RunTask"]
        Resource  = "${aws_ecs_task_definition.this["ingestctl"].arn_without_revision}:*"
        Condition = { ArnEquals = { "ecs:cluster" = var.shared.cluster_arn } }
      },
      {
        Sid       = "PassRoles"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [aws_iam_role.execution.arn, aws_iam_role.task["ingestctl"].arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
    ]
  })
}

locals {
  export_target = "s3://${var.shared.export_bucket}/ledger/"
  scheduled = merge(
    var.ledger_export ? { export = { at = "cron(15 0 * * ? *)", command = ["ingestctl", "export-ledger", local.export_target] } } : {},
    var.evaluation.questions == "" ? {} : {
      evaluate = { at = "cron(45 4 * * ? *)", command = ["ingestctl", "evaluate", var.evaluation.questions, "--emf"] }
    },
  )
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each            = local.scheduled
  name                = "${local.prefix}-${each.key}"
  schedule_expression = each.value.at
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.scheduled
  rule     = aws_cloudwatch_event_rule.this[each.key].name
  arn      = var.shared.cluster_arn
  role_arn = aws_iam_role.schedule.arn
  input    = jsonencode({ containerOverrides = [{ name = "ingestctl", command = each.value.command }] })

  ecs_target {
    launch_type         = "FARGATE"
    platform_version    = "1.4.0"
    task_count          = 1
    task_definition_arn = aws_ecs_task_definition.this["ingestctl"].arn
    network_configuration {
      subnets         = var.shared.subnets
      security_groups = [var.shared.security_group]
    }
  }
}
