"""What an operator does: --check, --replay, --exit-when-idle, two workers on one host, Ctrl-C in the demo."""
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import time

from fleet_run import PROGRAMS, FleetRun
from processes import ROOT, Process

DOCUMENTS = ROOT / "deploy/local/documents"


def program(name: str, environment: dict[str, str], *arguments: str, before: list[str] = []) -> subprocess.CompletedProcess:
    return subprocess.run([*before, PROGRAMS / name, *arguments], env=environment, capture_output=True, text=True, timeout=120)


def run(aws, say) -> dict:
    fleet = aws.fleet("operations")
    work = FleetRun(fleet, aws.folder)
    ingest, embed = (fleet.worker(name) | work.settings for name in ("ingest-worker", "embed-worker"))
    checks = check(fleet, ingest, embed)
    say("  --check reports what works and what does not")
    replayed = replay(fleet, work, ingest, embed)
    say(f"  a replay of {replayed} objects, {replayed} documents live, both workers ended when idle")
    steps = versions(fleet, work)
    say(f"  {steps} steps of a bucket with versions: overwritten, deleted by a marker, put back, old versions gone")
    neighbours(fleet, work)
    say("  two workers on one host")
    claims(aws)
    say("  of two pipelines on one queue no two workers start, and one does")
    health(fleet, work)
    say("  the health endpoint survives a worker without file descriptors, and answers the health check of the task definition")
    interrupt()
    say("  Ctrl-C leaves no process")
    return {"checks": checks, "replayed": replayed}


def check(fleet, ingest: dict, embed: dict) -> int:
    owner = {key: value for key, value in fleet.owner().items() if key.startswith("AWS_")}
    for name, environment in (("ingest-worker", ingest), ("embed-worker", embed)):
        done = program(name, environment, "--check")
        assert done.returncode == 0, f"{name} --check ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    nowhere = "http://127.0.0.1:1"
    wrong = [
        ("ingest-worker", ingest | {"OPENSEARCH_URL": nowhere}, nowhere),
        ("ingest-worker", ingest | {"INGEST_QUEUE_URL": ingest["INGEST_QUEUE_URL"] + "-not-there"}, "INGEST_QUEUE_URL"),
        ("ingest-worker", ingest | {"HANDOVER_BUCKET": "no-such-bucket"}, "no-such-bucket"),
        ("ingest-worker", ingest | {"OPENSEARCH_INDEX": "other"}, "ingestctl setup"),
        ("embed-worker", embed | {"OPENAI_API_KEY": "wrong-key"}, "OPENAI_API_KEY"),
        ("embed-worker", embed | {"EMBEDDING_DIMENSIONS": "128"}, "ingestctl setup"),
        # The first day's mistakes.
        ("ingest-worker", ingest | {"DOCUMENTS": "s3://no-such-bucket-at-all/"}, "no-such-bucket-at-all"),
        ("ingest-worker", ingest | {"DOCUMENTS": f"s3://{fleet.bucket}/ s3://{fleet.hand_over}/"} | owner, "does not notify the queue"),
        ("ingest-worker", ingest | {"INGEST_QUEUE_URL": ingest["CHUNK_QUEUE_URL"], "CHUNK_QUEUE_URL": ingest["INGEST_QUEUE_URL"]} | owner, "swapped"),
        ("embed-worker", embed | {"INGEST_QUEUE_URL": embed["INGEST_QUEUE_URL"] + "-not-there"}, "INGEST_QUEUE_URL"),
        ("ingest-worker", ingest | {"CHUNK_TOKEN": "300"}, "did you mean CHUNK_TOKENS?"),
        ("embed-worker", embed | {"OPENSEARCH_INDX": "x"}, "did you mean OPENSEARCH_INDEX?"),
        ("ingest-worker", ingest | {"OPENSEARCH_AUTH": "basic", "OPENSEARCH_USER": "u"}, "OPENSEARCH_PASSWORD is missing"),
        ("ingest-worker", ingest | {"OPENSEARCH_USER": "u", "OPENSEARCH_PASSWORD": "canary-word"}, "OPENSEARCH_AUTH is none"),
        ("ingest-worker", ingest | {"TMPDIR": "/no/such"}, "TMPDIR"),
        ("ingest-worker", ingest | {"OPENSEARCH_URL": ingest["OPENSEARCH_URL"].replace("http:", "https:")}, "does the server speak http?"),
        ("embed-worker", embed | {"CHUNK_TOKENS": "300"}, "CHUNK_TOKENS is 256 there and 300 here"),
        ("embed-worker", embed | {"OPENSEARCH_URL": embed["OPENAI_BASE_URL"].removesuffix("/v1") + "/control"}, "OPENSEARCH_URL"),
        ("ingest-worker", ingest | {"HANDOVER_BUCKET": "name "}, "HANDOVER_BUCKET is not a valid bucket name"),
        ("ingest-worker", ingest | {"HANDOVER_PREFIX": "another/"}, "HANDOVER_BUCKET"),  # the role is for one prefix
        ("ingest-worker", ingest | {"AWS_ENDPOINT_URL": "localhost:4566"}, "AWS_ENDPOINT_URL is not an address"),
        ("ingest-worker", ingest | {"CHUNK_QUEUE_URL": ingest["CHUNK_QUEUE_URL"] + ".fifo"}, "FIFO"),
        ("ingest-worker", ingest | {"AWS_REGION": "eu-west-1a"}, "AWS_REGION is not a valid region"),
    ]
    for name, environment in (("ingest-worker", ingest | {"LOG_LEVEL": "ERROR", "LOG_FORMAT": "JSON"}), ("embed-worker", embed | {"OPENAI_AUTH": "Bearer"})):
        assert program(name, environment, "--check").returncode == 0, f"{name}: choices in any case"

    for name, environment, word in wrong:
        done = program(name, environment, "--check")
        logged = done.stdout + done.stderr
        assert done.returncode not in (0, 64) and done.returncode > 0, f"{name} --check did not see that {word} is wrong:\n{logged}"
        assert word in logged, f"{name} --check does not name {word}:\n{logged}"
        assert environment.get("OPENAI_API_KEY", "local-key") not in logged and "canary-word" not in logged
    return 2 + len(wrong)


