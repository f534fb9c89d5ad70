#!/usr/bin/env python3
"""The local stack: S3, SQS, IAM and STS (ministack, signatures verified), embeddings, credentials endpoint, OpenSearch.

    stack.py up [NAME]      start it, set up a fleet, leave it running; prints the environment to use
    stack.py down [NAME]    end it

As a module: `Stack(folder)` starts the servers, `Stack.fleet(name)` makes bucket, queues, notification and roles for one fleet.
"""
import copy
import json
import os
import pathlib
import shutil
import string
import sys
import time
import urllib.request

import botocore.exceptions
import botocore.session

import opensearch
from processes import PYTHON, ROOT, Process, end_session, free_port

REGION = "us-east-1"
ACCOUNT = "000000000000"
KEY = "local-key"
MODEL, DIMENSIONS = "wordllama-256", 256


class Stack:
    def __init__(self, folder: pathlib.Path, kind: str | None = None, outlives: bool = False, say=print, auth: bool = True, search: bool = True) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder, self.outlives, self.say, self.auth = folder, outlives, say, auth
        self.processes: list[Process] = []
        self.node = None
        try:
            self.aws_url = self._aws()
            self.embeddings_url = self._embeddings()
            self.credentials_url = self._credentials()
            if search:
                self.node = opensearch.start(folder, kind, outlives, say)
        except BaseException:
            self.stop()
            raise

    def _start(self, name: str, command: list, environment: dict | None = None) -> Process:
        process = Process(name, command, self.folder / f"{name}.log", environment, self.outlives)
        self.processes.append(process)
        return process

    def _aws(self) -> str:
        port = free_port()
        environment = dict(
            os.environ, GATEWAY_PORT=str(port), BIND_HOST="127.0.0.1", AUTH="true" if self.auth else "false", LOG_LEVEL="WARNING",
            PERSIST_STATE="1", STATE_DIR=str(self.folder / "aws"), S3_PERSIST="1", S3_DATA_DIR=str(self.folder / "s3"),
        )
        self.aws_port, self.aws_environment = port, environment
        url = f"http://127.0.0.1:{port}"
        self.aws = self._start("ministack", [PYTHON.parent / "ministack"], environment)
        self.aws.wait_for(f"{url}/_ministack/health")
        return url

    def restart_aws(self) -> None:
        """SIGTERM and start again: state is kept; a killed one forgets its queues."""
        self.aws.stop()
        self.processes.remove(self.aws)
        self.aws = self._start("ministack", [PYTHON.parent / "ministack"], self.aws_environment)
        self.aws.wait_for(f"{self.aws_url}/_ministack/health")

    def _embeddings(self, port: int | None = None) -> str:
        port = port or free_port()
        self.embeddings = self._start("embeddings", [PYTHON, ROOT / "deploy/local/embeddings.py", "--port", port, "--key", KEY])
        self.embeddings.wait_for(f"http://127.0.0.1:{port}/control")
        return f"http://127.0.0.1:{port}"

    def restart_embeddings(self) -> None:
        self.embeddings.stop(1)
        self.processes.remove(self.embeddings)
        self._embeddings(int(self.embeddings_url.rsplit(":", 1)[1]))

    def _credentials(self) -> str:
        port = free_port()
        self._start("credentials", [PYTHON, ROOT / "deploy/local/credentials.py", "--port", port, "--endpoint", self.aws_url])
        return f"http://127.0.0.1:{port}"

    def client(self, service: str):
        """A client with the root keys, for setting up."""
        session = botocore.session.get_session()
        config = botocore.config.Config(parameter_validation=False, s3={"addressing_style": "path"}, retries={"max_attempts": 3})
        return session.create_client(
            service, REGION, endpoint_url=self.aws_url, aws_access_key_id="test", aws_secret_access_key="test", config=config
        )

    def control_embeddings(self, **switches) -> None:
        """Sets switches of the embeddings server, see its --help."""
        request = urllib.request.Request(f"{self.embeddings_url}/control", json.dumps(switches).encode(), method="POST")
        urllib.request.urlopen(request, timeout=5)

    def fleet(self, name: str, visibility: int = 30, receives: int = 5, fan_out: bool = False) -> "Fleet":
        return Fleet(self, name, visibility, receives, fan_out)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.stop(5)
        self.processes = []
        if self.node:
            self.node.stop()

    def save(self, fleet: "Fleet") -> None:
        pids = [process.popen.pid for process in self.processes] + ([self.node.process.popen.pid] if self.node and self.node.process else [])
        data = str(self.node.data) if self.node and self.node.data else None
        (self.folder / "stack.json").write_text(json.dumps({"pids": pids, "data": data, "environment": fleet.operator()}))


