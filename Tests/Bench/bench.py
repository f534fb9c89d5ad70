#!/usr/bin/env python3
"""The whole path, measured beside two Python pipelines on the same servers (`make bench ROUNDS=3 DOCUMENTS=DIR`).

    bench.py [--rounds N] [--documents DIR] [--quick]

In each round, for each corpus (papers and reports in PDF; Markdown and text) and latency of the embeddings server (0 and 200 ms), the systems run in turn: ingest-fleet
(both workers and the extractors), the usual Python pipeline and a tuned one (usual.py, tuned.py; two processes each). Documents are in the bucket and their
events in the queue before a system begins. CPU seconds count from when a system is ready, so that Python's imports are left out; S3, SQS, OpenSearch and the
embeddings server run on the same machine: their CPU is not counted, their share of the cores is felt. Memory is what all processes of a system have resident
at the same time, at most. Figures are medians with their range. Ends with one line of JSON; 1 where a goal is missed.
"""
import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / p) for p in ("deploy/local", "Tests", "Tests/EndToEnd")]
import make_pdf
import opensearch
import stack
from fleet_run import FleetRun, ends_with_figures
from kills import text
from processes import Failed, Process
from tiktoken_cases import vocabulary
from usage import Usage

FOLDER = ROOT / ".local/stack/bench"
OURS, USUAL, TUNED = "ingest-fleet", "usual Python", "tuned Python"
PEERS = {USUAL: "usual.py", TUNED: "tuned.py"}
MODEL, DIMENSIONS = "text-embedding-3-small", 1536
# Of the median round: shares of the peers' CPU seconds, MB of all processes together, the share of wall time that 200 ms of latency may cost.
GOALS = {"CPU of the usual": 0.45, "CPU of the tuned": 1.0, "MB together": 120, "latency": 0.20}
started = time.monotonic()


