#!/usr/bin/env python3
"""A slow tenant beside a fast one (`make tenants DOCUMENTS=1000`), with the release programs: behind many small documents of one tenant that each take an extractor's
whole time, and behind long ones that keep the embeddings server busy, another tenant's document is searchable within 30 s. Ends with a line of JSON; 1 where that does not hold.

    tenants.py [--documents N]
"""
import argparse
import concurrent.futures
import json
import pathlib
import sys
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import stack
from fleet_run import FleetRun

FOLDER = ROOT / ".local/tests"
WITHIN = 30  # seconds
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def bomb() -> bytes:
    """A PDF of some 2 KB with a page of 1 GB of blanks, deflated twice."""
    once = zlib.compressobj(9)
    inner = b"".join(once.compress(b" " * (1 << 20)) for _ in range(1024)) + once.flush()
    content = zlib.compress(inner, 9)
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R>>",
               b"<</Length %d/Filter[/FlateDecode/FlateDecode]>>\nstream\n" % len(content) + content + b"\nendstream"]
    return b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n%s\nendobj\n" % (n, each) for n, each in enumerate(objects, 1)) + b"trailer<</Root 1 0 R>>\n%%EOF\n"


def entries(number: int, count: int) -> bytes:
    """Paragraphs of one chunk of 16 tokens each, all different."""
    return "\n\n".join(f"Entry {number}-{n}: ships {n * 7919 % 10007} and lamps {n * 104729 % 9973} of the coast." for n in range(count)).encode()


def is_live(fleet, key: str) -> bool:
    """By its key: all chunks are more than one answer holds."""
    query = {"size": 1, "_source": False, "query": {"term": {"key": key}}}
    FleetRun._ask(f"{fleet.stack.node.url}/{fleet.alias}/_refresh", {})
    return bool(FleetRun._ask(f"{fleet.stack.node.url}/{fleet.alias}/_search", query)["hits"]["hits"])


def measure(fleet, slow: list[bytes], suffix: str, settings: dict[str, str]) -> tuple[list[float], dict]:
    """Seconds until each of the other tenant's documents was searchable, and both workers' metrics then."""
    # What chunks are made of names the index, which is set up with it.
    fleet._common, common = (lambda: common() | settings), fleet._common
    rules = f"s3://{fleet.bucket}/slow/*=slow s3://{fleet.bucket}/fast/*=fast"
    run = FleetRun(fleet, FOLDER, {"DOCUMENTS": rules})
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: fleet.put(f"slow/{n}.{suffix}", slow[n], "application/octet-stream"), range(len(slow))))
    say(f"{len(slow):,} documents of {len(slow[0]):,} bytes by one tenant are in the bucket")
    run.start("embed-worker")
    run.start("ingest-worker")
    time.sleep(5)
    waits = []
    for number in range(3):
        begun = time.monotonic()
        fleet.put(f"fast/{number}.txt", f"The other tenant's document number {number}.".encode(), "text/plain")
        while time.monotonic() < begun + 300 and not is_live(fleet, f"fast/{number}.txt"):
            time.sleep(0.5)
        waits.append(round(time.monotonic() - begun, 1))
        say(f"document {number} of the other tenant is searchable after {waits[-1]} s")
    metrics = run.metrics("ingest-worker") | {"status": run.status()}
    for worker in run.workers.values():
        worker.stop(40)
    return waits, metrics


def run(documents: int, count: int) -> dict:
    """Behind `documents` slow ones for the extractors, and behind `count` long texts for the provider."""
    aws = stack.Stack(ROOT / ".local/stack/tenants", say=say)
    try:
        small = bomb()
        # No two alike: each is worked on.
        bombs = [small + b"%% %d\n" % number for number in range(documents)]
        extraction, metrics = measure(aws.fleet("tenants", visibility=30), bombs, "pdf", {})
        aws.control_embeddings(latency_ms=1000)
        texts = [entries(number, 6000) for number in range(count)]
        embedding, after = measure(aws.fleet("tenants-texts", visibility=30), texts, "txt", {"CHUNK_TOKENS": "32", "CHUNK_OVERLAP": "0"})
    finally:
        aws.stop()
    live = after["status"]["live"]
    problems = [f"a document of the other tenant took {wait} s, at most {WITHIN} are allowed" for wait in extraction + embedding if wait > WITHIN]
    if live >= count:
        problems.append(f"{live} documents were live before the other tenant's were looked for: nothing was held up")
    return {"slow_documents": documents, "bytes": len(small), "waits_s": extraction, "documents_rejected": metrics.get("ingest_documents_rejected_total", 0),
            "slow_texts": count, "waits_for_embedding_s": embedding, "live_then": live, "problems": problems}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1000, help="of the slow tenant, for the extractors")
    parser.add_argument("--texts", type=int, default=40, help="of the slow tenant, of 6,000 chunks each, for the provider")
    options = parser.parse_args()
    figures = run(options.documents, options.texts)
    for problem in figures["problems"]:
        say(f"PROBLEM {problem}")
    print(json.dumps(figures | {"seconds": round(time.monotonic() - started)}))
    return 1 if figures["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
