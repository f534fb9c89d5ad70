# A private bucket: versions, encryption by the fleet's key, no public access, TLS only, and lifecycle rules.

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:Who reads and writes is recorded by CloudTrail's data events (platform/trail.tf).
  #checkov:skip=CKV_AWS_144:One region: a copy elsewhere is a decision about cost and law that the module leaves to its user.
  #checkov:skip=CKV_AWS_21:Hand-over payloads live for seconds and are deleted by their reader; every other bucket has versions.
  #checkov:skip=CKV2_AWS_62:Only the documents' bucket sends events (platform/documents.tf).
  bucket        = var.name
  force_destroy = var.force_destroy
  tags          = { Name = var.name }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  versioning_configuration { status = var.versioned ? "Enabled" : "Suspended" }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  rule { object_ownership = "BucketOwnerEnforced" }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  #checkov:skip=CKV_AWS_300:The first rule does so; the check does not see it beside a rule that is made by a condition.
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "abandoned-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload { days_after_initiation = 7 }
  }

  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration { noncurrent_days = var.old_version_days }
    expiration { expired_object_delete_marker = true }
  }

  dynamic "rule" {
    for_each = var.expire_days > 0 ? [var.expire_days] : []
    content {
      id     = "expiry"
      status = "Enabled"
      filter {}
      expiration { days = rule.value }
    }
  }
}

data "aws_iam_policy_document" "this" {
  source_policy_documents = var.policy == "" ? [] : [var.policy]

  statement {
    sid       = "OnlyTLS"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
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

resource "aws_s3_bucket_policy" "this" {
  bucket     = aws_s3_bucket.this.id
  policy     = data.aws_iam_policy_document.this.json
  depends_on = [aws_s3_bucket_public_access_block.this]
}
