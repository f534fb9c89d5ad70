"""SIGTERM while work is in flight, with ECS's protection from scaling in; thousands of events of one object; a message of a newer version."""
import json
import os
import random
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import kills
from fleet_run import FleetRun

STOPS = 30
GRACE = 2


class Agent(ThreadingHTTPServer):
    """ECS's agent endpoint: as strict as the real one about fields, and it remembers what each worker asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), AgentHandler)
        self.states: dict[str, list[bool]] = {}
        self.refused: list[bytes] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, task: str) -> str:
        self.states[task] = []
        return f"http://127.0.0.1:{self.server_port}/api/{task}"


class AgentHandler(BaseHTTPRequestHandler):
    server: Agent

    def log_message(self, *_) -> None:
        pass

    def do_PUT(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, api, task, *rest = self.path.split("/")
        body = json.loads(raw)
        strange = set(body) - {"ProtectionEnabled", "ExpiresInMinutes"}
        if api != "api" or rest != ["task-protection", "v1", "state"] or strange or not 1 <= body.get("ExpiresInMinutes", 120) <= 2880:
            self.server.refused.append(raw)
            return self.answer(400, {"error": {"Code": "InvalidParameterException", "Message": "not understood"}})
        self.server.states[task].append(body["ProtectionEnabled"])
        self.answer(200, {"protection": {"ProtectionEnabled": body["ProtectionEnabled"], "TaskArn": f"arn:aws:ecs:x:0:task/{task}"}})

    def answer(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def run(aws, say, events: int) -> dict:
    stopped = stops(aws, say)
    say(f"  {json.dumps(stopped)}")
    doubled = duplicates(aws, events)
    say(f"  {json.dumps(doubled)}")
    newer_message(aws)
    say("  a message of a newer version stays in its queue")
    return stopped | doubled


def invisible(fleet, queue: str) -> int:
    name = "ApproximateNumberOfMessagesNotVisible"
    return int(fleet.sqs.get_queue_attributes(QueueUrl=fleet.queues[queue], AttributeNames=[name])["Attributes"][name])


def stops(aws, say) -> dict:
    agent = Agent()
    work = FleetRun(aws.fleet("stops", visibility=60, receives=100), aws.folder, {"CONCURRENCY": "4", "GRACE_SECONDS": str(GRACE), "POLL_SECONDS": "1", "EMBEDDING_BATCH_INPUTS": "8", "STALENESS_SECONDS": "5"})
    seeded = random.Random(5)
    lives = {name: 0 for name in ("ingest-worker", "embed-worker")}

    def start(name: str) -> None:
        lives[name] += 1
        work.start(name, settings={"ECS_AGENT_URI": agent.url(f"{name}-{lives[name]}")})

    for name in lives:
        start(name)
    aws.control_embeddings(latency_ms=400)
    done, longest, slowest_release, given_back, protected = 0, 0.0, 0.0, 0, 0
    version = 0
    while done < STOPS:
        version += 1
        for number in seeded.sample(range(30), 6):
            work.fleet.put(f"docs/{number}.txt", kills.text(number, version), "text/plain")
        name = ("ingest-worker", "embed-worker")[version % 2]
        kills.wait_for_work(work, name)
        time.sleep(seeded.random() * 0.3)
        in_flight = work.in_work(name)
        if in_flight:
            # The worker calls the agent immediately, which responds within milliseconds.
            protected += bool(agent.states[f"{name}-{lives[name]}"][-1:] == [True])
        worker = work.workers[name]
        begun = time.monotonic()
        os.kill(worker.popen.pid, signal.SIGTERM)
        code = worker.popen.wait(30)
        ended = time.monotonic()
        assert code == 0, f"{name} ended with {code} after SIGTERM; its log: {worker.log}"
        queue = "events" if name == "ingest-worker" else "chunks"
        left = invisible(work.fleet, queue)
        while invisible(work.fleet, queue):
            assert time.monotonic() - ended < 5, f"{left} messages of {name} cannot be received 5 s after its end"
            time.sleep(0.05)
        last = agent.states[f"{name}-{lives[name]}"][-1:]
        assert last != [True], f"{name} ended and left its protection"
        if in_flight:
            done += 1
            longest, slowest_release = max(longest, ended - begun), max(slowest_release, time.monotonic() - ended)
            given_back += work.fleet.depth(queue) > 0
        start(name)
    assert longest < GRACE + 5, f"a worker took {longest:.1f} s to end, of {GRACE} s grace"
    assert protected == STOPS and not agent.refused, f"{protected} of {STOPS} were protected by the agent; it refused {agent.refused[:2]}"
    aws.control_embeddings(latency_ms=0)
    work.fleet.wait_until_drained(240, alive=work.alive)
    status = work.status()
    dead = work.fleet.depth("events-dead") + work.fleet.depth("chunks-dead")
    work.stop()
    assert dead == 0 and status["pending"] == 0 and status["chunks"] == status["indexedChunks"], (dead, status)
    agent.shutdown()
    return {"stops_with_work_in_flight": done, "longest_stop_s": round(longest, 2), "slowest_release_s": round(slowest_release, 2), "with_messages_left": given_back, "live": status["live"]}


def duplicates(aws, events: int) -> dict:
    work = FleetRun(aws.fleet("doubled", visibility=30, receives=100), aws.folder, {"CONCURRENCY": "8", "POLL_SECONDS": "1"})
    fleet = work.fleet
    body = kills.text(1, 1)
    fleet.put("docs/one.txt", body, "text/plain")
    event = {"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": fleet.bucket}, "object": {"key": "docs/one.txt"}}}]}
    for _ in range(events // 10):
        fleet.sqs.send_message_batch(QueueUrl=fleet.queues["events"], Entries=[{"Id": str(n), "MessageBody": json.dumps(event)} for n in range(10)])
    begun = time.monotonic()
    for name in ("ingest-worker", "embed-worker"):
        work.start(name)
    fleet.wait_until_drained(480, alive=work.alive)
    ingest, embed = work.metrics("ingest-worker"), work.metrics("embed-worker")
    status = work.status()
    work.stop()
    assert ingest["ingest_messages_received_total"] >= events, ingest
    assert ingest["ingest_downloaded_bytes_total"] == len(body), f"{ingest['ingest_downloaded_bytes_total']} bytes downloaded of an object of {len(body)}"
    assert ingest["ingest_documents_handed_over_total"] == 1 and embed["ingest_chunks_embedded_total"] == status["chunks"], (ingest, embed)
    return {"duplicates": events, "bodies_downloaded": 1, "tokens": embed["ingest_tokens_embedded_total"], "seconds": round(time.monotonic() - begun, 1)}


def newer_message(aws) -> None:
    """A worker that cannot read it puts it back as a copy, whose receive count starts again."""
    work = FleetRun(aws.fleet("newer", visibility=10, receives=2), aws.folder, {"POLL_SECONDS": "1"})
    body = json.dumps({"version": 3, "header": {"anything": True}, "chunks": "in a new form"})
    work.fleet.sqs.send_message(QueueUrl=work.fleet.queues["chunks"], MessageBody=body)
    work.start("embed-worker")
    deadline = time.monotonic() + 100
    rounds = 0
    while rounds < 3:
        assert time.monotonic() < deadline, f"seen {rounds} times"
        time.sleep(0.5)
        rounds = work.metrics("embed-worker").get("ingest_messages_received_total", 0)
        assert work.fleet.depth("chunks-dead") == 0
    work.stop()
    # Received more often than the queue allows, and still there, for the newer worker.
    time.sleep(0.5)
    assert work.fleet.depth("chunks") == 1 and work.fleet.depth("chunks-dead") == 0
