#!/usr/bin/env python3
"""The infrastructure of deploy/terraform, as far as a machine without a cloud can test it (`make deploy-test`).

    deploy.py [--static]

Formatting, validation, `terraform test`, checkov and the linters of image and workflows. Then, without --static: the platform and a pipeline are applied on a
local server over TLS, a second plan changes nothing of ours, the programs run with the roles, queues, buckets and the secret that Terraform made, every call
is recorded and compared with the policies both ways, 30 forbidden calls are denied, a second pipeline is added beside the first, and all is destroyed.
"""
import argparse
import fnmatch
import hashlib
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd"), str(ROOT / "Tests/Deploy")]
import botocore.exceptions
import botocore.session

import opensearch
import stack
import terraform
from fleet_run import FleetRun, ends_with_figures, wait
from processes import PYTHON, free_port
from recorder import Recorder, action

FOLDER = ROOT / ".local/stack/deploy"
REGION, ACCOUNT = stack.REGION, stack.ACCOUNT
PROGRAMS = ("ingest-worker", "embed-worker", "ingestctl")
# What the policies allow and no call to the local servers can show.
UNSEEN = {
    "kms:Decrypt": "S3 and SQS call KMS for the role", "kms:GenerateDataKey": "S3 and SQS call KMS for the role",
    "ecs:GetTaskProtection": "called by ECS' agent for the role", "ecs:UpdateTaskProtection": "called by ECS' agent for the role",
}
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def linters() -> dict:
    """Each without a finding that is not explained where it is."""
    checkov = subprocess.run([ROOT / ".local/checkov/bin/checkov", "-d", "deploy/terraform", "--framework", "terraform", "--quiet", "--compact", "--skip-download", "-o", "json"], cwd=ROOT, capture_output=True, text=True)
    report = json.loads(checkov.stdout)
    failed = [f"{check['check_id']} {check['resource']}" for check in report["results"]["failed_checks"]]
    assert not failed, failed
    figures = {"checkov": report["summary"]["passed"], "explained": report["summary"]["skipped"]}
    tools = ROOT / ".local/linters/bin"
    commands = [[tools / "hadolint", *sorted((ROOT / "deploy/image").glob("Dockerfile*"))]]
    workflows = sorted((ROOT / ".github/workflows").glob("*.yml"))
    commands += [[tools / "actionlint", *workflows], [tools / "zizmor", "--offline", "--quiet", *workflows], [tools / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows]]
    commands += [[tools / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", *sorted((ROOT / "deploy/compose").glob("*.yml"))]]
    for command in commands:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"{command[0].name}: {done.stdout[-3000:]}{done.stderr[-1000:]}"
    say(f"  checkov: {figures['checkov']} checks pass, {figures['explained']} are explained where they are; hadolint, actionlint, zizmor and the schemas: nothing")
    return figures


class SecureStack(stack.Stack):
    """The local server over TLS: the policies refuse everything else."""

    def _aws(self) -> str:
        self.certificate = (self.folder / "cert.pem", self.folder / "key.pem")
        names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.certificate[1], "-out", self.certificate[0], "-days", "30", "-subj", "/CN=local",
                        "-addext", names, "-addext", "basicConstraints=critical,CA:TRUE"], check=True, capture_output=True)
        port = free_port()
        environment = dict(os.environ, GATEWAY_PORT=str(port), BIND_HOST="127.0.0.1", AUTH="true", LOG_LEVEL="WARNING", USE_SSL="1",
                           MINISTACK_SSL_CERT=str(self.certificate[0]), MINISTACK_SSL_KEY=str(self.certificate[1]))
        self.aws = self._start("ministack", [PYTHON.parent / "ministack"], environment)
        url = f"https://127.0.0.1:{port}"
        self.aws.wait_for(f"{url}/_ministack/health", context=ssl.create_default_context(cafile=self.certificate[0]))
        return url

    def _credentials(self) -> str:
        return ""

    def client(self, service: str, keys: dict[str, str] = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}):
        config = botocore.config.Config(parameter_validation=False, s3={"addressing_style": "path"}, retries={"max_attempts": 1})
        return botocore.session.get_session().create_client(service, REGION, endpoint_url=self.aws_url, verify=str(self.certificate[0]), config=config, **keys)


