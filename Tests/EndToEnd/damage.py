#!/usr/bin/env python3
"""`ingestctl verify` among very many objects (`make damage OBJECTS=100000`), on real OpenSearch: every kind of planted damage is found and nothing else, in bounded
memory; an interrupted run goes on where it was; after `repair` and the workers it is clean. Ends with a line of JSON; 1 where that does not hold.

    damage.py [--objects N] [--each N]
"""
import argparse
import collections
import hashlib
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import opensearch
import stack
from fleet_run import PROGRAMS, FleetRun, ends_with_figures
from listed_bucket import Bucket, etag, text

FOLDER = ROOT / ".local/tests/damage"
DIMENSIONS = 16
NOW = int(time.time() * 1000)
DAY = 86_400_000
# What is planted, and what verify calls it.
KINDS = {
    "no record and no chunk": {"missing"}, "another version in the bucket": {"stale"}, "object gone": {"gone"}, "chunks of an unknown generation": {"orphan"},
    "chunks without record and object": {"orphan"}, "record lost": {"orphan", "missing"}, "a chunk deleted": {"too_few"}, "all chunks deleted": {"too_few"},
    "a chunk too many": {"too_many"}, "a chunk without vector": {"without_vector"}, "two generations": {"two_generations"}, "a former tenant": {"former_rule", "missing"},
    "left out by a rule": {"left_out"}, "pending for days": {"pending"}, "of another pipeline": {"foreign"}, "a record that cannot be read": {"unreadable"},
    "a generation beyond all numbers": {"orphan"},
}
MEMORY = 80  # MB, however many objects there are
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


class Store:
    """Ledger and index as the workers leave them, written in bulks."""

    def __init__(self, node_url: str, index: str, ledger: str, bucket: str, fingerprint: str) -> None:
        self.url, self.index, self.ledger, self.bucket, self.fingerprint = node_url, index, ledger, bucket, fingerprint
        self.lines: list[str] = []

    def document(self, key: str, tenant: str = "default") -> str:
        return hashlib.sha256(f"{tenant}\0{self.bucket}\0{key}".encode()).hexdigest()[:40]

    def record_id(self, key: str, tenant: str = "default") -> str:
        return hashlib.sha256(f"{self.document(key, tenant)}\0{self.index}".encode()).hexdigest()[:40]

    def add(self, action: dict, source: dict | None = None) -> None:
        self.lines.append(json.dumps(action))
        if source is not None:
            self.lines.append(json.dumps(source))
        if len(self.lines) >= 4000:
            self.flush()

    def flush(self, refresh: bool = False) -> None:
        if self.lines:
            body = ("\n".join(self.lines) + "\n").encode()
            request = urllib.request.Request(f"{self.url}/_bulk?filter_path=errors,items.*.error", body, {"Content-Type": "application/x-ndjson"})
            answer = json.load(urllib.request.urlopen(request, timeout=120))
            assert not answer["errors"], str(answer)[:2000]
            self.lines = []
        if refresh:
            urllib.request.urlopen(urllib.request.Request(f"{self.url}/{self.index},{self.ledger}/_refresh", method="POST"), timeout=60)

    def record(self, key: str, version: int = 0, tenant: str = "default", generation: int = 1, chunks: int = 2, **changes) -> None:
        live = {"generation": generation, "content": {"etag": etag(key, version)}, "chunkCount": chunks, "committed": NOW - DAY}
        source = {"tenant": tenant, "bucket": self.bucket, "key": key, "index": self.index, "newest": generation, "touches": 0, "created": NOW - DAY, "live": live, "retired": [], "rejected": []}
        self.add({"index": {"_index": self.ledger, "_id": self.record_id(key, tenant)}}, source | changes)

    def chunk(self, key: str, number: int, generation: int = 1, tenant: str = "default", count: int = 2, **changes) -> None:
        document = self.document(key, tenant)
        vector = [1.0 if place == number % DIMENSIONS else 0.0 for place in range(DIMENSIONS)]
        source = {"document_id": document, "generation": generation, "chunk_index": number, "chunk_count": count, "tenant": tenant, "bucket": self.bucket, "key": key, "etag": "e",
                  "format": "text", "title": "", "language": "", "last_modified": "", "indexed_at": "2026-11-01T08:00:00Z", "content_hash": f"{number}", "text": f"Part {number} of {key}",
                  "tokens": 9, "char_start": 0, "char_end": 9, "headings": [], "fingerprint": self.fingerprint, "vector": vector} | changes
        source = {name: value for name, value in source.items() if value is not None}
        self.add({"index": {"_index": self.index, "_id": f"{document}:{generation}:{number}", "routing": document}}, source)

    def delete_record(self, key: str) -> None:
        self.add({"delete": {"_index": self.ledger, "_id": self.record_id(key)}})

    def delete_chunk(self, key: str, number: int, generation: int = 1) -> None:
        document = self.document(key)
        self.add({"delete": {"_index": self.index, "_id": f"{document}:{generation}:{number}", "routing": document}})


