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
    """Everything but the bucket's name and the generation, which counts attempts; one generation of each document, under its ids."""
    found, generations = [], {}
    for c in work.chunks(["document_id", "key", "generation", "chunk_index", "chunk_count", "text", "content_hash"]):
        assert c["_id"] == f"{c['document_id']}:{c['generation']}:{c['chunk_index']}", c["_id"]
        generations.setdefault(c["key"], set()).add(c["generation"])
        found.append((c["key"], c["chunk_index"], c["chunk_count"], c["text"], c["content_hash"]))
    mixed = {key: sorted(numbers) for key, numbers in generations.items() if len(numbers) > 1}
    assert not mixed, f"documents with more than one generation: {mixed}"
    return sorted(found)


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
    plan = [(name, how) for name in ("ingest-worker", "embed-worker") for how in (signal.SIGTERM, signal.SIGKILL)] * KILLS
    rounds = 2 * len(plan)
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
    aws.control_embeddings(latency_ms=30)  # so that work is under way when a worker dies
    seeded.shuffle(plan)
    done = {f"{name} {signal.Signals(how).name}": 0 for name, how in plan}
    begun = time.monotonic()
    kills = 0
    while plan and kills < rounds:
        name, how = plan.pop(0)
        kills += 1
        changes(wild.fleet, kills)
        wait_for_work(wild, name)
        time.sleep(seeded.random() * 0.1)
        in_flight = wild.in_work(name)
        worker = wild.workers[name]
        os.kill(worker.popen.pid, how)
        code = worker.popen.wait(30)
        assert how == signal.SIGKILL or code == 0, f"{name} ended with {code} after SIGTERM; its log: {worker.log}"
        if in_flight:
            done[f"{name} {signal.Signals(how).name}"] += 1
        else:
            plan.append((name, how))  # it met an idle worker and does not count
        wild.start(name)
        if kills % 20 == 0:
            say(f"  {kills} kills, {sum(done.values())} of them while work was in flight")
    for number in range(kills + 1, rounds + 1):
        changes(wild.fleet, number)
    aws.control_embeddings(latency_ms=0)
    wild.fleet.wait_until_drained(300, alive=wild.alive)
    converged = time.monotonic() - begun
    found = contents(wild)
    status = wild.status()
    left = wild.fleet.s3.list_objects_v2(Bucket=wild.fleet.hand_over).get("KeyCount", 0)
    dead = wild.fleet.depth("events-dead") + wild.fleet.depth("chunks-dead")
    wild.stop()
    assert all(count >= KILLS for count in done.values()), done
    assert found == expected, f"the index has {len(found)} chunks and should have {len(expected)}; {len(set(found) ^ set(expected))} differ"
    assert status["chunks"] == status["indexedChunks"] == len(found) and status["pending"] == 0, status
    assert dead == 0, f"{dead} dead letters"
    return {"kills_with_work_in_flight": done, "all_kills": kills, "chunks": len(found), "hand_over_objects_left": left, "seconds": round(converged, 1)}


def wait_for_work(work: FleetRun, name: str) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not work.in_work(name):
        time.sleep(0.005)
