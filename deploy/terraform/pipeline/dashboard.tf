# One page for the pipeline: what waits, what is done, how long it takes, what it costs.

locals {
  of_ingest = ["service", "ingest-worker", "pipeline", local.prefix]
  of_embed  = ["service", "embed-worker", "pipeline", local.prefix]

  graphs = [
    { title = "Messages that wait", stat = "Maximum", metrics = [for queue in local.queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.this[queue].name]] },
    { title = "Age of the oldest message (s)", stat = "Maximum", metrics = [for queue in local.queues : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", aws_sqs_queue.this[queue].name]] },
    { title = "Dead-letter messages", stat = "Maximum", metrics = [for queue in local.queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.dead[queue].name]] },
    { title = "Tasks", stat = "Average", metrics = [for program in keys(local.ports) : ["ECS/ContainerInsights", "RunningTaskCount", "ClusterName", var.shared.cluster, "ServiceName", "${local.prefix}-${program}"]] },
    { title = "Event to searchable (s): median and 99th percentile", stat = "p50", metrics = [
      concat(["IngestFleet", "ingest_event_to_searchable_seconds"], local.of_embed),
      concat(["IngestFleet", "ingest_event_to_searchable_seconds"], local.of_embed, [{ stat = "p99" }]),
    ] },
    { title = "Documents", stat = "Sum", metrics = [
      concat(["IngestFleet", "ingest_documents_indexed_total"], local.of_embed),
      concat(["IngestFleet", "ingest_documents_rejected_total"], local.of_ingest),
      concat(["IngestFleet", "ingest_documents_unchanged_total"], local.of_ingest),
    ] },
    { title = "Durations (s, 90th percentile)", stat = "p90", metrics = [
      concat(["IngestFleet", "ingest_extraction_duration_seconds"], local.of_ingest),
      concat(["IngestFleet", "ingest_embedding_duration_seconds"], local.of_embed),
      concat(["IngestFleet", "ingest_bulk_duration_seconds"], local.of_embed),
    ] },
    { title = "Tokens and dollars", stat = "Sum", metrics = [
      concat(["IngestFleet", "ingest_tokens_embedded_total"], local.of_embed),
      concat(["IngestFleet", "ingest_embedding_cost_dollars_total"], local.of_embed, [{ yAxis = "right" }]),
    ] },
    { title = "Retries and throttles", stat = "Sum", metrics = [
      concat(["IngestFleet", "ingest_request_retries_total"], local.of_ingest),
      concat(["IngestFleet", "ingest_request_retries_total"], local.of_embed),
      concat(["IngestFleet", "ingest_throttled_responses_total"], local.of_embed),
    ] },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.prefix
  dashboard_body = jsonencode({
    widgets = [for place, graph in local.graphs : {
      type   = "metric"
      x      = 8 * (place % 3)
      y      = 6 * floor(place / 3)
      width  = 8
      height = 6
      properties = {
        title   = graph.title
        region  = local.region
        stat    = graph.stat
        period  = 60
        view    = "timeSeries"
        metrics = graph.metrics
      }
    }]
  })
}
