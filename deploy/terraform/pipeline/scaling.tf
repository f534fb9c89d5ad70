# Tasks by backlog: those that the arrivals need, and those that work off the backlog in half an hour, up to what the provider's limit feeds.
# The numbers are in scaling.json, with which Tests/scaling.py simulates a day.

locals {
  scaling = jsondecode(file("${path.module}/scaling.json"))

  # Tokens that one embed-worker uses at its full rate.
  tokens_per_task = local.scaling.embed.messages_per_task_minute * local.scaling.embed.tokens_per_message
  scaled = {
    ingest-worker = {
      queue = "events", least = var.ingest.least, most = var.ingest.most, rate = local.scaling.ingest.messages_per_task_minute
    }
    embed-worker = {
      queue = "chunks", least = var.embed.least, rate = local.scaling.embed.messages_per_task_minute,
      most  = max(1, var.embed.least, min(var.embed.most, floor(var.tokens_per_minute / local.tokens_per_task)))
    }
  }

  # What CloudWatch computes once a minute: how many tasks are wanted more than there are.
  expressions = { for program, scaled in local.scaled : program => {
    wanted = "CEIL(FILL(sent,0)/${scaled.rate}+(FILL(visible,0)+FILL(flight,0))/${scaled.rate * local.scaling.drain_minutes})"
    out    = "IF(wanted>${scaled.most},${scaled.most},wanted)-FILL(running,0)"
    # One task more than wanted stays, so that a small change of the load does not end one that is needed again; an idle service ends all.
    in = "IF(wanted>0,wanted+${local.scaling.in.spare}-FILL(running,0),0-FILL(running,0))"
  } }
}

resource "aws_appautoscaling_target" "this" {
  for_each           = var.autoscaling ? local.scaled : {}
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.shared.cluster}/${aws_ecs_service.this[each.key].name}"
  min_capacity       = each.value.least
  max_capacity       = each.value.most
}

resource "aws_appautoscaling_policy" "out" {
  for_each           = aws_appautoscaling_target.this
  name               = "${local.prefix}-${each.key}-out"
  policy_type        = "StepScaling"
  service_namespace  = each.value.service_namespace
  scalable_dimension = each.value.scalable_dimension
  resource_id        = each.value.resource_id
  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = local.scaling.out.cooldown_seconds
    metric_aggregation_type = "Average"
    dynamic "step_adjustment" {
      for_each = local.scaling.out.steps
      content {
        # Bounds are relative to the alarm's threshold, which is 1.
        metric_interval_lower_bound = step_adjustment.value.from - 1
        metric_interval_upper_bound = step_adjustment.value.to == null ? null : step_adjustment.value.to - 1
        scaling_adjustment          = step_adjustment.value.change
      }
    }
  }
}

resource "aws_appautoscaling_policy" "in" {
  for_each           = aws_appautoscaling_target.this
  name               = "${local.prefix}-${each.key}-in"
  policy_type        = "StepScaling"
  service_namespace  = each.value.service_namespace
  scalable_dimension = each.value.scalable_dimension
  resource_id        = each.value.resource_id
  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = local.scaling.in.cooldown_seconds
    metric_aggregation_type = "Average"
    dynamic "step_adjustment" {
      for_each = local.scaling.in.steps
      content {
        metric_interval_lower_bound = step_adjustment.value.from == null ? null : step_adjustment.value.from + 1
        metric_interval_upper_bound = step_adjustment.value.to + 1
        scaling_adjustment          = step_adjustment.value.change
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "scaling" {
  for_each = var.autoscaling ? merge([for program in keys(local.scaled) : {
    "${program}-out" = { program = program, way = "out" }
    "${program}-in"  = { program = program, way = "in" }
  }]...) : {}
  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = "Scales ${each.value.program}; not for people."
  comparison_operator = each.value.way == "out" ? "GreaterThanOrEqualToThreshold" : "LessThanOrEqualToThreshold"
  threshold           = each.value.way == "out" ? 1 : -1
  evaluation_periods  = local.scaling[each.value.way].periods
  treat_missing_data  = "notBreaching"
  alarm_actions = [
    each.value.way == "out" ? aws_appautoscaling_policy.out[each.value.program].arn : aws_appautoscaling_policy.in[each.value.program].arn
  ]

  metric_query {
    id          = "change"
    label       = "Tasks wanted more than there are"
    expression  = local.expressions[each.value.program][each.value.way]
    return_data = true
  }
  metric_query {
    id         = "wanted"
    expression = local.expressions[each.value.program].wanted
  }

  dynamic "metric_query" {
    for_each = { sent = "NumberOfMessagesSent", visible = "ApproximateNumberOfMessagesVisible", flight = "ApproximateNumberOfMessagesNotVisible" }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/SQS"
        metric_name = metric_query.value
        period      = 60
        stat        = metric_query.key == "sent" ? "Sum" : "Average"
        dimensions  = { QueueName = aws_sqs_queue.this[local.scaled[each.value.program].queue].name }
      }
    }
  }
  metric_query {
    id = "running"
    metric {
      namespace   = "ECS/ContainerInsights"
      metric_name = "DesiredTaskCount"
      period      = 60
      stat        = "Average"
      dimensions  = { ClusterName = var.shared.cluster, ServiceName = aws_ecs_service.this[each.value.program].name }
    }
  }
}
