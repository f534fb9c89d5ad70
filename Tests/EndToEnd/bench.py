#!/usr/bin/env python3
"""The whole path, measured: both workers over a corpus, from the first receive to empty queues (`make bench ROUNDS=3`).

For each round, corpus (PDFs; HTML, Markdown, text and XML) and latency of the embeddings server (0 and 200 ms): seconds, documents and pages a
second, CPU seconds of both workers and the extractors (per 1,000 pages and per 1,000 chunks), peak memory of each. Rounds are interleaved; figures are
medians with their range. OpenSearch, S3 and SQS run on the same machine: their CPU is not counted, their share of the cores is felt.
Where the folder of corpora is not there, the documents are made up, and the result says so.
"""
import collections
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import make_pdf
import opensearch
import stack
from fleet_run import FleetRun
from kills import text

FOLDER = ROOT / ".local/stack/bench"
TICKS = os.sysconf("SC_CLK_TCK")
WORKERS = ("ingest-worker", "embed-worker")
started = time.monotonic()


def say(line: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {line}", flush=True)


def corpora() -> tuple[str, dict[str, dict[str, bytes]]]:
    folder = opensearch.shared() / "corpora"
    if not folder.exists():
        say("the folder of corpora is not there: made-up documents instead")
        lines = [text(number, 0).decode().replace("\n\n", " ") for number in range(200)]
        pages = lambda line: [[line[i : i + 80] for i in range(start, start + 3200, 80)] for start in range(0, 12_000, 3200)]
        return "made up", {
            "pdf": {f"{n}.pdf": make_pdf.pdf(f"Document {n}", pages(line)) for n, line in enumerate(lines)},
            "text": {f"{n}.txt": line.encode() for n, line in enumerate(lines)},
        }
    read = lambda *kinds: {str(p.relative_to(folder)): p.read_bytes() for kind in kinds for p in sorted((folder / kind).rglob("*")) if p.is_file()}
    return "corpora", {"pdf": read("pdf"), "text": read("html", "md", "txt", "xml")}


def pages(documents: dict[str, bytes]) -> int:
    total = 0
    for body in documents.values():
        path = FOLDER / "page-count.pdf"
        path.write_bytes(body)
        done = subprocess.run(["pdfinfo", path], capture_output=True, text=True, timeout=30)
        total += next((int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("Pages:")), 0)
    return total


class Usage:
    """CPU and peak memory of the workers and their extractors, sampled while they run."""

    def __init__(self, work: FleetRun) -> None:
        self.pids = {name: worker.popen.pid for name, worker in work.workers.items()}
        self.memory: dict[str, float] = collections.defaultdict(float)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.stopping.wait(0.2):
            for name, pid in self.pids.items():
                self._remember(name, pid)
                for child in children(pid):
                    self._remember("document-extractor", child)

    def _remember(self, name: str, pid: int) -> None:
        try:
            line = next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
            self.memory[name] = max(self.memory[name], int(line.split()[1]) / 1024)
        except (OSError, StopIteration):
            pass

    def finish(self) -> dict[str, float]:
        """CPU seconds by program; called while the workers still run."""
        self.stopping.set()
        self.thread.join()
        spent: dict[str, float] = collections.defaultdict(float)
        for name, pid in self.pids.items():
            own, ended = times(pid)
            spent[name] += own
            spent["document-extractor"] += ended + sum(times(child)[0] for child in children(pid))
        return spent


def children(pid: int) -> list[int]:
    try:
        return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return []


def times(pid: int) -> tuple[float, float]:
    """CPU seconds of a process, and of its children that have ended."""
    fields = [int(field) for field in pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]]
    return (fields[0] + fields[1]) / TICKS, (fields[2] + fields[3]) / TICKS


def measure(aws: stack.Stack, name: str, documents: dict[str, bytes], latency: int, page_count: int) -> dict[str, float]:
    aws.control_embeddings(latency_ms=latency)
    fleet = aws.fleet(name, visibility=120)
    work = FleetRun(fleet, aws.folder, {"LOG_LEVEL": "warning"})
    for key, body in documents.items():
        fleet.put(key, body)
    for worker in WORKERS:
        work.start(worker)
    usage, begun = Usage(work), time.monotonic()
    fleet.wait_until_drained(1200, alive=work.alive)
    seconds = time.monotonic() - begun
    cpu = usage.finish()
    status = work.status()
    work.stop()
    assert status["live"] + status["rejected"] == len(documents), f"{status} of {len(documents)} documents"
    assert status["chunks"] == status["indexedChunks"] > 0, status
    total = sum(cpu.values())
    found = {
        "seconds": seconds, "documents_per_second": len(documents) / seconds, "chunks": status["chunks"], "cpu_seconds": total,
        "cpu_seconds_per_1000_chunks": total * 1000 / status["chunks"],
    }
    if page_count:
        found |= {"pages_per_second": page_count / seconds, "cpu_seconds_per_1000_pages": total * 1000 / page_count}
    for program in (*WORKERS, "document-extractor"):
        found[f"{program}_cpu_seconds"] = cpu[program]
        found[f"{program}_peak_mb"] = usage.memory[program]
    return found


def main() -> int:
    rounds = int(os.environ.get("ROUNDS") or 3)
    say("starting S3, SQS, embeddings and OpenSearch")
    aws = stack.Stack(FOLDER, say=say)
    try:
        source, sets = corpora()
        counts = {"pdf": pages(sets["pdf"]), "text": 0}
        say(f"{aws.node.kind}; {len(sets['pdf'])} PDFs of {counts['pdf']} pages, {len(sets['text'])} other documents ({source}); {rounds} rounds")
        runs: dict[str, list[dict]] = collections.defaultdict(list)
        for number in range(rounds):
            for corpus, documents in sets.items():
                for latency in (0, 200):
                    found = measure(aws, f"bench-{corpus}-{latency}-{number}", documents, latency, counts[corpus])
                    runs[f"{corpus}, {latency} ms"].append(found)
                    say(f"round {number + 1}: {corpus}, {latency} ms: {found['seconds']:.1f} s, {found['documents_per_second']:.1f} documents/s, {found['cpu_seconds']:.1f} CPU s")
    finally:
        kind = aws.node.kind if aws.node else None
        aws.stop()
    result = {
        run: {series: [round(of([f[series] for f in found]), 2) for of in (statistics.median, min, max)] for series in found[0]}
        for run, found in runs.items()
    }
    for run, series in result.items():
        print(f"\n{run}")
        for name, (median, low, high) in series.items():
            print(f"  {name:34} {median:10.2f}  [{low:.2f} … {high:.2f}]")
    print(json.dumps({"bench": result, "rounds": rounds, "documents": source, "opensearch": kind, "cores": os.cpu_count()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
