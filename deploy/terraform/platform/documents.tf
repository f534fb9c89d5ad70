# Documents → topic → one queue for each pipeline. A second pipeline is one more subscription.

module "documents" {
  source        = "../bucket"
  count         = var.documents_bucket == "" ? 1 : 0
  name          = "${var.name}-documents-${local.account}"
  kms_key_arn   = aws_kms_key.this.arn
  force_destroy = var.force_destroy
}

# Payloads of chunk messages: each is deleted when its chunks are in the index. What a crash leaves is deleted after the longest stay in a queue.
module "handover" {
  source           = "../bucket"
  name             = "${var.name}-handover-${local.account}"
  kms_key_arn      = aws_kms_key.this.arn
  versioned        = false
  old_version_days = 1
  expire_days      = 15
  force_destroy    = var.force_destroy
}

# The ledger by day, for Athena, Snowflake and QuickSight.
module "export" {
  source        = "../bucket"
  name          = "${var.name}-export-${local.account}"
  kms_key_arn   = aws_kms_key.this.arn
  expire_days   = 400
  force_destroy = var.force_destroy
}

locals {
  documents_bucket = var.documents_bucket == "" ? module.documents[0].name : var.documents_bucket
  documents_arn    = "arn:${local.partition}:s3:::${local.documents_bucket}"
}

resource "aws_sns_topic" "changes" {
  name              = "${var.name}-changes"
  kms_master_key_id = aws_kms_key.this.arn
}

data "aws_iam_policy_document" "changes" {
  statement {
    sid       = "BucketPublishes"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.changes.arn]
    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.documents_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  statement {
    sid       = "OnlyTLS"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.changes.arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_policy" "changes" {
  arn    = aws_sns_topic.changes.arn
  policy = data.aws_iam_policy_document.changes.json
}

resource "aws_s3_bucket_notification" "documents" {
  bucket = local.documents_bucket
  topic {
    topic_arn = aws_sns_topic.changes.arn
    events    = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*", "s3:ObjectTagging:*"]
  }
  depends_on = [aws_sns_topic_policy.changes]
}