def say(line: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {line}", flush=True)


def corpora(chosen: str | None) -> tuple[str, dict[str, dict[str, bytes]]]:
    folder = opensearch.shared() / "corpora"
    read = lambda root, *kinds: {str(p.relative_to(root)): p.read_bytes() for kind in kinds for p in sorted((root / kind).rglob("*")) if p.is_file()}
    if chosen:
        return chosen, {"documents": {key: body for key, body in read(pathlib.Path(chosen), ".").items() if not key.startswith(".")}}
    if not folder.exists():
        say("the folder of corpora is not there: made-up documents instead")
        lines = [text(number, 0).decode().replace("\n\n", " ") for number in range(200)]
        pages = lambda line: [[line[i : i + 80] for i in range(start, start + 3200, 80)] for start in range(0, 12_000, 3200)]
        return "made up", {
            "pdf": {f"{n}.pdf": make_pdf.pdf(f"Document {n}", pages(line)) for n, line in enumerate(lines)},
            "text": {f"{n}.txt": line.encode() for n, line in enumerate(lines)},
        }
    return "corpora", {"pdf": read(folder, "pdf/docling", "pdf/pdfplumber"), "text": read(folder, "md", "txt")}


def pages(documents: dict[str, bytes]) -> int:
    total = 0
    for key, body in documents.items():
        if key.lower().endswith(".pdf"):
            path = FOLDER / "page-count.pdf"
            path.write_bytes(body)
            done = subprocess.run(["pdfinfo", path], capture_output=True, text=True, timeout=60)
            total += next((int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("Pages:")), 0)
    return total


class Bench:
    def __init__(self, aws: stack.Stack, rounds: int) -> None:
        self.aws, self.rounds = aws, rounds
        self.runs: dict[tuple[str, str, int], list[dict[str, float]]] = collections.defaultdict(list)

    def ours(self, name: str, documents: dict[str, bytes]) -> dict[str, float]:
        fleet = self.filled(name, documents)
        work = FleetRun(fleet, self.aws.folder, {"LOG_LEVEL": "warning"} | json.loads(os.environ.get("BENCH_ENV", "{}")))
        for worker in ("ingest-worker", "embed-worker"):
            work.start(worker)
        found = self.watched(fleet, {worker: process.popen.pid for worker, process in work.workers.items()}, work.alive)
        status = work.status()
        work.stop()
        assert status["live"] + status["rejected"] == len(documents), f"{status} of {len(documents)} documents"
        assert status["chunks"] == status["indexedChunks"] > 0, status
        return found | {"chunks": status["chunks"], "failed": status["rejected"]}

    def peer(self, system: str, name: str, documents: dict[str, bytes]) -> dict[str, float]:
        fleet = self.filled(name, documents)
        index = f"{self.aws.node.url}/{name}"
        vector = {"type": "knn_vector", "dimension": DIMENSIONS, "method": {"name": "hnsw", "engine": self.aws.node.engine, "space_type": "innerproduct"}}
        mapping = {"properties": {"text": {"type": "text"}, "page": {"type": "integer"}, "source": {"type": "keyword"}, "vector": vector}}
        call(index, {"settings": {"index.knn": True, "number_of_replicas": 0}, "mappings": mapping}, "PUT")
        folder = self.aws.folder / name
        folder.mkdir(exist_ok=True)
        go = folder / "go"
        environment = fleet.worker("embed-worker") | {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": fleet.worker("embed-worker")["AWS_REGION"],
            "QUEUE_URL": fleet.queues["events"], "INDEX": name, "DIMENSIONS": str(DIMENSIONS), "TIKTOKEN_CACHE_DIR": str(vocabulary(self.aws.folder)),
        }
        command = [ROOT / ".local/bench/bin/python", ROOT / "Tests/Bench" / PEERS[system], go]
        both = [Process(f"{system} {number}", command, folder / f"{number}.log", environment) for number in (1, 2)]

        def alive() -> None:
            for process in both:
                if process.popen.poll() is not None:
                    raise Failed(f"{process.name} ended with {process.popen.returncode}; its log: {process.log}")

        while not all("ready" in process.log.read_text() for process in both):
            alive()
            time.sleep(0.1)
        go.touch()
        found = self.watched(fleet, {process.name: process.popen.pid for process in both}, alive)
        for process in both:
            process.stop(10)
        failed = sum(line.startswith("failed: ") for process in both for line in process.log.read_text().splitlines())
        call(f"{index}/_refresh", {}, "POST")
        return found | {"chunks": call(f"{index}/_count", None, "GET")["count"], "failed": failed}

    def filled(self, name: str, documents: dict[str, bytes]) -> stack.Fleet:
        fleet = self.aws.fleet(name, visibility=600)
        fleet.settings = {"EMBEDDING_MODEL": MODEL, "EMBEDDING_DIMENSIONS": str(DIMENSIONS)}
        for key, body in documents.items():
            fleet.put(key, body)
        return fleet

    def watched(self, fleet: stack.Fleet, pids: dict[str, int], alive) -> dict[str, float]:
        usage, begun = Usage(pids), time.monotonic()
        fleet.wait_until_drained(3600, alive=alive)
        seconds = time.monotonic() - begun
        cpu = usage.finish()
        own = {f"CPU s, {program}": spent for program, spent in cpu.items() if program in ("ingest-worker", "embed-worker", "document-extractor") and spent}
        peaks = {f"peak MB, {program}": peak for program, peak in usage.peaks.items() if f"CPU s, {program}" in own}
        return {"seconds": seconds, "CPU s": sum(cpu.values()), "MB together": usage.together} | own | peaks

    def measure(self, corpus: str, documents: dict[str, bytes], latency: int, number: int, page_count: int) -> None:
        self.aws.control_embeddings(latency_ms=latency)
        systems = [OURS, USUAL, TUNED]
        for system in systems[number % 3 :] + systems[: number % 3]:
            name = f"bench-{corpus}-{latency}-{number}-{systems.index(system)}"
            found = self.ours(name, documents) if system == OURS else self.peer(system, name, documents)
            found["documents/s"] = len(documents) / found["seconds"]
            if page_count:
                found |= {"pages/s": page_count / found["seconds"], "CPU s per 1,000 pages": found["CPU s"] * 1000 / page_count}
            found["CPU s per 1,000 chunks"] = found["CPU s"] * 1000 / max(1, found["chunks"])
            self.runs[system, corpus, latency].append(found)
            call(f"{self.aws.node.url}/{name}*", None, "DELETE") if system != OURS else None
            say(f"round {number + 1}: {corpus}, {latency} ms, {system}: {found['seconds']:.1f} s, {found['CPU s']:.2f} CPU s, {found['MB together']:.0f} MB, {found['chunks']} chunks, {found['failed']} failed")

    def median(self, system: str, corpus: str, latency: int, figure: str) -> float:
        return statistics.median(found[figure] for found in self.runs[system, corpus, latency])

    def table(self, corpus: str, latency: int) -> None:
        print(f"\n**{corpus}, {latency} ms**\n\n| | {OURS} | {USUAL} | {TUNED} |\n| --- | ---: | ---: | ---: |")
        for figure in self.runs[OURS, corpus, latency][0]:
            cells = []
            for system in (OURS, *PEERS):
                values = [found[figure] for found in self.runs[system, corpus, latency] if figure in found]
                cells.append(f"{statistics.median(values):,.4g} [{min(values):,.4g}–{max(values):,.4g}]" if values else "")
            print(f"| {figure} | {' | '.join(cells)} |")

    def goals(self, corpora: list[str]) -> dict[str, dict[str, float | bool]]:
        """Each with its figure. Where all documents are text, the peers' CPU is held against ours, and nothing else."""
        held = {}
        for corpus in corpora:
            ours = self.median(OURS, corpus, 0, "CPU s")
            found = {f"CPU of the {kind}": ours / self.median(system, corpus, 0, "CPU s") for kind, system in (("usual", USUAL), ("tuned", TUNED))}
            found["MB together"] = max(self.median(OURS, corpus, latency, "MB together") for latency in (0, 200))
            found["latency"] = self.median(OURS, corpus, 200, "seconds") / self.median(OURS, corpus, 0, "seconds") - 1
            held |= {f"{corpus}: {name}": {"figure": round(value, 3), "goal": GOALS[name], "held": value <= GOALS[name]} for name, value in found.items()}
        return held


def call(url: str, body: dict | None, method: str) -> dict:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method), timeout=60) as answer:
        return json.loads(answer.read())