class Fleet:
    """Bucket, queues with dead-letter queues, notification and roles of one fleet, and the environments of its programs.

    With `fan_out` an SNS topic stands between bucket and queues: each pipeline that is set up `beside` the first has queues of its own there.
    """

    EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*", "s3:ObjectTagging:*"]

    def __init__(self, stack: Stack, name: str, visibility: int, receives: int, fan_out: bool = False) -> None:
        self.stack, self.name, self.visibility, self.receives = stack, name, visibility, receives
        self.settings: dict[str, str] = {}
        self.bucket, self.hand_over, self.alias = f"{name}-documents", f"{name}-hand-over", name
        self.s3, self.sqs, self.iam = stack.client("s3"), stack.client("sqs"), stack.client("iam")
        for bucket in (self.bucket, self.hand_over):
            self.s3.create_bucket(Bucket=bucket)
        self._queues()
        self.topic = self._topic() if fan_out else None
        if self.topic:
            self.notify(True)
            self._subscribe()
        else:
            self._notify()
        self._roles()

    def beside(self, name: str, settings: dict[str, str], subscribe: bool = True) -> "Fleet":
        """A second pipeline: the same documents, topic and alias, with queues, roles and settings of its own."""
        other = copy.copy(self)
        other.name, other.settings = f"{self.name}-{name}", self.settings | settings
        other._queues()
        if subscribe:
            other._subscribe()
        other._roles()
        return other

    def _queues(self) -> None:
        self.queues, self.arns = {}, {}
        for queue in ("events", "chunks"):
            dead = self._queue(f"{queue}-dead", {"MessageRetentionPeriod": "1209600"})
            policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": self.receives})
            self._queue(queue, {"VisibilityTimeout": str(self.visibility), "RedrivePolicy": policy, "MaximumMessageSize": "1048576"})

    def _topic(self) -> str:
        """The bucket notifies it of every change."""
        sns = self.stack.client("sns")
        topic = sns.create_topic(Name=f"{self.name}-changes")["TopicArn"]
        source = {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{self.bucket}"}}
        allow = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic, "Condition": source}
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
        return topic

    def notify(self, on: bool) -> None:
        """Whether the bucket sends events at all."""
        topics = [{"TopicArn": self.topic, "Events": self.EVENTS}] if on else []
        self.s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration={"TopicConfigurations": topics})

    def _subscribe(self) -> None:
        """The topic's messages go into the event queue, as S3 wrote them."""
        condition = {"ArnEquals": {"aws:SourceArn": self.topic}}
        allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": self.arns["events"], "Condition": condition}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.sqs.set_queue_attributes(QueueUrl=self.queues["events"], Attributes={"Policy": policy})
        self.stack.client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.arns["events"], Attributes={"RawMessageDelivery": "true"})

    def _queue(self, short: str, attributes: dict[str, str]) -> str:
        url = self.sqs.create_queue(QueueName=f"{self.name}-{short}", Attributes=attributes)["QueueUrl"]
        self.queues[short] = url
        self.arns[short] = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}-{short}"
        return self.arns[short]

    def _notify(self) -> None:
        source = {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{self.bucket}"}}
        allow = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": self.arns["events"], "Condition": source}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.sqs.set_queue_attributes(QueueUrl=self.queues["events"], Attributes={"Policy": policy})
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket,
            NotificationConfiguration={"QueueConfigurations": [{"QueueArn": self.arns["events"], "Events": self.EVENTS}]},
        )

    def _roles(self) -> None:
        values = {
            "DOCUMENTS_BUCKET": self.bucket, "HANDOVER_BUCKET": self.hand_over, "EXPORT_BUCKET": self.hand_over, "INGEST_QUEUE_ARN": self.arns["events"],
            "INGEST_DEAD_LETTERS_ARN": self.arns["events-dead"], "CHUNK_QUEUE_ARN": self.arns["chunks"],
            "CHUNK_DEAD_LETTERS_ARN": self.arns["chunks-dead"], "KMS_KEY_ARN": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/none",
            "OPENSEARCH_DOMAIN_ARN": f"arn:aws:es:{REGION}:{ACCOUNT}:domain/none", "HANDOVER_PREFIX": "hand-over/",
            "TASKS_ARN": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/none/*",
        }
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}]}
        dead = [self.arns["events-dead"], self.arns["chunks-dead"]]
        for worker, receives in (("ingest-worker", [self.arns["events"]]), ("embed-worker", [self.arns["chunks"]]), ("ingestctl", dead)):
            role = f"{self.name}-{worker}"
            self.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
            policy = string.Template((ROOT / f"deploy/iam/{worker}.json").read_text()).substitute(values)
            self.iam.put_role_policy(RoleName=role, PolicyName="worker", PolicyDocument=policy)
            # AWS asks for the single actions where this server asks for those of batches.
            batches = {"Effect": "Allow", "Action": ["sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch"], "Resource": receives}
            document = json.dumps({"Version": "2012-10-17", "Statement": [batches]})
            self.iam.put_role_policy(RoleName=role, PolicyName="local-batches", PolicyDocument=document)
        document = string.Template((ROOT / "deploy/iam/embed-worker-batches.json").read_text()).substitute(values)
        self.iam.put_role_policy(RoleName=f"{self.name}-embed-worker", PolicyName="batches", PolicyDocument=document)

    def _common(self) -> dict[str, str]:
        node = self.stack.node
        return {
            "PATH": os.environ["PATH"], "AWS_REGION": REGION, "AWS_ENDPOINT_URL": self.stack.aws_url,
            "OPENSEARCH_URL": node.url if node else "http://127.0.0.1:1", "OPENSEARCH_INDEX": self.alias,
            "OPENSEARCH_ENGINE": node.engine if node else "lucene", "OPENSEARCH_REPLICAS": "0",
            "EMBEDDING_MODEL": MODEL, "EMBEDDING_DIMENSIONS": str(DIMENSIONS),
        } | self.settings

    def worker(self, worker: str, session_seconds: int = 3600) -> dict[str, str]:
        """The environment of a worker: keys of its own role only."""
        environment = self._common() | {
            "INGEST_QUEUE_URL": self.queues["events"], "CHUNK_QUEUE_URL": self.queues["chunks"], "HANDOVER_BUCKET": self.hand_over,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.stack.credentials_url}/{self.name}-{worker}?seconds={session_seconds}",
            "LOG_FORMAT": "json",
        }
        if worker == "embed-worker":
            environment |= {"OPENAI_BASE_URL": f"{self.stack.embeddings_url}/v1", "OPENAI_API_KEY": KEY, "ORPHAN_SWEEP_DELAY_SECONDS": "3"}
        return environment

    def operator(self) -> dict[str, str]:
        """The environment of `ingestctl`."""
        return self._common() | {"OPENAI_BASE_URL": f"{self.stack.embeddings_url}/v1", "OPENAI_API_KEY": KEY}

    def controller(self) -> dict[str, str]:
        """The environment of `ingestctl` with the keys of its own role, for what reaches queues and buckets."""
        queues = {"INGEST_QUEUE_URL": self.queues["events"], "CHUNK_QUEUE_URL": self.queues["chunks"]}
        return self.operator() | queues | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.stack.credentials_url}/{self.name}-ingestctl"}

    def owner(self) -> dict[str, str]:
        """What lets `ingestctl` look into the queues: the account's own keys."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        return keys | {"INGEST_QUEUE_URL": self.queues["events"], "CHUNK_QUEUE_URL": self.queues["chunks"]}

    def put(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def depth(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queues[queue], AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def is_drained(self) -> bool:
        return self.depth("events") == 0 and self.depth("chunks") == 0

    def wait_until_drained(self, seconds: float, progress=lambda: None, alive=lambda: None) -> None:
        deadline = time.monotonic() + seconds
        while not (self.is_drained() and self.is_drained()):
            alive()
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {seconds:.0f} s there are {self.depth('events')} events and {self.depth('chunks')} chunk messages left")
            progress()
            time.sleep(0.2)


def running(folder: pathlib.Path) -> dict | None:
    state = folder / "stack.json"
    return json.loads(state.read_text()) if state.exists() else None


def down(folder: pathlib.Path) -> None:
    state = running(folder)
    if not state:
        print(f"nothing is running from {folder}")
        return
    for pid in state["pids"]:
        end_session(pid)
    if state["data"]:
        shutil.rmtree(state["data"], ignore_errors=True)
    (folder / "stack.json").unlink()
    print("stopped")


def main() -> None:
    command, name = sys.argv[1], (sys.argv[2:] or ["demo"])[0]
    folder = ROOT / ".local" / "stack" / name
    if command == "down":
        return down(folder)
    stack = Stack(folder, outlives=True)
    fleet = stack.fleet(name)
    stack.save(fleet)
    for key, value in fleet.operator().items():
        if key != "PATH":
            print(f"export {key}={value}")


if __name__ == "__main__":
    main()
