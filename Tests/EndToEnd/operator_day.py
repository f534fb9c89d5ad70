#!/usr/bin/env python3
"""An operator's day with the release programs on real OpenSearch, each task by one command: broken documents are found, their cause is removed, they are retried and
live; workers are paused and resumed; a tenant is erased; an index is lost and restored; a model is changed under steady writes and deletes with readers asking all
the time, rolled back, and the old pipeline retired.
"""
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import time
import urllib.request

import evaluations
import searches
from fleet_run import PROGRAMS, FleetRun, wait
from readers_and_writers import Readers, Writers, nobody_deleted, text
from processes import ROOT

BROKEN, WHOLE, TENANTS = 8, 24, ["acme", "globex"]


def shapes() -> dict[str, dict[str, list[str]]]:
    """Types and fields by command, as the reference has them."""
    found: dict[str, dict[str, list[str]]] = {}
    for section in (ROOT / "docs/ingestctl.md").read_text().split("### `ingestctl ")[1:]:
        rows = re.findall(r"^\| `([a-z-]+)` \| ((?:`\w+\??`(?:, )?)+) \|$", section, re.MULTILINE)
        found[section.partition("`")[0]] = {kind: re.findall(r"`(\w+\??)`", fields) for kind, fields in rows}
    return found


SHAPES = shapes()


