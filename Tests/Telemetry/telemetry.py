#!/usr/bin/env python3
"""What the fleet reports of itself, read by others' readers (`make telemetry`).

    telemetry.py [--phoenix]

Both workers run with traces, embedded metrics and debug logs while documents come in, two are rejected, the provider throttles and repeats what
it was sent, and the receiver is unavailable at first. Then: one trace over both workers from a header that came with the event and one that began here, read by
OTLP's own messages (and by a Phoenix server with --phoenix); Prometheus' parser and promtool on /metrics; each EMF line against its schema; every
documented metric is reported and no other; and no planted secret or sentence in a log, metric, trace, dead-letter message or error.
"""
import argparse
import base64
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import opensearch
import stack
from fleet_run import FleetRun, ends_with_figures, wait
from processes import Process, free_port

FOLDER = ROOT / ".local/stack/telemetry"
READERS = ROOT / ".local/telemetry/bin/python"
SENTENCE = "The heron of Kilnsea counts four thousand lanterns before breakfast"
KEY, HEADER_SECRET = "sk-planted-key-of-the-provider", "planted-key-of-the-receiver"
TRACE = "5759e988bd862e3fe1be46a994272793"
AWS_HEADER = f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent=53995c3f42cd8ad8;Sampled=1"
REFUSED = "plover"
LATER = 25


class Receiver:
    """Takes OTLP exports; the first is answered 503, as a collector that starts is."""

    def __init__(self, forward: str | None) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.headers.append(dict(self.headers))
                if len(outer.headers) == 1:
                    self.send_response(503)
                else:
                    outer.bodies.append(body)
                    status = 200
                    if forward:
                        request = urllib.request.Request(forward + self.path, body, {"Content-Type": self.headers["Content-Type"]}, method="POST")
                        status = urllib.request.urlopen(request, timeout=30).status
                    self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


class Provider:
    """Stands before the embeddings server: throttles twice, and repeats what it was sent where a text is refused."""

    def __init__(self, upstream: str) -> None:
        self.requests = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests += 1
                if REFUSED in body.decode():
                    return self.answer(400, json.dumps({"error": {"message": f"refused: {body.decode()[:500]} {self.headers['Authorization']}", "type": "invalid_request_error"}}).encode())
                if outer.requests in (3, 5):
                    return self.answer(429, json.dumps({"error": {"message": f"slow down {self.headers['Authorization']}", "code": "rate_limit_exceeded"}}).encode(), {"Retry-After": "0"})
                request = urllib.request.Request(upstream + self.path, body, {"Content-Type": "application/json", "Authorization": f"Bearer {stack.KEY}"}, method="POST")
                self.answer(200, urllib.request.urlopen(request, timeout=30).read())

            def answer(self, status: int, body: bytes, headers: dict = {}) -> None:
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


