mock_provider "aws" { source = "../mocks" }

variables {
  name  = "main"
  image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/papers@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  shared = {
    name             = "papers"
    documents_bucket = "papers-documents"
    handover_bucket  = "papers-handover"
    export_bucket    = "papers-export"
    topic_arn        = "arn:aws:sns:eu-west-1:111122223333:papers-changes"
    alarms_arn       = "arn:aws:sns:eu-west-1:111122223333:papers-alarms"
    kms_key_arn      = "arn:aws:kms:eu-west-1:111122223333:key/k"
    cluster          = "papers"
    cluster_arn      = "arn:aws:ecs:eu-west-1:111122223333:cluster/papers"
    subnets          = ["subnet-1", "subnet-2"]
    security_group   = "sg-1"
    domain_arn       = "arn:aws:es:eu-west-1:111122223333:domain/papers"
    domain_endpoint  = "https://vpc-papers.eu-west-1.es.amazonaws.com"
    secret_arn       = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s"
    domain_owner_arn = "arn:aws:iam::111122223333:role/papers-domain-owner"
    log_days         = 365
  }
}

run "queues" {
  command = apply

  assert {
    condition     = alltrue([for q in merge(aws_sqs_queue.this, { dead_e = aws_sqs_queue.dead["events"], dead_c = aws_sqs_queue.dead["chunks"] }) : q.kms_master_key_id == var.shared.kms_key_arn])
    error_message = "All four queues are encrypted by the fleet's key."
  }
  assert {
    condition     = alltrue([for name, q in aws_sqs_queue.this : jsondecode(q.redrive_policy).maxReceiveCount == 5 && q.message_retention_seconds < aws_sqs_queue.dead[name].message_retention_seconds])
    error_message = "Each queue has a dead-letter queue that keeps messages longer."
  }
  assert {
    condition     = alltrue([for p in aws_sqs_queue_redrive_allow_policy.dead : jsondecode(p.redrive_allow_policy).redrivePermission == "byQueue"])
    error_message = "Only its own queue moves messages to a dead-letter queue."
  }
  assert {
    condition     = length(aws_sqs_queue_policy.this) == 4 && alltrue([for d in data.aws_iam_policy_document.queue : d.statement[0].effect == "Deny" && one(d.statement[0].condition).variable == "aws:SecureTransport"])
    error_message = "Queues accept TLS alone."
  }
  assert {
    condition     = toset([for c in data.aws_iam_policy_document.queue["events"].statement[1].condition : c.variable]) == toset(["aws:SourceArn", "aws:SourceAccount"]) && length(data.aws_iam_policy_document.queue["chunks"].statement) == 1
    error_message = "The topic of this account alone sends events, and no one but the workers sends chunks."
  }
  assert {
    condition     = aws_sns_topic_subscription.events.raw_message_delivery && aws_sns_topic_subscription.events.redrive_policy != ""
    error_message = "Events arrive as S3 wrote them, and none is lost on the way."
  }
}

run "tasks" {
  command = apply

  assert {
    condition = alltrue([for t in merge(aws_ecs_task_definition.this, { owner = aws_ecs_task_definition.owner }) : alltrue([
      jsondecode(t.container_definitions)[0].readonlyRootFilesystem, jsondecode(t.container_definitions)[0].user == "10001",
      jsondecode(t.container_definitions)[0].linuxParameters.capabilities.drop == ["ALL"], !can(jsondecode(t.container_definitions)[0].privileged),
      !can(jsondecode(t.container_definitions)[0].linuxParameters.capabilities.add), length(t.volume) == 1,
    ])])
    error_message = "Read-only root, no root user, no capabilities, one scratch volume."
  }
  assert {
    condition     = alltrue([for t in aws_ecs_task_definition.this : jsondecode(t.container_definitions)[0].stopTimeout > 60 && jsondecode(t.container_definitions)[0].stopTimeout <= 120])
    error_message = "A task may finish its grace period."
  }
  assert {
    condition     = alltrue([for name in ["ingest-worker", "embed-worker"] : jsondecode(aws_ecs_task_definition.this[name].container_definitions)[0].healthCheck.command == ["CMD", name, "--healthcheck"]])
    error_message = "Workers are checked."
  }
  assert {
    condition     = !can(regex("OPENAI_API_KEY", jsonencode([for t in aws_ecs_task_definition.this : jsondecode(t.container_definitions)[0].environment]))) && length(jsondecode(aws_ecs_task_definition.this["embed-worker"].container_definitions)[0].secrets) == 1 && length(jsondecode(aws_ecs_task_definition.this["ingest-worker"].container_definitions)[0].secrets) == 0
    error_message = "The key is a secret, of the programs that need it alone."
  }
  assert {
    condition     = alltrue([for t in aws_ecs_task_definition.this : jsondecode(t.container_definitions)[0].image == var.image])
    error_message = "The image is named by its digest."
  }
  assert {
    condition     = alltrue([for s in aws_ecs_service.this : !one(s.network_configuration).assign_public_ip && one(s.deployment_circuit_breaker).enable && one(s.deployment_circuit_breaker).rollback])
    error_message = "No public address; a failed deployment is rolled back."
  }
  assert {
    condition     = alltrue([for g in aws_cloudwatch_log_group.this : g.kms_key_id == var.shared.kms_key_arn && g.retention_in_days == 365])
    error_message = "Logs are encrypted, and kept for a year."
  }
  assert {
    condition     = one(aws_ecs_task_definition.this["ingest-worker"].runtime_platform).cpu_architecture == "ARM64"
    error_message = "Graviton is the default."
  }
}

