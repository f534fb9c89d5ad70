mock_provider "aws" { source = "../mocks" }

variables {
  name        = "papers-documents"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/k"
}

run "private_encrypted_versioned" {
  command = plan

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Public access is blocked in all four ways."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule[*]).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn
    error_message = "Objects are encrypted by the fleet's key."
  }
  assert {
    condition     = one(aws_s3_bucket_versioning.this.versioning_configuration).status == "Enabled"
    error_message = "Old versions are kept."
  }
  assert {
    condition     = one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "There are no access control lists."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.this.statement : s if s.effect == "Deny" && one(s.condition).variable == "aws:SecureTransport"] != []
    error_message = "Only TLS is accepted."
  }
  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "A bucket with documents is not destroyed by accident."
  }
}

run "hand_over_expires" {
  command = plan
  variables { expire_days = 15 }

  assert {
    condition     = [for r in aws_s3_bucket_lifecycle_configuration.this.rule : r.expiration[0].days if r.id == "expiry"] == [15]
    error_message = "What a crash leaves is deleted after the longest stay in a queue."
  }
}
