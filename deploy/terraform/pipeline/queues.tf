# Two queues with dead-letter queues. A message that cannot be processed is kept for 14 days and can be redriven.

locals {
  queues = toset(["events", "chunks"])
}

resource "aws_sqs_queue" "dead" {
  for_each                          = local.queues
  name                              = "${local.prefix}-${each.key}-dead"
  message_retention_seconds         = 1209600
  max_message_size                  = 262144
  kms_master_key_id                 = var.shared.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
}

resource "aws_sqs_queue" "this" {
  for_each = local.queues
  name     = "${local.prefix}-${each.key}"
  # A worker extends the timeout of what it works on; a message of one that died comes back after this.
  visibility_timeout_seconds = 60
  receive_wait_time_seconds  = 20
  # Shorter than the dead-letter queue's: a message that moves keeps the time of its first sending.
  message_retention_seconds         = 1036800
  max_message_size                  = 262144
  kms_master_key_id                 = var.shared.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  for_each  = local.queues
  queue_url = aws_sqs_queue.dead[each.key].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = ["arn:${local.partition}:sqs:${local.region}:${local.account}:${local.prefix}-${each.key}"]
  })
}

data "aws_iam_policy_document" "queue" {
  for_each = {
    events      = aws_sqs_queue.this["events"].arn
    chunks      = aws_sqs_queue.this["chunks"].arn
    events-dead = aws_sqs_queue.dead["events"].arn
    chunks-dead = aws_sqs_queue.dead["chunks"].arn
  }

  statement {
    sid       = "OnlyTLS"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "events" ? [each.value] : []
    content {
      sid       = "TopicSends"
      actions   = ["sqs:SendMessage"]
      resources = [statement.value]
      principals {
        type        = "Service"
        identifiers = ["sns.amazonaws.com"]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [var.shared.topic_arn]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each  = data.aws_iam_policy_document.queue
  queue_url = endswith(each.key, "-dead") ? aws_sqs_queue.dead[trimsuffix(each.key, "-dead")].id : aws_sqs_queue.this[each.key].id
  policy    = each.value.json
}

# The bucket's events as S3 wrote them, to this pipeline as well as to every other one.
resource "aws_sns_topic_subscription" "events" {
  topic_arn            = var.shared.topic_arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.this["events"].arn
  raw_message_delivery = true
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead["events"].arn })
  depends_on           = [aws_sqs_queue_policy.this]
}
