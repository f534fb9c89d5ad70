variable "name" {
  description = "Prefix of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}$", var.name))
    error_message = "3 to 21 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "alarm_email" {
  description = "Address that alarms are sent to; empty for none."
  type        = string
  default     = ""
}

variable "monthly_budget_usd" {
  description = "Budget of the account's costs with the fleet's tag, in US dollars a month; an alarm is sent at 80 % and 100 %."
  type        = number
  default     = 500
}

variable "documents_bucket" {
  description = "An existing bucket of documents, whose event notifications this module then owns; empty makes one."
  type        = string
  default     = ""
}

variable "vpc_id" {
  description = "An existing VPC; empty makes one."
  type        = string
  default     = ""
}

variable "subnet_ids" {
  description = "Private subnets of the existing VPC, with a way to S3, SQS, ECR, CloudWatch, Secrets Manager and the embeddings provider."
  type        = list(string)
  default     = []
}

variable "vpc_cidr" {
  description = "Addresses of the VPC that is made."
  type        = string
  default     = "10.42.0.0/16"
}

variable "zones" {
  description = "Availability zones of the VPC that is made."
  type        = number
  default     = 2
}

variable "nat" {
  description = "Whether the VPC has a way to the internet, which a provider of embeddings outside AWS needs."
  type        = bool
  default     = true
}

variable "domain_endpoint" {
  description = "An existing OpenSearch domain, such as https://search-….es.amazonaws.com; empty makes one."
  type        = string
  default     = ""
}

variable "domain_arn" {
  description = "ARN of the existing domain."
  type        = string
  default     = ""
}

variable "domain" {
  description = "Size of the domain that is made. 10⁷ chunks of 1,536 dimensions need about 60 GB of memory for vectors, 20 GB with on_disk mode."
  type = object({
    version        = optional(string, "OpenSearch_2.19")
    instance_type  = optional(string, "r7g.large.search")
    instance_count = optional(number, 2)
    volume_gb      = optional(number, 100)
    master_type    = optional(string, "m7g.medium.search")
    master_count   = optional(number, 3)
  })
  default = {}
}

variable "create_domain" {
  description = "Whether a domain is made where domain_endpoint is empty."
  type        = bool
  default     = true
}

variable "create_service_linked_role" {
  description = "Whether the account gets the role by which OpenSearch enters a VPC: once in an account, true; it has it where it has had a domain in a VPC."
  type        = bool
  default     = false
}

variable "github_repository" {
  description = "Repository whose GitHub Actions may push images and deploy, such as owner/name; empty for none."
  type        = string
  default     = ""
}

variable "trail" {
  description = "Whether CloudTrail records reads and writes of the buckets and queues."
  type        = bool
  default     = true
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 365
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes buckets and images with what is in them."
  type        = bool
  default     = false
}
