#!/usr/bin/env python3
"""The main job on real protocol servers: drop documents into a bucket, ask questions, change one, delete one. See `make demo`.

KEEP=1 leaves everything running for `ingestctl search`; `make stop` ends it.
"""
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request

from processes import ROOT, Failed, Process, free_port
import stack

DOCUMENTS = ROOT / "deploy/local/documents"
PROGRAMS = ROOT / ".build/release"
FOLDER = ROOT / ".local/stack/demo"
TYPES = {".pdf": "application/pdf", ".html": "text/html", ".md": "text/markdown", ".txt": "text/plain"}
NAMES = ["keeper-handbook.pdf", "visitors.html", "generator.md", "diary-1923.txt", "boats.txt"]
# Question, document, page, phrase of the answer. The third shares no word with its document: it is found by meaning alone.
QUESTIONS = [
    ("How often is the mercury bath skimmed?", "keeper-handbook.pdf", 2, "skimmed every fourteen days"),
    ("What is the ticket price for children?", "visitors.html", None, "two euros"),
    ("doctor giving medicine to sick sailors", "diary-1923.txt", None, "prescribed"),
]
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:5.1f} s] {text}", flush=True)


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))


class Demo:
    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.workers: list[Process] = []
        self.checks = 0

    def run(self) -> None:
        say("starting S3, SQS, IAM (ministack), embeddings and OpenSearch")
        self.stack = stack.Stack(FOLDER, outlives=self.keep, say=say)
        say(f"OpenSearch: {self.stack.node.kind} at {self.stack.node.url}")
        self.fleet = self.stack.fleet("demo")
        say("bucket, queues with dead-letter queues, notification and two roles are set up")
        print(self.ctl("setup"), end="")
        for name in ("ingest-worker", "embed-worker"):
            self.start_worker(name)
        say("both workers are ready, with keys of their own roles")
        for name in NAMES:
            self.put(name, (DOCUMENTS / name).read_bytes())
        self.settle(live=len(NAMES))
        for question in QUESTIONS:
            self.ask(*question)
        self.change()
        self.remove()

    def start_worker(self, name: str) -> None:
        port = free_port()
        environment = self.fleet.worker(name) | {"HEALTH_PORT": str(port), "POLL_SECONDS": "2"}
        worker = Process(name, [PROGRAMS / name], FOLDER / f"{name}.log", environment, outlives=self.keep)
        self.workers.append(worker)
        worker.wait_for(f"http://127.0.0.1:{port}/live")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            self.alive()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2)
                return
            except OSError as error:
                reason = error.read().decode().strip() if hasattr(error, "read") else str(error)
                time.sleep(0.1)
        raise Failed(f"{name} did not become ready: {reason}; its log: {worker.log}")

    def alive(self) -> None:
        for worker in self.workers:
            if worker.popen.poll() is not None:
                raise Failed(f"{worker.name} ended with code {worker.popen.returncode}; its log: {worker.log}")

    def put(self, name: str, body: bytes) -> None:
        self.fleet.put(f"docs/{name}", body, TYPES[pathlib.Path(name).suffix])
        say(f"put s3://{self.fleet.bucket}/docs/{name}, {len(body)} bytes")

    def ctl(self, *arguments: str) -> str:
        done = subprocess.run([PROGRAMS / "ingestctl", *arguments], env=self.fleet.operator(), capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"ingestctl {shlex.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def settle(self, live: int) -> None:
        try:
            self.fleet.wait_until_drained(60, alive=self.alive)
        except TimeoutError as error:
            raise Failed(f"the queues do not empty: {error}; the workers' logs are in {FOLDER}") from error
        status = json.loads(self.ctl("status", "--json"))
        say(f"the queues are empty: {status['live']} documents live, {status['chunks']} chunks in the ledger, {status['indexedChunks']} in the index")
        self.expect(status["live"] == live and status["rejected"] == 0, f"{live} live documents and no rejection, not {status}")
        self.expect(status["chunks"] == status["indexedChunks"] > 0, f"ledger and index agree, not {status}")

    def hits(self, question: str, limit: int = 3) -> list[dict]:
        return [json.loads(line) for line in self.ctl("search", question, "--json", "--limit", str(limit)).splitlines()]

    def ask(self, question: str, document: str, page: int | None, phrase: str) -> None:
        say(f"question: {question}")
        print(self.ctl("search", question, "--limit", "2"), end="")
        best = self.hits(question)[0]
        text = " ".join(best["text"].split())
        self.expect(best["document"].endswith("/" + document), f"the answer is in {document}, not {best['document']}")
        self.expect(phrase in text, f"the answer has the phrase '{phrase}'")
        if page:
            self.expect(best["page"] == page, f"the answer is on page {page}, not {best['page']}")
        if document == "diary-1923.txt":
            common = words(question) & words((DOCUMENTS / document).read_text())
            self.expect(not common, f"the question shares no word with its document, not {common}")

    def change(self) -> None:
        changed = (DOCUMENTS / "generator.md").read_text().replace("400 litres of diesel", "650 litres of rapeseed oil")
        self.put("generator.md", changed.encode())
        self.settle(live=len(NAMES))
        question = "How many litres does the generator's tank hold?"
        print(self.ctl("search", question, "--limit", "1"), end="")
        found = [hit for hit in self.hits(question, 10) if hit["document"].endswith("generator.md")]
        self.expect(any("650 litres of rapeseed oil" in hit["text"] for hit in found), "the changed document is found")
        self.expect(not any("400 litres" in hit["text"] for hit in found), "the old version is gone")
        say("the index followed the change")

    def remove(self) -> None:
        self.fleet.delete("docs/boats.txt")
        say(f"deleted s3://{self.fleet.bucket}/docs/boats.txt")
        self.settle(live=len(NAMES) - 1)
        found = self.hits("double-ended surf boat with eight oars", 10)
        self.expect(not any(hit["document"].endswith("boats.txt") for hit in found), "the deleted document is gone")
        say("the index followed the deletion")

    def expect(self, condition: bool, what: str) -> None:
        self.checks += 1
        if not condition:
            raise Failed(f"expected: {what}; the logs are in {FOLDER}")

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop(30)
        if hasattr(self, "stack"):
            self.stack.stop()

    def leave_running(self) -> None:
        self.stack.processes += self.workers
        self.stack.save(self.fleet)
        print("\nEverything is still running. Ask more with:\n")
        environment = {key: value for key, value in self.fleet.operator().items() if key != "PATH"}
        print("  " + " ".join(f"{key}={shlex.quote(value)}" for key, value in environment.items()) + " \\\n    .build/release/ingestctl search 'your question'\n")
        print(f"Put documents into s3://{self.fleet.bucket} at {self.stack.aws_url} (keys test/test). 'make stop' ends it.")


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell's background job begins with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if stack.running(FOLDER):
        stack.down(FOLDER)
    demo = Demo(keep=os.environ.get("KEEP", "") not in ("", "0"))
    result, code = "failed", 1
    try:
        demo.run()
        result, code = "ok", 0
    except Failed as error:
        say(f"FAILED: {error}")
    except KeyboardInterrupt:
        result, code = "interrupted", 130
    finally:
        if demo.keep and code == 0:
            demo.leave_running()
        else:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            demo.stop()
    kind = demo.stack.node.kind if hasattr(demo, "stack") and demo.stack.node else None
    print(json.dumps({"demo": result, "checks": demo.checks, "seconds": round(time.monotonic() - started, 1), "opensearch": kind}))
    return code


if __name__ == "__main__":
    sys.exit(main())
