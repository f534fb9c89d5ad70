"""Workers are ended by SIGTERM and SIGKILL while they work; the index must come out as that of an undisturbed run."""
import os
import random
import signal
import time

from fleet_run import FleetRun

KILLS = 20
DOCUMENTS = 36


def text(number: int, version: int) -> bytes:
    seeded = random.Random(f"{number}.{version}")
    subjects = ["The keeper", "A sailor", "The inspector", "The ferry", "An old ship", "The lamp", "A storm", "The harbour"]
    verbs = ["watches", "remembers", "repairs", "crosses", "measures", "carries", "loses", "finds"]
    objects = ["the tower", "the northern light", "a broken prism", "the log book", "nineteen barrels", "the sound", "two boats", "the mercury"]
    sentences = [f"{seeded.choice(subjects)} {seeded.choice(verbs)} {seeded.choice(objects)} in the year {seeded.randint(1600, 1999)}." for _ in range(400)]
    return "\n\n".join(" ".join(sentences[i : i + 8]) for i in range(0, 400, 8)).encode()


def contents(work: FleetRun) -> list[tuple]:
    """Everything but generations, which count attempts."""
    return sorted((c["key"], c["chunk_index"], c["chunk_count"], c["text"], c["content_hash"]) for c in work.chunks(["key", "chunk_index", "chunk_count", "text", "content_hash"]))


def changes(fleet, round_number: int) -> None:
    """What happens to the bucket in a round; the same in every run."""
    seeded = random.Random(round_number)
    for number in seeded.sample(range(DOCUMENTS), 6):
        if seeded.random() < 0.2:
            fleet.delete(f"docs/{number}.txt")
        else:
            fleet.put(f"docs/{number}.txt", text(number, round_number), "text/plain")


def prepare(aws, name: str) -> FleetRun:
    fleet = aws.fleet(name, visibility=10, receives=100)
    # Small batches and small messages: more steps at which a worker can die, and hand-over objects among them.
    return FleetRun(fleet, aws.folder, {"CONCURRENCY": "4", "EMBEDDING_BATCH_INPUTS": "8", "HANDOVER_INLINE_BYTES": "4096", "GRACE_SECONDS": "5", "POLL_SECONDS": "1", "STALENESS_SECONDS": "10"})


def run(aws, say) -> dict:
    rounds = KILLS * 4
    calm = prepare(aws, "calm")
    for number in range(DOCUMENTS):
        calm.fleet.put(f"docs/{number}.txt", text(number, 0), "text/plain")
    for round_number in range(1, rounds + 1):
        changes(calm.fleet, round_number)
    calm.start("ingest-worker")
    calm.start("embed-worker")
    calm.fleet.wait_until_drained(240, alive=calm.alive)
    expected = contents(calm)
    calm.stop()
    say(f"the undisturbed run has {len(expected)} chunks")

    wild = prepare(aws, "wild")
    seeded = random.Random(7)
    for number in range(DOCUMENTS):
        wild.fleet.put(f"docs/{number}.txt", text(number, 0), "text/plain")
    for name in ("ingest-worker", "embed-worker"):
        wild.start(name)
    aws_latency(aws, 30)
    plan = [(name, how) for name in ("ingest-worker", "embed-worker") for how in (signal.SIGTERM, signal.SIGKILL)] * KILLS
    seeded.shuffle(plan)
    done = {f"{name} {signal.Signals(how).name}": 0 for name, how in plan}
    busy = 0
    begun = time.monotonic()
    for round_number, (name, how) in enumerate(plan, 1):
        changes(wild.fleet, round_number)
        queue = "events" if name == "ingest-worker" else "chunks"
        wait_for_work(wild, queue)
        time.sleep(seeded.random() * 0.3)
        in_flight = in_work(wild, queue)
        busy += in_flight > 0
        worker = wild.workers[name]
        os.kill(worker.popen.pid, how)
        code = worker.popen.wait(30)
        assert how == signal.SIGKILL or code == 0, f"{name} ended with {code} after SIGTERM; its log: {worker.log}"
        done[f"{name} {signal.Signals(how).name}"] += 1
        wild.start(name)
        if round_number % 20 == 0:
            say(f"  {round_number} of {len(plan)} kills, {busy} of them with messages in flight")
    aws_latency(aws, 0)
    wild.fleet.wait_until_drained(300, alive=wild.alive)
    converged = time.monotonic() - begun
    found = contents(wild)
    status = wild.status()
    left = wild.fleet.s3.list_objects_v2(Bucket=wild.fleet.hand_over).get("KeyCount", 0)
    dead = wild.fleet.depth("events-dead") + wild.fleet.depth("chunks-dead")
    wild.stop()
    assert all(count >= KILLS for count in done.values()), done
    assert busy >= 0.8 * len(plan), f"only {busy} of {len(plan)} kills met messages in flight"
    assert found == expected, f"the index has {len(found)} chunks and should have {len(expected)}; {len(set(found) ^ set(expected))} differ"
    assert status["chunks"] == status["indexedChunks"] == len(found) and status["pending"] == 0, status
    assert dead == 0, f"{dead} dead letters"
    return {"kills": done, "with_messages_in_flight": busy, "chunks": len(found), "hand_over_objects_left": left, "seconds": round(converged, 1)}


def aws_latency(aws, milliseconds: int) -> None:
    """Slow embeddings, so that work is under way when a worker dies."""
    import json
    import urllib.request

    request = urllib.request.Request(f"{aws.embeddings_url}/control", json.dumps({"latency_ms": milliseconds}).encode(), method="POST")
    urllib.request.urlopen(request, timeout=5)


def in_work(work: FleetRun, queue: str) -> int:
    name = "ApproximateNumberOfMessagesNotVisible"
    return int(work.fleet.sqs.get_queue_attributes(QueueUrl=work.fleet.queues[queue], AttributeNames=[name])["Attributes"][name])


def wait_for_work(work: FleetRun, queue: str) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not in_work(work, queue):
        time.sleep(0.01)
