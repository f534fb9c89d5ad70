mock_provider "aws" {
  mock_data "aws_caller_identity" { defaults = { account_id = "111122223333" } }
  mock_data "aws_partition" { defaults = { partition = "aws" } }
  mock_data "aws_region" { defaults = { name = "eu-west-1" } }
  mock_data "aws_availability_zones" { defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] } }
  mock_data "aws_iam_policy_document" { defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" } }
  mock_resource "aws_kms_key" { defaults = { arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555" } }
  mock_resource "aws_sqs_queue" { defaults = { arn = "arn:aws:sqs:eu-west-1:111122223333:q", url = "https://sqs.eu-west-1.amazonaws.com/111122223333/q" } }
  mock_resource "aws_sns_topic" { defaults = { arn = "arn:aws:sns:eu-west-1:111122223333:t" } }
  mock_resource "aws_iam_role" { defaults = { arn = "arn:aws:iam::111122223333:role/r" } }
  mock_resource "aws_secretsmanager_secret" { defaults = { arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s" } }
  mock_resource "aws_cloudwatch_log_group" { defaults = { arn = "arn:aws:logs:eu-west-1:111122223333:log-group:g" } }
  mock_resource "aws_ecs_cluster" { defaults = { arn = "arn:aws:ecs:eu-west-1:111122223333:cluster/papers" } }
  mock_resource "aws_ecs_task_definition" { defaults = { arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/t:1", arn_without_revision = "arn:aws:ecs:eu-west-1:111122223333:task-definition/t" } }
  mock_resource "aws_ecs_service" { defaults = { id = "arn:aws:ecs:eu-west-1:111122223333:service/papers/s" } }
  mock_resource "aws_ecr_repository" { defaults = { arn = "arn:aws:ecr:eu-west-1:111122223333:repository/papers", repository_url = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/papers" } }
  mock_resource "aws_opensearch_domain" { defaults = { arn = "arn:aws:es:eu-west-1:111122223333:domain/papers", endpoint = "vpc-papers.eu-west-1.es.amazonaws.com" } }
  mock_resource "aws_s3_bucket" { defaults = { arn = "arn:aws:s3:::bucket", id = "bucket" } }
  mock_resource "aws_appautoscaling_policy" { defaults = { arn = "arn:aws:autoscaling:eu-west-1:111122223333:scalingPolicy:p" } }

  mock_resource "aws_codebuild_project" { defaults = { arn = "arn:aws:codebuild:eu-west-1:111122223333:project/p" } }
}

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
