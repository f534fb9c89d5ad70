#!/usr/bin/env python3
"""A slow tenant beside a fast one (`make tenants DOCUMENTS=1000`), with the release programs: behind many small documents of one tenant that each take an extractor's
whole time, another tenant's document is searchable within 30 s. Ends with a line of JSON; 1 where that does not hold.

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


def measure(fleet, count: int) -> tuple[list[float], dict, int]:
    """Seconds until each of the other tenant's documents was searchable, the worker's metrics, bytes of a slow document."""
    rules = f"s3://{fleet.bucket}/slow/*=slow s3://{fleet.bucket}/fast/*=fast"
    run = FleetRun(fleet, FOLDER, {"DOCUMENTS": rules})
    small = bomb()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        # No two alike: each is worked on.
        list(pool.map(lambda n: fleet.put(f"slow/{n}.pdf", small + b"%% %d\n" % n, "application/pdf"), range(count)))
    say(f"{count} documents of {len(small):,} bytes by one tenant are in the bucket")
    run.start("embed-worker")
    run.start("ingest-worker")
    time.sleep(5)
    waits = []
    for number in range(3):
        begun = time.monotonic()
        fleet.put(f"fast/{number}.txt", f"The other tenant's document number {number}.".encode(), "text/plain")
        while time.monotonic() < begun + 300 and not any(chunk.get("key") == f"fast/{number}.txt" for chunk in run.chunks(["key"])):
            time.sleep(0.5)
        waits.append(round(time.monotonic() - begun, 1))
        say(f"document {number} of the other tenant is searchable after {waits[-1]} s")
    metrics = run.metrics("ingest-worker")
    for worker in run.workers.values():
        worker.stop(40)
    return waits, metrics, len(small)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1000, help="of the slow tenant")
    count = parser.parse_args().documents
    aws = stack.Stack(ROOT / ".local/stack/tenants", say=say)
    try:
        waits, metrics, size = measure(aws.fleet("tenants", visibility=30), count)
    finally:
        aws.stop()
    problems = [f"a document of the other tenant took {wait} s, at most {WITHIN} are allowed" for wait in waits if wait > WITHIN]
    for problem in problems:
        say(f"PROBLEM {problem}")
    print(json.dumps({"slow_documents": count, "bytes": size, "waits_s": waits, "documents_rejected": metrics.get("ingest_documents_rejected_total", 0),
                      "problems": problems, "seconds": round(time.monotonic() - started)}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
