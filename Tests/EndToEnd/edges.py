#!/usr/bin/env python3
"""Every fault has the right outcome (`make edges`): a matrix of what documents, providers and stores do wrong, with the release programs.

    edges.py [--seconds N] [--quick] [--only SERVICE]... [--fault NAME]...

A fleet of its own for each service that fails, all at the same time, on one local stack. For each service the faults of *one* item come first, all of them
at once: each has to end in a rejection with its reason, listed by `ingestctl rejections`, while a document of another tenant is searchable within 30 s. Then the
faults of *all* items, one after the other, for --seconds where the fault is an outage (45 by default): the worker says that it is paused
(`/ready`, `ingest_paused`), no message is received twice, nothing is dead-lettered, and everything is searchable afterwards. Then one tenant's slow documents, beside another tenant (`tenants.py`). Prints a line for each cell with
the requests that each document cost, and ends with a line of JSON; 1 where a cell ended in another way.
"""
import argparse
import json
import pathlib
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import stack
import tenants
from edge_attacks import child, messages
from edge_fleet import FAULTS, Fleet, say, started
from edge_services import bucket, provider, queues, search


SERVICES = {"provider": provider, "bucket": bucket, "search": search, "queues": queues, "child": child, "messages": messages}
# The stand-in for the extractor, where children fail.
SETTINGS = {"child": {"EXTRACTOR_PATH": str(ROOT / "Tests/EndToEnd/hostile_child.py"), "EXTRACT_SECONDS": "6"}}


def run(aws: stack.Stack, seconds: float, quick: bool, only: list[str]) -> dict:
    fleets: dict[str, Fleet] = {}
    problems: list[str] = []

    def work(name: str) -> None:
        try:
            fleets[name] = Fleet(aws, f"edges-{name}", **SETTINGS.get(name, {}))
            fleets[name].start()
            SERVICES[name](fleets[name], seconds, quick)
        except Exception as error:
            problems.append(f"{name}: {type(error).__name__}: {error}")
            say(f"WRONG {name}: {error}")
        finally:
            if name in fleets:
                for worker in fleets[name].work.workers.values():
                    worker.stop(30)

    threads = [threading.Thread(target=work, args=(name,)) for name in only]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = [row for fleet in fleets.values() for row in fleet.rows]
    (ROOT / ".local/stack/edges/rows.json").write_text(json.dumps(rows, indent=1))
    wrong = [f"{row['service']} {row['scope']} {row['fault']}: {row['end']}" for row in rows if not row["right"]] + problems
    most = max((row["requests_per_document"] for row in rows), default=0)
    return {"cells": len(rows), "right": sum(row["right"] for row in rows), "most_requests_per_document": most, "outage_seconds": seconds, "wrong": wrong}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=45, help="how long an outage lasts")
    parser.add_argument("--quick", action="store_true", help="a small part, as CI runs it")
    parser.add_argument("--only", action="append", choices=sorted(SERVICES))
    parser.add_argument("--fault", action="append", help="only this one")
    options = parser.parse_args()
    FAULTS.update(options.fault or [])
    aws = stack.Stack(ROOT / ".local/stack/edges", say=say)
    try:
        figures = run(aws, options.seconds, options.quick, options.only or list(SERVICES))
    finally:
        aws.stop()
    if not (options.quick or options.only or options.fault):
        # By itself: its documents keep both cores busy.
        beside = tenants.run(1000, 40)
        figures["tenants"] = beside
        figures["wrong"] += beside["problems"]
    print(json.dumps(figures | {"seconds": round(time.monotonic() - started)}))
    return 1 if figures["wrong"] or not figures["cells"] else 0


if __name__ == "__main__":
    sys.exit(main())
