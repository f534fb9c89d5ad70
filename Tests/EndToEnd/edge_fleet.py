"""A fleet behind proxies that fail on request, and what it has to do then: the base of `edges.py`."""
import http.client
import json
import pathlib
import re
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import stack
from fleet_run import FleetRun
from forwarding import ForwardingHandler
from processes import Failed, free_port

TABLE = set(re.findall(r"^\| (provider|bucket|search|queues|child|messages) \| (one|all) \| ([^|]+?) \| ([^|]+?) \|$", (ROOT / "docs/situations.md").read_text(), re.MULTILINE))
BESIDE = 30  # seconds until a document beside a fault is searchable
HTML = b"<!DOCTYPE html><html><body>503 Service Temporarily Unavailable</body></html>"
started = time.monotonic()
FAULTS: set[str] = set()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


class Answer:
    """What a fault answers in the server's place."""

    def __init__(self, status: int, body: bytes | str = b"", content_type: str = "application/json", **headers: str) -> None:
        self.status, self.content_type, self.headers = status, content_type, headers
        self.body = body.encode() if isinstance(body, str) else body


def html(status: int) -> Answer:
    return Answer(status, HTML, "text/html")


def s3_error(status: int, code: str, message: str = "no", **headers: str) -> Answer:
    return Answer(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>", "application/xml", **headers)


REDIRECT = Answer(302, b"<html>sign in</html>", "text/html", Location="https://login.example/")


class Proxy:
    """Forwards to a server, unless `fault` answers. `edit` may change the server's own answer."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream.rstrip("/")
        self.fault = lambda command, path, body, headers: None
        self.edit = lambda path, sent, data: data
        self.requests = 0
        proxy = self
        self.forwarded: set[http.client.HTTPConnection] = set()

        class Handler(ForwardingHandler):
            def respond(self, body: bytes) -> None:
                proxy.requests += 1
                fault = proxy.fault(self.command, self.path, body, self.headers)
                if fault == "hang up":
                    self.close_connection = True
                    return
                if fault is not None:
                    return self.reply(fault.status, fault.body, {"Content-Type": fault.content_type, **fault.headers})
                headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
                status, data, kept, length = self.forward(proxy.upstream + self.path, body, headers, proxy.forwarded)
                self.reply(status, proxy.edit(self.path, body, data), kept, length)

        self.handler = Handler
        self.server = self._serve(("127.0.0.1", 0))
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def _serve(self, address) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(address, self.handler, bind_and_activate=False)
        server.daemon_threads, server.request_queue_size, server.allow_reuse_address = True, 128, True
        server.server_bind()
        server.server_activate()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def drain(self) -> None:
        """Returns when the requests that were forwarded before now have ended: a long poll among them may still bring a message."""
        before, end = set(self.forwarded), time.monotonic() + 10
        while before & set(self.forwarded) and time.monotonic() < end:
            time.sleep(0.05)

    def heal(self) -> None:
        self.fault = lambda command, path, body, headers: None
        self.edit = lambda path, sent, data: data

    def drop_packets(self) -> None:
        """The port is there and takes no connection: its backlog is full, so that the kernel drops what asks for one."""
        # Connections that are open end with their next request.
        self.fault = lambda command, path, body, headers: "hang up"
        self.server.shutdown()
        self.server.server_close()
        self.hole = socket.socket()
        self.hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.hole.bind(("127.0.0.1", self.port))
        self.hole.listen(0)
        self.fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)

    def serve_again(self) -> None:
        for each in [*self.fillers, self.hole]:
            each.close()
        self.heal()
        self.server = self._serve(("127.0.0.1", self.port))


class Fleet:
    """A fleet behind proxies, with two tenants and a second bucket."""

    def __init__(self, aws: stack.Stack, name: str, **settings: str) -> None:
        self.name, self.aws = name, aws
        self.fleet = aws.fleet(name, visibility=10, receives=3)
        self.other = f"{name}-second"
        self._second_bucket()
        self.s3, self.sqs = Proxy(aws.aws_url), Proxy(aws.aws_url)
        self.search, self.provider = Proxy(aws.node.url), Proxy(aws.embeddings_url)
        rules = f"s3://{self.fleet.bucket}/a/=alpha s3://{self.fleet.bucket}/b/=beta s3://{self.other}/=gamma"
        self.work = FleetRun(self.fleet, aws.folder, {
            "POLL_SECONDS": "1", "DOCUMENTS": rules, "LOG_FORMAT": "text", "LOG_LEVEL": "debug", "AWS_ENDPOINT_URL_S3": self.s3.url,
            "AWS_ENDPOINT_URL_SQS": self.sqs.url, "OPENSEARCH_URL": self.search.url, "OPENAI_BASE_URL": self.provider.url + "/v1",
            "EMBEDDING_TIMEOUT_SECONDS": "5", **settings,
        })
        self.number = 0
        self.rows: list[dict] = []

    def _second_bucket(self) -> None:
        self.fleet.s3.create_bucket(Bucket=self.other)
        events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"]
        allow = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": self.fleet.arns["events"],
                 "Condition": {"ArnLike": {"aws:SourceArn": [f"arn:aws:s3:::{b}" for b in (self.fleet.bucket, self.other)]}}}
        self.fleet.sqs.set_queue_attributes(QueueUrl=self.fleet.queues["events"], Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
        self.fleet.s3.put_bucket_notification_configuration(
            Bucket=self.other, NotificationConfiguration={"QueueConfigurations": [{"QueueArn": self.fleet.arns["events"], "Events": events}]})
        policy = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": [f"arn:aws:s3:::{self.other}", f"arn:aws:s3:::{self.other}/*"]}
        self.fleet.iam.put_role_policy(RoleName=f"{self.name}-ingest-worker", PolicyName="second", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))

    def start(self) -> None:
        for worker in ("ingest-worker", "embed-worker"):
            self.work.start(worker)
        self.good("start", 60)

    def put(self, key: str, text: str, bucket: str | None = None) -> None:
        self.fleet.s3.put_object(Bucket=bucket or self.fleet.bucket, Key=key, Body=text.encode(), ContentType="text/plain")

    def live(self, keys: list[str]) -> set[str]:
        query = {"size": 1000, "_source": ["key"], "query": {"terms": {"key": keys}}}
        try:
            FleetRun._ask(f"{self.aws.node.url}/{self.fleet.alias}/_refresh", {})
            return {hit["_source"]["key"] for hit in FleetRun._ask(f"{self.aws.node.url}/{self.fleet.alias}/_search", query)["hits"]["hits"]}
        except OSError:
            return set()

    def wait(self, what: str, condition, seconds: float) -> float:
        begin = time.monotonic()
        while not condition():
            self.work.alive()
            if time.monotonic() - begin > seconds:
                raise Failed(f"{self.name}: {what}: not within {seconds:.0f} s")
            time.sleep(0.25)
        return time.monotonic() - begin

    def good(self, what: str, seconds: float = BESIDE, bucket: str | None = None) -> float:
        """A document of another tenant is searchable soon."""
        self.number += 1
        key = f"b/good-{self.number}.txt"
        self.put(key, f"Good document number {self.number} of {self.name}, beside {what}.", bucket)
        return self.wait(f"a good document beside {what}", lambda: self.live([key]) == {key}, seconds)

    def dead_letters(self) -> dict[str, str]:
        found = {}
        for name in ("events-dead", "chunks-dead"):
            url = self.fleet.queues[name]
            while messages := self.fleet.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages"):
                for message in messages:
                    attributes = {k: v["StringValue"] for k, v in message.get("MessageAttributes", {}).items()}
                    found[attributes.get("object", message["Body"][:80])] = attributes.get("reason", "moved by the queue")
                    self.fleet.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def redelivered(self) -> int:
        return sum(self.work.metric(worker, "ingest_messages_redelivered_total") for worker in ("ingest-worker", "embed-worker"))

    def paused(self) -> str:
        """What a worker says is unavailable."""
        for worker in ("ingest-worker", "embed-worker"):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.work.ports[worker]}/ready", timeout=5)
            except urllib.error.HTTPError as error:
                text = error.read().decode()
                metrics = urllib.request.urlopen(f"http://127.0.0.1:{self.work.ports[worker]}/metrics", timeout=5).read().decode()
                if "paused" in text and "ingest_paused{" in metrics:
                    return text.strip()
                if "paused" not in text:
                    return text.strip()
            except OSError:
                pass
        return ""

    # The two kinds of cells.

    def one(self, proxy: Proxy, faults: dict[str, str], limit: float = 150) -> None:
        """Faults of one document each, all at once; the values are the reasons that they must be rejected for, or `live`."""
        faults = {name: reason for name, reason in faults.items() if not FAULTS or name in FAULTS}
        if not faults:
            return
        self.dead_letters()
        keys = {f"a/{fault}.txt": reason for fault, reason in faults.items()}
        before = proxy.requests
        for key in keys:
            self.put(key, f"A document with the mark FAULT-{key[2:-4]}-END and nothing else that is odd, after {self.number} good ones.")
        beside = max(self.good("faults of one document") for _ in range(3))
        wanted = {key: reason for key, reason in keys.items() if reason != "live"}
        living = {key for key, reason in keys.items() if reason == "live"}
        listed: dict[str, str] = {}

        def is_over() -> bool:
            nonlocal listed
            listed = {key: reason for key, reason in self.work.rejections().items() if key in keys}
            return set(listed) == set(wanted) and self.live(sorted(living)) == living

        problem = ""
        try:
            self.wait("the end of the faults of one document", is_over, limit)
        except Failed as error:
            problem = f"{error}: listed {listed}, live {sorted(self.live(sorted(keys)))}"
        self.fleet.wait_until_drained(30, alive=self.work.alive) if not problem else None
        dead_letters = {name.split("/", 3)[-1]: reason for name, reason in self.dead_letters().items()}
        cost = (proxy.requests - before) / max(1, len(keys))
        for key, reason in keys.items():
            ended = "live" if key in living and key not in listed else listed.get(key, "nothing")
            right = ended == reason and (reason == "live" or dead_letters.get(key) == reason) and not problem
            self.row(key[2:-4], "one", ended if right else f"{ended}, dead letter {dead_letters.get(key)}: {problem}", right, cost, beside)
        if beside > BESIDE or cost > 80:
            self.row("beside", "one", f"{beside:.1f} s, {cost:.0f} requests a document", False, cost, beside)

    def all(self, name: str, proxy: Proxy, breaking, healing=None, seconds: float = 12, waits: bool = True, bucket: str | None = None, beside: bool = False, checks_live: bool = True, documents: int = 4) -> None:
        """A fault of everything: work waits, nothing is received twice, and everything is searchable when it is over."""
        if FAULTS and name not in FAULTS:
            return
        self.dead_letters()
        before, requests = self.redelivered(), proxy.requests
        problem, said = "", ""
        breaking()
        proxy.drain()
        try:
            self.number += 1
            keys = [f"a/{name}-{self.number}-{n}.txt" for n in range(documents)]
            for key in keys:
                self.put(key, f"Document {key} of {self.name}.", bucket)
            end = time.monotonic() + seconds
            if waits:
                deadline = time.monotonic() + max(60, seconds)  # a connection that times out takes 5 s, four times
                while not said and time.monotonic() < deadline:
                    said = self.paused()
                    time.sleep(0.3)
                if not said:
                    problem = "no worker says that it is paused"
                if beside:
                    self.good(f"{name} of another bucket")
            while time.monotonic() < end:
                self.work.alive()
                time.sleep(0.2)
            if waits:
                if checks_live and self.live(keys):
                    problem = problem or "a document is live during the fault"
        except Failed as error:
            problem = str(error)
        cost = (proxy.requests - requests) / documents
        (healing or proxy.heal)()
        try:
            self.wait(f"the documents after {name}", lambda: self.live(keys) == set(keys), 150)
            self.fleet.wait_until_drained(100, alive=self.work.alive)
            self.wait(f"ready after {name}", lambda: not self.paused(), 70)
        except (Failed, TimeoutError) as error:
            problem = problem or str(error)
        dead_letters, burnt = self.dead_letters(), self.redelivered() - before
        if dead_letters:
            problem = problem or f"dead letters: {dead_letters}"
        if burnt:
            problem = problem or f"{burnt} messages were received again"
        if cost > 20 + 2 * seconds:
            problem = problem or f"{cost:.0f} requests a document"
        self.row(name, "all", problem or ("paused, then live" if waits else "live"), not problem, cost, said=said)

    def row(self, fault: str, scope: str, end: str, right: bool, cost: float, beside: float | None = None, said: str = "") -> None:
        service = self.name.removeprefix("edges-")
        if right and (service, scope, fault, end) not in TABLE:
            end, right = f"{end}, which docs/situations.md does not say", False
        self.rows.append({"service": self.name, "fault": fault, "scope": scope, "end": end, "right": right, "requests_per_document": round(cost, 1)})
        more = f", good document beside it in {beside:.1f} s" if beside is not None else f" ({said[:90]})" if said else ""
        say(f"{'ok   ' if right else 'WRONG'} {self.name:9} {scope:3} {fault}: {end}; {cost:.1f} requests a document{more}")


def marked(body: bytes, known) -> str | None:
    """The fault whose mark is in the text."""
    text = body.decode(errors="replace")
    return next((fault for fault in known if f"FAULT-{fault}-END" in text), None)
