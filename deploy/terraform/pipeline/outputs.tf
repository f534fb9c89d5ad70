output "queues" {
  description = "URLs of the pipeline's queues."
  value       = { for queue in local.queues : queue => aws_sqs_queue.this[queue].url }
}

output "dead_letter_queues" {
  description = "URLs of its dead-letter queues."
  value       = { for queue in local.queues : queue => aws_sqs_queue.dead[queue].url }
}

output "role_arns" {
  description = "Role of each program."
  value       = { for program in local.programs : program => aws_iam_role.task[program].arn }
}

output "settings" {
  description = "Settings of every program."
  value       = local.settings
}

output "most_embed_workers" {
  description = "As many embed-workers as the provider's limit feeds."
  value       = local.scaled["embed-worker"].most
}

locals {
  network = "awsvpcConfiguration={subnets=[${join(",", var.shared.subnets)}],securityGroups=[${var.shared.security_group}]}"
  run     = "aws ecs run-task --cluster ${var.shared.cluster} --launch-type FARGATE --network-configuration '${local.network}'"
}

output "next" {
  description = "The three commands that come next."
  value = {
    "1_grant"  = "${local.run} --task-definition ${local.prefix}-owner"
    "2_setup"  = "${local.run} --task-definition ${local.prefix}-ingestctl --overrides '{\"containerOverrides\":[{\"name\":\"ingestctl\",\"command\":[\"ingestctl\",\"setup\"]}]}'"
    "3_upload" = "aws s3 cp your-document.pdf s3://${var.shared.documents_bucket}/"
  }
}
