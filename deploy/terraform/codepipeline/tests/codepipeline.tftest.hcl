mock_provider "aws" { source = "../mocks" }

variables {
  name           = "papers"
  connection_arn = "arn:aws:codestar-connections:eu-west-1:111122223333:connection/c"
  repository     = "owner/ingest-fleet"
  repository_url = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/papers"
  repository_arn = "arn:aws:ecr:eu-west-1:111122223333:repository/papers"
  kms_key_arn    = "arn:aws:kms:eu-west-1:111122223333:key/k"
}

run "delivery" {
  command = apply

  assert {
    condition     = tolist([for stage in aws_codepipeline.this.stage : stage.name]) == tolist(["Source", "Test", "Image", "Approval", "Deploy"])
    error_message = "Nothing is built untested, and nothing is deployed without a person."
  }
  assert {
    condition     = toset([for name, project in aws_codebuild_project.this : name if one(project.environment).privileged_mode]) == toset(["image"])
    error_message = "Only the build of images is privileged."
  }
  assert {
    condition     = alltrue([for project in aws_codebuild_project.this : project.encryption_key == var.kms_key_arn]) && one(one(aws_codepipeline.this.artifact_store).encryption_key).id == var.kms_key_arn
    error_message = "Artifacts are encrypted by the fleet's key."
  }
  assert {
    condition     = !contains(keys(aws_iam_role_policy.deliver), "test") && aws_kms_key.signing.key_usage == "SIGN_VERIFY"
    error_message = "Tests deliver nothing; images are signed."
  }
}
