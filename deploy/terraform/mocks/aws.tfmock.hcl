# What AWS returns of the resources and data sources whose values others need, for the tests of all modules.
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
