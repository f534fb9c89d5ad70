"""Rankings of the product, by its own programs, and of the peers' chunks in an index of their tutorials' kind beside it."""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests"), str(ROOT / "Tests/EndToEnd")]

import scores  # noqa: E402
from fleet_run import FleetRun  # noqa: E402
from processes import Failed  # noqa: E402
from sets import Question, Set  # noqa: E402
from stack import KEY  # noqa: E402
from tiktoken_cases import vocabulary  # noqa: E402

DEPTH, HITS = 200, 100
PROGRAMS = ROOT / ".build/release"


def call(url: str, body=None, method: str = "POST", kind: str = "application/json"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": kind, "Authorization": f"Bearer {KEY}"}, method=method)
    return json.load(urllib.request.urlopen(request, timeout=300))


class Product:
    """A fleet with some settings, over one set."""

    def __init__(self, stack, set: Set, name: str, settings: dict[str, str]) -> None:
        self.set, self.stack = set, stack
        self.fleet = stack.fleet(name, visibility=120)
        self.fleet.settings = settings
        self.work = FleetRun(self.fleet, stack.folder)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: self.fleet.put(*item), set.documents.items()))
        for worker in ("ingest-worker", "embed-worker"):
            self.work.start(worker)
        self.fleet.wait_until_drained(1800, alive=self.work.alive)
        self.work.stop()
        fields = ["key", "chunk_index", "text", "tokens", "parent_index"]
        self.chunks = {(chunk["key"], chunk["chunk_index"]): chunk | scores.prepared(chunk["text"], chunk["tokens"]) for chunk in self.work.chunks(fields)}
        self.families: dict[tuple, list] = {}
        for (key, index), chunk in sorted(self.chunks.items()):
            self.families.setdefault((key, chunk.get("parent_index")), []).append(chunk)

    def rankings(self, questions: list[Question], *flags: str) -> tuple[dict[str, list[dict]], dict]:
        """By question; and what the program itself says of them."""
        folder = self.work.folder
        source, target = folder / "questions.jsonl", folder / "run.jsonl"
        lines = []
        for question in questions:
            right = {"answers": question.answers} if question.answers else {"relevant": {f"{int(name):04}": grade for name, grade in question.relevant.items()}}
            lines.append(json.dumps({"id": question.id, "question": question.text} | right))
        source.write_text("\n".join(lines) + "\n")
        command = [PROGRAMS / "ingestctl", "evaluate", source, "--limit", str(HITS // 3 + 1), "--save", target, "--json", *flags]
        done = subprocess.run([str(word) for word in command], env=self.fleet.operator() | self.fleet.owner(), capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"ingestctl evaluate: {done.stderr[-500:]}")
        found = {}
        for line in target.read_text().splitlines()[1:]:
            result = json.loads(line)
            found[result["id"]] = [self.chunks[(hit["source"].split("/", 3)[3], hit["chunk"])] for hit in result["hits"]]
        return found, json.loads(done.stdout.splitlines()[0])

    def expanded(self, ranking: list[dict], around: int) -> list[dict]:
        """Each hit with its neighbours, or with the larger chunk that it is a part of; no chunk twice."""
        seen: set[tuple] = set()
        result = []
        for hit in ranking:
            key, index, parent = hit["key"], hit["chunk_index"], hit.get("parent_index")
            family = self.families[(key, parent)] if parent is not None else [self.chunks[(key, n)] for n in range(index - around, index + around + 1) if (key, n) in self.chunks]
            new = [chunk for chunk in family if (key, chunk["chunk_index"]) not in seen]
            seen.update((key, chunk["chunk_index"]) for chunk in new)
            if new:
                result.append(scores.prepared("\n\n".join(chunk["text"] for chunk in new), sum(chunk["tokens"] for chunk in new)))
        return result


class Peers:
    """The chunks of other splitters: each system's in an index with text and vector, by the standard analyzer, as the tutorials make it."""

    def __init__(self, stack, set: Set, texts: dict[str, str], dimensions: int, systems: list[str] = []) -> None:
        self.stack, self.dimensions = stack, dimensions
        source, target = stack.folder / f"{set.name}-texts.jsonl", stack.folder / f"{set.name}-chunks.jsonl"
        source.write_text("".join(json.dumps({"key": key, "text": text}) + "\n" for key, text in texts.items()))
        environment = os.environ | {"TIKTOKEN_CACHE_DIR": str(vocabulary(stack.folder)), "SYSTEMS": ";".join(systems)}
        subprocess.run([ROOT / ".local/retrieval/bin/python", ROOT / "Tests/Retrieval/peers.py", source, target], env=environment, check=True)
        self.chunks: dict[str, list[dict]] = {}
        for line in open(target):
            made = json.loads(line)
            self.chunks.setdefault(made["system"], []).extend(scores.prepared(text, tokens) for text, tokens in zip(made["chunks"], made["tokens"]))
        self.node = stack.node.url
        call(f"{self.node}/_search/pipeline/peers", {"phase_results_processors": [{"normalization-processor": {
            "normalization": {"technique": "min_max"}, "combination": {"technique": "arithmetic_mean", "parameters": {"weights": [0.5, 0.5]}}}}]}, "PUT")
        self.name = set.name

    def embed(self, texts: list[str]) -> list[list[float]]:
        vectors = []
        for start in range(0, len(texts), 128):
            answer = call(f"{self.stack.embeddings_url}/v1/embeddings", {"model": "m", "input": texts[start : start + 128], "dimensions": self.dimensions})
            vectors += [item["embedding"] for item in answer["data"]]
        return vectors

    def rankings(self, system: str, questions: list[Question], vectors: list[list[float]]) -> dict[str, list[dict]]:
        index = f"peer-{self.name}-{list(self.chunks).index(system)}"
        chunks = self.chunks[system]
        call(f"{self.node}/{index}", {"settings": {"index.knn": True, "number_of_replicas": 0}, "mappings": {"properties": {
            "text": {"type": "text"}, "number": {"type": "integer"},
            "vector": {"type": "knn_vector", "dimension": self.dimensions, "method": {"name": "hnsw", "engine": "lucene", "space_type": "innerproduct"}}}}}, "PUT")
        embedded = self.embed([chunk["text"] for chunk in chunks])
        for start in range(0, len(chunks), 500):
            lines = []
            for number in range(start, min(len(chunks), start + 500)):
                lines += [json.dumps({"index": {}}), json.dumps({"text": chunks[number]["text"], "number": number, "vector": embedded[number]})]
            answer = call(f"{self.node}/{index}/_bulk", ("\n".join(lines) + "\n").encode(), kind="application/x-ndjson")
            assert not answer["errors"], answer
        call(f"{self.node}/{index}/_refresh", {})

        def ask(item):
            question, vector = item
            queries = [{"match": {"text": question.text}}, {"knn": {"vector": {"vector": vector, "k": DEPTH}}}]
            body = {"size": HITS, "_source": ["number"], "query": {"hybrid": {"queries": queries, "pagination_depth": DEPTH}}}
            answer = call(f"{self.node}/{index}/_search?search_pipeline=peers", body)
            return question.id, [chunks[hit["_source"]["number"]] for hit in answer["hits"]["hits"]]

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            found = dict(pool.map(ask, zip(questions, vectors)))
        call(f"{self.node}/{index}", None, "DELETE")
        return found
