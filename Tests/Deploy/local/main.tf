# The platform and two pipelines on a local server that speaks AWS' protocols. What it has not is left out: a domain (the provider waits ten
# minutes for one), autoscaling, CloudTrail and budgets. `terraform test` asserts on those.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.90"
    }
  }
}

variable "endpoint" { type = string }
variable "domain_endpoint" { type = string }
variable "settings" { type = map(string) }
variable "second" { type = bool }

locals {
  image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/fleet@sha256:${sha256("image")}"
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
  default_tags { tags = { fleet = "fleet" } }

  endpoints {
    cloudwatch     = var.endpoint
    ec2            = var.endpoint
    ecr            = var.endpoint
    ecs            = var.endpoint
    events         = var.endpoint
    iam            = var.endpoint
    kms            = var.endpoint
    logs           = var.endpoint
    s3             = var.endpoint
    secretsmanager = var.endpoint
    sns            = var.endpoint
    sqs            = var.endpoint
    sts            = var.endpoint
  }
}

module "platform" {
  source             = "../../../deploy/terraform/platform"
  name               = "fleet"
  alarm_email        = "team@example.com"
  create_domain      = false
  domain_endpoint    = var.domain_endpoint
  domain_arn         = "arn:aws:es:us-east-1:000000000000:domain/fleet"
  trail              = false
  monthly_budget_usd = 0
  github_repository  = "owner/ingest-fleet"
  force_destroy      = true
}

module "main" {
  source      = "../../../deploy/terraform/pipeline"
  shared      = module.platform.shared
  name        = "main"
  image       = local.image
  settings    = var.settings
  autoscaling = false
  evaluation  = { questions = "s3://fleet-export-000000000000/questions.jsonl" }
}

# One more module call, beside the first.
module "second" {
  source      = "../../../deploy/terraform/pipeline"
  count       = var.second ? 1 : 0
  shared      = module.platform.shared
  name        = "second"
  image       = local.image
  settings    = merge(var.settings, { CHUNK_TOKENS = "300" })
  autoscaling = false
}

# The local server wants these two where AWS wants sqs:DeleteMessage and sqs:ChangeMessageVisibility (Amazon SQS developer guide, "API permissions").
resource "aws_iam_role_policy" "batches" {
  for_each   = { for pair in setproduct(var.second ? ["main", "second"] : ["main"], ["ingest-worker", "embed-worker", "ingestctl"]) : "fleet-${pair[0]}-${pair[1]}" => pair[1] }
  name       = "local-batches"
  role       = each.key
  depends_on = [module.main, module.second]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = ["sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch"]
      Resource = {
        ingest-worker = "arn:aws:sqs:us-east-1:000000000000:*-events"
        embed-worker  = "arn:aws:sqs:us-east-1:000000000000:*-chunks"
        ingestctl     = "arn:aws:sqs:us-east-1:000000000000:*"
      }[each.value]
    }]
  })
}

output "main" {
  value = {
    queues   = module.main.queues
    dead     = module.main.dead_letter_queues
    roles    = module.main.role_arns
    settings = module.main.settings
    next     = module.main.next
  }
}

output "second" {
  value = var.second ? { queues = module.second[0].queues, roles = module.second[0].role_arns, settings = module.second[0].settings } : null
}

output "documents_bucket" { value = module.platform.documents_bucket }
output "export_bucket" { value = module.platform.shared.export_bucket }
output "secret" { value = module.platform.secret_name }