def read(*arguments: object) -> list[dict]:
    done = subprocess.run([READERS, ROOT / "Tests/Telemetry/read.py", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def run(aws: stack.Stack, say, phoenix: str | None = None) -> dict:
    FOLDER.mkdir(parents=True, exist_ok=True)
    fleet = aws.fleet("telemetry")
    receiver, provider = Receiver(phoenix), Provider(aws.embeddings_url)
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={HEADER_SECRET}", "OTEL_TRACES_SAMPLER_ARG": "1",
        "METRICS_EMF": "true", "LOG_FORMAT": "json", "LOG_LEVEL": "debug", "DEPLOYMENT": "telemetry-test", "EMBEDDING_PRICE": "0.02",
    }
    work = FleetRun(fleet, aws.folder, settings)
    work.start("ingest-worker")
    work.start("embed-worker", settings={"OPENAI_BASE_URL": provider.url, "OPENAI_API_KEY": KEY})
    say("  both workers run, with traces, embedded metrics and debug logs")
    put = lambda key, body: fleet.s3.put_object(Bucket=fleet.bucket, Key=key, Body=body)
    for number in range(30):
        put(f"notes/{number}.txt", f"{SENTENCE}. Note {number} of the station, written at {number} o'clock.".encode())
    put("refused.txt", f"{SENTENCE}. The {REFUSED} does not.".encode())
    put("broken.pdf", b"%PDF-1.7\n" + SENTENCE.encode() + b"\nno document at all")
    # An event whose sender has a trace of its own.
    fleet.s3.put_bucket_notification_configuration(Bucket=fleet.bucket, NotificationConfiguration={})
    put("traced.txt", f"{SENTENCE}, and traces it.".encode())
    event = {"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-11-28T12:00:00.000Z", "awsRegion": "us-east-1",
                          "s3": {"bucket": {"name": fleet.bucket}, "object": {"key": "traced.txt", "size": 10, "eTag": "0", "sequencer": "0"}}}]}
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": AWS_HEADER}}
    fleet.sqs.send_message(QueueUrl=fleet.queues["events"], MessageBody=json.dumps(event), MessageSystemAttributes=header)
    wait("31 documents live", 60, lambda: work.status().get("live", work.status().get("documents", 0)) >= 31 or work.metric("embed-worker", "ingest_documents_indexed_total") >= 31)
    wait("two dead-letter messages", 60, lambda: sum(work.metric(w, "ingest_messages_dead_lettered_total") for w in ("ingest-worker", "embed-worker")) >= 2)
    texts = {name: urllib.request.urlopen(f"http://127.0.0.1:{work.ports[name]}/metrics", timeout=5).read().decode() for name in work.workers}
    check = subprocess.run([work.program("ingest-worker"), "--healthcheck"], env={"HEALTH_PORT": str(work.ports["ingest-worker"]), "PATH": "/usr/bin"}, capture_output=True, text=True)
    assert check.returncode == 0, check.stderr
    dead = dead_letters(fleet)
    drifted = drift(fleet, work, provider, put)
    work.stop()
    check = subprocess.run([work.program("ingest-worker"), "--healthcheck"], env={"HEALTH_PORT": str(work.ports["ingest-worker"]), "PATH": "/usr/bin"}, capture_output=True, text=True)
    assert check.returncode == 1, check.stderr
    logs = {name: worker.log.read_text() for name, worker in work.workers.items()}
    figures = traces(receiver, aws.folder, work, say)
    figures |= metrics(texts, say) | {"drift": drifted}
    figures |= embedded(logs, aws.folder, say)
    figures |= lines(logs, say)
    exported = b"".join(receiver.bodies)
    assert any(headers.get("x-api-key") == HEADER_SECRET for headers in receiver.headers)
    reported = "\n".join([*logs.values(), *texts.values(), *dead, exported.decode("latin-1"), work.ctl("rejections"), work.ctl("status", "--json")])
    issued = [secret for pair in json.load(urllib.request.urlopen(f"{aws.credentials_url}/issued", timeout=5)) for secret in pair]
    assert len(issued) >= 4
    fragments = [*issued, SENTENCE, "four thousand lanterns", KEY, HEADER_SECRET, base64.b64encode(KEY.encode()).decode()]
    found = [fragment for fragment in fragments if fragment in reported]
    assert not found, f"planted and reported: {found}"
    say(f"  {len(fragments)} planted secrets and sentences in no log, metric, trace, dead-letter message or error ({len(reported)} characters)")
    if phoenix:
        figures["phoenix_spans"] = of_phoenix(phoenix)
        say(f"  a Phoenix server returned {figures['phoenix_spans']} spans of the trace, of both workers")
    return figures


def drift(fleet, work: FleetRun, provider: Provider, put) -> float:
    """A worker that starts over an index with vectors compares its own with them: little where the documents are alike."""
    work.workers.pop("embed-worker").stop(30)
    work.start("embed-worker", settings={"OPENAI_BASE_URL": provider.url, "OPENAI_API_KEY": KEY})
    fleet._notify()
    for number in range(LATER):
        put(f"later/{number}.txt", f"{SENTENCE}. Later note {number} of the station, written at {number} o'clock.".encode())
    pattern = re.compile(r"^ingest_vector_drift_ratio (\S+)$", re.MULTILINE)
    page = lambda: urllib.request.urlopen(f"http://127.0.0.1:{work.ports['embed-worker']}/metrics", timeout=5).read().decode()
    wait("the later ones are live", 60, lambda: work.metric("embed-worker", "ingest_documents_indexed_total") >= LATER)
    value = float(wait("the drift is measured", 60, lambda: pattern.search(page()))[1])
    assert -0.001 <= value < 0.2, value
    fleet.s3.delete_object(Bucket=fleet.bucket, Key="later/0.txt")
    wait("one is deleted", 60, lambda: work.metric("embed-worker", "ingest_documents_indexed_total") > LATER)
    return round(value, 4)


