output "shared" {
  description = "What each pipeline needs of the platform: its variable of the same name."
  value = {
    name             = var.name
    documents_bucket = local.documents_bucket
    handover_bucket  = module.handover.name
    export_bucket    = module.export.name
    topic_arn        = aws_sns_topic.changes.arn
    alarms_arn       = aws_sns_topic.alarms.arn
    kms_key_arn      = aws_kms_key.this.arn
    cluster          = aws_ecs_cluster.this.name
    cluster_arn      = aws_ecs_cluster.this.arn
    subnets          = local.subnets
    security_group   = aws_security_group.tasks.id
    domain_arn       = local.domain_arn
    domain_endpoint  = local.domain_endpoint
    secret_arn       = aws_secretsmanager_secret.provider.arn
    domain_owner_arn = aws_iam_role.domain_owner.arn
    log_days         = var.log_days
  }
}

output "repository_url" {
  description = "Where images are pushed to."
  value       = aws_ecr_repository.this.repository_url
}

output "documents_bucket" {
  description = "Where documents are put."
  value       = local.documents_bucket
}

output "secret_name" {
  description = "The secret that the key of the embeddings provider is put into."
  value       = aws_secretsmanager_secret.provider.name
}

output "delivery_role_arn" {
  description = "Role of GitHub Actions; null where no repository is named."
  value       = one(aws_iam_role.delivery[*].arn)
}
