mock_provider "aws" { source = "../mocks" }

variables {
  name = "papers"
}

run "network_and_domain" {
  command = apply

  assert {
    condition     = alltrue([for s in aws_subnet.private : !s.map_public_ip_on_launch])
    error_message = "Tasks and domain are in private subnets."
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 9 && length(aws_vpc_endpoint.s3) == 1
    error_message = "AWS' services are reached inside the network."
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.https.from_port == 443 && aws_vpc_security_group_egress_rule.https.to_port == 443
    error_message = "Tasks send HTTPS alone."
  }
  assert {
    condition     = length(aws_default_security_group.this[0].ingress) == 0 && length(aws_default_security_group.this[0].egress) == 0
    error_message = "The default security group allows nothing."
  }
  assert {
    condition     = aws_flow_log.this[0].traffic_type == "REJECT"
    error_message = "Refused traffic is recorded."
  }
  assert {
    condition = alltrue([
      one(aws_opensearch_domain.this[0].encrypt_at_rest).enabled, one(aws_opensearch_domain.this[0].node_to_node_encryption).enabled,
      one(aws_opensearch_domain.this[0].domain_endpoint_options).enforce_https,
      startswith(one(aws_opensearch_domain.this[0].domain_endpoint_options).tls_security_policy, "Policy-Min-TLS-1-2"),
    ])
    error_message = "The domain is encrypted at rest, between nodes and to its clients."
  }
  assert {
    condition = alltrue([
      one(aws_opensearch_domain.this[0].advanced_security_options).enabled,
      one(aws_opensearch_domain.this[0].advanced_security_options).internal_user_database_enabled == false,
    ])
    error_message = "Fine-grained access, by roles alone."
  }
  assert {
    condition     = length(one(aws_opensearch_domain.this[0].vpc_options).subnet_ids) == 2
    error_message = "The domain is in the private subnets of two zones."
  }
  assert {
    condition     = length(aws_opensearch_domain.this[0].log_publishing_options) == 4
    error_message = "Slow, application and audit logs are kept."
  }
}

run "first_domain_of_an_account" {
  command = apply
  variables { create_service_linked_role = true }

  assert {
    condition     = aws_iam_service_linked_role.search[0].aws_service_name == "opensearchservice.amazonaws.com"
    error_message = "An account without a domain in a VPC gets the role for it."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.domain_owner.policy).Statement : endswith(s.Resource, "/_plugins/_security/api/*")])
    error_message = "The master user maps roles and reads no document."
  }
}

run "keys_topic_and_images" {
  command = apply

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key is rotated, and not deleted at once."
  }
  assert {
    condition     = aws_sns_topic.changes.kms_master_key_id != "" && aws_sns_topic.alarms.kms_master_key_id != ""
    error_message = "Topics are encrypted by the fleet's key."
  }
  assert {
    condition     = length([for s in data.aws_iam_policy_document.changes.statement : s if s.sid == "BucketPublishes" && toset([for c in s.condition : c.variable]) == toset(["aws:SourceArn", "aws:SourceAccount"])]) == 1
    error_message = "The documents' bucket of this account alone publishes."
  }
  assert {
    condition     = one(aws_s3_bucket_notification.documents.topic).topic_arn == aws_sns_topic.changes.arn && length(one(aws_s3_bucket_notification.documents.topic).events) == 4
    error_message = "Creations, removals, expirations and tags are events."
  }
  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && one(aws_ecr_repository.this.image_scanning_configuration).scan_on_push
    error_message = "Images cannot be replaced, and are scanned."
  }
  assert {
    condition     = one(aws_ecs_cluster.this.setting).value == "enabled"
    error_message = "Scaling needs Container Insights."
  }
  assert {
    condition     = aws_secretsmanager_secret.provider.kms_key_id == aws_kms_key.this.arn
    error_message = "The secret is encrypted by the fleet's key."
  }
  assert {
    condition     = aws_cloudtrail.this[0].enable_log_file_validation && length(aws_cloudtrail.this[0].advanced_event_selector) == 2
    error_message = "Reads and writes of objects and messages are recorded, and the record is signed."
  }
  assert {
    condition     = length(aws_budgets_budget.this[0].notification) == 2
    error_message = "The budget warns at 80 % and 100 %."
  }
  assert {
    condition     = length(aws_iam_role.delivery) == 0 && length(aws_sns_topic_subscription.alarms) == 0
    error_message = "Nothing is made that was not asked for."
  }
}

run "delivery_by_oidc" {
  command = apply
  variables { github_repository = "owner/ingest-fleet" }

  assert {
    condition     = length([for c in data.aws_iam_policy_document.delivery_trust[0].statement[0].condition : c if c.values == tolist(["repo:owner/ingest-fleet:environment:production"])]) == 1
    error_message = "One environment of one repository delivers, without a stored key."
  }
  assert {
    condition     = length(jsondecode(aws_iam_role_policy.delivery[0].policy).Statement) == 6
    error_message = "Delivery has a policy of its own."
  }
}

run "existing_vpc_bucket_and_domain" {
  command = apply
  variables {
    vpc_id           = "vpc-1"
    subnet_ids       = ["subnet-1", "subnet-2"]
    documents_bucket = "own-documents"
    domain_endpoint  = "https://search-own.eu-west-1.es.amazonaws.com"
    domain_arn       = "arn:aws:es:eu-west-1:111122223333:domain/own"
  }

  assert {
    condition     = length(aws_vpc.this) == 0 && length(aws_nat_gateway.this) == 0 && length(aws_vpc_endpoint.interface) == 0
    error_message = "The existing network is used as it is."
  }
  assert {
    condition     = length(module.documents) == 0 && aws_s3_bucket_notification.documents.bucket == "own-documents"
    error_message = "The existing bucket is used."
  }
  assert {
    condition     = length(aws_opensearch_domain.this) == 0 && output.shared.domain_endpoint == "https://search-own.eu-west-1.es.amazonaws.com"
    error_message = "The existing domain is used."
  }
}
