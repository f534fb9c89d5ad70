variable "name" {
  description = "Name of the bucket."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that objects are encrypted with."
  type        = string
}

variable "versioned" {
  description = "Whether old versions are kept."
  type        = bool
  default     = true
}

variable "old_version_days" {
  description = "Days that a replaced or deleted version is kept."
  type        = number
  default     = 30
}

variable "expire_days" {
  description = "Days after which objects are deleted; 0 keeps them."
  type        = number
  default     = 0
}

variable "policy" {
  description = "Statements to add to the bucket's policy, as JSON."
  type        = string
  default     = ""
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes a bucket that is not empty."
  type        = bool
  default     = false
}