def dead_letters(fleet) -> list[str]:
    """Bodies and attributes of all dead-letter messages."""
    found = []
    for queue in ("events-dead", "chunks-dead"):
        answer = fleet.sqs.receive_message(QueueUrl=fleet.queues[queue], MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"], VisibilityTimeout=0)
        found += [json.dumps(message) for message in answer.get("Messages", [])]
    assert len(found) >= 2, found
    return found


def traces(receiver: Receiver, folder: pathlib.Path, work: FleetRun, say) -> dict:
    files = []
    for number, body in enumerate(receiver.bodies):
        files.append(folder / f"export-{number}.pb")
        files[-1].write_bytes(body)
    spans = read("spans", *files)
    of_trace = lambda trace: [span for span in spans if span["trace"] == trace]
    ours = of_trace(TRACE)
    names = {(span["service"], span["name"]) for span in ours}
    expected = {("ingest-worker", name) for name in ("process event", "download", "extract", "chunk", "send chunks")}
    expected |= {("embed-worker", name) for name in ("process chunks", "embed", "bulk index")}
    assert expected <= names, expected - names
    by_id = {span["span"]: span for span in ours}
    for span in ours:
        assert span["end"] >= span["start"] > 0
        if (span["service"], span["name"]) == ("ingest-worker", "process event"):
            assert span["parent"] == "53995c3f42cd8ad8", span
        else:
            assert span["parent"] in by_id, span
    chunks = next(span for span in ours if span["name"] == "process chunks")
    assert by_id[chunks["parent"]]["name"] == "send chunks", "the embed-worker's span is a child of the ingest-worker's"
    begun = [span for span in spans if span["name"] == "process event" and not span["parent"]]
    both = [span for span in begun if {"ingest-worker", "embed-worker"} <= {other["service"] for other in of_trace(span["trace"])}]
    assert len(both) >= 30, (len(begun), len(both))
    assert all(span["resource"]["ingest.pipeline"] == "telemetry-test" for span in spans)
    shown = json.loads(work.ctl("show", f"s3://{work.fleet.bucket}/traced.txt", "--json").splitlines()[0])
    assert TRACE[8:] in json.dumps(shown), shown
    say(f"  {len(spans)} spans in {len(files)} exports; a sender's trace goes on through both workers, and so do {len(both)} that began here; 'ingestctl show' names it")
    return {"spans": len(spans), "traces_over_both": len(both) + 1}


def metrics(texts: dict[str, str], say) -> dict:
    documented = set(re.findall(r"^\| `((?:ingest|process)_\w+)` \|", (ROOT / "docs/telemetry.md").read_text(), re.MULTILINE))
    shown: set[str] = set()
    for name, text in texts.items():
        path = FOLDER / f"{name}.prom"
        path.write_text(text)
        families = read("prometheus", path)
        assert all(family["help"] for family in families)
        # The parser leaves `_total` out of a counter's name.
        shown |= {family["name"] + ("_total" if family["type"] == "counter" else "") for family in families}
        if shutil.which("promtool"):
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    undocumented, missing = shown - documented, documented - shown - {"ingest_evaluation_ndcg_ratio"}
    assert not undocumented and not missing, (undocumented, missing)
    value = lambda worker, pattern: float(re.search(rf"^{pattern} (\S+)$", texts[worker], re.MULTILINE)[1])
    assert value("embed-worker", "ingest_event_to_searchable_seconds_count") >= 31
    assert value("embed-worker", 'ingest_throttled_responses_total{service="embeddings"}'.replace("{", r"\{").replace("}", r"\}")) > 0
    assert value("ingest-worker", "ingest_extraction_duration_seconds_count") >= 31
    assert value("embed-worker", "ingest_embedding_cost_dollars_total") > 0
    assert 'ingest_queue_messages{state="dead"}' in texts["ingest-worker"]
    say(f"  {len(shown)} families of metrics, each documented and read by Prometheus' own parser" + (" and promtool" if shutil.which("promtool") else ""))
    return {"metrics": len(shown)}


def embedded(logs: dict[str, str], folder: pathlib.Path, say) -> dict:
    path = folder / "emf.jsonl"
    found = [line for text in logs.values() for line in text.splitlines() if line.startswith('{"_aws"')]
    path.write_text("\n".join(found) + "\n")
    values = read("emf", path)
    total = lambda name: sum(sum(value["values"]) for value in values if value["name"] == name and set(value["dimensions"]) == {"service", "pipeline"})
    assert total("ingest_documents_indexed_total") >= 31, total("ingest_documents_indexed_total")
    assert total("ingest_rejections_total") >= 2
    assert all(value["dimensions"]["pipeline"] == "telemetry-test" for value in values)
    say(f"  {len(found)} lines of embedded metrics with {len({value['name'] for value in values})} metrics, valid by the schema")
    return {"emf_lines": len(found), "emf_metrics": len({value["name"] for value in values})}


def lines(logs: dict[str, str], say) -> dict:
    """OpenTelemetry's names, and one line with the fate of each document."""
    count, fates, traced = 0, [], []
    for name, text in logs.items():
        for line in text.splitlines():
            value = json.loads(line)
            if "_aws" in value:
                continue
            count += 1
            assert {"timestamp", "severity_text", "severity_number", "service.name", "body"} <= set(value), line
            assert value["service.name"] == name and isinstance(value["severity_number"], int), line
            attributes = value.get("attributes", {})
            assert all(isinstance(attributes[key], int) for key in ("receive_count", "generation", "chunks") if key in attributes), line
            if "fate" in attributes:
                assert re.fullmatch(r"[0-9a-f]{32}", value["trace_id"]) and re.fullmatch(r"[0-9a-f]{16}", value["span_id"]), line
                fates.append((attributes["object"].split("/", 3)[3], attributes["fate"]))
                traced.append((value["trace_id"], attributes["object"]))
    live = [key for key, fate in fates if fate == "searchable"]
    assert sorted(live) == sorted(set(live)) and len(live) == 31 + LATER, sorted(live)
    assert len(traced) == len(set(traced)), f"more than one fate of a version: {sorted(pair for pair in traced if traced.count(pair) > 1)}"
    assert {("refused.txt", "rejected"), ("broken.pdf", "rejected"), ("later/0.txt", "deleted")} <= set(fates), fates
    say(f"  {count} log lines by OpenTelemetry's names; {len(fates)} of them say the fate of a document")
    return {"log_lines": count, "fates": len(fates)}


def of_phoenix(url: str) -> int:
    def found() -> list[dict]:
        page = json.load(urllib.request.urlopen(f"{url}/v1/projects/default/spans?limit=1000", timeout=30))
        return [span for span in page["data"] if span["context"]["trace_id"] == TRACE]
    return len(wait("the trace in Phoenix", 60, lambda: {"process event", "bulk index"} <= {span["name"] for span in found()} and found()))


def start_phoenix() -> tuple[Process, str]:
    port = free_port()
    environment = {"PATH": "/usr/bin:/bin", "PHOENIX_PORT": str(port), "PHOENIX_GRPC_PORT": str(free_port()), "PHOENIX_WORKING_DIR": str(FOLDER / "phoenix"), "PHOENIX_HOST": "127.0.0.1", "PHOENIX_TELEMETRY_ENABLED": "false", "HOME": str(FOLDER)}
    process = Process("phoenix", [ROOT / ".local/phoenix/bin/phoenix", "serve"], FOLDER / "phoenix.log", environment)
    process.wait_for(f"http://127.0.0.1:{port}/healthz", 120)
    return process, f"http://127.0.0.1:{port}"


def main() -> dict:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phoenix", action="store_true", help="also send the spans to a Phoenix server, and read them back from it")
    arguments = parser.parse_args()
    started = time.monotonic()
    say = lambda text: print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)
    aws = stack.Stack(FOLDER, search=False)
    phoenix = None
    try:
        if arguments.phoenix:
            phoenix, url = start_phoenix()
            say("Phoenix runs")
        aws.node = opensearch.start(FOLDER)
        return run(aws, say, url if phoenix else None) | {"seconds": round(time.monotonic() - started)}
    finally:
        if phoenix:
            phoenix.stop(5)
        aws.stop()


if __name__ == "__main__":
    sys.exit(ends_with_figures(main))
