#!/usr/bin/env python3
"""Documents at a rate, and how long each takes until readers find it (`make load`).

    load.py [--profile constant|ramp|burst]... [--rate N] [--seconds N] [--report]

A generator puts a mix of documents into the bucket: text, HTML and PDF of different sizes, a tenth of them replacements of earlier ones and a twentieth deletions. Both workers run
as release programs beside S3, SQS, OpenSearch and the embeddings server on the same machine. For each profile: percentiles of the time from the end of the upload to the commit of the version, the backlog
second by second, errors, tokens and their price. With --report the figures and plots go into docs/load-test.md. Ends with 1 where a document is lost, rejected or is not live at the end.
"""
import argparse
import datetime
import json
import os
import pathlib
import random
import re
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd"), str(ROOT / "Tests")]
import make_pdf
import opensearch
import plot
import stack
from fleet_run import FleetRun, ends_with_figures

FOLDER = ROOT / ".local/stack/load"
DOLLARS = 0.02  # of text-embedding-3-small, a million tokens
WORDS = "harbour pilot lantern tide keeper boat signal record weather northern station rope anchor chart sound light coal visitor".split()
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


class Generator:
    """The same documents for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.keys: list[str] = []
        self.count = 0

    def sentences(self, count: int) -> str:
        pick = self.random
        return " ".join(f"{' '.join(pick.choice(WORDS) for _ in range(pick.randint(6, 14)))} {pick.randint(1, 99999)}.".capitalize() for _ in range(count))

    def next(self) -> tuple[str, bytes | None]:
        """A key with its content, or with nothing where it is deleted."""
        self.count += 1
        kind = self.random.random()
        if self.keys and kind < 0.05:
            return self.keys.pop(self.random.randrange(len(self.keys))), None
        if self.keys and kind < 0.15:
            key = self.random.choice(self.keys)
        else:
            key = f"{self.count}.{self.random.choices(['txt', 'html', 'pdf'], [60, 25, 15])[0]}"
            self.keys.append(key)
        size = self.random.choices([4, 20, 120], [50, 40, 10])[0]
        text = self.sentences(size)
        if key.endswith("html"):
            return key, f"<html><head><title>Page {self.count}</title></head><body><h1>Page {self.count}</h1><p>{'</p><p>'.join(text.split('. '))}</p></body></html>".encode()
        if key.endswith("pdf"):
            return key, make_pdf.pdf(f"Document {self.count}", [[text[i : i + 80] for i in range(start, min(len(text), start + 3200), 80)] for start in range(0, len(text), 3200)])
        return key, text.encode()


def rate_at(profile: str, rate: float, share: float) -> float:
    """Documents a second, at this share of the run."""
    if profile == "ramp":
        return 2 * rate * share
    if profile == "burst":
        return 4 * rate if int(share * 10) % 4 == 0 else 0.1 * rate
    return rate


def one(aws: stack.Stack, profile: str, rate: float, seconds: int) -> dict:
    fleet = aws.fleet(f"load-{profile}")
    work = FleetRun(fleet, aws.folder, {"POLL_SECONDS": "1", "LOG_FORMAT": "json", "EMBEDDING_PRICE": str(DOLLARS)})
    for program in ("ingest-worker", "embed-worker"):
        work.start(program)
    generator, uploaded, samples, latest = Generator(7), {}, [], {}
    begun, ended = time.monotonic(), threading.Event()

    def sample() -> None:
        while not ended.wait(1):
            samples.append((time.monotonic() - begun, fleet.depth("events"), fleet.depth("chunks"), generator.count))

    sampler = threading.Thread(target=sample)
    sampler.start()
    due = 0.0
    while (now := time.monotonic() - begun) < seconds:
        due += rate_at(profile, rate, now / seconds) * 0.05
        while due >= 1:
            due -= 1
            key, body = generator.next()
            if body is None:
                fleet.delete(key)
            else:
                fleet.put(key, body)
            uploaded.setdefault(key, []).append(time.time())
            latest[key] = body is not None
        time.sleep(max(0, 0.05 - (time.monotonic() - begun - now)))
        work.alive()
    fleet.wait_until_drained(300, alive=work.alive)
    drained = time.monotonic() - begun
    ended.set()
    sampler.join()
    live = {chunk["key"] for chunk in work.chunks(["key"])}
    wanted = {key for key, stays in latest.items() if stays}
    ingest, embed = work.metrics("ingest-worker"), work.metrics("embed-worker")
    errors = {name: values.get(series, 0) for name, values, series in (
        ("rejected", ingest, "ingest_documents_rejected_total"), ("retried", ingest, "ingest_messages_retried_total"), ("retried by embed-worker", embed, "ingest_messages_retried_total"),
        ("dead letters", ingest, "ingest_messages_dead_lettered_total"), ("leases lost", ingest, "ingest_leases_lost_total"))}
    work.stop()
    waits = latencies(work.workers["embed-worker"].log.read_text(), uploaded)
    at = lambda share: round(waits[min(len(waits) - 1, int(len(waits) * share))], 2)
    changes = sum(map(len, uploaded.values()))
    tokens = embed.get("ingest_tokens_embedded_total", 0)
    plot.charts(ROOT / f"docs/images/load-{profile}.svg" if REPORT else aws.folder / f"{profile}.svg", f"{profile}: {changes} changes", "seconds", [
        ("messages that wait", {"events": [(s, e) for s, e, _, _ in samples], "chunks": [(s, c) for s, _, c, _ in samples]}),
        ("changes a second", {"uploaded": [(b[0], (b[3] - a[3]) / max(0.1, b[0] - a[0])) for a, b in zip(samples, samples[1:])]}),
    ])
    figures = {
        "changes": changes, "seconds": seconds, "drained_s": round(drained, 1), "p50_s": at(0.5), "p90_s": at(0.9), "p99_s": at(0.99), "max_s": round(waits[-1], 2), "measured": len(waits),
        "most_events": max(e for _, e, _, _ in samples), "most_chunks": max(c for _, _, c, _ in samples), "errors": sum(errors.values()), "tokens": tokens, "dollars": round(tokens / 1e6 * DOLLARS, 4),
    }
    assert live == wanted, f"{profile}: not as the bucket: {sorted(live ^ wanted)[:5]}"
    assert not errors["rejected"] and not errors["dead letters"], errors
    say(f"{profile}: {json.dumps(figures)}")
    return figures


def latencies(log: str, uploaded: dict[str, list[float]]) -> list[float]:
    """From the last upload before a commit to that commit, for every version that was committed."""
    found = []
    for line in log.splitlines():
        if '"fate":"searchable"' not in line and '"fate":"deleted"' not in line:
            continue
        value = json.loads(line)
        committed = datetime.datetime.fromisoformat(value["timestamp"].replace("Z", "+00:00")).timestamp()
        key = value["attributes"]["object"].split("/", 3)[3]
        before = [at for at in uploaded.get(key, []) if at <= committed + 0.002]
        if before:
            found.append(max(0.0, committed - before[-1]))
    return sorted(found)


def report(figures: dict[str, dict], rate: float) -> None:
    page = ROOT / "docs/load-test.md"
    head = page.read_text().split("## Results\n")[0]
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    rows = "".join(f"| {name} | {f['changes']} | {f['p50_s']} s | {f['p90_s']} s | {f['p99_s']} s | {f['max_s']} s | {f['most_events']} / {f['most_chunks']} | {f['drained_s']} s | {f['errors']} | {f['tokens']:,} | ${f['dollars']} |\n" for name, f in figures.items())
    images = "".join(f"\n![{name}: backlog and uploads](images/load-{name}.svg)\n" for name in figures)
    page.write_text(f"{head}## Results\n\n{os.cpu_count()} cores ({model[1] if model else 'unknown'}) for everything: both workers, their extractors, S3, SQS, OpenSearch, embeddings and the generator. "
                    f"{rate:g} documents a second on average, {next(iter(figures.values()))['seconds']} s each, {datetime.date.today()}.\n\n"
                    f"| profile | changes | median | 90 % | 99 % | longest | most that waited (events / chunks) | empty after | errors | tokens | price |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n{rows}{images}")


def main() -> dict:
    global REPORT
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", action="append", choices=["constant", "ramp", "burst"])
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--report", action="store_true", help="write docs/load-test.md and its plots")
    arguments = parser.parse_args()
    REPORT = arguments.report
    aws = stack.Stack(FOLDER, search=False)
    try:
        aws.node = opensearch.start(FOLDER)
        figures = {profile: one(aws, profile, arguments.rate, arguments.seconds) for profile in arguments.profile or ["constant", "ramp", "burst"]}
    finally:
        aws.stop()
    if REPORT:
        report(figures, arguments.rate)
    return figures


if __name__ == "__main__":
    sys.exit(ends_with_figures(main))
