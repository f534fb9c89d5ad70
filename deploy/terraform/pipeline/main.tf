# One pipeline: queues fed by the platform's topic, two services, their roles, scaling, alarms and scheduled tasks.

data "aws_caller_identity" "this" {}
data "aws_region" "this" {}
data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  region    = data.aws_region.this.name
  partition = data.aws_partition.this.partition
  prefix    = "${var.shared.name}-${var.name}"
  handover  = "${var.name}/"

  # A worker's grace period ends before ECS kills the task.
  grace_seconds = 60
  stop_seconds  = 90

  trace_endpoint = var.trace_endpoint == "none" ? "" : var.trace_endpoint == "" ? "https://xray.${local.region}.amazonaws.com" : var.trace_endpoint

  settings = merge({
    AWS_REGION                  = local.region
    OPENSEARCH_URL              = var.shared.domain_endpoint
    OPENSEARCH_AUTH             = "es"
    INGEST_QUEUE_URL            = aws_sqs_queue.this["events"].url
    CHUNK_QUEUE_URL             = aws_sqs_queue.this["chunks"].url
    HANDOVER_BUCKET             = var.shared.handover_bucket
    HANDOVER_PREFIX             = local.handover
    GRACE_SECONDS               = tostring(local.grace_seconds)
    LOG_FORMAT                  = "json"
    METRICS_EMF                 = "true"
    DEPLOYMENT                  = local.prefix
    OTEL_EXPORTER_OTLP_ENDPOINT = local.trace_endpoint
    OTEL_TRACES_SAMPLER_ARG     = tostring(var.trace_share)
    DOCUMENTS                   = "s3://${var.shared.documents_bucket}/"
  }, var.settings)
}
