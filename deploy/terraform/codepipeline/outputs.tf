output "signing_key_arn" {
  description = "Verify an image with it: cosign verify --key awskms:///ARN IMAGE@DIGEST"
  value       = aws_kms_key.signing.arn
}
