#!/usr/bin/env python3
"""The speed of cutting text into chunks, tokens counted, beside LangChain, LlamaIndex and semantic-text-splitter on the same texts: `bench_chunk.py [--rounds N]`.

Processor time, so that what else runs matters little; the median of the rounds, the systems in turn. Ends with one line of JSON, and with 1 where a goal is missed.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / path) for path in ("deploy/local", "Tests", "Tests/EndToEnd", "Tests/Extraction", "Tests/Retrieval")]

import extractor  # noqa: E402
import opensearch  # noqa: E402
import sets  # noqa: E402
from fleet_run import ends_with_figures  # noqa: E402
from tiktoken_cases import vocabulary  # noqa: E402

STRATEGIES = ("structure", "tokens", "page", "sentence-window", "parent-child")
LEAST, TIMES = 40, 10


def texts(target: pathlib.Path) -> int:
    """What the extractor reads of the shared corpora, with its blocks."""
    documents = sets.extracted(opensearch.shared() / "corpora")
    with open(target, "w") as out:
        for document in documents.values():
            blocks = [[extractor.KINDS.index(kind), level, start, end] for kind, level, start, end in document["blocks"]]
            out.write(json.dumps({"text": document["text"].decode(), "blocks": blocks}) + "\n")
    return len(documents)


def run(rounds: int) -> dict:
    if not (opensearch.shared() / "corpora").exists():
        return {"skipped": "the shared corpora are not at hand"}
    folder = ROOT / ".local/bench-chunk"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "texts.jsonl"
    count = texts(source)
    program = ROOT / ".build/release/chunk-bench"
    ours: dict[str, list[dict]] = {}
    peers: dict[str, list[dict]] = {}
    environment = os.environ | {"TIKTOKEN_CACHE_DIR": str(vocabulary(folder))}
    for number in range(rounds):
        for strategy in STRATEGIES:
            found = json.loads(subprocess.check_output([program, source, "5", "128" if strategy in STRATEGIES[3:] else "256", strategy]))
            ours.setdefault(strategy, []).append(found)
        done = subprocess.check_output([ROOT / ".local/retrieval/bin/python", ROOT / "Tests/Retrieval/peers.py", source, "1"], env=environment)
        for system, found in json.loads(done).items():
            peers.setdefault(system, []).append(found)
        print(f"round {number + 1} of {rounds}", flush=True)
    megabytes = ours["structure"][0]["bytes"] / 1e6
    figures: dict = {"documents": count, "MB": round(megabytes, 2)}
    print("\n| system | MB/s | MB/s, first pass | chunks | CPU ms for 1,000 chunks |\n| --- | --- | --- | --- | --- |")
    for name, rows in ({f"ingest-fleet, {strategy}": rows for strategy, rows in ours.items()} | peers).items():
        seconds = sorted(row["seconds"] for row in rows)[len(rows) // 2]
        chunks = rows[0]["chunks"]
        figures[name] = {"MB/s": round(megabytes / seconds, 1), "chunks": chunks, "ms per 1,000 chunks": round(1e6 * seconds / chunks, 2)}
        # What a worker has: texts that nothing of has been counted yet.
        first = [row["firstSeconds"] for row in rows if "firstSeconds" in row]
        if first:
            figures[name]["MB/s, first pass"] = round(megabytes / sorted(first)[len(first) // 2], 1)
        print(f"| {name} | {megabytes / seconds:.1f} | {figures[name].get('MB/s, first pass', '')} | {chunks:,} | {1e6 * seconds / chunks:.2f} |")
    speed = figures["ingest-fleet, structure"]["MB/s"]
    fastest = max(figures[name]["MB/s"] for name in peers if "LangChain" in name and "tokens" in name)
    assert speed >= LEAST, f"{speed} MB/s, the goal is {LEAST}: {json.dumps(figures)}"
    assert speed >= TIMES * fastest, f"{speed / fastest:.1f} times LangChain with tokens counted, the goal is {TIMES}: {json.dumps(figures)}"
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sys.exit(ends_with_figures(lambda: run(options.rounds)))