def run(options: argparse.Namespace) -> dict:
    say("starting S3, SQS, embeddings and OpenSearch")
    aws = stack.Stack(FOLDER, say=say)
    try:
        source, sets = corpora(options.documents)
        if options.quick:
            sets = {corpus: dict(list(documents.items())[::8]) for corpus, documents in sets.items()}
        counts = {corpus: pages(documents) for corpus, documents in sets.items()}
        for corpus, documents in sets.items():
            say(f"{corpus}: {len(documents)} documents, {counts[corpus]} pages, {sum(map(len, documents.values())) / 1e6:.1f} MB ({source}); {aws.node.kind}, {options.rounds} rounds")
        bench = Bench(aws, options.rounds)
        for number in range(options.rounds):
            for corpus, documents in sets.items():
                for latency in (0, 200):
                    bench.measure(corpus, documents, latency, number, counts[corpus])
    finally:
        kind = aws.node.kind if aws.node else None
        aws.stop()
    for corpus in sets:
        for latency in (0, 200):
            bench.table(corpus, latency)
    goals = bench.goals(list(sets))
    print()
    figures = {"rounds": options.rounds, "documents": source, "opensearch": kind, "cores": os.cpu_count(), "goals": goals}
    missed = [f"{name}: {goal['figure']}, the goal is {goal['goal']}" for name, goal in goals.items() if not goal["held"]]
    assert not missed or options.quick, f"goals missed: {'; '.join(missed)}; {json.dumps(figures)}"
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--documents", help="a folder of documents in place of the corpora's")
    parser.add_argument("--quick", action="store_true", help="an eighth of the documents; misses are no failure")
    sys.exit(ends_with_figures(lambda: run(parser.parse_args())))
