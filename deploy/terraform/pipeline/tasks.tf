# Task definitions and services: read-only root, no root user, no capabilities, a volume for downloads.

resource "aws_cloudwatch_log_group" "this" {
  for_each          = local.programs
  name              = "/${var.shared.name}/${var.name}/${each.key}"
  retention_in_days = var.shared.log_days
  kms_key_id        = var.shared.kms_key_arn
}

locals {
  sizes = {
    ingest-worker = var.ingest
    embed-worker  = var.embed
    ingestctl     = { cpu = 256, memory = 512, scratch = 21, least = 0, most = 0 }
  }
  ports = { ingest-worker = 8080, embed-worker = 8081 }

  container = { for program in local.programs : program => {
    name      = program
    image     = var.image
    essential = true
    command   = program == "ingestctl" ? ["ingestctl", "status"] : [program]
    user      = "10001"

    readonlyRootFilesystem = true
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    mountPoints            = [{ sourceVolume = "scratch", containerPath = "/scratch", readOnly = false }]
    stopTimeout            = local.stop_seconds

    environment = [for name, value in merge(
      local.settings,
      program == "ingestctl" ? {} : { HEALTH_PORT = tostring(local.ports[program]) }
    ) : { name = name, value = value } if value != ""]
    secrets = program == "ingest-worker" ? [] : [{ name = "OPENAI_API_KEY", valueFrom = var.shared.secret_arn }]

    # /ready also fails while a worker is paused, and a paused worker must not be replaced.
    healthCheck = program == "ingestctl" ? null : {
      command     = ["CMD", program, "--healthcheck"]
      interval    = 15
      timeout     = 5
      retries     = 4
      startPeriod = 60
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this[program].name
        awslogs-region        = local.region
        awslogs-stream-prefix = program
        mode                  = "non-blocking"
        max-buffer-size       = "4m"
      }
    }
  } }
}

resource "aws_ecs_task_definition" "this" {
  #checkov:skip=CKV_AWS_97:Nothing is mounted from EFS.
  for_each                 = local.programs
  family                   = "${local.prefix}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = local.sizes[each.key].cpu
  memory                   = local.sizes[each.key].memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task[each.key].arn
  container_definitions    = jsonencode([{ for name, value in local.container[each.key] : name => value if value != null }])

  runtime_platform {
    cpu_architecture        = var.architecture
    operating_system_family = "LINUX"
  }
  volume { name = "scratch" }
  ephemeral_storage { size_in_gib = local.sizes[each.key].scratch }
}

# Maps the pipeline's roles in the domain: run once, by hand.
resource "aws_ecs_task_definition" "owner" {
  family                   = "${local.prefix}-owner"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = var.shared.domain_owner_arn
  container_definitions = jsonencode([merge(
    { for name, value in local.container["ingestctl"] : name => value if value != null },
    { command = concat(["ingestctl", "grant"], [for program in local.programs : aws_iam_role.task[program].arn]), secrets = [] },
  )])

  runtime_platform {
    cpu_architecture        = var.architecture
    operating_system_family = "LINUX"
  }
  volume { name = "scratch" }
}

resource "aws_ecs_service" "this" {
  #checkov:skip=CKV_AWS_332:The platform version is named in the file; LATEST would change it without a plan.
  for_each         = local.ports
  name             = "${local.prefix}-${each.key}"
  cluster          = var.shared.cluster_arn
  task_definition  = aws_ecs_task_definition.this[each.key].arn
  desired_count    = local.sizes[each.key].least
  platform_version = "1.4.0"
  propagate_tags   = "SERVICE"

  enable_ecs_managed_tags = true
  # A task that works protects itself from scale-in; a deployment waits for it no longer than this.
  deployment_minimum_healthy_percent = 50
  deployment_maximum_percent         = 200
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = local.sizes[each.key].least
    weight            = 100 - var.spot
  }
  dynamic "capacity_provider_strategy" {
    for_each = var.spot > 0 ? [var.spot] : []
    content {
      capacity_provider = "FARGATE_SPOT"
      weight            = capacity_provider_strategy.value
    }
  }

  network_configuration {
    subnets          = var.shared.subnets
    security_groups  = [var.shared.security_group]
    assign_public_ip = false
  }

  lifecycle {
    # Scaling owns the count.
    ignore_changes = [desired_count]
  }
}
