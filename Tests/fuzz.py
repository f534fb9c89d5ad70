#!/usr/bin/env python3
"""Seeded mutations of events, listings, bulk answers, chunk messages, chunks, headers, replies of the extractor, embeddings, times, received messages and ledger records (`make fuzz INPUTS=1000000`): no input may end the process. The last line is JSON."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / ".build/release/ingest-fleetPackageTests.xctest"
PARSERS = 11
BATCH = 20_000


def batch(seed: int, count: int) -> list[dict]:
    with tempfile.NamedTemporaryFile() as report:
        environment = dict(os.environ, FUZZ_INPUTS=str(count), FUZZ_SEED=str(seed), FUZZ_REPORT=report.name, SWIFT_BACKTRACE="enable=no")
        command = [BINARY, "--testing-library", "swift-testing", "--filter", "FuzzTests"]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise SystemExit(f"seed {seed} with {count} inputs ended with {done.returncode}:\n{done.stdout[-3000:]}")
        return [json.loads(line) for line in pathlib.Path(report.name).read_text().splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in all, over the parsers")
    total = parser.parse_args().inputs
    started = time.monotonic()
    subprocess.run(["swift", "build", "-c", "release", "--build-tests"], cwd=ROOT, check=True, stdout=sys.stderr)
    each = -(-total // PARSERS)
    sums = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        work = [pool.submit(batch, 1000 + number, min(BATCH, each - number * BATCH)) for number in range(-(-each // BATCH))]
        for number, done in enumerate(concurrent.futures.as_completed(work), 1):
            for line in done.result():
                entry = sums.setdefault(line["parser"], {"read": 0, "refused": 0})
                entry["read"] += line["read"]
                entry["refused"] += line["refused"]
            print(f"[{time.monotonic() - started:6.1f} s] {number} of {len(work)} batches", flush=True)
    assert len(sums) == PARSERS, sums
    print(json.dumps({"inputs": each * PARSERS, "crashes": 0, "parsers": sums, "seconds": round(time.monotonic() - started)}))


if __name__ == "__main__":
    main()
