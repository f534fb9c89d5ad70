#!/usr/bin/env python3
"""Everything breaks at once (`make chaos KILLS=200`), and the index must come out as the bucket is.

Four workers are killed with SIGKILL at random moments; S3 and SQS, OpenSearch and the embeddings server are ended and started again; resets, 503s,
throttling, slow and cut answers come from microburst in front of all three; and the bucket changes all the while. The last line is JSON.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import signal
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import kills
import opensearch
import stack
from fleet_run import FleetRun
from processes import PYTHON, Failed, Process, free_port

DOCUMENTS = 40
# Chances of a fault for each request.
AWS_RULES = [
    {"service": "s3", "error": {"code": "SlowDown", "status": 503}, "probability": 0.03},
    {"service": "s3", "operation": "GetObject", "response": {"truncate_frac": 0.5}, "probability": 0.05},
    {"service": "s3", "operation": "GetObject", "response": {"abort_frac": 0.3}, "probability": 0.03},
    {"service": "sqs", "error": {"code": "ThrottlingException", "status": 400}, "probability": 0.02},
    {"service": "sqs", "error": {"code": "ServiceUnavailable", "status": 503}, "probability": 0.02},
    {"service": "sqs", "response": {"abort_frac": 0.3}, "probability": 0.02},
    {"service": "*", "reset": True, "probability": 0.03},
    {"service": "*", "latency": {"min": 50, "max": 800}, "probability": 0.1},
]
OTHER_RULES = [
    {"reset": True, "probability": 0.02},
    {"error": {"code": "ServiceUnavailable", "status": 503}, "probability": 0.02},
    {"error": {"code": "TooManyRequests", "status": 429}, "probability": 0.02},
    {"response": {"truncate_frac": 0.5}, "probability": 0.01},
    {"response": {"abort_frac": 0.5}, "probability": 0.01},
    {"latency": {"min": 20, "max": 400}, "probability": 0.1},
]


class Burst:
    """microburst in front of a server."""

    def __init__(self, name: str, upstream: str, folder: pathlib.Path, rules: list[dict]) -> None:
        port = free_port()
        self.name, self.url, self.rules = name, f"http://127.0.0.1:{port}", rules
        command = [PYTHON.parent / "microburst", "--upstream", upstream, "--port", port, "--no-resign"]
        self.process = Process(f"microburst-{name}", command, folder / f"microburst-{name.replace('/', '-')}.log")
        self.process.wait_for(f"{self.url}/_microburst/rules")
        self.fired: collections.Counter = collections.Counter()

    def set(self, rules: list[dict]) -> None:
        """Replaces the rules; what those before have done is counted."""
        self._count()
        request = urllib.request.Request(f"{self.url}/_microburst/rules", json.dumps(rules).encode(), {"Content-Type": "application/json"}, method="POST")
        urllib.request.urlopen(request, timeout=10)

    def _count(self) -> None:
        with urllib.request.urlopen(f"{self.url}/_microburst/rules", timeout=10) as answer:
            listed = json.load(answer)
        for rule in listed.get("rules", listed) if isinstance(listed, dict) else listed:
            count = rule.get("fired", rule.get("fired_count", 0))
            if count:
                self.fired[f"{self.name} {kind(rule)}"] += count


def kind(rule: dict) -> str:
    if rule.get("reset"):
        return "reset"
    if error := rule.get("error"):
        return str(error.get("status") or error.get("code"))
    if response := rule.get("response"):
        return "truncated" if "truncate_frac" in response else "answer cut off"
    return "slow" if rule.get("latency") else "other"


def body(number: int, version: int) -> bytes:
    """Every eleventh version of a document is damaged."""
    return b"%PDF-1.7\nthis is no document" if (number + version) % 11 == 0 else kills.text(number, version)


class Chaos:
    def __init__(self, folder: pathlib.Path, say) -> None:
        self.say = say
        # microburst rewrites the Host header, so that signatures are not looked at here; other tests do.
        self.stack = stack.Stack(folder, auth=False, search=False)
        self.bursts: list[Burst] = []
        try:
            self.stack.node = opensearch.start(folder)
            self.aws = Burst("S3/SQS", self.stack.aws_url, folder, AWS_RULES)
            self.search = Burst("OpenSearch", self.stack.node.url, folder, OTHER_RULES)
            self.provider = Burst("embeddings", self.stack.embeddings_url, folder, OTHER_RULES)
            self.bursts = [self.aws, self.search, self.provider]
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for burst in self.bursts:
            burst.process.stop(2)
        self.stack.stop()

    def faulty(self) -> None:
        for burst in self.bursts:
            burst.set(burst.rules)

    def calm(self) -> None:
        for burst in self.bursts:
            burst.set([])

    def settings(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.aws.url, "OPENSEARCH_URL": self.search.url, "OPENAI_BASE_URL": f"{self.provider.url}/v1", "CONCURRENCY": "4",
            "EMBEDDING_BATCH_INPUTS": "8", "HANDOVER_INLINE_BYTES": "4096", "GRACE_SECONDS": "5", "POLL_SECONDS": "1", "STALENESS_SECONDS": "20", "LOG_LEVEL": "info",
        }

    def run(self, count: int) -> dict:
        work = FleetRun(self.stack.fleet("chaos", visibility=10, receives=200), self.stack.folder)
        seeded = random.Random(11)
        versions = {number: 0 for number in range(DOCUMENTS)}
        sums: collections.Counter = collections.Counter()
        damaged: set[str] = set()
        for number in versions:
            self.put(work.fleet, number, 0, damaged)
        self.faulty()
        for name in ("ingest-worker", "embed-worker"):
            for number in (1, 2):
                work.start(name, number=number, settings=self.settings())
        begun = time.monotonic()
        restarts: collections.Counter = collections.Counter()
        outages = self.outages(count)
        done = 0
        while done < count:
            self.change(work.fleet, versions, seeded, damaged)
            if done in outages:
                self.outage(outages.pop(done), restarts)
            label = seeded.choice(sorted(work.workers))
            time.sleep(seeded.random() * 0.6)
            sums.update(work.metrics(label))
            worker = work.workers[label]
            os.kill(worker.popen.pid, signal.SIGKILL)
            worker.popen.wait(10)
            done += 1
            name, number = label.split(".")
            work.start(name, number=int(number), settings=self.settings())
            if done % 20 == 0:
                self.say(f"  {done} kills, {sum(versions.values())} changes, {sum(restarts.values())} outages, {work.fleet.depth('events')} events and {work.fleet.depth('chunks')} chunk messages waiting")
        self.calm()
        quiet = time.monotonic()
        self.say(f"  all faults off after {quiet - begun:.0f} s: {work.fleet.depth('events')} events and {work.fleet.depth('chunks')} chunk messages are left")
        work.fleet.wait_until_drained(600, alive=work.alive)
        converged = time.monotonic() - quiet
        for label in sorted(work.workers):
            sums.update(work.metrics(label))
        work.stop()
        faults = sum((burst.fired for burst in self.bursts), collections.Counter())
        checked = self.check(work, damaged)
        return checked | {
            "kills": done, "outages": dict(restarts), "faults": dict(sorted(faults.items())), "changes": sum(versions.values()),
            "received": sums["ingest_messages_received_total"], "redeliveries": sums["ingest_messages_redelivered_total"],
            "duplicates_absorbed": sums["ingest_documents_unchanged_total"] + sums["ingest_documents_superseded_total"],
            "seconds_of_chaos": round(quiet - begun), "seconds_to_converge": round(converged, 1),
        }

    @staticmethod
    def outages(count: int) -> dict[int, str]:
        """Before which kill which server goes away: each of them at least once."""
        every = max(count // 8, 2)
        return {number: ("embeddings", "aws", "search")[place % 3] for place, number in enumerate(range(every // 2, count, every))}

    def outage(self, name: str, restarts: collections.Counter) -> None:
        restarts[name] += 1
        if name == "embeddings":
            self.stack.restart_embeddings()
        elif name == "aws":
            self.stack.restart_aws()
        elif self.stack.node.command:
            self.stack.node.restart()

    def change(self, fleet, versions: dict[int, int], seeded: random.Random, damaged: set[str]) -> None:
        for number in seeded.sample(sorted(versions), 2):
            versions[number] += 1
            if seeded.random() < 0.2:
                fleet.delete(f"docs/{number}.txt")
            else:
                self.put(fleet, number, versions[number], damaged)

    @staticmethod
    def put(fleet, number: int, version: int, damaged: set[str]) -> None:
        content = body(number, version)
        if content.startswith(b"%PDF"):
            damaged.add(f"docs/{number}.txt")
        fleet.put(f"docs/{number}.txt", content, "text/plain")

    def check(self, work: FleetRun, damaged: set[str]) -> dict:
        """The index against one that undisturbed workers make of the same bucket; ledger against index; the dead-letter queues."""
        found = kills.contents(work)
        keys = {entry["Key"]: entry["ETag"] for page in self.pages(work.fleet) for entry in page}
        refused = {key for key in keys if work.fleet.s3.get_object(Bucket=work.fleet.bucket, Key=key)["Body"].read(5) == b"%PDF-"}
        expected = self.undisturbed(work)
        shown = {chunk[0] for chunk in found}
        # A damaged version leaves the one before searchable: only sound ones can be compared.
        mine = [chunk for chunk in found if chunk[0] not in refused]
        assert mine == expected, f"the index has {len(mine)} chunks and should have {len(expected)}; {len(set(mine) ^ set(expected))} differ"
        assert shown - refused == set(keys) - refused, f"documents: {sorted((shown - refused) ^ (set(keys) - refused))}"
        assert shown <= set(keys), f"deleted and still there: {sorted(shown - set(keys))}"
        status = work.status()
        assert status["chunks"] == status["indexedChunks"] == len(found) and status["pending"] == 0, status
        assert set(work.rejections()) == refused, f"rejections {sorted(set(work.rejections()) ^ refused)}"
        dead_letters = [line.split("\t") for line in work.ctl("dead-letters").splitlines()]
        strange = [line for line in dead_letters if line[1] != "malformed" or line[2].split("/", 3)[3] not in damaged]
        assert not strange, f"{len(strange)} dead-letter messages that should not be there: {strange[:3]}"
        assert {line[2].split("/", 3)[3] for line in dead_letters} >= refused, "a rejection without a dead-letter message"
        return {"documents": len(keys), "live": len(shown), "chunks": len(found), "rejected": len(refused), "dead_letters": len(dead_letters), "hand_over_objects_left": work.fleet.s3.list_objects_v2(Bucket=work.fleet.hand_over).get("KeyCount", 0)}

    @staticmethod
    def pages(fleet):
        for page in fleet.s3.get_paginator("list_objects_v2").paginate(Bucket=fleet.bucket):
            yield page.get("Contents", [])

    def undisturbed(self, work: FleetRun) -> list[tuple]:
        calm = FleetRun(self.stack.fleet("undisturbed"), self.stack.folder)
        ingest = calm.fleet.worker("ingest-worker") | calm.settings
        Process("replay", [FleetRun.program("ingest-worker"), "--replay", f"s3://{work.fleet.bucket}"], calm.folder / "replay.log", ingest).popen.wait(60)
        for name in ("ingest-worker", "embed-worker"):
            calm.start(name, settings={"CONCURRENCY": "4"})
        calm.fleet.wait_until_drained(300, alive=calm.alive)
        chunks = kills.contents(calm)
        calm.stop()
        return chunks


def run(say, count: int, folder: pathlib.Path = ROOT / ".local/stack/chaos") -> dict:
    chaos = Chaos(folder, say)
    try:
        return chaos.run(count)
    finally:
        chaos.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    count = parser.parse_args().kills
    started = time.monotonic()
    try:
        print(json.dumps(run(lambda text: print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True), count)))
    except (Failed, AssertionError, TimeoutError) as error:
        print(json.dumps({"failed": str(error)}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
