# The whole applies with five variables, on the plan, without AWS. What each module promises is tested beside it.

mock_provider "aws" { source = "../mocks" }

variables {
  region            = "eu-west-1"
  name              = "papers"
  image             = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/papers@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  alarm_email       = "team@example.com"
  tokens_per_minute = 1000000
}

run "the_whole_applies" {
  command = apply

  assert {
    condition     = length(output.next) == 3
    error_message = "Outputs print the three commands that come next."
  }
}