def replay(fleet, work: FleetRun, ingest: dict, embed: dict) -> int:
    """Objects that were there before the fleet: no event names them, a replay does."""
    names = sorted(p.name for p in DOCUMENTS.iterdir() if p.suffix in (".pdf", ".html", ".md"))
    for name in names:
        fleet.put(f"old/{name}", (DOCUMENTS / name).read_bytes())
    fleet.put("new/other.txt", b"outside of the prefix")
    fleet.sqs.purge_queue(QueueUrl=fleet.queues["events"])
    assert fleet.depth("events") == 0, "the queue is purged"
    target = f"s3://{fleet.bucket}/old/"
    done = program("ingest-worker", ingest, "--replay", target, "--dry-run")
    assert done.returncode == 0 and str(len(names)) in done.stdout, done
    assert fleet.depth("events") == 0, "a dry run sends nothing"
    # An interrupted one goes on after the last key of its log.
    begun = program("ingest-worker", ingest, "--replay", target, "--dry-run", "--start-after", f"old/{names[0]}")
    assert begun.returncode == 0 and f"would send {len(names) - 1} events" in begun.stdout and '"last_key"' in begun.stderr, begun
    done = program("ingest-worker", ingest, "--replay", target)
    assert done.returncode == 0, done
    assert fleet.depth("events") == len(names)
    for name, environment in (("ingest-worker", ingest), ("embed-worker", embed)):
        done = program(name, environment, "--exit-when-idle", "3")
        assert done.returncode == 0, f"{name} --exit-when-idle ended with {done.returncode}:\n{done.stderr[-2000:]}"
    assert fleet.is_drained()
    status = work.status()
    assert status["live"] == len(names) and status["rejected"] == 0, status
    replayed(fleet, ingest, target, names)
    return len(names)