def names(count: int) -> list[str]:
    """Keys of many kinds: order by bytes differs from order by UTF-16, and two of them are equal after normalization."""
    odd = ["é.txt", "e\u0301.txt", "\uff5e.txt", "\U0001f600.txt", "a b+c%2F&<.txt", "tab\there.txt", "z/", "\ud7ff.txt"]
    return [f"odd/{name}" for name in odd if not name.endswith("/")] + [f"reports/{number % 97}/{number}.txt" for number in range(count - len(odd) + 1)]


def plant(store: Store, bucket: Bucket, what: str, key: str) -> None:
    match what:
        case "no record and no chunk":
            store.delete_record(key)
            for number in range(2):
                store.delete_chunk(key, number)
        case "another version in the bucket":
            bucket.change(key)
        case "object gone":
            bucket.remove(key)
        case "chunks of an unknown generation":
            store.chunk(key, 0, generation=7)
        case "chunks without record and object":
            bucket.remove(key)
            store.delete_record(key)
        case "record lost":
            store.delete_record(key)
        case "a chunk deleted":
            store.delete_chunk(key, 1)
        case "all chunks deleted":
            for number in range(2):
                store.delete_chunk(key, number)
        case "a chunk too many":
            store.chunk(key, 5)
        case "a chunk without vector":
            store.chunk(key, 1, vector=None)
        case "two generations":
            store.record(key, generation=3)
            for number in range(2):
                store.chunk(key, number, generation=3)
        case "a former tenant":
            store.delete_record(key)
            store.record(key, tenant="former")
            for number in range(2):
                store.delete_chunk(key, number)
                store.chunk(key, number, tenant="former")
        case "left out by a rule":
            raise AssertionError("its keys are of their own")
        case "pending for days":
            pending = {"generation": 2, "content": {"etag": "another"}, "chunkCount": 2, "handedOver": True, "since": NOW - 2 * DAY}
            store.record(key, newest=2, pending=pending)
        case "of another pipeline":
            store.chunk(key, 1, fingerprint="000000000000")
        case "a record that cannot be read":
            store.record(key, newest=-5)
        case "a generation beyond all numbers":
            store.chunk(key, 0, generation=2**60)