class TerraformFleet:
    """What Terraform made, for FleetRun."""

    name = "terraform"

    def __init__(self, aws: SecureStack, outputs: dict, pipeline: str) -> None:
        self.stack, self.made = aws, outputs[pipeline]
        self.alias = "documents"
        self.bucket, self.export = outputs["documents_bucket"], outputs["export_bucket"]
        self.s3, self.sqs, self.sts = aws.client("s3"), aws.client("sqs"), aws.client("sts")
        self.queues = self.made["queues"] | {f"{name}-dead": url for name, url in self.made.get("dead", {}).items()}
        secret = aws.client("secretsmanager")
        secret.put_secret_value(SecretId=outputs["secret"], SecretString=stack.KEY)
        self.key = secret.get_secret_value(SecretId=outputs["secret"])["SecretString"]
        self.keys = {program: self._assume(program) for program in PROGRAMS}
        callers = {keys["aws_access_key_id"]: program for program, keys in self.keys.items()}
        self.recorder = Recorder(aws.aws_url, lambda headers: next((program for key, program in callers.items() if key in headers.get("Authorization", "")), "?"), aws.certificate)
        self.search = {program: Recorder(aws.node.url, lambda _, program=program: program) for program in PROGRAMS}

    def _assume(self, program: str) -> dict[str, str]:
        """ECS alone may start a session of a task's role. Here the test does what ECS does, after proof that no one else can."""
        arn = self.made["roles"][program]
        try:
            self.sts.assume_role(RoleArn=arn, RoleSessionName="intruder")
            raise AssertionError(f"{arn} can be assumed by others than ECS")
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied", error
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}]}
        self.stack.client("iam").update_assume_role_policy(RoleName=arn.rsplit("/", 1)[1], PolicyDocument=json.dumps(trust))
        given = self.sts.assume_role(RoleArn=arn, RoleSessionName="task")["Credentials"]
        return {"aws_access_key_id": given["AccessKeyId"], "aws_secret_access_key": given["SecretAccessKey"], "aws_session_token": given["SessionToken"]}

    def settings(self, program: str) -> dict[str, str]:
        """Those of the task definition, with the local servers in place of AWS' and no X-Ray."""
        made = {name: value for name, value in self.made["settings"].items() if not name.startswith("OTEL_")}
        keys = {name.upper(): value for name, value in self.keys[program].items()}
        return made | keys | {
            "PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": self.recorder.url, "AWS_CA_BUNDLE": str(self.stack.certificate[0]), "OPENSEARCH_AUTH": "none", "OPENSEARCH_REPLICAS": "0",
            "OPENSEARCH_ENGINE": self.stack.node.engine, "OPENSEARCH_URL": self.search[program].url, "OPENAI_BASE_URL": f"{self.stack.embeddings_url}/v1", "OPENAI_API_KEY": self.key,
        }

    def worker(self, program: str, session_seconds: int = 3600) -> dict[str, str]:
        return self.settings(program) | {"ORPHAN_SWEEP_DELAY_SECONDS": "2"}

    def operator(self) -> dict[str, str]:
        return self.settings("ingestctl")

    def owner(self) -> dict[str, str]:
        return {}

    def put(self, key: str, body: bytes) -> None:
        # Its tags are read as well.
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, Tagging="stage=test")

    def depth(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        return sum(int(value) for value in self.sqs.get_queue_attributes(QueueUrl=self.queues[queue], AttributeNames=names)["Attributes"].values())

    def stop(self) -> None:
        for recorder in [self.recorder, *self.search.values()]:
            recorder.stop()


def a_day(fleet: TerraformFleet, folder: pathlib.Path) -> int:
    """Everything that the programs do with their roles, once."""
    check = lambda program: subprocess.run([FleetRun.program(program), "--check"], env=fleet.worker(program), capture_output=True, text=True)
    work = FleetRun(fleet, folder, {"HANDOVER_INLINE_BYTES": "1024", "POLL_SECONDS": "1"})
    check("embed-worker")
    for program in ("ingest-worker", "embed-worker"):
        done = check(program)
        assert done.returncode == 0, f"{program} --check with Terraform's role:\n{done.stdout}{done.stderr}"
    for program in ("ingest-worker", "embed-worker"):
        work.start(program)
    begun = time.monotonic()
    fleet.put("first.txt", b"The first document of the fleet that Terraform made.")
    live = lambda key: any(chunk["key"] == key for chunk in work.chunks(["key"]))
    wait("the first document is searchable", 90, lambda: live("first.txt"))
    say(f"  a document became searchable after {time.monotonic() - begun:.1f} s, with Terraform's bucket, topic, queues, roles and secret")
    fleet.put("large.txt", b"\n\n".join(b"Paragraph %d of a document whose chunks travel through the hand-over bucket." % n for n in range(3000)))
    fleet.put("broken.pdf", b"%PDF-1.7\nno document")
    fleet.stack.control_embeddings(refuse="walrus")
    fleet.put("refused.txt", b"The walrus of the day.")
    wait("two dead-letter messages", 90, lambda: fleet.depth("events-dead") + fleet.depth("chunks-dead") == 2)
    fleet.stack.control_embeddings(refuse="")
    wait("the large document is searchable", 90, lambda: live("large.txt"))
    # A hand-over payload is lost: the object is read again.
    work.workers.pop("embed-worker").stop(30)
    fleet.put("lost.txt", b"\n\n".join(b"Paragraph %d of a document whose payload is lost on its way, %s." % (n, hashlib.sha256(bytes([n])).hexdigest().encode()) for n in range(200)))
    handover = fleet.made["settings"]["HANDOVER_BUCKET"]
    def payloads() -> list[str]:
        return [entry["Key"] for entry in fleet.s3.list_objects_v2(Bucket=handover).get("Contents", []) if not entry["Key"].endswith(".check")]
    wait("a payload waits", 90, payloads)
    lost = {key: fleet.s3.get_object(Bucket=handover, Key=key)["Body"].read() for key in payloads()}
    for key in lost:
        fleet.s3.delete_object(Bucket=handover, Key=key)
    work.start("embed-worker")
    wait("the lost one is searchable", 90, lambda: live("lost.txt"))
    # Both are stopped in the middle of work, and release their messages; what comes back has been received before.
    for program in ("ingest-worker", "embed-worker"):
        work.workers.pop(program).stop(30)
        work.start(program, settings={"GRACE_SECONDS": "0"})
        fleet.search[program].delay = 1.5
        for number in range(4):
            fleet.put(f"held/{program}-{number}.txt", b"Held %d by %s." % (number, program.encode()))
        wait(f"{program} works", 90, lambda: work.in_work(program) > 0)
        work.workers.pop(program).stop(30)
        fleet.search[program].delay = 0
        work.start(program)
    wait("all held ones are searchable", 90, lambda: sum(chunk["key"].startswith("held/") for chunk in work.chunks(["key"])) == 8)
    fleet.s3.delete_object(Bucket=fleet.bucket, Key="first.txt")
    wait("the deleted one is gone", 90, lambda: not live("first.txt"))
    done = subprocess.run([FleetRun.program("ingest-worker"), "--replay", f"s3://{fleet.bucket}/held/"], env=fleet.worker("ingest-worker"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    questions = [{"question": "whose payload is lost on its way", "relevant": [f"s3://{fleet.bucket}/lost.txt"]}, {"question": "held by embed-worker", "relevant": {f"s3://{fleet.bucket}/held/embed-worker-{n}.txt": 1 for n in range(4)}}]
    fleet.s3.put_object(Bucket=fleet.export, Key="questions.jsonl", Body="\n".join(map(json.dumps, questions)).encode())
    scheduled(fleet, work)
    # A payload that a crash has left: erasing its document erases it, too.
    for key, body in lost.items():
        fleet.s3.put_object(Bucket=handover, Key=key, Body=body)
    for command in (["status"], ["pipelines"], ["verify", f"s3://{fleet.bucket}", "--settle", "20"], ["retry", "--reason", "embedding_refused"], ["dead-letters", "list"],
                    ["dead-letters", "redrive", "--reason", "embedding_refused"], ["dead-letters", "purge", "--all"], ["forget", f"s3://{fleet.bucket}/held/ingest-worker-0.txt", "--delete-objects", "--yes"], ["forget", f"s3://{fleet.bucket}/lost.txt", "--delete-objects", "--yes"]):
        done = subprocess.run([FleetRun.program("ingestctl"), *command], env=fleet.operator(), capture_output=True, text=True)
        assert done.returncode in (0, 1) and "AccessDenied" not in done.stderr and "not authorized" not in done.stderr, f"{command}: {done.stderr}"
    assert not payloads(), "a payload of an erased document is left"
    wait("the queues are empty", 90, lambda: fleet.depth("events") + fleet.depth("chunks") == 0)
    work.stop()
    denied = [call[:3] + (call[5],) for call in fleet.recorder.calls if call[5] == 403]
    assert not denied, f"nothing that the programs need is missing, but these were denied: {denied[:5]}"
    return len(fleet.recorder.calls)


def scheduled(fleet: TerraformFleet, work: FleetRun) -> None:
    """The commands of the daily tasks, as Terraform wrote them into the targets of the rules."""
    events = fleet.stack.client("events")
    ran = []
    for rule in events.list_rules()["Rules"]:
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
            command = json.loads(target["Input"])["containerOverrides"][0]["command"]
            assert command[0] == "ingestctl"
            output = work.ctl(*command[1:])
            ran.append((command[1], output))
    outputs = dict(ran)
    assert set(outputs) == {"export-ledger", "evaluate"}, outputs
    figures = json.loads(outputs["evaluate"].strip().splitlines()[-1])
    assert figures["ingest_evaluation_ndcg_ratio"] > 0.5 and figures["pipeline"] == "fleet-main", figures
    keys = [entry["Key"] for entry in fleet.s3.list_objects_v2(Bucket=fleet.export, Prefix="ledger/day=")["Contents"]]
    assert len(keys) == 1 and keys[0].endswith(".jsonl.zst"), keys
    say(f"  the daily export ({keys[0].split('/')[1]}) and evaluation (nDCG@10 {figures['ingest_evaluation_ndcg_ratio']:.3f}) run with their role")


def policies(fleet: TerraformFleet) -> dict:
    """Every recorded call is allowed by the policy, and every action of the policy was called, for some resource that it names."""
    iam = fleet.stack.client("iam")
    used: dict[str, set[tuple[str, str]]] = {program: set() for program in PROGRAMS}
    for caller, method, target, headers, body, status in fleet.recorder.calls:
        used[caller] |= set(action(method, target, headers, body, status))
    verbs = {"GET": "es:ESHttpGet", "HEAD": "es:ESHttpHead", "POST": "es:ESHttpPost", "PUT": "es:ESHttpPut", "DELETE": "es:ESHttpDelete"}
    for program, recorder in fleet.search.items():
        used[program] |= {(verbs[call[1]], "arn:aws:es:us-east-1:000000000000:domain/fleet/x") for call in recorder.calls}
    missing, superfluous, pairs = [], [], 0
    for program in PROGRAMS:
        role = fleet.made["roles"][program].rsplit("/", 1)[1]
        document = iam.get_role_policy(RoleName=role, PolicyName="program")["PolicyDocument"]
        statements = (json.loads(document) if isinstance(document, str) else document)["Statement"]
        allowed = [(name, pattern) for statement in statements for name in listed(statement["Action"]) for pattern in listed(statement["Resource"])]
        assert not [name for name, _ in allowed if "*" in name], "a wildcard action"
        missing += [f"{program}: {name} of {resource}" for name, resource in sorted(used[program]) if not any(name == allowed_name and fnmatch.fnmatchcase(resource, pattern) for allowed_name, pattern in allowed)]
        superfluous += [f"{program}: {name} of {pattern}" for name, pattern in allowed if name not in UNSEEN and not any(name == called and fnmatch.fnmatchcase(resource, pattern) for called, resource in used[program])]
        pairs += len(allowed)
    assert not missing, f"called and not allowed: {missing}"
    assert not superfluous, f"allowed and never called: {superfluous}"
    say(f"  {pairs} pairs of action and resource in three policies: each was called, or is named with its reason; nothing else was called")
    return {"policy_pairs": pairs, "calls": sum(len(recorder.calls) for recorder in [fleet.recorder, *fleet.search.values()])}


def listed(value) -> list:
    return value if isinstance(value, list) else [value]


def forbidden(fleet: TerraformFleet) -> int:
    """What an intruder in a worker would try."""
    documents, handover, queues = fleet.bucket, fleet.made["settings"]["HANDOVER_BUCKET"], fleet.queues
    role = fleet.made["roles"]["ingestctl"]
    tries = {
        "ingest-worker": [
            ("s3", "put_object", {"Bucket": documents, "Key": "planted.txt", "Body": b"x"}), ("s3", "delete_object", {"Bucket": documents, "Key": "lost.txt"}),
            ("s3", "get_object", {"Bucket": handover, "Key": "main/.check"}), ("s3", "delete_bucket", {"Bucket": documents}), ("s3", "get_object", {"Bucket": fleet.export, "Key": "questions.jsonl"}),
            ("s3", "put_bucket_policy", {"Bucket": documents, "Policy": "{}"}), ("s3", "put_bucket_notification_configuration", {"Bucket": documents, "NotificationConfiguration": {}}),
            ("s3", "put_public_access_block", {"Bucket": documents, "PublicAccessBlockConfiguration": {}}), ("s3", "put_object", {"Bucket": handover, "Key": "other-pipeline/x", "Body": b"x"}),
            ("sqs", "receive_message", {"QueueUrl": queues["chunks"]}), ("sqs", "purge_queue", {"QueueUrl": queues["events"]}), ("sqs", "delete_queue", {"QueueUrl": queues["events"]}),
            ("sqs", "set_queue_attributes", {"QueueUrl": queues["events"], "Attributes": {"VisibilityTimeout": "0"}}), ("sqs", "receive_message", {"QueueUrl": queues["events-dead"]}),
            ("sns", "publish", {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:fleet-changes", "Message": "x"}),
        ],
        "embed-worker": [
            ("s3", "get_object", {"Bucket": documents, "Key": "lost.txt"}), ("s3", "list_objects_v2", {"Bucket": documents}), ("s3", "put_object", {"Bucket": handover, "Key": "main/x", "Body": b"x"}),
            ("sqs", "receive_message", {"QueueUrl": queues["events"]}), ("sqs", "send_message", {"QueueUrl": queues["events-dead"], "MessageBody": "x"}), ("sqs", "create_queue", {"QueueName": "mine"}),
            ("secretsmanager", "get_secret_value", {"SecretId": "fleet/embeddings-key"}), ("iam", "create_user", {"UserName": "mine"}), ("sts", "assume_role", {"RoleArn": role, "RoleSessionName": "mine"}),
        ],
        "ingestctl": [
            ("s3", "get_object", {"Bucket": documents, "Key": "lost.txt"}), ("s3", "put_object", {"Bucket": documents, "Key": "x", "Body": b"x"}), ("s3", "put_object", {"Bucket": fleet.export, "Key": "questions.jsonl", "Body": b"x"}),
            ("iam", "put_role_policy", {"RoleName": role.rsplit("/", 1)[1], "PolicyName": "mine", "PolicyDocument": "{}"}), ("secretsmanager", "put_secret_value", {"SecretId": "fleet/embeddings-key", "SecretString": "x"}),
            ("ecs", "run_task", {"cluster": "fleet", "taskDefinition": "fleet-main-owner"}), ("sqs", "purge_queue", {"QueueUrl": queues["chunks-dead"]}), ("s3", "list_objects_v2", {"Bucket": fleet.export}),
        ],
    }
    passed, count = [], 0
    for program, calls in tries.items():
        for service, method, arguments in calls:
            count += 1
            try:
                getattr(fleet.stack.client(service, fleet.keys[program]), method)(**arguments)
                passed.append(f"{program}: {service} {method} {arguments}")
            except botocore.exceptions.ClientError as error:
                code = error.response["Error"]["Code"]
                if code not in ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "AuthorizationErrorException"):
                    passed.append(f"{program}: {service} {method}: {code}")
    assert not passed, f"not denied: {passed}"
    say(f"  {count} forbidden calls are denied")
    return count


def main() -> dict:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--static", action="store_true", help="no server: formatting, validation, tests with a mocked provider, linters")
    arguments = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    figures = linters()
    if why := terraform.why_not():
        say(f"SKIPPED: {why}: the modules are not validated, tested or applied here")
        return figures | {"terraform": f"skipped: {why}"}
    figures |= terraform.static(say)
    if arguments.static:
        return figures | {"seconds": round(time.monotonic() - started)}
    aws = SecureStack(FOLDER, search=False)
    try:
        aws.node = opensearch.start(FOLDER)
        variables = {"endpoint": aws.aws_url, "domain_endpoint": aws.node.url, "second": False, "settings": {"EMBEDDING_MODEL": stack.MODEL, "EMBEDDING_DIMENSIONS": str(stack.DIMENSIONS)}}
        made = terraform.Configuration(ROOT / "Tests/Deploy/local", aws.certificate[0], variables)
        figures["applied"] = made.apply()
        say(f"  {figures['applied']} resources applied")
        changes, forgotten = made.changes()
        assert not changes, f"a second plan changes: {changes}"
        say(f"  a second plan changes nothing of ours ({forgotten} resources of which the local server returns a part)")
        fleet = TerraformFleet(aws, made.outputs(), "main")
        a_day(fleet, FOLDER)
        figures |= policies(fleet)
        figures["forbidden"] = forbidden(fleet)
        fleet.stop()
        made.variables["second"] = True
        figures["applied_with_second"] = made.apply()
        say(f"  a second pipeline beside the first: {figures['applied_with_second'] - figures['applied']} resources more by one module call")
        made.destroy()
        assert made.count() == 0
        say("  all are destroyed")
        return figures | {"seconds": round(time.monotonic() - started)}
    finally:
        aws.stop()


if __name__ == "__main__":
    sys.exit(ends_with_figures(main))