def replayed(fleet, ingest: dict, target: str, names: list[str]) -> None:
    """What the ledger has is not sent again; budgets, filters and checkpoints."""

    def run(*flags: str, code: int = 0) -> str:
        done = program("ingest-worker", ingest, "--replay", target, *flags)
        assert done.returncode == code, done
        return done.stdout + done.stderr

    assert "sent 0 events for" in run() and fleet.depth("events") == 0
    assert f"{len(names)} of them unchanged" in run("--dry-run")
    assert "was finished" in run("--resume", code=69)
    assert "--dry-run goes with --replay" in program("ingest-worker", ingest, "--dry-run").stderr
    # Texts that have vectors are not paid for: a budget of one token is enough for a new version of all.
    forced = run("--force", "--dry-run")
    assert f"would send {len(names)} events" in forced and "100 % of them of texts that have vectors" in forced and "\n0 tokens to pay for" in forced, forced
    fleet.put("old/zz-new.txt", b"A text that nothing was paid for yet, of more than one token.")
    stopped = run("--max-tokens", "1")
    assert "sent 0 events" in stopped and f"stopped before {target}zz-new.txt" in stopped, stopped
    assert "sent 1 events" in run("--max-tokens", "1000", "--resume")
    assert "sent 0 events" in run("--suffix", ".pdf", "--since", "1h")
    assert f"sent {len(names) + 1} events" in run("--unchanged", "--rate", "1000")
    fleet.sqs.purge_queue(QueueUrl=fleet.queues["events"])
    fleet.delete("old/zz-new.txt")
    fleet.sqs.purge_queue(QueueUrl=fleet.queues["events"])


def versions(fleet, work: FleetRun) -> int:
    """A bucket with versions: the index shows the current one, and what a marker hides is not there."""
    fleet.s3.put_bucket_versioning(Bucket=fleet.bucket, VersioningConfiguration={"Status": "Enabled"})
    key = "versions/doc.txt"
    before = work.status()["live"]

    def settled() -> list[str]:
        time.sleep(0.5)
        fleet.wait_until_drained(60, alive=work.alive)
        return sorted(chunk["text"] for chunk in work.chunks(["key", "text"]) if chunk["key"] == key)

    def delete(version: str | None = None) -> None:
        fleet.s3.delete_object(Bucket=fleet.bucket, Key=key, **({"VersionId": version} if version else {}))

    for name in ("ingest-worker", "embed-worker"):
        work.start(name)
    fleet.put(key, b"The first version.")
    assert settled() == ["The first version."]
    fleet.put(key, b"The second version.")
    assert settled() == ["The second version."]
    delete()
    assert settled() == [] and work.status()["tombstones"] == 1
    assert work.ctl("prune").startswith("0 tombstones"), "a deletion of today is remembered"
    found = fleet.s3.list_object_versions(Bucket=fleet.bucket, Prefix=key)
    delete(found["DeleteMarkers"][0]["VersionId"])
    assert settled() == ["The second version."], "the marker is gone, and the version before is the current one"
    first, second = (version["VersionId"] for version in sorted(found["Versions"], key=lambda version: version["Size"]))
    delete(first)
    assert settled() == ["The second version."], "an old version was left"
    delete(second)
    assert settled() == [] and work.status()["live"] == before
    work.stop()
    work.workers.clear()
    return 6


def neighbours(fleet, work: FleetRun) -> None:
    """The default health port is replaced where it is taken; one that was asked for never is."""
    default = {name: fleet.worker(name) | {"POLL_SECONDS": "1"} for name in ("ingest-worker", "embed-worker")}
    started = [
        Process(name, [PROGRAMS / name], work.folder / f"neighbour-{number}.log", default[name])
        for number, name in enumerate(("ingest-worker", "ingest-worker", "embed-worker", "embed-worker"))
    ]
    time.sleep(2)
    codes = [(worker.popen.poll(), worker.stop(30)) for worker in started]
    assert codes == [(None, 0)] * 4, f"{codes}; the logs: {work.folder}/neighbour-*.log"
    taken = str(fleet.stack.aws_port)
    done = program("ingest-worker", default["ingest-worker"], "--health-port", taken)
    assert done.returncode == 69 and taken in done.stderr, done


