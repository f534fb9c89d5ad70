"""What a child that a document has taken over does, and what forged messages say: rows of `edges.py`."""
import hashlib
import json
import time

from edge_fleet import Fleet
from hostile_child import AFTER, BROKEN

# A child that is killed looks like one that the kernel ended for want of memory: so does one that has closed its socket and lives on.
ENDS = {
    "exit-before": "crash", "killed-before": "memory", "crash-before": "crash", "silent-before": "timeout", "closed-before": "memory",
    "exit-during": "crash", "crash-during": "crash", "silent-during": "timeout", "too-long": "output_limit", "unknown-reply": "crash", "huge-counts": "crash",
} | {name: "live" for name in AFTER}


def child(fleet: Fleet, seconds: float, quick: bool) -> None:
    BROKEN.unlink(missing_ok=True)
    # One after the other as well: what a child does after its reply meets the document that comes next.
    fleet.one(fleet.s3, ENDS)
    for name in AFTER if not quick else AFTER[:2]:
        fleet.one(fleet.s3, {name: "live"})
    fleet.all("cannot-start", fleet.s3, BROKEN.touch, BROKEN.unlink, seconds=seconds)


def messages(fleet: Fleet, seconds: float, quick: bool) -> None:
    """Each goes to the dead-letter queue as unreadable; the document that it is about stays as it is."""
    bucket, key = fleet.fleet.bucket, "a/victim.txt"
    fleet.put(key, "The document that forged messages are about.")
    fleet.wait("the document", lambda: fleet.live([key]) == {key}, 60)
    status = fleet.work.status()

    def chunks(bucket: str = bucket, **changes) -> str:
        document = hashlib.sha256(f"alpha\0{bucket}\0{key}".encode()).hexdigest()[:40]
        header = {"tenant": "alpha", "object": {"bucket": bucket, "key": key}, "documentID": document, "index": "documents", "fingerprint": "f", "generation": 1,
                  "content": {"etag": "e"}, "chunkCount": 1, "format": "txt", "title": "", "language": "", "lastModified": ""}
        return json.dumps({"version": 1, "header": header | changes, "chunks": ""})

    def event(bucket: str, **changes) -> str:
        record = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key, "sequencer": "01"} | changes}}
        return json.dumps({"Records": [record]})

    payload = json.loads(chunks()) | {"handOver": {"bucket": fleet.fleet.hand_over, "key": "hand-over/another/1.zst"}}
    del payload["chunks"]
    forged = {
        "negative-count": chunks(chunkCount=-1), "huge-count": chunks(chunkCount=10**9), "negative-generation": chunks(generation=-1),
        "huge-generation": chunks(generation=2**63 - 1), "number-too-large": chunks(chunkCount=10**30), "other-document-id": chunks(documentID="0" * 40),
        "other-payload": json.dumps(payload), "bucket-is-a-host": chunks(bucket="localhost:1/"), "deep-json": "[" * 20_000, "not-a-message": "hello",
        "event-bucket-is-a-host": event("x@localhost:1/?"), "event-deep-json": '{"Records":' * 20_000, "event-not-json": "hello",
    }
    for name, body in forged.items():
        if quick and name not in ("negative-count", "other-payload", "deep-json", "event-bucket-is-a-host"):
            continue
        fleet.dead_letters()
        begun, requests = time.monotonic(), fleet.sqs.requests
        is_event = name.startswith("event-")
        fleet.fleet.sqs.send_message(QueueUrl=fleet.fleet.queues["events" if is_event else "chunks"], MessageBody=body)
        beside = fleet.good(name)
        found: dict[str, str] = {}
        while not found and time.monotonic() < begun + 60:
            found = fleet.dead_letters()
            time.sleep(0.3)
        reason, wanted = ", ".join(found.values()), "unreadable_event" if is_event else "unreadable_message"
        right = reason == wanted and fleet.live([key]) == {key} and fleet.work.status()["rejected"] == status["rejected"]
        fleet.row(name, "one", reason if right else f"{reason}: a document changed or the message is not there", right, fleet.sqs.requests - requests, beside)
