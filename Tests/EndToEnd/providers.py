#!/usr/bin/env python3
"""A fleet on each embeddings provider's API, as the local server speaks it: documents become searchable, by the same vectors. Ends with a line of JSON; 1 where one does not."""
import json
import pathlib
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import stack
from fleet_run import PROGRAMS, FleetRun, ends_with_figures

# The model's name, and what stands behind the server's address.
PROVIDERS = {
    "openai": ("text-embedding-3-small", "/v1"), "voyage": ("voyage-3.5", "/v1"), "cohere": ("embed-v4.0", "/v2"),
    "titan": ("amazon.titan-embed-text-v2:0", ""), "bedrock-cohere": ("cohere.embed-multilingual-v3", ""),
}
DOCUMENTS = {f"{number}.txt": "\n\n".join(f"Note {number}-{line}: {what} at the pier." for line in range(60)) for number, what in enumerate(("the ferry sails", "a lamp is lit", "fog comes in"))}
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def tokens(aws: stack.Stack) -> int:
    """That the provider has counted."""
    return json.load(urllib.request.urlopen(aws.embeddings_url + "/control"))["tokens"]


def costs(work: FleetRun, provider: str, billed: int) -> None:
    """What is said to be paid, by document and by day, is what the provider counted: probes and a question aside."""
    rows = [json.loads(line) for line in work.ctl("costs", "--json", "--by", "both").splitlines()]
    total = rows.pop()
    assert total["type"] == "total" and sum(row["tokens"] for row in rows) == total["tokens"], rows
    assert total["versions"] == len(DOCUMENTS) and 0 <= billed - total["tokens"] <= 60, f"{provider} counted {billed}: {total}"
    assert total["dollars"] > 0, total
    shown = [json.loads(work.ctl("show", f"s3://{work.fleet.bucket}/{key}", "--json").splitlines()[0]) for key in DOCUMENTS]
    assert sum(document["paidTokens"] for document in shown) == total["tokens"], (shown, total)


def searchable(aws: stack.Stack, provider: str, model: str, path: str) -> dict[str, list[float]]:
    fleet = aws.fleet(f"of-{provider}")
    fleet.settings = {
        "EMBEDDING_PROVIDER": "bedrock" if path == "" else provider, "EMBEDDING_MODEL": model, "EMBEDDING_DIMENSIONS": "256", "CHUNK_TOKENS": "16", "CHUNK_OVERLAP": "0",
    }
    address = {"OPENAI_BASE_URL": aws.embeddings_url + path}
    work = FleetRun(fleet, aws.folder, address | ({"OPENAI_API_KEY": ""} if path == "" else {}))
    billed = tokens(aws)
    for key, text in DOCUMENTS.items():
        fleet.put(key, text.encode())
    for worker in ("ingest-worker", "embed-worker"):
        work.start(worker)
    fleet.wait_until_drained(120, alive=work.alive)
    status = work.status()
    assert status["live"] == len(DOCUMENTS) and status["indexedChunks"] > 150, status
    found = {f"{chunk['key']} {chunk['chunk_index']}": chunk["vector"] for chunk in work.chunks(["key", "chunk_index", "vector"])}
    environment = fleet.operator() | fleet.owner() | address
    done = subprocess.run([PROGRAMS / "ingestctl", "search", "when does the ferry sail", "--json", "--mode", "vector"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout.splitlines()[0])["source"].endswith("/0.txt"), f"{provider}: {done.stdout[:500]}{done.stderr}"
    wrong = subprocess.run([PROGRAMS / "embed-worker", "--check"], env=fleet.worker("embed-worker") | {"OPENAI_BASE_URL": aws.embeddings_url + "/nowhere"}, capture_output=True, text=True)
    assert wrong.returncode == 69 and "404" in wrong.stdout + wrong.stderr, wrong
    work.stop()
    costs(work, provider, tokens(aws) - billed)
    say(f"{provider}: {len(found)} chunks are searchable")
    return found


def run() -> dict:
    aws = stack.Stack(ROOT / ".local/stack/providers", say=say)
    try:
        vectors = {provider: searchable(aws, provider, *rest) for provider, rest in PROVIDERS.items()}
        for provider, found in vectors.items():
            assert found.keys() == vectors["openai"].keys(), provider
            far = [key for key, vector in found.items() if sum(a * b for a, b in zip(vector, vectors["openai"][key])) < 0.999]
            assert not far, f"{provider}: other vectors of {far[:3]}"
        return {"providers": list(vectors), "chunks": len(vectors["openai"]), "seconds": round(time.monotonic() - started)}
    finally:
        aws.stop()


if __name__ == "__main__":
    sys.exit(ends_with_figures(run))