class Operator:
    """`ingestctl` with the settings of one pipeline."""

    def __init__(self, fleet) -> None:
        self.fleet = fleet
        self.count = 0

    def run(self, *arguments: str, code: int = 0, environment: dict[str, str] = {}, timeout: float = 300) -> subprocess.CompletedProcess:
        self.count += 1
        settings = self.fleet.controller() | environment
        done = subprocess.run([PROGRAMS / "ingestctl", *arguments], env=settings, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == code, f"ingestctl {' '.join(arguments)} ended with {done.returncode}, not {code}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def lines(self, *arguments: str, code: int = 0) -> list[dict]:
        """What it prints, each object as docs/ingestctl.md describes it."""
        found = [json.loads(line) for line in self.run(*arguments, "--json", code=code).stdout.splitlines()]
        name = next(name for name in sorted(SHAPES, key=len, reverse=True) if " ".join(arguments).startswith(name))
        for line in found:
            fields = SHAPES[name][line["type"]]
            missing = {field for field in fields if not field.endswith("?")} - set(line)
            extra = set(line) - {field.rstrip("?") for field in fields} - {"type"}
            assert not missing and not extra, f"{name} --json: missing {missing}, not documented {extra}: {line}"
        return found

    def summary(self, *arguments: str, code: int = 0) -> dict:
        return self.lines(*arguments, code=code)[-1]

    def verify(self, *arguments: str, seconds: float = 90) -> dict:
        """Clean at once, or as soon as what is on its way has arrived."""
        return self.summary("verify", "--settle", "30", *arguments)


def run(aws, say) -> dict:
    started = time.monotonic()
    fleet = aws.fleet("day", fan_out=True)
    rules = " ".join(f"s3://{fleet.bucket}/{tenant}/={tenant}" for tenant in TENANTS) + f" s3://{fleet.bucket}/shared/ !s3://{fleet.bucket}/shared/tmp/"
    work = FleetRun(fleet, aws.folder, {"DOCUMENTS": rules, "OBJECT_MAX_BYTES": "20000"})
    operator = Operator(fleet)
    for name in ("ingest-worker", "embed-worker"):
        work.start(name)
    figures = {"broken": broken(fleet, work, operator, aws)}
    say(f"  {figures['broken']} broken documents found, their cause removed, retried, live")
    questions(fleet, work, operator)
    say("  show says why of each document; a left-out, a rejected, a waiting and a missing one are distinguished")
    found = searches.run(fleet, operator)
    say(f"  search filters by tenant, place, format, flag and quality in each mode; {found['orders']} answers in one order whatever the limit; copies once or twice")
    found = evaluations.run(fleet, operator, aws.folder)
    say(f"  {found['forms']} forms of words found in five languages; search measured in {found['evaluations']} ways, runs compared; hits reordered by a reranker")
    pause(fleet, work, operator)
    say("  embed-workers paused and resumed, what waits is listed")
    figures["forgotten"] = forget(fleet, work, operator)
    say(f"  a tenant of {figures['forgotten']} documents erased, nothing of it is left anywhere")
    restore(fleet, work, operator, aws)
    say("  an index and its records lost, imported again, verified")
    figures["reused"] = rebuild(fleet, work, operator, aws)
    say(f"  an index with equal settings built beside the first: {figures['reused']} vectors taken from it, nothing paid for")
    figures["changes"] = change(fleet, work, operator, aws, say)
    work.stop()
    return figures | {"commands": operator.count, "seconds": round(time.monotonic() - started)}


def broken(fleet, work: FleetRun, operator: Operator, aws) -> int:
    """Three causes: a limit that is too low, a provider that refuses, files that no reader understands."""
    aws.control_embeddings(refuse="walrus")
    for number in range(WHOLE):
        fleet.put(f"{TENANTS[number % 2]}/notice-{number}.txt", text(number))
    for number in range(BROKEN):
        fleet.put(f"shared/large-{number}.txt", text(100 + number) * 40)
        fleet.put(f"shared/refused-{number}.txt", b"The walrus of notice %d.\n\n" % number + text(200 + number))
    fleet.put("shared/broken.pdf", b"%PDF-1.7\nnot really")
    work.fleet.wait_until_drained(60, alive=work.alive)
    found = {line["object"].rsplit("/", 1)[1]: line["reason"] for line in operator.lines("rejections")}
    reasons = {"too_large": BROKEN, "embedding_refused": BROKEN}
    for reason, count in reasons.items():
        assert sum(r == reason for r in found.values()) == count, (reason, found)
    assert len(found) == 2 * BROKEN + 1, found
    # Two people look at the same time, and see the same; nothing is removed, however often they look.
    command = [PROGRAMS / "ingestctl", "dead-letters", "list", "--json"]
    environment = fleet.controller()
    looks = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
    seen = [sorted(json.loads(line)["object"] for line in look.communicate(timeout=120)[0].splitlines()) for look in looks]
    assert seen[0] == seen[1] and len(seen[0]) == len(found), seen
    groups = {line["reason"]: line["messages"] for line in operator.lines("dead-letters", "list", "--by-reason")}
    assert groups["too_large"] == BROKEN and groups["embedding_refused"] == BROKEN, groups
    shown = operator.lines("dead-letters", "show", "--object", f"s3://{fleet.bucket}/shared/broken.pdf")
    assert len(shown) == 1 and "broken.pdf" in shown[0]["body"], shown

    # The causes are removed: one is retried by its reason, one is redriven.
    aws.control_embeddings(refuse="")
    worker = work.workers.pop("ingest-worker")
    assert worker.stop(30) == 0
    work.settings["OBJECT_MAX_BYTES"] = "2000000"
    work.start("ingest-worker")
    assert operator.summary("retry", "--reason", "too_large", "--dry-run")["documents"] == BROKEN
    assert operator.summary("retry", "--reason", "too_large")["documents"] == BROKEN
    assert operator.summary("dead-letters", "redrive", "--reason", "embedding_refused")["messages"] == BROKEN
    time.sleep(1)
    work.fleet.wait_until_drained(60, alive=work.alive)
    left = operator.lines("rejections")
    assert [line["reason"] for line in left] == [found["broken.pdf"]], left
    assert operator.summary("dead-letters", "purge", "--reason", "too_large")["messages"] == BROKEN
    assert work.status()["live"] == WHOLE + 2 * BROKEN, work.status()
    operator.verify()
    return 2 * BROKEN + 1


def questions(fleet, work: FleetRun, operator: Operator) -> None:
    address = f"s3://{fleet.bucket}"
    fleet.put("shared/tmp/left-out.txt", b"Not a document.")
    time.sleep(1)
    work.fleet.wait_until_drained(30, alive=work.alive)
    expected = [
        (f"{address}/acme/notice-0.txt", 0, "searchable"), (f"{address}/shared/broken.pdf", 1, "rejected as"),
        (f"{address}/shared/tmp/left-out.txt", 1, "a rule leaves"), (f"{address}/shared/no-such.txt", 1, "no such object"),
    ]
    for object, code, words in expected:
        said = operator.summary("show", object, code=code)
        assert words in said["verdict"], (object, said)
        assert words in operator.run("show", object, code=code).stdout, object
    # An object that no event was sent of: one command sends one.
    fleet.notify(False)
    fleet.put("shared/silent.txt", text(950))
    assert "no event of it ever came" in operator.summary("show", f"{address}/shared/silent.txt", code=1)["verdict"]
    fleet.notify(True)
    operator.run("retry", f"{address}/shared/silent.txt")
    wait("the silent object is live", 30, lambda: is_searchable(fleet, f"{address}/shared/silent.txt"))
    said = operator.lines("show", f"{address}/acme/notice-0.txt", "--chunks")
    assert said[0]["chunks"] == len(said) - 1 > 0 and said[0]["tokens"] > 0 and said[0]["live"]["eventSent"], said[0]
    assert "Notice 0.0.0" in said[1]["text"]
    logged = pathlib.Path(work.workers["ingest-worker"].log).read_text()
    assert "left out by a rule" in logged
    assert 'ingest_events_left_out_total{reason="rule"} 1' in metrics(work, "ingest-worker")


def metrics(work: FleetRun, label: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{work.ports[label]}/metrics", timeout=5) as answer:
        return answer.read().decode()


def pause(fleet, work: FleetRun, operator: Operator) -> None:
    start = time.monotonic()
    said = operator.summary("pause", "embed-worker", "--reason", "provider migration")
    assert said["seenBy"] == said["workers"] == 1 and time.monotonic() - start < 15, said
    # A long poll that began before may still bring a message.
    time.sleep(3)
    fleet.put("shared/waits.txt", text(900))
    object = f"s3://{fleet.bucket}/shared/waits.txt"
    wait("the paused document's chunks are sent", 20, lambda: any(line["type"] == "pending" and line["object"] == object for line in operator.lines("status", "--in-work")))
    assert "on its way" in operator.summary("show", object, code=1)["verdict"]
    assert "provider migration" in pathlib.Path(work.workers["embed-worker"].log).read_text()
    said = operator.summary("resume", "embed-worker")
    assert said["seenBy"] == 1, said
    wait("the document is live after the resume", 30, lambda: is_searchable(fleet, object))
    watch(operator)


def is_searchable(fleet, object: str) -> bool:
    return subprocess.run([PROGRAMS / "ingestctl", "show", object], env=fleet.controller(), capture_output=True).returncode == 0


def watch(operator: Operator) -> None:
    """As JSON, as lines, and on a terminal, where it writes over what it wrote."""
    samples = operator.lines("watch", "--samples", "2", "--interval", "1")
    assert len(samples) == 2 and samples[1]["live"] > 0 and {worker["kind"] for worker in samples[1]["workers"]} == {"ingest-worker", "embed-worker"}, samples
    assert "\x1b" not in operator.run("watch", "--samples", "1").stdout
    master, terminal = pty.openpty()
    done = subprocess.run([PROGRAMS / "ingestctl", "watch", "--samples", "1"], env=operator.fleet.controller(), stdout=terminal, stderr=subprocess.DEVNULL, timeout=60)
    os.close(terminal)
    assert done.returncode == 0 and os.read(master, 65536).startswith(b"\x1b[H\x1b[2J")
    os.close(master)


def forget(fleet, work: FleetRun, operator: Operator) -> int:
    before = [key for key in keys(fleet) if key.startswith("acme/")]
    refused = operator.run("forget", "--tenant", "acme", "--yes", code=1)
    assert "still in the bucket" in refused.stderr, refused
    assert len(operator.lines("forget", "--tenant", "acme")) == len(before), "without --yes nothing is erased"
    proof = operator.summary("forget", "--tenant", "acme", "--delete-objects", "--yes")
    assert proof["left"] == 0 and proof["documents"] == proof["records"] == len(before) and proof["chunks"] == proof["vectors"] > 0, proof
    node = fleet.stack.node.url
    for index in (f"{fleet.alias}-chunks-*", f"{fleet.alias}-ledger"):
        FleetRun._ask(f"{node}/{index}/_refresh", {})
        found = FleetRun._ask(f"{node}/{index}/_search", {"query": {"bool": {"should": [{"term": {"tenant": "acme"}}, {"prefix": {"key": "acme/"}}]}}})
        assert found["hits"]["total"]["value"] == 0, found
    operator.verify()
    # An object that comes back is a document again, with generations that count on.
    fleet.put("acme/back.txt", text(1))
    fleet.put(before[0], text(0, 1))
    time.sleep(1)
    work.fleet.wait_until_drained(30, alive=work.alive)
    assert operator.summary("show", f"s3://{fleet.bucket}/{before[0]}")["live"]["generation"] > 1
    return len(before)


def keys(fleet) -> list[str]:
    return [entry["Key"] for entry in fleet.s3.list_objects_v2(Bucket=fleet.bucket).get("Contents", [])]


def restore(fleet, work: FleetRun, operator: Operator, aws) -> None:
    folder = aws.folder / "export"
    shutil.rmtree(folder, ignore_errors=True)
    exported = operator.summary("export", str(folder))
    node, index = fleet.stack.node.url, operator.summary("pipelines")["index"]
    request = urllib.request.Request(f"{node}/{index}", method="DELETE")
    urllib.request.urlopen(request, timeout=30)
    FleetRun._ask(f"{node}/{fleet.alias}-ledger/_delete_by_query?refresh=true", {"query": {"match_all": {}}})
    operator.run("setup")
    imported = operator.summary("import", str(folder))
    assert (imported["records"], imported["chunks"]) == (exported["records"], exported["chunks"]), (imported, exported)
    again = operator.summary("import", str(folder))
    assert again["records"] == again["chunks"] == 0, again
    operator.verify()


def rebuild(fleet, work: FleetRun, operator: Operator, aws) -> int:
    """As a new version of the extractor needs it: a pipeline with a name of its own, filled with the vectors of the first where texts are equal."""
    again_fleet = fleet.beside("again", {"PIPELINE_NAME": "again"})
    again, control = FleetRun(again_fleet, aws.folder, dict(work.settings)), Operator(again_fleet)
    for name in ("ingest-worker", "embed-worker"):
        again.start(name)
    live = operator.lines("pipelines")[0]["documents"]
    replay = [PROGRAMS / "ingest-worker", "--replay", f"s3://{fleet.bucket}/"]
    assert subprocess.run(replay, env=again_fleet.worker("ingest-worker") | again.settings, capture_output=True, timeout=120).returncode == 0
    index = next(line["index"] for line in control.lines("pipelines") if line["state"] == "building")
    wait("the second index is filled", 60, lambda: next(line for line in control.lines("pipelines") if line["index"] == index)["documents"] == live)
    control.verify()
    counts = again.metrics("embed-worker")
    assert counts["ingest_tokens_embedded_total"] == 0 < counts["ingest_chunks_reused_total"], counts
    control.run("retire", index)
    for label, worker in again.workers.items():
        wait(f"{label} of the retired pipeline ends", 30, lambda: worker.popen.poll() is not None)
    return counts["ingest_chunks_reused_total"]


def change(fleet, work: FleetRun, operator: Operator, aws, say) -> dict:
    # The mistake of an ordinary rolling update: other settings on the same queues.
    mistaken = {"EMBEDDING_DIMENSIONS": "128"}
    for name in ("ingest-worker", "embed-worker"):
        environment = fleet.worker(name) | work.settings | mistaken
        done = subprocess.run([PROGRAMS / name], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 78 and "EMBEDDING_DIMENSIONS is 256 there and 128 here" in done.stderr, done
    refused = operator.run("setup", code=78, environment=mistaken)
    assert "belongs to the pipeline" in refused.stderr, refused
    environment = fleet.worker("ingest-worker") | work.settings | {"DOCUMENTS": f"s3://{fleet.bucket}/"}
    done = subprocess.run([PROGRAMS / "ingest-worker"], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 78 and "DOCUMENTS is" in done.stderr, done

    readers, writers = Readers(fleet), Writers(fleet)
    readers.start()
    writers.start()
    new_fleet = fleet.beside("new", mistaken)
    new = FleetRun(new_fleet, aws.folder, dict(work.settings))
    new_operator = Operator(new_fleet)
    new_operator.run("switch", "--settle", "1", code=1)
    for name in ("ingest-worker", "embed-worker"):
        new.start(name)
    replay = subprocess.run(
        [PROGRAMS / "ingest-worker", "--replay", f"s3://{fleet.bucket}/"], env=new_fleet.worker("ingest-worker") | new.settings, capture_output=True, text=True, timeout=120,
    )
    assert replay.returncode == 0, replay
    live = operator.summary("pipelines")["documents"]
    wait("the new index is filled", 90, lambda: max(line["documents"] for line in new_operator.lines("pipelines") if line["state"] == "building") >= live - 20)
    operator.verify()
    new_operator.verify()
    say("    both indexes equal the bucket under steady writes, before the switch")
    gate = aws.folder / "gate.jsonl"
    gate.write_text(json.dumps({"question": "notice of the harbour", "relevant": [f"s3://{fleet.bucket}/no-such-notice"]}) + "\n")
    found = new_operator.run("switch", "--settle", "1", "--questions", str(gate), "--least-ndcg", "0.5", code=1)
    assert "below 0.5" in found.stdout and "no-such" not in found.stdout, found.stdout
    new_operator.run("switch", "--settle", "30", "--questions", str(gate))
    old_index, new_index = (next(line["index"] for line in operator.lines("pipelines") if line["state"] == state) for state in ("standby", "live"))
    refused = new_operator.run("retire", new_index, code=78)
    assert "readers of" in refused.stderr, refused
    time.sleep(2)
    nobody_deleted(fleet, writers)
    operator.verify()
    new_operator.verify()
    say("    both equal it after the switch")
    operator.run("switch", old_index, "--settle", "30")
    time.sleep(2)
    operator.verify()
    new_operator.verify()
    say("    and after going back")
    operator.run("switch", new_index, "--settle", "30")
    writers.stop()
    time.sleep(1)
    for each in (fleet, new_fleet):
        each.wait_until_drained(60)
    nobody_deleted(fleet, writers)
    operator.run("retire", old_index)
    for label, worker in work.workers.items():
        wait(f"{label} of the retired pipeline ends", 30, lambda: worker.popen.poll() is not None)
    work.workers.clear()
    node = fleet.stack.node.url
    left = FleetRun._ask(f"{node}/{fleet.alias}-ledger/_count", {"query": {"term": {"index": old_index}}})["count"]
    assert left == 0, f"{left} records of the retired pipeline are left"
    assert [line["index"] for line in new_operator.lines("pipelines")] == [new_index]
    new_operator.verify()
    asked = readers.stop()
    operator.count += new_operator.count
    new.stop()
    return {"writes": writers.writes, "searches": asked}