class Peak(threading.Thread):
    """A process's high-water mark. Not what wait4 says: that counts the memory of its parent before exec as well."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.status, self.megabytes = pathlib.Path(f"/proc/{pid}/status"), 0

    def run(self) -> None:
        while True:
            try:
                found = re.search(r"VmHWM:\s+(\d+) kB", self.status.read_text())
            except OSError:
                return
            if not found:
                return
            self.megabytes = max(self.megabytes, int(found[1]) >> 10)
            time.sleep(0.05)


class Ctl:
    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def run(self, *arguments: str, codes=(0, 1)) -> tuple[list[dict], int]:
        """What it prints, and its peak memory in MB."""
        process = subprocess.Popen([PROGRAMS / "ingestctl", *arguments, "--json"], env=self.environment, stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
        peak = Peak(process.pid)
        peak.start()
        lines = [json.loads(line) for line in process.stdout]
        process.wait()
        peak.join()
        assert process.returncode in codes, f"ingestctl {' '.join(arguments)} ended with {process.returncode}"
        return lines, peak.megabytes

    def interrupted(self, seconds: float, *arguments: str) -> None:
        process = subprocess.Popen([PROGRAMS / "ingestctl", *arguments], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()


def found_by_key(lines: list[dict]) -> dict[str, set[str]]:
    found = collections.defaultdict(set)
    for line in lines:
        if line["type"] in ("difference", "repair"):
            found[line["key"]].add(line["kind"])
    return dict(found)


def run(objects: int, each: int) -> dict:
    aws = stack.Stack(FOLDER, kind="3.6.0", say=say)
    bucket = None
    try:
        fleet = aws.fleet("damage")
        bucket = Bucket(fleet.bucket)
        fleet._common, common = (lambda: common() | {"EMBEDDING_DIMENSIONS": str(DIMENSIONS), "AWS_ENDPOINT_URL_S3": bucket.url}), fleet._common
        rules = f"s3://{fleet.bucket}/ !s3://{fleet.bucket}/tmp/"
        work = FleetRun(fleet, FOLDER, {"DOCUMENTS": rules, "CONCURRENCY": "16"})
        ctl = Ctl(fleet.operator() | fleet.owner())
        pipeline = ctl.run("pipelines")[0][0]
        done = subprocess.run([PROGRAMS / "ingestctl", "setup", "--documents", rules, "--handover-bucket", fleet.hand_over], env=ctl.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        store = Store(aws.node.url, pipeline["index"], f"{fleet.alias}-ledger", fleet.bucket, pipeline["fingerprint"])
        keys = names(objects)
        bucket.fill({key: 0 for key in keys})
        for key in keys:
            store.record(key)
            for number in range(2):
                store.chunk(key, number)
        store.flush(refresh=True)
        say(f"{len(keys)} objects, their records and {2 * len(keys)} chunks")
        lines, memory = ctl.run("verify", "--settle", "0", codes=(0,))
        assert lines[-1]["clean"] and lines[-1]["objects"] == len(keys) and lines[-1]["chunks"] == 2 * len(keys), lines[-1]
        say(f"nothing is reported where nothing is wrong; peak memory {memory} MB")

        expected = {}
        place = 50
        for what, kinds in KINDS.items():
            for number in range(each):
                if what == "left out by a rule":
                    key = f"tmp/{number}.txt"
                    bucket.fill(bucket.versions | {key: 0})
                    store.record(key)
                    for part in range(2):
                        store.chunk(key, part)
                else:
                    place += max(1, (len(keys) - 100) // (len(KINDS) * each))
                    key = keys[place]
                    plant(store, bucket, what, key)
                expected[key] = kinds
        store.flush(refresh=True)
        say(f"{len(expected)} documents are damaged in {len(KINDS)} ways")

        checkpoint = FOLDER / "checkpoint.json"
        begin = time.monotonic()
        lines, memory = ctl.run("verify", "--settle", "2", codes=(1,))
        seconds = time.monotonic() - begin
        compare(expected, found_by_key(lines))
        say(f"all are found, and nothing else, in {seconds:.1f} s; peak memory {memory} MB")
        assert memory < MEMORY, f"{memory} MB"
        ctl.interrupted(seconds * 0.5, "verify", "--settle", "0", "--checkpoint", str(checkpoint))
        assert checkpoint.exists(), "the interrupted run has left no checkpoint"
        part = json.loads(checkpoint.read_text())["key"]
        rest, _ = ctl.run("verify", "--settle", "0", "--checkpoint", str(checkpoint), codes=(0, 1))
        assert rest[-1]["objects"] == lines[-1]["objects"], (rest[-1], lines[-1])
        assert set(found_by_key(rest)) == {key for key in expected if key.encode() > part.encode()}, "the rest differs"
        say(f"an interrupted run went on after {part!r}")

        before = fleet.depth("events")
        planned, _ = ctl.run("repair", "--dry-run", "--settle", "0")
        compare(expected, found_by_key(planned))
        assert fleet.depth("events") == before, "a dry run sends nothing"
        for name in ("ingest-worker", "embed-worker"):
            work.start(name)
        ctl.run("repair", "--settle", "0", "--rate", "1000")
        work.fleet.wait_until_drained(120, alive=work.alive)
        lines, _ = ctl.run("verify", "--settle", "5")
        assert lines[-1]["clean"], [line for line in lines][:20]
        work.stop()
        say("after repair it is clean")
        exported = export(ctl, store, lines[-1])
        say(f"an interrupted export went on, and holds each of {exported} chunks and records once")
        return {"objects": len(keys), "damaged": len(expected), "kinds": len(KINDS), "falsely_reported": 0, "verify_s": round(seconds, 1), "peak_memory_mb": memory, "clean_after_repair": True, "exported": exported, "seconds": round(time.monotonic() - started)}
    finally:
        if bucket:
            bucket.stop()
        aws.stop()


def export(ctl: Ctl, store: Store, summary: dict) -> int:
    """Killed on its way, then again: every line once."""
    folder = FOLDER / "export"
    manifest = folder / "manifest.json"
    for seconds in (0.3, 0.6, 1, 2, 4):
        shutil.rmtree(folder, ignore_errors=True)
        ctl.interrupted(seconds, "export", str(folder))
        if manifest.exists():
            break
    assert not all(part["isComplete"] for part in json.loads(manifest.read_text())["parts"].values()), "it was not interrupted"
    (said,), _ = ctl.run("export", str(folder), codes=(0,))
    ids = [json.loads(line)["_id"] for name in ("chunks", "ledger") for line in open(folder / f"{name}.ndjson", "rb")]
    count = json.load(urllib.request.urlopen(f"{store.url}/{store.index}/_count"))["count"]
    assert said["chunks"] == count == summary["chunks"] and said["records"] >= summary["records"], (said, count, summary)
    assert len(ids) == len(set(ids)) == said["chunks"] + said["records"], f"{len(ids)} lines, {len(set(ids))} of them different"
    shutil.rmtree(folder)
    return len(ids)


def compare(expected: dict[str, set[str]], found: dict[str, set[str]]) -> None:
    missed = {key: kinds for key, kinds in expected.items() if found.get(key) != kinds}
    false = {key: kinds for key, kinds in found.items() if key not in expected}
    assert not missed and not false, f"expected {dict(list(missed.items())[:9])}, found {[found.get(key) for key in list(missed)[:9]]}; falsely: {dict(list(false.items())[:9])}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--each", type=int, default=4, help="documents for each kind of damage")
    arguments = parser.parse_args()
    if not (opensearch.shared() / "opensearch/start").exists():
        print(json.dumps({"skipped": "the OpenSearch archives beside the project are not here"}))
        return 0
    return ends_with_figures(lambda: run(arguments.objects, arguments.each))


if __name__ == "__main__":
    sys.exit(main())
