#!/usr/bin/env python3
"""Every fault meets the right fate (`make edges`): a matrix of what documents, providers and stores do wrong, with the release programs.

    edges.py [--seconds N] [--quick] [--only SERVICE]... [--fault NAME]...

A fleet of its own for each service that fails, all at the same time, on one local stack. For each service the faults of *one* item come first, all of them
at once: each has to end in a rejection with its reason, listed by `ingestctl rejections`, while a document of another tenant is searchable within 30 s. Then the
faults of *all* items, one after the other, for --seconds where the fault is an outage (45 by default): the worker says that it is paused
(`/ready`, `ingest_paused`), no message is received twice, nothing is dead-lettered, and everything is searchable afterwards. Prints a line for each cell with
the requests that each document cost, and ends with a line of JSON; 1 where a cell ended in another way.
"""
import argparse
import http.client
import json
import pathlib
import re
import socket
import sys
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import stack
from fleet_run import FleetRun
from processes import Failed, free_port

TABLE = set(re.findall(r"^\| (provider|bucket|search|queues) \| (one|all) \| ([^|]+?) \| ([^|]+?) \|$", (ROOT / "docs/situations.md").read_text(), re.MULTILINE))
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
        self.upstream = urllib.parse.urlsplit(upstream)
        self.fault = lambda command, path, body, headers: None
        self.edit = lambda path, sent, data: data
        self.requests = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_) -> None:
                pass

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.requests += 1
                fault = proxy.fault(self.command, self.path, body, self.headers)
                if fault == "hang up":
                    self.close_connection = True
                    return
                if fault is not None:
                    return self.reply(fault.status, fault.body, {"Content-Type": fault.content_type, **fault.headers})
                connection = http.client.HTTPConnection(proxy.upstream.hostname, proxy.upstream.port, timeout=120)
                try:
                    headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection",)}
                    connection.request(self.command, self.path, body, headers)
                    response = connection.getresponse()
                    data = proxy.edit(self.path, body, response.read())
                    kept = {k: v for k, v in response.getheaders() if k.lower() not in ("transfer-encoding", "connection", "content-length")}
                    self.reply(response.status, data, kept)
                finally:
                    connection.close()

            def reply(self, status: int, data: bytes, headers: dict) -> None:
                try:
                    self.send_response_only(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    if status not in (204, 304):
                        self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    if self.command != "HEAD" and status not in (204, 304):
                        self.wfile.write(data)
                except OSError:
                    self.close_connection = True

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

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

    def letters(self) -> dict[str, str]:
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

    def one(self, proxy: Proxy, faults: dict[str, str], patience: float = 150) -> None:
        """Faults of one document each, all at once; the values are the reasons that they must be rejected for, or `live`."""
        faults = {name: reason for name, reason in faults.items() if not FAULTS or name in FAULTS}
        if not faults:
            return
        self.letters()
        keys = {f"a/{fault}.txt": reason for fault, reason in faults.items()}
        before = proxy.requests
        for key in keys:
            self.put(key, f"A document with the mark FAULT-{key[2:-4]}-END and nothing else that is odd.")
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
            self.wait("the end of the faults of one document", is_over, patience)
        except Failed as error:
            problem = f"{error}: listed {listed}, live {sorted(self.live(sorted(keys)))}"
        self.fleet.wait_until_drained(30, alive=self.work.alive) if not problem else None
        letters = {name.split("/", 3)[-1]: reason for name, reason in self.letters().items()}
        cost = (proxy.requests - before) / max(1, len(keys))
        for key, reason in keys.items():
            ended = "live" if key in living and key not in listed else listed.get(key, "nothing")
            right = ended == reason and (reason == "live" or letters.get(key) == reason) and not problem
            self.row(key[2:-4], "one", ended if right else f"{ended}, dead letter {letters.get(key)}: {problem}", right, cost, beside)
        if beside > BESIDE or cost > 80:
            self.row("beside", "one", f"{beside:.1f} s, {cost:.0f} requests a document", False, cost, beside)

    def all(self, name: str, proxy: Proxy, breaking, healing=None, seconds: float = 12, waits: bool = True, bucket: str | None = None, beside: bool = False, checks_live: bool = True, documents: int = 4) -> None:
        """A fault of everything: work waits, nothing is received twice, and everything is searchable when it is over."""
        if FAULTS and name not in FAULTS:
            return
        self.letters()
        before, requests = self.redelivered(), proxy.requests
        problem, said = "", ""
        breaking()
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
        letters, burnt = self.letters(), self.redelivered() - before
        if letters:
            problem = problem or f"dead letters: {letters}"
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


# The services.

def vectors(body: bytes, change=lambda item, text: item) -> Answer:
    """An answer of the right form, with each item changed."""
    import struct
    texts = json.loads(body)["input"]
    items = []
    for index, text in enumerate(texts):
        seed = sum(text.encode()) % 97 + 1
        vector = [float((seed * (n + 3)) % 11 + 1) for n in range(256)]
        item = change({"object": "embedding", "index": index, "embedding": vector}, text)
        if item is not None:
            items.append(item)
    return Answer(200, json.dumps({"object": "list", "data": items}))


def provider(fleet: Fleet, seconds: float, quick: bool) -> None:
    proxy = fleet.provider
    vllm = lambda status, message: Answer(status, json.dumps({"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": status}))
    refusals = {
        "openai-400": Answer(400, json.dumps({"error": {"message": "'$.input' is invalid.", "type": "invalid_request_error", "param": None, "code": None}})),
        "vllm-400": vllm(400, "This text cannot be embedded."),
        "fastapi-422": Answer(422, json.dumps({"detail": [{"loc": ["body", "input"], "msg": "value is not a valid string", "type": "type_error"}]})),
        "tei-413": Answer(413, json.dumps({"error": "Input validation error: `inputs` must have less than 512 tokens. Given: 700", "error_type": "Validation"})),
        "tei-424": Answer(424, json.dumps({"error": "backend error", "error_type": "Backend"})),
        "ollama-500-nan": Answer(500, json.dumps({"error": "failed to encode response: json: unsupported value: NaN"})),
        "waf-403": html(403),
        "plain-400": Answer(400, b"no good", "text/plain"),
        "error-in-200": Answer(200, json.dumps({"error": {"message": "overloaded"}})),
        "empty-200": Answer(200, b""),
        "too-large-429": Answer(429, json.dumps({"error": {"message": "Request too large for m: Limit 4000, Requested 20000.", "type": "tokens", "code": "rate_limit_exceeded"}})),
    }
    flaws = {
        "null-vector": lambda item: item | {"embedding": None},
        "null-in-vector": lambda item: item | {"embedding": [None, *item["embedding"][1:]]},
        "zero-vector": lambda item: item | {"embedding": [0.0] * 256},
        "empty-vector": lambda item: item | {"embedding": []},
        "missing-item": lambda item: None,
    }

    def one(command, path, body, headers):
        if fault := marked(body, refusals):
            return refusals[fault]
        if any(f"FAULT-{flaw}-END" in body.decode() for flaw in flaws):
            return vectors(body, lambda item, text: next((change(item) for flaw, change in flaws.items() if f"FAULT-{flaw}-END" in text), item))
        return None

    proxy.fault = one
    fleet.one(proxy, {fault: "embedding_refused" for fault in [*refusals, *flaws]})
    proxy.heal()

    def everything(answer):
        proxy.fault = lambda command, path, body, headers: answer(body) if callable(answer) else answer

    outages = {
        "503-page": html(503), "429": Answer(429, json.dumps({"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}})),
        "no-quota": Answer(429, json.dumps({"error": {"message": "quota", "code": "insufficient_quota"}})),
    }
    for name, answer in list(outages.items())[: 1 if quick else None]:
        fleet.all(name, proxy, lambda: everything(answer), seconds=seconds)
    whole = {
        "wrong-key-401": Answer(401, json.dumps({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}})),
        "wrong-key-400": Answer(400, json.dumps([{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}])),
        "unknown-model-404": Answer(404, json.dumps({"error": {"message": "The model does not exist", "code": "model_not_found"}})),
        "operation-400": Answer(400, json.dumps({"error": {"code": "OperationNotSupported", "message": "The embeddings operation does not work with the specified model."}})),
        "not-loaded-400": Answer(400, json.dumps({"error": "model is not loaded"})),
        "html-400": html(400), "redirect": REDIRECT, "waf-403": html(403), "413-all": refusals["tei-413"], "424-all": refusals["tei-424"],
        "error-in-200": refusals["error-in-200"], "empty-200": refusals["empty-200"], "html-200": html(200),
        "zero-vectors": lambda body: vectors(body, lambda item, text: flaws["zero-vector"](item)),
        "null-vectors": lambda body: vectors(body, lambda item, text: flaws["null-vector"](item)),
        "wrong-dimensions": lambda body: vectors(body, lambda item, text: item | {"embedding": item["embedding"][:100]}),
    }
    for name, answer in whole.items():
        if not quick or name in ("wrong-key-400", "zero-vectors"):
            fleet.all(name, proxy, lambda: everything(answer))
    if not quick:
        fleet.all("dropped-packets", proxy, proxy.drop_packets, proxy.serve_again)

    # Providers that are odd and can be used: everything is live while they are so.
    def refuses(parameter):
        return lambda body: vllm(400, f"{parameter} is not supported") if parameter in json.loads(body) else vectors(body)

    usable = {
        "no-dimensions": refuses("dimensions"), "no-base64": refuses("encoding_format"),
        "no-index": lambda body: vectors(body, lambda item, text: {"embedding": item["embedding"]}),
        "index-0-left-out": lambda body: vectors(body, lambda item, text: item if item["index"] else {"embedding": item["embedding"]}),
        "byte-order-mark": lambda body: Answer(200, b"\xef\xbb\xbf" + vectors(body).body),
        "one-text-a-request": lambda body: vllm(422, "batch size 2 > maximum allowed batch size 1") if len(json.loads(body)["input"]) > 1 else vectors(body),
    }
    for name, answer in usable.items():
        if not quick or name in ("no-dimensions", "no-index"):
            everything(answer)
            fleet.all(name, proxy, lambda: None, seconds=0, waits=False)


def bucket(fleet: Fleet, seconds: float, quick: bool) -> None:
    proxy = fleet.s3
    objects = {
        "sse-c": (s3_error(400, "InvalidRequest", "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."), "forbidden"),
        "kms-disabled": (s3_error(400, "KMS.DisabledException"), "forbidden"), "kms-pending": (s3_error(400, "KMS.KMSInvalidStateException"), "forbidden"),
        "kms-gone": (s3_error(400, "KMS.NotFoundException"), "forbidden"), "denied": (s3_error(403, "AccessDenied"), "forbidden"),
        "archived": (s3_error(403, "InvalidObjectState"), "archived"), "conflict": (s3_error(409, "OperationAborted"), "forbidden"),
        "legal-451": (html(451), "forbidden"), "precondition": (s3_error(412, "PreconditionFailed"), "forbidden"),
        "redirect-301": (s3_error(301, "PermanentRedirect"), "retries_exhausted"), "not-found-page": (Answer(404, b"404 page not found", "text/plain"), "retries_exhausted"),
        "error-500": (s3_error(500, "InternalError"), "retries_exhausted"), "page-503": (html(503), "retries_exhausted"), "page-400": (html(400), "retries_exhausted"),
        "page-200": (html(200), "retries_exhausted"), "slow-down": (s3_error(503, "SlowDown"), "throttled"),
    }
    one = {name: (answer, reason) for name, (answer, reason) in objects.items() if reason != "throttled"}

    def fault(command, path, body, headers):
        name = path.split("?")[0].rpartition("/")[2].removesuffix(".txt")
        return one[name][0] if command == "GET" and name in one else None

    proxy.fault = fault
    fleet.one(proxy, {name: reason for name, (_, reason) in one.items()})
    proxy.heal()
    # A request is signed for the region that the answer names. (The local server knows one region: that request is answered here.)
    def moved(command, path, body, headers):
        if command != "GET" or "/a/region-" not in path:
            return None
        if "/eu-west-1/s3/" in headers.get("Authorization", ""):
            return Answer(200, f"A document of another region, at {path}.", "text/plain", ETag='"moved"', **{"x-amz-request-id": "1"})
        return s3_error(301 if "301" in path else 307, "PermanentRedirect", **{"x-amz-bucket-region": "eu-west-1"})

    proxy.fault = moved
    fleet.one(proxy, {"region-301": "live", "region-307": "live"})
    proxy.heal()
    for other in (False, True):
        name = fleet.other if other else None
        suffix = "-of-one-bucket" if other else ""

        def everything(answer, listing=True):
            prefix = f"/{name}" if name else f"/{fleet.fleet.bucket}"
            proxy.fault = lambda command, path, body, headers: answer if path.startswith(prefix) and (listing or "list-type" not in path) else None

        cells = {"error-500": s3_error(500, "InternalError"), "slow-down": s3_error(503, "SlowDown"), "page-503": html(503)}
        for cell, answer in list(cells.items())[: 1 if quick else None]:
            fleet.all(cell + suffix, proxy, lambda: everything(answer), seconds=seconds, bucket=name, beside=other)
        cells = {"denied": s3_error(403, "AccessDenied"), "html-200": html(200), "redirect": REDIRECT, "page-404": Answer(404, b"404 page not found", "text/plain"), "page-403": html(403)}
        for cell, answer in cells.items():
            if not quick or cell == "denied":
                fleet.all(cell + suffix, proxy, lambda: everything(answer), bucket=name, beside=other)
    if not quick:
        fleet.put("a/warm.txt", "A document that could be read before the fault.")
        fleet.all("get-500-list-works", proxy, lambda: everything(s3_error(500, "InternalError"), listing=False), seconds=15, bucket=fleet.other)
        fleet.all("dropped-packets", proxy, proxy.drop_packets, proxy.serve_again)


def item_errors(sent: bytes, data: bytes, errors: dict[str, tuple[int, str, str]], all_of: tuple[int, str, str] | None = None, reads: str = "") -> bytes:
    """A bulk's or a multi-get's answer with the errors of some items."""
    answer = json.loads(data)
    if "docs" in answer:
        if reads:
            answer["docs"] = [{"_index": "x", "_id": doc["_id"], "error": {"type": reads, "reason": "no permissions"}} for doc in answer["docs"]]
        return json.dumps(answer).encode()
    lines = sent.split(b"\n")
    place = 0
    for item in answer.get("items", []):
        action = next(iter(item))
        source = b"" if action == "delete" else lines[place + 1]
        place += 1 if action == "delete" else 2
        fault = marked(source, errors)
        if error := errors[fault] if fault else all_of if action != "delete" and b'"vector"' in source else None:
            item[action] = {"status": error[0], "error": {"type": error[1], "reason": error[2]}}
    return json.dumps(answer).encode()


def search(fleet: Fleet, seconds: float, quick: bool) -> None:
    proxy = fleet.search
    values = {
        "mapper-parsing": (400, "mapper_parsing_exception", "failed to parse field [lang] of type [keyword]"),
        "immense-term": (400, "illegal_argument_exception", "Document contains at least one immense term in field=\"x\""),
    }
    chances = {
        "item-500": (500, "internal_error", "no"), "item-429": (429, "rejected_execution_exception", "busy"),
        "item-403": (403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)]"),
    }
    del chances["item-429"]  # throttling is obeyed in place for a quarter of an hour: longer than this run
    proxy.edit = lambda path, sent, data: item_errors(sent, data, values | chances) if path.startswith("/_bulk") else data
    proxy.fault = lambda command, path, body, headers: html(413) if path.startswith("/_bulk") and b"FAULT-page-413-END" in body else None
    # What is not an error of a value counts against a document only while others succeed.
    keep = threading.Event()

    def others() -> None:
        number = 0
        while not keep.wait(4):
            number += 1
            fleet.put(f"b/stream-{number}.txt", f"Document {number} of a stream of good ones.")

    thread = threading.Thread(target=others, daemon=True)
    thread.start()
    # A failure of the cluster waits in place for long before it counts against a document (EmbedPipeline's patience): not within this run.
    fleet.one(proxy, {name: "index_refused" for name in values} | {"page-413": "index_refused"})
    keep.set()
    thread.join()
    proxy.heal()

    def everything(answer, where="/"):
        proxy.fault = lambda command, path, body, headers: answer if path.startswith(where) else None

    outages = {"page-503": (html(503), "/"), "bulk-504": (html(504), "/_bulk"), "429": (Answer(429, json.dumps({"error": {"type": "rejected_execution_exception", "reason": "busy"}, "status": 429})), "/")}
    for name, (answer, where) in list(outages.items())[: 1 if quick else None]:
        fleet.all(name, proxy, lambda: everything(answer, where), seconds=seconds)
    whole = {
        "redirect": REDIRECT, "redirect-301": Answer(301, b"", "text/html", Location="https://x/"), "html-200": html(200), "page-403": html(403),
        "plain-http-400": Answer(400, b"<html>The plain HTTP request was sent to HTTPS port</html>", "text/html"), "405": html(405), "406": html(406), "421": html(421),
        "unauthorized-401": Answer(401, b"Unauthorized", "text/plain"), "413-all": html(413),
    }
    for name, answer in whole.items():
        if not quick or name in ("redirect", "page-403"):
            fleet.all(name, proxy, lambda: everything(answer))
    items = {
        "item-429": (429, "rejected_execution_exception", "rejected execution"), "flood-stage": (429, "cluster_block_exception", "disk usage exceeded flood-stage watermark"),
        "write-block": (403, "cluster_block_exception", "blocked by: [FORBIDDEN/8/index write (api)]"), "index-closed": (400, "index_closed_exception", "closed"),
        "two-write-indexes": (400, "illegal_argument_exception", "no write index is defined for alias [x]."),
        "full-shard": (400, "illegal_argument_exception", "Number of documents in the index can't exceed [2147483519]"),
        "knn-breaker": (400, "mapper_parsing_exception", "Parsing the created knn vector fields prior to indexing has failed as the circuit breaker triggered."),
        "security": (403, "security_exception", "no permissions for [indices:data/write/bulk]"),
        "mapping-changed": (400, "mapper_parsing_exception", "failed to parse field [text] of type [long]"),
    }
    for name, error in items.items():
        if not quick or name in ("full-shard", "knn-breaker"):
            def breaking() -> None:
                proxy.edit = lambda path, sent, data: item_errors(sent, data, {}, error) if path.startswith("/_bulk") else data
            # The server has created the chunks: only its answer is another one.
            fleet.all(name, proxy, breaking, checks_live=False)
    if not quick:
        def reads() -> None:
            proxy.edit = lambda path, sent, data: item_errors(sent, data, {}, reads="security_exception") if path.endswith("/_mget") else data
        fleet.all("mget-security", proxy, reads)
        def closed() -> None:
            proxy.edit = lambda path, sent, data: item_errors(sent, data, {}, reads="circuit_breaking_exception") if path.endswith("/_mget") else data
        fleet.all("mget-circuit-breaker", proxy, closed)
        fleet.all("dropped-packets", proxy, proxy.drop_packets, proxy.serve_again)


def queues(fleet: Fleet, seconds: float, quick: bool) -> None:
    proxy = fleet.sqs
    error = lambda status, code, message="no": Answer(status, json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": message}), "application/x-amz-json-1.0")
    ONE = {"too-long": error(400, "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."),
           "odd-characters": error(400, "InvalidMessageContents")}

    def one(command, path, body, headers):
        if headers.get("x-amz-target") != "AmazonSQS.SendMessage":
            return None
        message = json.loads(body)
        if "chunks" in message["QueueUrl"].rpartition("/")[2] and "dead" not in message["QueueUrl"]:
            return next((answer for name, answer in ONE.items() if f"/{name}.txt" in message["MessageBody"]), None)
        return None

    proxy.fault = one
    fleet.one(proxy, {name: "message_refused" for name in ONE})
    proxy.heal()

    def everything(answer, *operations, only=""):
        def fault(command, path, body, headers):
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            return answer if (not operations or operation in operations) and only in json.loads(body or b"{}").get("QueueUrl", "") else None
        proxy.fault = fault

    outages = {
        "send-503": (html(503), ("SendMessage",)), "delete-500": (error(500, "InternalError"), ("DeleteMessageBatch",)),
        "all-503": (html(503), ()),
    }
    for name, (answer, operations) in list(outages.items())[: 2 if quick else None]:
        # What is in flight when every call fails loses its lease: that is the queue's own doing. Nothing is in flight then.
        waits = name != "delete-500"
        if name == "delete-500":
            fleet.all(name, proxy, lambda: everything(answer, *operations), seconds=seconds, waits=False)
        else:
            fleet.all(name, proxy, lambda: everything(answer, *operations), seconds=seconds, waits=waits)
    whole = {
        "send-denied": (error(403, "AccessDeniedException"), ("SendMessage",)), "send-kms": (error(400, "KMS.DisabledException"), ("SendMessage",)),
        "send-redirect": (REDIRECT, ("SendMessage",)), "send-html-200": (html(200), ("SendMessage",)), "send-throttled": (error(400, "ThrottlingException"), ("SendMessage",)),
        "receive-html-200": (html(200), ("ReceiveMessage",)),
    }
    for name, (answer, operations) in whole.items():
        if not quick or name == "send-denied":
            fleet.all(name, proxy, lambda: everything(answer, *operations))


SERVICES = {"provider": provider, "bucket": bucket, "search": search, "queues": queues}


def run(aws: stack.Stack, seconds: float, quick: bool, only: list[str]) -> dict:
    fleets: dict[str, Fleet] = {}
    problems: list[str] = []

    def work(name: str) -> None:
        try:
            fleets[name] = Fleet(aws, f"edges-{name}")
            fleets[name].start()
            SERVICES[name](fleets[name], seconds, quick)
        except Exception as error:
            problems.append(f"{name}: {type(error).__name__}: {error}")
            say(f"WRONG {name}: {error}")
        finally:
            if name in fleets:
                for worker in fleets[name].work.workers.values():
                    worker.stop(30)

    threads = [threading.Thread(target=work, args=(name,)) for name in only]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = [row for fleet in fleets.values() for row in fleet.rows]
    (ROOT / ".local/stack/edges/rows.json").write_text(json.dumps(rows, indent=1))
    wrong = [f"{row['service']} {row['scope']} {row['fault']}: {row['end']}" for row in rows if not row["right"]] + problems
    most = max((row["requests_per_document"] for row in rows), default=0)
    return {"cells": len(rows), "right": sum(row["right"] for row in rows), "most_requests_per_document": most, "outage_seconds": seconds, "wrong": wrong,
            "seconds": round(time.monotonic() - started)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=45, help="how long an outage lasts")
    parser.add_argument("--quick", action="store_true", help="a small part, as CI runs it")
    parser.add_argument("--only", action="append", choices=sorted(SERVICES))
    parser.add_argument("--fault", action="append", help="only this one")
    options = parser.parse_args()
    FAULTS.update(options.fault or [])
    aws = stack.Stack(ROOT / ".local/stack/edges", say=say)
    try:
        figures = run(aws, options.seconds, options.quick, options.only or list(SERVICES))
    finally:
        aws.stop()
    print(json.dumps(figures))
    return 1 if figures["wrong"] or not figures["cells"] else 0


if __name__ == "__main__":
    sys.exit(main())
