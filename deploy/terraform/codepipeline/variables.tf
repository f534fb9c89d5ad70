variable "name" {
  description = "Prefix of every name: the platform's."
  type        = string
}

variable "connection_arn" {
  description = "CodeConnections connection to the repository's host."
  type        = string
}

variable "repository" {
  description = "Repository, such as owner/ingest-fleet."
  type        = string
}

variable "branch" {
  description = "Branch that is delivered."
  type        = string
  default     = "main"
}

variable "pipeline" {
  description = "Name of the fleet's pipeline that is deployed."
  type        = string
  default     = "main"
}

variable "repository_url" {
  description = "Where images are pushed to: the platform's output."
  type        = string
}

variable "repository_arn" {
  description = "ARN of the image repository."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of artifacts and logs: the platform's."
  type        = string
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 365
}
