# Who read and wrote documents, hand-over payloads and messages.

data "aws_iam_policy_document" "trail_bucket" {
  statement {
    sid       = "TrailLooks"
    actions   = ["s3:GetBucketAcl"]
    resources = ["arn:${local.partition}:s3:::${var.name}-trail-${local.account}"]
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudtrail:${local.region}:${local.account}:trail/${var.name}"]
    }
  }
  statement {
    sid       = "TrailWrites"
    actions   = ["s3:PutObject"]
    resources = ["arn:${local.partition}:s3:::${var.name}-trail-${local.account}/AWSLogs/${local.account}/*"]
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudtrail:${local.region}:${local.account}:trail/${var.name}"]
    }
  }
}

module "trail" {
  source        = "../bucket"
  count         = var.trail ? 1 : 0
  name          = "${var.name}-trail-${local.account}"
  kms_key_arn   = aws_kms_key.this.arn
  expire_days   = 400
  policy        = data.aws_iam_policy_document.trail_bucket.json
  force_destroy = var.force_destroy
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_67:The resources are of one region.
  #checkov:skip=CKV_AWS_252:Alarms are of CloudWatch; the trail is for looking back.
  #checkov:skip=CKV2_AWS_10:Reading the trail in S3 by Athena costs less than a second copy in CloudWatch.
  count                      = var.trail ? 1 : 0
  name                       = var.name
  s3_bucket_name             = module.trail[0].name
  kms_key_id                 = aws_kms_key.this.arn
  enable_log_file_validation = true
  is_multi_region_trail      = false

  advanced_event_selector {
    name = "Objects of the fleet's buckets"
    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }
    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }
    field_selector {
      field       = "resources.ARN"
      starts_with = ["${local.documents_arn}/", "${module.handover.arn}/", "${module.export.arn}/"]
    }
  }

  advanced_event_selector {
    name = "Messages of the fleet's queues"
    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }
    field_selector {
      field  = "resources.type"
      equals = ["AWS::SQS::Queue"]
    }
    field_selector {
      field       = "resources.ARN"
      starts_with = ["arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-"]
    }
  }
}