run "roles" {
  command = apply

  assert {
    condition = alltrue(flatten([for p in aws_iam_role_policy.task : [for s in jsondecode(p.policy).Statement : [
      !contains(flatten([s.Resource]), "*"), alltrue([for a in flatten([s.Action]) : !strcontains(a, "*")]),
    ]]]))
    error_message = "No wildcard action, and no resource that is everything."
  }
  assert {
    condition     = length(aws_iam_role.task) == 3 && length([for s in data.aws_iam_policy_document.tasks_trust.statement : s if length(s.condition) == 2]) == 1
    error_message = "One role a program, assumed by tasks of this account alone."
  }
  assert {
    condition     = length(aws_iam_role_policy.traces) == 2
    error_message = "The workers send spans to X-Ray."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.execution.policy, "ssm:") && strcontains(aws_iam_role_policy.execution.policy, var.shared.secret_arn)
    error_message = "ECS reads the one secret."
  }
}

run "scaling" {
  command = apply
  variables { tokens_per_minute = 2000000 }

  assert {
    condition     = aws_appautoscaling_target.this["embed-worker"].max_capacity == floor(2000000 / (jsondecode(file("scaling.json")).embed.messages_per_task_minute * jsondecode(file("scaling.json")).embed.tokens_per_message))
    error_message = "No more embed-workers than the provider's limit feeds."
  }
  assert {
    condition     = length(aws_appautoscaling_policy.out) == 2 && length(aws_appautoscaling_policy.in) == 2 && length(aws_cloudwatch_metric_alarm.scaling) == 4
    error_message = "Both services scale out and in."
  }
  assert {
    condition     = alltrue([for name, a in aws_cloudwatch_metric_alarm.scaling : endswith(name, "-in") ? a.evaluation_periods == jsondecode(file("scaling.json")).in.periods : a.evaluation_periods == 2])
    error_message = "Out at once, in slowly."
  }
}

run "no_scaling" {
  command = apply
  variables { autoscaling = false }

  assert {
    condition     = length(aws_appautoscaling_target.this) == 0 && length(aws_cloudwatch_metric_alarm.scaling) == 0
    error_message = "The count stays as it is."
  }
}

run "alarms" {
  command = apply
  variables { evaluation = { questions = "s3://papers-export/questions.jsonl" } }

  assert {
    condition = toset([for a in concat(values(aws_cloudwatch_metric_alarm.queue), values(aws_cloudwatch_metric_alarm.worker), [aws_cloudwatch_metric_alarm.rejections], aws_cloudwatch_metric_alarm.quality) : trimprefix(a.alarm_name, "papers-main-")]) == toset([
      "events-dead-letters", "chunks-dead-letters", "events-age", "chunks-age", "ingest-worker-paused", "embed-worker-paused", "ingest-worker-stale",
      "embed-worker-stale", "extractor-failures", "cost", "drift", "rejections", "quality",
    ])
    error_message = "Every alarm of the runbook is there."
  }
  assert {
    condition     = alltrue([for a in concat(values(aws_cloudwatch_metric_alarm.queue), values(aws_cloudwatch_metric_alarm.worker), [aws_cloudwatch_metric_alarm.rejections], aws_cloudwatch_metric_alarm.quality) : a.alarm_actions == toset([var.shared.alarms_arn])])
    error_message = "Alarms reach people."
  }
  assert {
    condition     = length(aws_cloudwatch_event_rule.this) == 2
    error_message = "The ledger is exported and the search is evaluated every day."
  }
}

run "providers" {
  command = apply
  variables {
    batches        = true
    bedrock_models = ["arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-embed-text-v2:0"]
  }

  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.batches[0].policy).Statement : s.Resource]) == "arn:aws:s3:::papers-handover/main/batches/*"
    error_message = "Vectors of batches are written beside the pipeline's chunk payloads, and nowhere else."
  }
  assert {
    condition     = keys(aws_iam_role_policy.bedrock) == ["embed-worker", "ingestctl"] && !strcontains(aws_iam_role_policy.bedrock["embed-worker"].policy, "*")
    error_message = "Documents and questions are embedded by the named models alone."
  }
}

run "a_wildcard_model_is_refused" {
  command = plan
  variables { bedrock_models = ["arn:aws:bedrock:eu-west-1::foundation-model/*"] }
  expect_failures = [var.bedrock_models]
}

run "a_tag_is_refused" {
  command = plan
  variables { image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/papers:latest" }
  expect_failures = [var.image]
}
