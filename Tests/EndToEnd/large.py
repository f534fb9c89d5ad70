#!/usr/bin/env python3
"""A document of 19,000 chunks (`make large`): what an interruption costs, and memory with four of them at once, with the release programs.

    large.py [--chunks N]

SIGTERM, then SIGKILL, of embed-worker in the middle of one document: the next worker pays again for at most one window. Then four such documents at once: the
peak memory of embed-worker stays below the limit. Ends with a line of JSON; 1 where that does not hold.
"""
import argparse
import json
import os
import pathlib
import re
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import stack
from edge_fleet import Answer, Proxy
from fleet_run import FleetRun, wait

LIMIT_MB = 150
DIMENSIONS = 1536
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def text(number: int, chunks: int) -> bytes:
    """Paragraphs of about one chunk of 16 tokens each, all different."""
    return "\n\n".join(f"Entry {number}-{n}: ships {n * 7919 % 10007} and lamps {n * 104729 % 9973} of the coast." for n in range(chunks)).encode()


class Provider(Proxy):
    """Counts the texts that were paid for. Its vectors are the same for all: only their size matters here."""

    def __init__(self, upstream: str, delay: float) -> None:
        super().__init__(upstream)
        self.texts: dict[str, int] = {}
        self.lock = threading.Lock()
        import base64
        import struct
        vector = base64.b64encode(struct.pack(f"<{DIMENSIONS}f", 1.0, *[0.001 * (n % 7) for n in range(DIMENSIONS - 1)])).decode()

        def answer(command, path, body, headers):
            inputs = json.loads(body)["input"]
            time.sleep(delay)
            with self.lock:
                for each in inputs:
                    self.texts[each] = self.texts.get(each, 0) + 1
            items = ",".join(f'{{"index":{n},"embedding":"{vector}"}}' for n in range(len(inputs)))
            return Answer(200, f'{{"object":"list","data":[{items}]}}')

        self.fault = answer

    def paid(self, mark: str) -> tuple[int, int]:
        """Texts of a document, and how many of them were paid for again."""
        with self.lock:
            counts = [count for each, count in self.texts.items() if each.find(mark) >= 0]
        return len(counts), sum(counts) - len(counts)


class Memory(threading.Thread):
    """The peak of a process's resident memory, in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.path, self.peak = pathlib.Path(f"/proc/{pid}/status"), 0.0

    def run(self) -> None:
        while True:
            try:
                self.peak = int(re.search(r"VmHWM:\s+(\d+)", self.path.read_text())[1]) / 1024
            except (OSError, TypeError):
                return
            time.sleep(0.2)


def run(aws: stack.Stack, chunks: int) -> dict:
    fleet = aws.fleet("large")
    fleet._common, common = (lambda: common() | {"EMBEDDING_DIMENSIONS": str(DIMENSIONS), "CHUNK_TOKENS": "32", "CHUNK_OVERLAP": "0"}), fleet._common
    provider = Provider(aws.embeddings_url, delay=0.2)
    window = 512
    work = FleetRun(fleet, aws.folder, {"POLL_SECONDS": "1", "OPENAI_BASE_URL": provider.url + "/v1", "EMBEDDING_WINDOW_CHUNKS": str(window // 2), "GRACE_SECONDS": "1"})
    work.start("ingest-worker")
    problems, figures = [], {"chunks": 0, "window": window}
    for number, kind in ((1, "SIGTERM"), (2, "SIGKILL")):
        worker = work.start("embed-worker")
        fleet.put(f"{number}.txt", text(number, chunks), "text/plain")
        wait(f"a third of document {number}", 120, lambda: provider.paid(f"Entry {number}-")[0] > chunks // 4)
        (worker.popen.terminate if kind == "SIGTERM" else worker.popen.kill)()
        worker.popen.wait(30)
        paid = provider.paid(f"Entry {number}-")[0]
        say(f"{kind} after {paid} texts")
        worker = work.start("embed-worker")
        wait(f"document {number} is live", 240, lambda: work.status()["live"] == number)
        texts, again = provider.paid(f"Entry {number}-")
        figures["chunks"] = texts
        figures[f"paid_again_after_{kind.lower()}"] = again
        say(f"document {number}: {texts} chunks, {again} paid for again after {kind}")
        if again > window:
            problems.append(f"{again} texts were paid for again after {kind}, a window has {window}")
        worker.stop(30)
    worker = work.start("embed-worker")
    memory = Memory(worker.popen.pid)
    memory.start()
    begin = time.monotonic()
    for number in (3, 4, 5, 6):
        fleet.put(f"{number}.txt", text(number, chunks), "text/plain")
    wait("four documents are live", 600, lambda: work.status()["live"] == 6)
    figures |= {"four_documents_seconds": round(time.monotonic() - begin, 1), "peak_mb_embed_worker": round(memory.peak, 1), "peak_limit_mb": LIMIT_MB}
    say(f"four documents: peak {memory.peak:.0f} MB")
    if memory.peak > LIMIT_MB:
        problems.append(f"embed-worker took {memory.peak:.0f} MB, the limit is {LIMIT_MB}")
    work.stop()
    return figures | {"problems": problems}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=19_000)
    options = parser.parse_args()
    aws = stack.Stack(ROOT / ".local/stack/large", say=say)
    try:
        figures = run(aws, options.chunks)
    finally:
        aws.stop()
    print(json.dumps(figures))
    return 1 if figures["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
