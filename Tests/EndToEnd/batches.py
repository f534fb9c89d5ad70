#!/usr/bin/env python3
"""Replays through the provider's batch API: half the price, nothing paid twice, whatever ends in between (`make batches`).

Versions wait for a batch and are embedded by it; the embed-worker is killed while a batch is under way; a batch expires with half of its results; a request that fails in every
batch is embedded at once in the end; uploads are not held up. Ends with a line of JSON; 1 where a document is missing, or a text was paid for twice.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import stack
from fleet_run import PROGRAMS, FleetRun, ends_with_figures, wait

started = time.monotonic()
DOCUMENTS = 30


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def text(name: str) -> str:
    return "\n\n".join(f"{name}, paragraph {number}: the pilot of boat {number * 7919 % 997} reports the tide at mark {number * 104729 % 991}." for number in range(40))


class Run:
    def __init__(self, aws: stack.Stack) -> None:
        self.aws = aws
        self.fleet = aws.fleet("batches")
        self.fleet.settings = {"CHUNK_TOKENS": "64", "CHUNK_OVERLAP": "0", "EMBEDDING_MODEL": "text-embedding-3-small", "EMBEDDING_DIMENSIONS": "256"}
        self.work = FleetRun(self.fleet, aws.folder, {"EMBEDDING_BATCH_WAIT_SECONDS": "3"})
        self.work.start("ingest-worker")
        self.work.start("embed-worker")

    def control(self, **settings) -> dict:
        body = json.dumps(settings).encode() if settings else None
        return json.load(urllib.request.urlopen(urllib.request.Request(self.aws.embeddings_url + "/control", body), timeout=10))

    def put(self, prefix: str, count: int = DOCUMENTS) -> None:
        """Documents of which no event is left: a replay finds them."""
        self.fleet.s3.put_bucket_notification_configuration(Bucket=self.fleet.bucket, NotificationConfiguration={})
        for number in range(count):
            self.fleet.put(f"{prefix}/{number}.txt", text(f"{prefix} {number}").encode())
        self.fleet._notify()

    def replay(self, prefix: str) -> str:
        environment = self.fleet.worker("ingest-worker") | self.work.settings
        done = subprocess.run([PROGRAMS / "ingest-worker", "--replay", f"s3://{self.fleet.bucket}/{prefix}/", "--batch"], env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def live(self, prefix: str) -> int:
        found = self.work.chunks(["key"])
        return len({chunk["key"] for chunk in found if chunk["key"].startswith(prefix + "/")})

    def waiting(self) -> int:
        """Versions that are put aside."""
        url = self.aws.node.url
        urllib.request.urlopen(urllib.request.Request(f"{url}/ingest-fleet-batches/_refresh", b"", method="POST")).close()
        return json.load(urllib.request.urlopen(f"{url}/ingest-fleet-batches/_count?q=kind:entry"))["count"]

    def open(self) -> int:
        return json.load(urllib.request.urlopen(f"{self.aws.node.url}/ingest-fleet-batches/_count?q=kind:batch"))["count"]

    def settled(self, prefix: str, count: int = DOCUMENTS) -> None:
        wait(f"all of {prefix}", 180, lambda: self.live(prefix) == count and self.waiting() == 0 and self.open() == 0)
        self.fleet.wait_until_drained(60, alive=self.work.alive)

    def paid(self, before: dict) -> tuple[int, int]:
        """Tokens at once and in batches."""
        after = self.control()
        batch = after["batch_tokens"] - before["batch_tokens"]
        return after["tokens"] - before["tokens"] - batch, batch

    def half_price(self) -> dict:
        self.put("plain")
        before = self.control(batch_seconds=5)
        before = self.control()
        self.replay("plain")
        # An upload is not held up meanwhile.
        wait("versions put aside", 60, lambda: self.waiting() == DOCUMENTS)
        self.fleet.put("upload.txt", b"A single upload, made while others wait.")
        wait("the upload", 30, lambda: "upload.txt" in {chunk["key"] for chunk in self.work.chunks(["key"])})
        assert self.live("plain") == 0
        self.settled("plain")
        at_once, batch = self.paid(before)
        assert at_once < 60 and batch > 10_000, (at_once, batch)
        total = json.loads(self.work.ctl("costs", "--json").splitlines()[-1])
        assert abs(total["dollars"] - (total["tokens"] - at_once) * 0.01e-6 - at_once * 0.02e-6) < 1e-6, (total, at_once)
        left = [entry for entry in self.fleet.s3.list_objects_v2(Bucket=self.fleet.hand_over).get("Contents", []) if "zst" in entry["Key"] or "vectors" in entry["Key"]]
        assert not left, left
        say(f"{DOCUMENTS} versions in one batch: {batch} tokens at half the price, {at_once} at once (an upload)")
        return {"batch_tokens": batch, "tokens_at_once": at_once}

    def killed(self, stages: list[tuple[str, float]]) -> None:
        """By the stages that a batch goes through."""
        reference = None
        for number, (stage, seconds) in enumerate(stages):
            prefix = f"killed-{number}"
            self.put(prefix)
            self.control(batch_seconds=4)
            before = self.control()
            self.replay(prefix)
            wait("versions put aside", 60, lambda: self.waiting() > 0)
            time.sleep(seconds)
            self.work.workers["embed-worker"].popen.kill()
            self.work.workers["embed-worker"].popen.wait()
            self.work.start("embed-worker")
            self.settled(prefix)
            at_once, batch = self.paid(before)
            reference = reference or batch
            assert at_once < 60 and abs(batch - reference) < 300, f"{stage}: {at_once} at once, {batch} in batches, {reference} are needed"
            say(f"killed while {stage}: {batch} tokens in batches, {at_once} at once")

    def partial(self) -> None:
        self.put("expired")
        self.control(batch_expire=1, batch_seconds=1)
        before = self.control()
        self.replay("expired")
        wait("half of the versions", 120, lambda: self.live("expired") >= DOCUMENTS // 2)
        self.control(batch_expire=0)
        self.settled("expired")
        at_once, batch = self.paid(before)
        assert at_once < 60, at_once
        say(f"expired with half of the results: the rest is in the next batch, {batch} tokens")
        self.put("failing", 4)
        self.control(batch_fail="failing 2,")
        before = self.control()
        self.replay("failing")
        self.settled("failing", 4)
        at_once, batch = self.paid(before)
        assert at_once > 500, "the version that no batch embeds was embedded at once"
        self.control(batch_fail="")
        say(f"one version that fails in every batch is embedded at once: {at_once} tokens")

    def changed(self) -> None:
        """A newer version, and a deletion, while the older one waits."""
        self.put("changed", 4)
        self.control(batch_seconds=6)
        self.replay("changed")
        wait("versions put aside", 60, lambda: self.waiting() == 4)
        self.fleet.put("changed/0.txt", b"The newer words of document 0.")
        self.fleet.delete("changed/1.txt")
        wait("the rest", 120, lambda: self.live("changed") == 3 and self.waiting() == 0)
        self.fleet.wait_until_drained(60, alive=self.work.alive)
        texts = [chunk["text"] for chunk in self.work.chunks(["key", "text"]) if chunk["key"] == "changed/0.txt"]
        assert texts == ["The newer words of document 0."], texts
        say("a newer version and a deletion overtake what waits")


STAGES = [("waiting", 1.0), ("created", 4.5), ("ended", 8.0)]


def run(quick: bool) -> dict:
    aws = stack.Stack(ROOT / ".local/stack/batches", say=say)
    try:
        fleet = Run(aws)
        figures = fleet.half_price()
        fleet.killed(STAGES[1:2] if quick else STAGES)
        if not quick:
            fleet.partial()
        fleet.changed()
        status = fleet.work.status()
        assert status["rejected"] == 0 and status["pending"] == 0, status
        fleet.work.stop()
        return figures | {"documents": status["live"], "seconds": round(time.monotonic() - started)}
    finally:
        aws.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one kill, and no batch that fails")
    options = parser.parse_args()
    sys.exit(ends_with_figures(lambda: run(options.quick)))
