# Private subnets for the tasks and the domain, endpoints for AWS' services, and one way out for the embeddings provider.

locals {
  makes_vpc = var.vpc_id == ""
  zones     = local.makes_vpc ? slice(data.aws_availability_zones.this[0].names, 0, var.zones) : []
  vpc_id    = local.makes_vpc ? aws_vpc.this[0].id : var.vpc_id
  subnets   = local.makes_vpc ? aws_subnet.private[*].id : var.subnet_ids
  # What the tasks and the domain use all the time: their traffic stays inside the network.
  interfaces = ["sqs", "ecr.api", "ecr.dkr", "logs", "secretsmanager", "kms", "sts", "monitoring", "xray"]
}

data "aws_availability_zones" "this" {
  #checkov:skip=CKV_AWS_394:The first zones of the list are used: a new one changes nothing.
  count = local.makes_vpc ? 1 : 0
  state = "available"
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:The flow log is below, counted with the VPC.
  #checkov:skip=CKV2_AWS_12:The default security group is below, counted with the VPC.
  count                = local.makes_vpc ? 1 : 0
  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = { Name = var.name }
}

# Nothing is allowed by default.
resource "aws_default_security_group" "this" {
  count  = local.makes_vpc ? 1 : 0
  vpc_id = aws_vpc.this[0].id
}

resource "aws_subnet" "private" {
  count             = length(local.zones)
  vpc_id            = aws_vpc.this[0].id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, count.index)

  map_public_ip_on_launch = false
  tags                    = { Name = "${var.name}-private-${count.index}" }
}

resource "aws_subnet" "public" {
  count             = var.nat ? length(local.zones) : 0
  vpc_id            = aws_vpc.this[0].id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, 8 + count.index)

  map_public_ip_on_launch = false
  tags                    = { Name = "${var.name}-public-${count.index}" }
}

resource "aws_internet_gateway" "this" {
  count  = local.makes_vpc && var.nat ? 1 : 0
  vpc_id = aws_vpc.this[0].id
}

resource "aws_eip" "nat" {
  #checkov:skip=CKV2_AWS_19:It belongs to the NAT gateway.
  count  = local.makes_vpc && var.nat ? 1 : 0
  domain = "vpc"
}

resource "aws_nat_gateway" "this" {
  count         = local.makes_vpc && var.nat ? 1 : 0
  allocation_id = aws_eip.nat[0].id
  subnet_id     = aws_subnet.public[0].id
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route_table" "public" {
  count  = local.makes_vpc && var.nat ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this[0].id
  }
}

resource "aws_route_table" "private" {
  count  = local.makes_vpc ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  dynamic "route" {
    for_each = aws_nat_gateway.this
    content {
      cidr_block     = "0.0.0.0/0"
      nat_gateway_id = route.value.id
    }
  }
}

resource "aws_route_table_association" "public" {
  count          = length(aws_subnet.public)
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_route_table_association" "private" {
  count          = length(aws_subnet.private)
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[0].id
}

resource "aws_vpc_endpoint" "s3" {
  count             = local.makes_vpc ? 1 : 0
  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private[0].id]
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = local.makes_vpc ? toset(local.interfaces) : []
  vpc_id              = aws_vpc.this[0].id
  service_name        = "com.amazonaws.${local.region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.endpoints[0].id]
}

resource "aws_security_group" "tasks" {
  #checkov:skip=CKV2_AWS_5:The pipelines' services use it.
  name        = "${var.name}-tasks"
  description = "Workers of ${var.name}: nothing comes in, HTTPS goes out"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.tasks.id
  description       = "S3, SQS, OpenSearch, the embeddings provider"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 443
  to_port           = 443
  ip_protocol       = "tcp"
}

resource "aws_security_group" "endpoints" {
  count       = local.makes_vpc ? 1 : 0
  name        = "${var.name}-endpoints"
  description = "Endpoints of AWS services for ${var.name}"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count                        = local.makes_vpc ? 1 : 0
  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "From the workers"
  referenced_security_group_id = aws_security_group.tasks.id
  from_port                    = 443
  to_port                      = 443
  ip_protocol                  = "tcp"
}

resource "aws_cloudwatch_log_group" "flow" {
  count             = local.makes_vpc ? 1 : 0
  name              = "/${var.name}/network"
  retention_in_days = var.log_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_iam_role" "flow" {
  count              = local.makes_vpc ? 1 : 0
  name               = "${var.name}-flow-log"
  assume_role_policy = data.aws_iam_policy_document.trust["vpc-flow-logs"].json
}

resource "aws_iam_role_policy" "flow" {
  count = local.makes_vpc ? 1 : 0
  name  = "write"
  role  = aws_iam_role.flow[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
      Resource = "${aws_cloudwatch_log_group.flow[0].arn}:*"
    }]
  })
}

resource "aws_flow_log" "this" {
  count           = local.makes_vpc ? 1 : 0
  vpc_id          = aws_vpc.this[0].id
  traffic_type    = "REJECT"
  log_destination = aws_cloudwatch_log_group.flow[0].arn
  iam_role_arn    = aws_iam_role.flow[0].arn
}
