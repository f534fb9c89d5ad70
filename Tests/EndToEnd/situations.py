"""Every row of docs/situations.md with the release programs: what is logged, the outcome, and that the next document is indexed after it."""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.request

import proxies
from fleet_run import FleetRun
from operations import program
from processes import ROOT, Failed
from stack import KEY

TABLE = ROOT / "docs/situations.md"
SENTENCE = "the canary sentence of a document that no log may contain"
NOWHERE = "http://127.0.0.1:1"


def table() -> dict[str, tuple[str, str]]:
    """What is logged and the end, by situation."""
    rows = re.findall(r"^\| ([^|`]+?) \| `(.+)` \| ([^|]+?) \|$", TABLE.read_text(), re.MULTILINE)
    return {name: (logged.replace("\\|", "|"), end) for name, logged, end in rows}


class Faults:
    """An S3 that misbehaves for some keys."""

    def __init__(self, upstream: str) -> None:
        self.answers: dict[str, tuple[int, str, int]] = {}
        faults = self

        class Handler(proxies.Handler):
            keeps_authorization = True

            def target(self) -> str:
                return upstream + self.path

            def reply(self, status, data, headers, length=None) -> None:
                key = self.path.split("?")[0].rpartition("/")[2]
                new, code, times = faults.answers.get(key, (0, "", 0))
                if self.command == "GET" and times and "?" not in self.path:
                    faults.answers[key] = (new, code, times - 1)
                    if code == "truncate":
                        return self.cut(status, data, headers)
                    status, data, headers = new, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode(), {}
                super().reply(status, data, headers, length)

            def cut(self, status, data, headers) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2])
                self.close_connection = True

        self.server = proxies.Server(Handler)


