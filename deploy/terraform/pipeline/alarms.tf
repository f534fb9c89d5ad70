# For people: each alarm is a heading of docs/runbook.md.

locals {
  # The workers report with this dimension (docs/telemetry.md).
  namespace = "IngestFleet"

  queue_alarms = merge([for queue in local.queues : {
    "${queue}-dead-letters" = {
      metric = "ApproximateNumberOfMessagesVisible", queue = aws_sqs_queue.dead[queue].name, threshold = 0, periods = 1, statistic = "Maximum"
      text   = "Documents were rejected or their messages failed: ingestctl dead-letters list"
    }
    "${queue}-age" = {
      metric = "ApproximateAgeOfOldestMessage", queue = aws_sqs_queue.this[queue].name, threshold = 3600, periods = 5, statistic = "Maximum"
      text   = "The oldest message has been waiting for an hour: the workers do not keep up, or are paused"
    }
  }]...)

  # Of the metrics that the workers report, by service.
  worker_alarms = merge([for program in keys(local.ports) : {
    "${program}-paused" = {
      service = program, metric = "ingest_paused", statistic = "Maximum", period = 60, periods = 5, threshold = 0
      text    = "Work is paused: a dependency is unavailable, or an operator paused it"
    }
    "${program}-stale" = {
      service = program, metric = "ingest_last_receive_age_seconds", statistic = "Maximum", period = 60, periods = 3, threshold = 300
      text    = "A worker has received nothing for five minutes, not even an empty response"
    }
  }]...)

  fleet_alarms = {
    "extractor-failures" = {
      service = "ingest-worker", metric = "ingest_extractor_failures_total", statistic = "Sum", period = 300, periods = 1, threshold = 20
      text    = "Documents end extractors unusually often"
    }
    "cost" = {
      service = "embed-worker", metric = "ingest_embedding_cost_dollars_total", statistic = "Sum", period = 86400, periods = 1, threshold = var.daily_cost_usd
      text    = "Embedding cost of a day"
    }
    "drift" = {
      service = "embed-worker", metric = "ingest_vector_drift_ratio", statistic = "Maximum", period = 3600, periods = 3, threshold = 0.3
      text    = "New vectors are unlike those of the index"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "queue" {
  for_each            = local.queue_alarms
  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.text
  namespace           = "AWS/SQS"
  metric_name         = each.value.metric
  dimensions          = { QueueName = each.value.queue }
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = each.value.periods
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.shared.alarms_arn]
  ok_actions          = [var.shared.alarms_arn]
}

resource "aws_cloudwatch_metric_alarm" "worker" {
  for_each            = merge(local.worker_alarms, local.fleet_alarms)
  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.text
  namespace           = local.namespace
  metric_name         = each.value.metric
  dimensions          = { service = each.value.service, pipeline = local.prefix }
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.shared.alarms_arn]
  ok_actions          = [var.shared.alarms_arn]
}

resource "aws_cloudwatch_metric_alarm" "rejections" {
  alarm_name          = "${local.prefix}-rejections"
  alarm_description   = "More than a tenth of the documents is rejected"
  threshold           = 10
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.shared.alarms_arn]
  ok_actions          = [var.shared.alarms_arn]

  metric_query {
    id          = "percent"
    label       = "Rejected documents in percent"
    expression  = "100*rejected/(rejected+accepted+1)"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = { rejected = "ingest_documents_rejected_total", accepted = "ingest_documents_handed_over_total" }
    content {
      id = metric_query.key
      metric {
        namespace   = local.namespace
        metric_name = metric_query.value
        period      = 900
        stat        = "Sum"
        dimensions  = { service = "ingest-worker", pipeline = local.prefix }
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "quality" {
  count               = var.evaluation.questions == "" ? 0 : 1
  alarm_name          = "${local.prefix}-quality"
  alarm_description   = "The daily evaluation finds less than it did: docs/runbook.md"
  namespace           = local.namespace
  metric_name         = "ingest_evaluation_ndcg_ratio"
  dimensions          = { service = "ingestctl", pipeline = local.prefix }
  statistic           = "Minimum"
  period              = 86400
  evaluation_periods  = 1
  threshold           = var.evaluation.least_ndcg
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = [var.shared.alarms_arn]
  ok_actions          = [var.shared.alarms_arn]
}
