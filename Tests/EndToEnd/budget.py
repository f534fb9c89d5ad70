#!/usr/bin/env python3
"""Several embed-workers with one account: how much of its limits they use, and how many of their requests are refused (`make budget`).

    budget.py [--workers 8] [--seconds 180] [--tokens 1000000] [--modes lease,share,process]

The embeddings server enforces the limit with a bucket of five seconds. Documents wait in the queue, more than the limit lets through; then the workers start. Ends with a line of JSON;
1 where by lease or by share less than 97 % of the limit is used, or 0.5 % of the requests are refused, or where by lease one worker alone uses less than 97 %.
"""
import argparse
import json
import pathlib
import random
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import stack
from fleet_run import FleetRun, ends_with_figures, wait

WORDS = "harbour pilot lantern tide keeper boat signal record weather northern station rope anchor chart sound light coal visitor".split()
TOKENS_OF_DOCUMENT = 6000
LEAST_USE, MOST_REFUSED = 0.97, 0.005
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def document(number: int) -> str:
    pick = random.Random(number)
    return "\n\n".join(" ".join(pick.choice(WORDS) if pick.random() < 0.9 else str(pick.randint(1, 99999)) for _ in range(100)) + "." for _ in range(TOKENS_OF_DOCUMENT // 120))


class Account:
    """The embeddings server's."""

    def __init__(self, aws: stack.Stack) -> None:
        self.url = aws.embeddings_url + "/control"

    def set(self, **settings: int) -> None:
        urllib.request.urlopen(urllib.request.Request(self.url, json.dumps(settings).encode(), method="POST"), timeout=10).close()

    def counts(self) -> dict[str, int]:
        return json.load(urllib.request.urlopen(self.url, timeout=10))


def measure(aws: stack.Stack, mode: str, workers: int, options: argparse.Namespace) -> dict:
    account = Account(aws)
    account.set(tokens_per_minute=options.tokens, requests_per_minute=600_000, bucket_seconds=5)
    name = f"{mode}-{workers}"
    fleet = aws.fleet(name, visibility=120)
    run = FleetRun(fleet, aws.folder, {"EMBEDDING_BUDGET": mode, "EMBEDDING_ACCOUNT": name, "LOG_LEVEL": "warning"})
    documents = int(options.tokens / 60 * options.seconds * 1.4 / TOKENS_OF_DOCUMENT) + 4 * workers
    seed = random.Random(name).randrange(1 << 40)
    for number in range(documents):
        fleet.put(f"{number}.txt", document(seed + number).encode())
    run.start("ingest-worker")
    wait("the chunk queue", 600, lambda: fleet.depth("events") == 0 and run.in_work("ingest-worker") == 0)
    say(f"{mode}: {documents} documents wait for {workers} embed-workers")
    for number in range(workers):
        run.start("embed-worker", number=number + 1)
    first = account.counts()
    wait("the first request", 60, lambda: account.counts()["served"] > first["served"] + 2 * workers)
    first, begin = account.counts(), time.monotonic()
    last = first
    for tenth in range(10):
        time.sleep(max(0.0, begin + options.seconds * (tenth + 1) / 10 - time.monotonic()))
        counts, seconds = account.counts(), time.monotonic() - begin
        say(f"{mode}: {seconds:.0f} s, {counts['tokens'] - last['tokens']} tokens and {counts['throttled'] - last['throttled']} refused since")
        last = counts
    run.alive()
    waiting = fleet.depth("chunks")
    assert waiting > 0 or run.metric("embed-worker.1", "ingest_messages_in_flight") > 0, "the documents are used up: too few for this limit"
    run.stop()
    requests, refused = (last[what] - first[what] for what in ("requests", "throttled"))
    figures = {
        "use": round((last["tokens"] - first["tokens"]) / (options.tokens / 60 * seconds), 4),
        "requests": requests, "refused": refused, "refused_share": round(refused / max(1, requests), 4),
    }
    say(f"{name}: {figures}")
    return figures


def run(options: argparse.Namespace) -> dict:
    aws = stack.Stack(ROOT / ".local/stack/budget", say=say)
    runs = [(mode, options.workers) for mode in options.modes.split(",")]
    if not options.only_many:
        runs.append(("lease", 1))
    try:
        found = {f"{mode}, {workers} workers": measure(aws, mode, workers, options) for mode, workers in runs}
    finally:
        aws.stop()
    for name, figures in found.items():
        if not name.startswith("process"):
            assert figures["use"] >= LEAST_USE, f"{name}: {figures}"
            assert figures["refused_share"] < MOST_REFUSED, f"{name}: {figures}"
    return {"tokens_per_minute": options.tokens, "seconds": options.seconds, **found}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--modes", default="lease,share,process")
    parser.add_argument("--only-many", action="store_true", help="not one worker alone")
    parsed = parser.parse_args()
    sys.exit(ends_with_figures(lambda: run(parsed)))
