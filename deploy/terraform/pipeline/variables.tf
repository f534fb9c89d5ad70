variable "shared" {
  description = "The platform's output of the same name."
  type = object({
    name             = string
    documents_bucket = string
    handover_bucket  = string
    export_bucket    = string
    topic_arn        = string
    alarms_arn       = string
    kms_key_arn      = string
    cluster          = string
    cluster_arn      = string
    subnets          = list(string)
    security_group   = string
    domain_arn       = string
    domain_endpoint  = string
    secret_arn       = string
    domain_owner_arn = string
    log_days         = number
  })
}

variable "name" {
  description = "Name of the pipeline, part of the names of its queues, roles and services."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.name))
    error_message = "At most 16 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "image" {
  description = "The image, by digest."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest (repository@sha256:…): a tag can be moved to another image."
  }
}

variable "settings" {
  description = "Settings of both workers and ingestctl (docs/configuration.md), such as EMBEDDING_MODEL, CHUNK_TOKENS and OPENSEARCH_INDEX. A pipeline beside another one differs here."
  type        = map(string)
  default     = {}
}

variable "batches" {
  description = "Whether replays may go through OpenAI's batch API (--replay --batch): embed-worker may write vectors beside the chunk payloads then."
  type        = bool
  default     = false
}

variable "bedrock_models" {
  description = "ARNs of the foundation models or inference profiles that embed, for EMBEDDING_PROVIDER=bedrock in settings."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.bedrock_models : can(regex("^arn:aws[a-z-]*:bedrock:[a-z0-9-]+:[0-9]*:(foundation-model|inference-profile|application-inference-profile)/[^*]+$", arn))])
    error_message = "Each is the ARN of a model or an inference profile, without wildcards: arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-embed-text-v2:0."
  }
}

variable "architecture" {
  description = "ARM64 or X86_64: the images are built for both."
  type        = string
  default     = "ARM64"

  validation {
    condition     = contains(["ARM64", "X86_64"], var.architecture)
    error_message = "ARM64 or X86_64."
  }
}

variable "ingest" {
  description = "Size of an ingest-worker: CPU units, MiB of memory, GiB of scratch, and tasks at least and at most."
  type = object({
    cpu     = optional(number, 1024)
    memory  = optional(number, 4096)
    scratch = optional(number, 21)
    least   = optional(number, 1)
    most    = optional(number, 20)
  })
  default = {}
}

variable "embed" {
  description = "Size of an embed-worker. How many there are at most follows from tokens_per_minute."
  type = object({
    cpu     = optional(number, 512)
    memory  = optional(number, 1024)
    scratch = optional(number, 21)
    least   = optional(number, 1)
    most    = optional(number, 20)
  })
  default = {}
}

variable "spot" {
  description = "Share of the tasks on Fargate Spot, in percent. A task that is taken back releases its messages."
  type        = number
  default     = 0
}

variable "tokens_per_minute" {
  description = "The embedding provider's limit for this account and model."
  type        = number
  default     = 1000000
}

variable "autoscaling" {
  description = "Whether the services follow their backlog; false keeps the least number of tasks."
  type        = bool
  default     = true
}

variable "trace_endpoint" {
  description = "Receiver of traces by OTLP/HTTP; empty for X-Ray, none for no traces."
  type        = string
  default     = ""
}

variable "trace_share" {
  description = "Share of traces that are exported, 0 to 1."
  type        = number
  default     = 0.1
}

variable "daily_cost_usd" {
  description = "Embedding cost of a day that raises an alarm, in US dollars."
  type        = number
  default     = 20
}

variable "evaluation" {
  description = "S3 URI of questions for a daily `ingestctl evaluate`; empty for none. least_ndcg raises the alarm."
  type = object({
    questions  = optional(string, "")
    least_ndcg = optional(number, 0.3)
  })
  default = {}
}

variable "ledger_export" {
  description = "Whether the ledger is exported every day."
  type        = bool
  default     = true
}
