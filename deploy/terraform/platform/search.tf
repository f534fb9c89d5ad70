# The domain: in the private subnets, encrypted everywhere, fine-grained access with IAM roles and no passwords.

locals {
  makes_domain    = var.create_domain && var.domain_endpoint == ""
  domain_arn      = local.makes_domain ? aws_opensearch_domain.this[0].arn : var.domain_arn
  domain_endpoint = local.makes_domain ? "https://${aws_opensearch_domain.this[0].endpoint}" : var.domain_endpoint
  domain_zones    = min(var.domain.instance_count, length(local.subnets), 3)
}

resource "aws_security_group" "domain" {
  #checkov:skip=CKV2_AWS_5:The domain uses it.
  count       = local.makes_domain ? 1 : 0
  name        = "${var.name}-search"
  description = "OpenSearch domain of ${var.name}"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "domain" {
  count                        = local.makes_domain ? 1 : 0
  security_group_id            = aws_security_group.domain[0].id
  description                  = "From the workers"
  referenced_security_group_id = aws_security_group.tasks.id
  from_port                    = 443
  to_port                      = 443
  ip_protocol                  = "tcp"
}

# Maps the workers' roles in the domain, and nothing else: `ingestctl grant` runs with it.
resource "aws_iam_role" "domain_owner" {
  name               = "${var.name}-domain-owner"
  description        = "Master user of the OpenSearch domain"
  assume_role_policy = data.aws_iam_policy_document.trust["ecs-tasks"].json
}

resource "aws_iam_role_policy" "domain_owner" {
  name = "map-roles"
  role = aws_iam_role.domain_owner.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "MapRoles"
      Effect   = "Allow"
      Action   = ["es:ESHttpGet", "es:ESHttpPut"]
      Resource = "${local.domain_arn}/_plugins/_security/api/*"
    }]
  })
}

# OpenSearch puts a domain into a VPC with this role, which an account has once.
resource "aws_iam_service_linked_role" "search" {
  count            = var.create_service_linked_role ? 1 : 0
  aws_service_name = "opensearchservice.amazonaws.com"
}

resource "aws_cloudwatch_log_group" "domain" {
  for_each          = local.makes_domain ? toset(["index-slow", "search-slow", "application", "audit"]) : []
  name              = "/${var.name}/search/${each.value}"
  retention_in_days = var.log_days
  kms_key_id        = aws_kms_key.this.arn
}

data "aws_iam_policy_document" "domain_logs" {
  statement {
    actions   = ["logs:PutLogEvents", "logs:CreateLogStream"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/${var.name}/search/*"]
    principals {
      type        = "Service"
      identifiers = ["es.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_cloudwatch_log_resource_policy" "domain" {
  count           = local.makes_domain ? 1 : 0
  policy_name     = "${var.name}-search"
  policy_document = data.aws_iam_policy_document.domain_logs.json
}

data "aws_iam_policy_document" "domain" {
  statement {
    sid       = "RolesOfTheAccount"
    actions   = ["es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost", "es:ESHttpPut", "es:ESHttpDelete"]
    resources = ["arn:${local.partition}:es:${local.region}:${local.account}:domain/${var.name}/*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }
}

resource "aws_opensearch_domain" "this" {
  #checkov:skip=CKV_AWS_318:Three dedicated masters are the default (variable "domain").
  #checkov:skip=CKV2_AWS_59:Three dedicated masters are the default (variable "domain").
  #checkov:skip=CKV_AWS_317:Audit logs are published: see log_publishing_options, which the check does not read.
  count           = local.makes_domain ? 1 : 0
  domain_name     = var.name
  engine_version  = var.domain.version
  access_policies = data.aws_iam_policy_document.domain.json

  cluster_config {
    instance_type            = var.domain.instance_type
    instance_count           = var.domain.instance_count
    dedicated_master_enabled = var.domain.master_count > 0
    dedicated_master_type    = var.domain.master_count > 0 ? var.domain.master_type : null
    dedicated_master_count   = var.domain.master_count > 0 ? var.domain.master_count : null
    zone_awareness_enabled   = local.domain_zones > 1
    dynamic "zone_awareness_config" {
      for_each = local.domain_zones > 1 ? [local.domain_zones] : []
      content { availability_zone_count = zone_awareness_config.value }
    }
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = var.domain.volume_gb
  }

  vpc_options {
    subnet_ids         = slice(local.subnets, 0, max(1, local.domain_zones))
    security_group_ids = [aws_security_group.domain[0].id]
  }

  encrypt_at_rest {
    enabled    = true
    kms_key_id = aws_kms_key.this.arn
  }
  node_to_node_encryption { enabled = true }
  domain_endpoint_options {
    enforce_https       = true
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }

  advanced_security_options {
    enabled                        = true
    internal_user_database_enabled = false
    master_user_options { master_user_arn = aws_iam_role.domain_owner.arn }
  }

  # Indexes are made by `ingestctl setup` alone.
  advanced_options = { "rest.action.multi.allow_explicit_index" = "true" }

  dynamic "log_publishing_options" {
    for_each = { "index-slow" = "INDEX_SLOW_LOGS", "search-slow" = "SEARCH_SLOW_LOGS", "application" = "ES_APPLICATION_LOGS", "audit" = "AUDIT_LOGS" }
    content {
      cloudwatch_log_group_arn = aws_cloudwatch_log_group.domain[log_publishing_options.key].arn
      log_type                 = log_publishing_options.value
    }
  }

  auto_tune_options { desired_state = "ENABLED" }
  software_update_options { auto_software_update_enabled = true }

  depends_on = [aws_cloudwatch_log_resource_policy.domain, aws_iam_service_linked_role.search]
}