def claims(aws) -> None:
    """Two pipelines that were set up without their queues, and whose first workers start in the same moment with the same ones."""
    fleet = aws.fleet("claims")
    settings = [{}, {"CHUNK_TOKENS": "128"}]
    for more in settings:
        done = program("ingestctl", fleet.operator() | more, "setup")
        assert done.returncode == 0, done
    worker = fleet.worker("ingest-worker") | {"POLL_SECONDS": "1"}
    for _ in range(4):
        started = [subprocess.Popen([PROGRAMS / "ingest-worker", "--exit-when-idle", "2"], env=worker | more, stderr=subprocess.DEVNULL) for more in settings]
        codes = [process.wait(60) for process in started]
        assert codes in ([0, 78], [78, 0], [78, 78]), codes
    again = [program("ingest-worker", worker | more, "--exit-when-idle", "2").returncode for more in settings]
    assert sorted(again) == [0, 78], f"{again}: the queue has no pipeline, or two"


def health(fleet, work: FleetRun) -> None:
    """As ECS looks at it, before, while and after the process may open nothing."""
    worker = work.start("ingest-worker")
    port = work.ports["ingest-worker"]
    container = json.loads((ROOT / "deploy/ecs/ingest-worker.json").read_text())["containerDefinitions"][0]
    command = container["healthCheck"]["command"]
    assert command == ["CMD", "ingest-worker", "--healthcheck"], command
    settings = {"PATH": os.environ["PATH"], "HEALTH_PORT": str(port)}

    def is_alive(seconds: float) -> bool:
        end = time.monotonic() + seconds
        while program("ingest-worker", settings, "--healthcheck").returncode:
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    assert is_alive(20), f"no answer at first; the log: {worker.log}"
    # The system's library of timers (libdispatch) ends a process that has no descriptor for its first one: the worker has to be under way.
    time.sleep(3)
    pid, (soft, hard) = worker.popen.pid, resource.prlimit(worker.popen.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, hard))
    with socket.create_connection(("127.0.0.1", port), timeout=20) as waiting:
        waiting.sendall(b"GET /live?deep=1 HTTP/1.0\r\n\r\n")
        time.sleep(1)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert b" 200 " in waiting.recv(100), "the connection that waited was not answered"
    assert "cannot accept a connection" in pathlib.Path(worker.log).read_text(), worker.log
    assert is_alive(5), f"the endpoint did not survive; the log: {worker.log}"
    work.stop()
    work.workers.clear()


def interrupt() -> None:
    """In the middle of the demo, as a terminal sends it: to the whole foreground group."""
    demo = subprocess.Popen([sys.executable, ROOT / "deploy/local/demo.py"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, text=True)
    for line in demo.stdout:
        if "both workers are ready" in line:
            break
    during = descendants(demo.pid)
    assert len(during) >= 6, f"only {len(during)} processes"
    os.killpg(demo.pid, signal.SIGINT)
    closing = demo.stdout.read().strip().splitlines()[-1]
    assert demo.wait(60) == 130 and '"interrupted"' in closing, closing
    left = during & set(parents())
    assert not left, f"still there: {[pathlib.Path(f'/proc/{pid}/cmdline').read_text() for pid in left]}"


def descendants(pid: int) -> set[int]:
    found, parent = {pid}, parents()
    while more := {child for child, its in parent.items() if its in found} - found:
        found |= more
    return found - {pid}


def parents() -> dict[int, int]:
    """The parent of every process that is alive, zombies left out."""
    found = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            found[int(stat.parent.name)] = int(parent)
    return found
