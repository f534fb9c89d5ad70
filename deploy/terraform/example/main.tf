# A whole fleet: the platform and one pipeline. A second pipeline beside it is one more call of the module "pipeline".

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.90"
    }
  }

  # State holds names and ARNs, no secrets. Keep it in a bucket of your own:
  # backend "s3" { bucket = "…", key = "ingest-fleet/terraform.tfstate", region = "…", use_lockfile = true }
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "image" {
  description = "The image by digest, as deploy/image/release prints it."
  type        = string
}

variable "alarm_email" {
  description = "Address that alarms are sent to."
  type        = string
}

variable "tokens_per_minute" {
  description = "The embedding provider's limit for this account and model."
  type        = number
}

provider "aws" {
  region = var.region
  default_tags { tags = { fleet = var.name } }
}

module "platform" {
  source      = "../platform"
  name        = var.name
  alarm_email = var.alarm_email
}

module "main" {
  source            = "../pipeline"
  shared            = module.platform.shared
  name              = "main"
  image             = var.image
  tokens_per_minute = var.tokens_per_minute
}

# Another model, beside the first until `ingestctl switch` (docs/pipelines.md):
#
# module "large" {
#   source            = "../pipeline"
#   shared            = module.platform.shared
#   name              = "large"
#   image             = var.image
#   tokens_per_minute = var.tokens_per_minute
#   settings          = { EMBEDDING_MODEL = "text-embedding-3-large", EMBEDDING_DIMENSIONS = "3072" }
# }

output "secret" {
  description = "Put the provider's key here first: aws secretsmanager put-secret-value --secret-id … --secret-string …"
  value       = module.platform.secret_name
}

output "next" {
  description = "The three commands that come next."
  value       = module.main.next
}
