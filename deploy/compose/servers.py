#!/usr/bin/env python3
"""Starts the servers of deploy/compose/compose.yml in one container: ministack on port 4566 and embeddings on 8090, and makes bucket, topic and queues.

The names are those that compose.yml gives the programs. Ends when one of the servers ends.
"""
import json
import os
import pathlib
import sys
import time

import botocore.config
import botocore.session

from processes import Process

REGION, ACCOUNT = "us-east-1", "000000000000"
BIN, HERE = pathlib.Path(sys.executable).parent, pathlib.Path(__file__).resolve().parent
EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*", "s3:ObjectTagging:*"]


def client(service: str):
    config = botocore.config.Config(s3={"addressing_style": "path"})
    return botocore.session.get_session().create_client(service, REGION, endpoint_url="http://127.0.0.1:4566", aws_access_key_id="test", aws_secret_access_key="test", config=config)


def set_up() -> None:
    s3, sqs, sns = client("s3"), client("sqs"), client("sns")
    for bucket in ("documents", "hand-over"):
        s3.create_bucket(Bucket=bucket)
    topic = sns.create_topic(Name="changes")["TopicArn"]
    for name in ("events", "chunks"):
        sqs.create_queue(QueueName=f"{name}-dead", Attributes={"MessageRetentionPeriod": "1209600"})
        redrive = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead", "maxReceiveCount": 5})
        sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "60", "RedrivePolicy": redrive})
    allow = lambda service, action, resource: json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": resource}]})
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:events"
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=allow("s3.amazonaws.com", "sns:Publish", topic))
    sqs.set_queue_attributes(QueueUrl=f"http://127.0.0.1:4566/{ACCOUNT}/events", Attributes={"Policy": allow("sns.amazonaws.com", "sqs:SendMessage", queue)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    s3.put_bucket_notification_configuration(Bucket="documents", NotificationConfiguration={"TopicConfigurations": [{"TopicArn": topic, "Events": EVENTS}]})


def main() -> None:
    environment = dict(os.environ, GATEWAY_PORT="4566", BIND_HOST="0.0.0.0", AUTH="false", LOG_LEVEL="WARNING", HOME="/home/local")
    logs = pathlib.Path("/tmp")
    aws = Process("ministack", [BIN / "ministack"], logs / "ministack.log", environment)
    embeddings = Process("embeddings", [sys.executable, HERE / "embeddings.py", "--port", "8090", "--host", "0.0.0.0", "--key", "local-key"], logs / "embeddings.log", environment)
    aws.wait_for("http://127.0.0.1:4566/_ministack/health")
    embeddings.wait_for("http://127.0.0.1:8090/control")
    set_up()
    # What compose.yml's health check looks for.
    pathlib.Path("/tmp/ready").touch()
    print("bucket s3://documents, queues events and chunks, embeddings at port 8090", flush=True)
    while aws.popen.poll() is None and embeddings.popen.poll() is None:
        time.sleep(1)
    raise SystemExit(f"a server has ended; the logs are {logs}/ministack.log and {logs}/embeddings.log")


if __name__ == "__main__":
    main()