class Scene:
    def __init__(self, aws, say) -> None:
        self.aws, self.say = aws, say
        self.fleet = aws.fleet("situations", receives=6)
        self.faults = Faults(aws.aws_url)
        self.work = FleetRun(self.fleet, aws.folder, {"LOG_FORMAT": "text", "POLL_SECONDS": "1", "CONCURRENCY": "4", "OBJECT_MAX_BYTES": "200000"})
        self.number = 0
        self.seen: dict[str, tuple[str, str]] = {}
        self.clean_up: list = []
        self.skipped: list[str] = []

    # Programs that end.

    def ends(self, situation: str, worker: str, change: dict, *arguments: str) -> None:
        environment = (self.fleet.worker(worker) if worker != "ingestctl" else self.fleet.operator()) | {"LOG_FORMAT": "text"} | change
        done = program(worker, {k: v for k, v in environment.items() if v is not None}, *arguments)
        self.seen[situation] = (done.stdout + done.stderr, f"exit {done.returncode}")

    # Workers that go on.

    def start(self, **change: str) -> None:
        for name in ("ingest-worker", "embed-worker"):
            mine = change.get(name.replace("-", "_"), {})
            saved = dict(self.work.settings)
            self.work.settings |= {"AWS_ENDPOINT_URL_S3": self.faults.server.url} | mine
            self.work.start(name, session_seconds=3600)
            self.work.settings = saved

    def stop(self) -> None:
        self.work.stop()

    def logged(self, begin: dict[str, int]) -> str:
        return "".join(log.read_text()[begin.get(str(log), 0) :] for log in self.log_files())

    def log_files(self) -> list[pathlib.Path]:
        return sorted(self.work.folder.glob("*-worker.log"))

    def mark(self) -> dict[str, int]:
        return {str(log): len(log.read_text()) for log in self.log_files()}

    def wait(self, what: str, condition, seconds: float = 45) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            self.work.alive()
            if time.monotonic() > deadline:
                raise Failed(f"{what}: did not happen in {seconds:.0f} s")
            time.sleep(0.1)

    def good(self) -> None:
        """A later document is indexed without delay."""
        self.number += 1
        key = f"good/{self.number}.txt"
        self.fleet.put(key, f"Good document {self.number}. {SENTENCE}".encode())
        self.wait(f"{key} after the situation", lambda: self.live(key))

    def live(self, key: str) -> bool:
        query = {"query": {"term": {"key": key}}}
        url = f"{self.aws.node.url}/{self.fleet.alias}"
        try:
            FleetRun._ask(f"{url}/_refresh", {})
            return FleetRun._ask(f"{url}/_search", query)["hits"]["total"]["value"] > 0
        except OSError:
            return False

    def dead_letters(self) -> list[dict]:
        found = []
        for queue in ("events-dead", "chunks-dead"):
            while messages := self.fleet.sqs.receive_message(QueueUrl=self.fleet.queues[queue], MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages"):
                for message in messages:
                    found.append(message)
                    self.fleet.sqs.delete_message(QueueUrl=self.fleet.queues[queue], ReceiptHandle=message["ReceiptHandle"])
        return found

    def event(self, situation: str, act) -> None:
        """A message of the queue: its outcome is a dead-letter message, or nothing."""
        begin = self.mark()
        act()
        time.sleep(0.2)
        self.fleet.wait_until_drained(60, alive=self.work.alive)
        dead_letters = self.dead_letters()
        for dead_letter in dead_letters:
            assert SENTENCE not in json.dumps(dead_letter), f"{situation}: the dead-letter message has the document's text"
        self.good()
        reasons = sorted(dead_letter["MessageAttributes"]["reason"]["StringValue"] for dead_letter in dead_letters)
        self.seen[situation] = (self.logged(begin), f"dead letter {', '.join(reasons)}" if reasons else "done")

    def pause(self, situation: str, breaking, recovery, line: str) -> None:
        """A fault of a dependency: the document waits, nothing is dead-lettered, and it is indexed after the fault."""
        begin = self.mark()
        breaking()
        self.number += 1
        key = f"good/{self.number}.txt"
        self.fleet.put(key, f"Document {self.number} meets a fault. {SENTENCE}".encode())
        pattern = wildcards(line)
        self.wait(f"{situation}: {line}", lambda: pattern.search(self.logged(begin)))
        time.sleep(2)
        logged = self.logged(begin)
        recovery()
        self.wait(f"{key} after {situation}", lambda: self.live(key), 120)
        self.fleet.wait_until_drained(60, alive=self.work.alive)
        dead_letters = self.dead_letters()
        assert not dead_letters, f"{situation}: {dead_letters}"
        self.seen[situation] = (logged, "paused")

    def send(self, body: str) -> None:
        self.fleet.sqs.send_message(QueueUrl=self.fleet.queues["events"], MessageBody=body)

    def forge(self, **changes) -> None:
        """A chunk message that is not ingest-worker's."""
        body = chunk_message(self.fleet.bucket, "forged.txt", self.fleet.hand_over, **changes)
        self.fleet.sqs.send_message(QueueUrl=self.fleet.queues["chunks"], MessageBody=body)


def chunk_message(bucket: str, key: str, payload: str, **changes) -> str:
    """As ingest-worker writes it, but for `changes` and a payload of another document."""
    document = hashlib.sha256(f"default\0{bucket}\0{key}".encode()).hexdigest()[:40]
    header = {"tenant": "default", "object": {"bucket": bucket, "key": key}, "documentID": document, "index": "documents", "fingerprint": "f", "generation": 1,
              "content": {"etag": "e"}, "chunkCount": 1, "format": "txt", "title": "", "language": "", "lastModified": ""}
    return json.dumps({"version": 1, "header": header | changes, "handOver": {"bucket": payload, "key": "hand-over/another/1.zst"}})


def notification(bucket: str, key: str, name: str = "ObjectCreated:Put") -> str:
    record = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": name, "s3": {"bucket": {"name": bucket}, "object": {"key": key, "sequencer": "01"}}}
    return json.dumps({"Records": [record]})


def wildcards(line: str) -> re.Pattern:
    return re.compile(".*".join(re.escape(part) for part in line.split("…")))


def run(aws, say) -> dict:
    scene, rows = Scene(aws, say), table()
    assert rows, f"{TABLE} has no rows"
    try:
        return judged(scene, rows, say)
    finally:
        for step in scene.clean_up:
            step()


def judged(scene: Scene, rows: dict, say) -> dict:
    start_up(scene)
    say(f"  {len(scene.seen)} situations at the start")
    scene.start()
    events(scene)
    say(f"  {len(scene.seen)} with what comes by the queue")
    surroundings(scene, rows)
    scene.stop()
    wrong = {}
    for name in (rows.keys() | scene.seen.keys()) - set(scene.skipped):
        logged, end = rows.get(name, ("not in the table", ""))
        seen, ended = scene.seen.get(name, ("not run", ""))
        if end != ended or not wildcards(logged).search(seen):
            wrong[name] = {"table": (logged, end), "seen": (seen[-1500:], ended)}
    assert not wrong, json.dumps(wrong, indent=1, ensure_ascii=False)
    lines = sum(log.read_text().count("\n") for log in scene.log_files())
    return {"situations": len(rows) - len(scene.skipped), "skipped": scene.skipped, "settings_refused": scene.refused, "log_lines_without_a_secret": lines - leaks(scene)}


def leaks(scene: Scene) -> int:
    """Log lines of this run with a secret, a token or a document's sentence: none may be."""
    issued = json.load(urllib.request.urlopen(f"{scene.aws.credentials_url}/issued"))
    assert len(issued) >= 20, f"only {len(issued)} keys were given in this run"
    secrets = [SENTENCE, KEY, "canary", *(secret for pair in issued for secret in pair)]
    found = [line for log in scene.log_files() for line in log.read_text().splitlines() if any(secret in line for secret in secrets)]
    assert not found, f"{len(found)} log lines with a secret, first: {found[0]}"
    return len(found)


def start_up(scene: Scene) -> None:
    fleet = scene.fleet
    rows = re.findall(r"^\| `(\w+)` \| `--[\w-]+` \| (.*?) \|", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    numbers = [name for name, default in rows if re.fullmatch(r"`\d+`|`never`|`number of cores`|`8080.*`|`256; .*`|`an eighth .*`", default)]
    choices = ["OPENSEARCH_AUTH", "LOG_LEVEL", "LOG_FORMAT", "ON_REJECTION", "OPENAI_AUTH", "PAGE_CONTENT", "CHUNK_STRATEGY", "CHUNK_CONTEXT", "WORD_ANALYZERS", "ACCESS"]
    required = [name for name, default in rows if default == "required"]
    bad = {name: "canary" for name in numbers + choices} | {name: None for name in required} | {"OPENAI_BASE_URL": "ftp://x", "OPENSEARCH_INDEX": "No"}
    logged = ""
    for worker in ("ingest-worker", "embed-worker"):
        scene.ends("every setting is wrong", worker, bad)
        logged += scene.seen["every setting is wrong"][0]
    setup = program("ingestctl", fleet.operator() | {name: "wrong" for name in ("OPENSEARCH_SHARDS", "OPENSEARCH_REPLICAS", "OPENSEARCH_ENGINE")}, "setup")
    search = program("ingestctl", fleet.operator() | {name: "wrong" for name in ("SEARCH_VECTOR_WEIGHT", "SEARCH_DEPTH", "RERANK_CANDIDATES")}, "search", "who")
    logged += search.stderr + setup.stderr + program("ingestctl", fleet.operator() | {"TOMBSTONE_DAYS": "wrong"}, "prune").stderr
    missing = [name for name in [*numbers, *choices, *required, "OPENAI_BASE_URL", "OPENSEARCH_INDEX"] if f": {name} is " not in logged]
    assert not missing, f"settings that were wrong and are not named: {missing}\n{logged}"
    scene.refused = len(numbers) + len(choices) + len(required) + 2
    scene.seen["every setting is wrong"] = (logged, scene.seen["every setting is wrong"][1])

    scene.ends("unknown option", "ingest-worker", {}, "--opensearch-ur", "x")
    scene.ends("both queues are the same", "ingest-worker", {"CHUNK_QUEUE_URL": fleet.queues["events"]})
    scene.ends("OpenSearch Serverless", "embed-worker", {"OPENSEARCH_URL": "https://abc.eu-west-1.aoss.amazonaws.com"})
    scene.ends("no file of certificates", "embed-worker", {"AWS_CA_BUNDLE": "/no/such.pem"})
    scene.ends("another queue than the registered one", "ingest-worker", {"INGEST_QUEUE_URL": fleet.queues["events"] + "-wrong"})
    scene.ends("settings of another pipeline", "embed-worker", {"CHUNK_TOKENS": "300"})
    scene.ends("--check: queue without a dead-letter queue", "ingest-worker", {"INGEST_QUEUE_URL": fleet.queues["events-dead"]}, "--check")
    scene.ends("health port taken", "ingest-worker", {"HEALTH_PORT": str(scene.aws.aws_port)})
    scene.ends("no extractor", "ingest-worker", {"EXTRACTOR_PATH": "/no/document-extractor"})
    scene.ends("--check: wrong queue", "ingest-worker", {"INGEST_QUEUE_URL": fleet.queues["events"] + "x"}, "--check")
    scene.ends("--check: wrong bucket", "ingest-worker", {"HANDOVER_BUCKET": "nobodys"}, "--check")
    scene.ends("--check: no index", "embed-worker", {"CHUNK_TOKENS": "300"}, "--check")
    scene.ends("--check: wrong key", "embed-worker", {"OPENAI_API_KEY": "canary"}, "--check")
    scene.ends("--check: unreachable cluster", "embed-worker", {"OPENSEARCH_URL": NOWHERE}, "--check")


def events(scene: Scene) -> None:
    fleet, bucket = scene.fleet, scene.fleet.bucket
    scene.event("unparseable message", lambda: scene.send("{not json"))
    scene.event("message of another application", lambda: scene.send('{"hello":"world"}'))
    scene.event("impossible bucket", lambda: scene.send(notification("x@2130706433:80/", "a.txt")))
    scene.event("impossible key", lambda: scene.send(notification(bucket, "a" * 1025)))
    scene.event("forged count of chunks", lambda: scene.forge(chunkCount=-1))
    scene.event("forged document id", lambda: scene.forge(documentID="0" * 40))
    scene.event("forged payload", lambda: scene.forge())
    scene.event("unknown event", lambda: scene.send(notification(bucket, "x", "ObjectAcl:Put")))
    scene.event("test event", lambda: scene.send(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket})))
    scene.event("missing object", lambda: scene.send(notification(bucket, "never/there.txt")))
    scene.event("delete of a key never seen", lambda: scene.send(notification(bucket, "never/seen.txt", "ObjectRemoved:Delete")))
    scene.event("zero bytes", lambda: fleet.put("bad/zero.txt", b""))
    scene.event("folder mark", lambda: fleet.put("bad/folder/", b""))
    scene.event("too large", lambda: fleet.put("bad/large.txt", (SENTENCE + "\n").encode() * 10_000))
    scene.event("unknown format", lambda: fleet.put("bad/archive.7z", b"7z\xbc\xaf\x27\x1c" + bytes(range(256)) * 8))
    scene.event("picture of text", lambda: fleet.put("bad/picture.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8))
    scene.event("damaged PDF", lambda: fleet.put("bad/damaged.pdf", b"%PDF-1.7\n" + SENTENCE.encode() * 20))
    scene.faults.answers["archived.txt"] = (403, "InvalidObjectState", 99)
    scene.event("archived object", lambda: fleet.put("bad/archived.txt", SENTENCE.encode()))
    scene.faults.answers["forbidden.txt"] = (403, "AccessDenied", 99)
    scene.event("forbidden object", lambda: fleet.put("bad/forbidden.txt", SENTENCE.encode()))
    scene.faults.answers["cut.txt"] = (200, "truncate", 4)
    scene.event("body changes or breaks off", lambda: fleet.put("bad/cut.txt", (SENTENCE + "\n").encode() * 100))
    assert scene.live("bad/cut.txt"), "the document whose body broke off is not there"


def surroundings(scene: Scene, rows: dict) -> None:
    aws, fleet = scene.aws, scene.fleet

    def line(name: str) -> str:
        return rows[name][0]

    def restart(**change) -> None:
        scene.stop()
        scene.start(**change)

    # Its rules were registered by the first worker.
    scene.ends("other rules than the registered ones", "ingest-worker", {"DOCUMENTS": "s3://another-bucket/"})
    full = full_disk(scene)
    scene.pause("no quota", lambda: aws.control_embeddings(quota=1), lambda: aws.control_embeddings(quota=0), line("no quota"))
    scene.pause("wrong dimensions", lambda: aws.control_embeddings(dimensions=100), lambda: aws.control_embeddings(dimensions=0), line("wrong dimensions"))
    scene.pause("missing index", lambda: drop_index(scene), lambda: scene.work.ctl("setup"), line("missing index"))
    for name, change in (
        ("wrong key of the provider", {"embed_worker": {"OPENAI_API_KEY": "canary"}}),
        ("unreachable provider", {"embed_worker": {"OPENAI_BASE_URL": NOWHERE + "/v1"}}),
        ("unreachable cluster", {"ingest_worker": {"OPENSEARCH_URL": NOWHERE}}),
        ("no folder for objects", {"ingest_worker": {"TMPDIR": "/no/such/folder"}}),
        ("disk full", {"ingest_worker": {"TMPDIR": full}} if full else None),
    ):
        if change is None:
            continue
        scene.pause(name, lambda: restart(**change), restart, line(name))
        scene.say(f"    {name}")
    scene.fleet.iam.put_role_policy(RoleName=f"{fleet.name}-ingest-worker", PolicyName="deny", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}]}))
    repair = lambda: scene.fleet.iam.delete_role_policy(RoleName=f"{fleet.name}-ingest-worker", PolicyName="deny")
    scene.pause("403 without ListBucket", lambda: None, repair, line("403 without ListBucket"))
    begin = scene.mark()
    scene.send(notification("no-such-bucket-at-all", "x"))
    pattern = wildcards(line("missing bucket"))
    scene.wait("missing bucket", lambda: pattern.search(scene.logged(begin)))
    scene.good()  # it is retried with growing waits, and delays no other message
    scene.seen["missing bucket"] = (scene.logged(begin), "retried")


def drop_index(scene: Scene) -> None:
    names = json.load(urllib.request.urlopen(f"{scene.aws.node.url}/{scene.fleet.alias}/_mapping"))
    for name in names:
        urllib.request.urlopen(urllib.request.Request(f"{scene.aws.node.url}/{name}", method="DELETE"))


def full_disk(scene: Scene) -> str | None:
    """A folder on a disk of its own, which has no room. Mounting needs root, or sudo without a password: without, the row is skipped by name."""
    folder = scene.aws.folder / "full"
    folder.mkdir()
    before = [] if os.geteuid() == 0 else ["sudo", "-n"]
    mount = [*before, "mount", "-t", "tmpfs", "-o", "size=16k,mode=1777", "tmpfs", folder]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        scene.say("  skipped \"disk full\": no file system can be mounted here")
        scene.skipped.append("disk full")
        return None
    scene.clean_up.append(lambda: subprocess.run([*before, "umount", folder], check=False))
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            return str(folder)
