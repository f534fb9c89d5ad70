#!/usr/bin/env python3
"""Replays of real prefixes, with the release programs (`make replay OBJECTS=10000`).

    replays.py [--objects N]

A prefix that has not changed: no event, no download, no token. One paragraph of 100 pages: at most 3 chunks are paid for. A dry run's forecast beside what was paid
then. A budget, before and after it is raised. A replay that is killed, and goes on: no document is made twice. Ends with a line of JSON; 1 where that does not hold.
"""
import argparse
import concurrent.futures
import pathlib
import random
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import make_pdf
import stack
from fleet_run import PROGRAMS, FleetRun, ends_with_figures

WORDS = "tide lamp harbour keeper mercury bell fog pilot anchor ledger chart signal winter storm ferry island rope sail engine cargo".split()
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


class Replays:
    def __init__(self, aws: stack.Stack, objects: int) -> None:
        self.objects, self.chance = objects, random.Random(21)
        self.fleet = aws.fleet("replays", visibility=60)
        self.work = FleetRun(self.fleet, aws.folder, {"LOG_LEVEL": "warning", "EMBEDDING_PRICE": "0.02"})
        self.environment = self.fleet.worker("ingest-worker") | self.work.settings
        self.spent = {"ingest_tokens_embedded_total": 0, "ingest_chunks_embedded_total": 0, "ingest_downloaded_bytes_total": 0, "ingest_documents_handed_over_total": 0}

    def paragraph(self, number: int) -> str:
        return f"Entry {number}. " + " ".join(self.chance.choice(WORDS) for _ in range(60)) + "."

    def put(self, documents: dict[str, bytes]) -> None:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: self.fleet.put(*item), documents.items()))

    def replay(self, prefix: str, *flags: str) -> str:
        command = [PROGRAMS / "ingest-worker", "--replay", f"s3://{self.fleet.bucket}/{prefix}", *flags]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0, f"{flags}: {done.stdout}{done.stderr[-2000:]}"
        return done.stdout

    def drained(self) -> dict[str, int]:
        """Both workers work until nothing is left; what that cost."""
        for worker in ("ingest-worker", "embed-worker"):
            self.work.start(worker)
        time.sleep(1)
        self.fleet.wait_until_drained(3600, alive=self.work.alive)
        found = {name: max(self.work.metrics(worker).get(name, 0) for worker in ("ingest-worker", "embed-worker")) for name in self.spent}
        self.work.stop()
        self.work.workers.clear()
        return found

    def purge(self) -> None:
        self.fleet.sqs.purge_queue(QueueUrl=self.fleet.queues["events"])

    def unchanged(self) -> dict:
        self.put({f"bulk/{number}.txt": self.paragraph(number).encode() for number in range(self.objects)})
        made = self.drained()
        assert made["ingest_documents_handed_over_total"] == self.objects, made
        say(f"{self.objects} objects are indexed")
        begun = time.monotonic()
        text = self.replay("bulk/")
        seconds = time.monotonic() - begun
        assert "sent 0 events for" in text and f"{self.objects} of them unchanged" in text and self.fleet.depth("events") == 0, text
        # The same with an event for each: the workers find nothing to do.
        self.replay("bulk/", "--unchanged", "--queue-depth", "0", "--rate", "10000")
        cost = self.drained()
        assert cost["ingest_downloaded_bytes_total"] == cost["ingest_tokens_embedded_total"] == 0, cost
        say(f"unchanged: {seconds:.1f} s, no event; with an event for each no download and no token")
        return {"unchanged_seconds": round(seconds, 1), "unchanged_objects_per_second": round(self.objects / seconds)}

    def edited(self) -> dict:
        """A paragraph in the middle of 100 pages is another one."""
        pages = [[self.paragraph(1000 * page + line)[:90] for line in range(40)] for page in range(100)]
        self.put({"report.pdf": make_pdf.pdf("Report", pages)})
        first = self.drained()["ingest_chunks_embedded_total"]
        pages[50][20] = "This line was written anew, and nothing beside it."
        self.put({"report.pdf": make_pdf.pdf("Report", pages)})
        again = self.drained()["ingest_chunks_embedded_total"]
        say(f"one line of 100 pages: {again} of {first} chunks are paid for")
        assert first > 100 and 1 <= again <= 3, (first, again)
        return {"chunks": first, "chunks_paid_after_an_edit": again}

    def forecast(self) -> dict:
        """New documents, changed ones, copies of paragraphs and one that is rejected."""
        shared = self.paragraph(7)
        documents = {f"new/{number}.txt": "\n\n".join([shared] + [self.paragraph(number * 100 + line) for line in range(1 + number % 40)]).encode() for number in range(60)}
        documents |= {f"new/{path.name}": path.read_bytes() for path in sorted((ROOT / "deploy/local/documents").iterdir()) if path.is_file()}
        documents["new/broken.pdf"] = b"%PDF-1.7\nnothing"
        self.put(documents)
        self.purge()
        text = self.replay("new/", "--dry-run")
        planned = int(re.search(r"(\d+) tokens to pay for", text)[1])
        assert f"would send {len(documents)} events" in text and "1 documents would be rejected" in text and self.fleet.depth("events") == 0, text
        # Half of it, and then the rest.
        budget = planned // 2
        stopped = self.replay("new/", "--max-tokens", str(budget))
        assert "stopped before" in stopped, stopped
        half = self.drained()["ingest_tokens_embedded_total"]
        assert 0 < half <= budget, (half, budget)
        rest = self.replay("new/", "--max-usd", "1", "--resume")
        assert "stopped" not in rest, rest
        paid = half + self.drained()["ingest_tokens_embedded_total"]
        error = abs(paid - planned) / paid
        say(f"forecast {planned} tokens, paid {paid}; with a budget of {budget} tokens {half} were paid")
        assert error <= 0.02, (planned, paid)
        return {"forecast_tokens": planned, "paid_tokens": paid, "budget": budget, "paid_within_budget": half}

    def killed(self) -> dict:
        count = max(400, self.objects // 5)
        self.put({f"killed/{number:05}.txt": self.paragraph(500_000 + number).encode() for number in range(count)})
        self.purge()
        command = [PROGRAMS / "ingest-worker", "--replay", f"s3://{self.fleet.bucket}/killed/", "--rate", "200", "--queue-depth", "0"]
        begun = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.fleet.depth("events") < 250:
            assert begun.poll() is None, "the replay ended before it was killed"
            time.sleep(0.05)
        begun.kill()
        begun.wait()
        before = self.fleet.depth("events")
        text = self.replay("killed/", "--resume", "--queue-depth", "0", "--rate", "10000")
        sent = self.fleet.depth("events")
        made = self.drained()
        assert before < count <= sent <= count + 100, (before, count, sent, text)
        assert made["ingest_documents_handed_over_total"] == made["ingest_chunks_embedded_total"] == count, made
        say(f"killed after {before} of {count} events; {sent} in all, every document was made once")
        return {"killed_after": before, "events_in_all": sent, "documents": count}


def run(objects: int) -> dict:
    aws = stack.Stack(ROOT / ".local/stack/replays", say=say)
    try:
        replays = Replays(aws, objects)
        figures = {"objects": objects} | replays.unchanged() | replays.edited() | replays.forecast() | replays.killed()
        return figures | {"seconds": round(time.monotonic() - started)}
    finally:
        aws.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=10_000)
    options = parser.parse_args()
    sys.exit(ends_with_figures(lambda: run(options.objects)))
