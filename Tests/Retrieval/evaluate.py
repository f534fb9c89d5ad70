#!/usr/bin/env python3
"""Whether search finds more: the product beside LangChain, LlamaIndex and semantic-text-splitter, on three sets and with two models, and what each default is worth.

    evaluate.py [--sets cran,cat,long] [--models wordllama,minilm] [--quick|--small] [--peers-only]

Every system is searched in the same OpenSearch, with the same vectors and the same join. The tables of defaults are of one half of the questions, those against the peers of
the other. Ends with one line of JSON, and with 1 where a goal is not reached.
"""
import argparse
import functools
import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd"), str(ROOT / "Tests/Retrieval")]

import opensearch  # noqa: E402
import scores  # noqa: E402
import sets  # noqa: E402
import stack  # noqa: E402
from fleet_run import ends_with_figures  # noqa: E402
from processes import Failed, Process, free_port  # noqa: E402
from rankings import Peers, Product  # noqa: E402

BASE = "ingest-fleet"
# What differs from the defaults, by the set that it can be seen on.
SETTINGS = {
    "512 tokens, overlap 64": {"CHUNK_TOKENS": "512", "CHUNK_OVERLAP": "64"},
    "128 tokens, overlap 16": {"CHUNK_TOKENS": "128", "CHUNK_OVERLAP": "16"},
    "no overlap": {"CHUNK_OVERLAP": "0"},
    "overlap 64": {"CHUNK_OVERLAP": "64"},
    "no context": {"CHUNK_CONTEXT": "none"},
    "context embedded alone": {"CHUNK_CONTEXT": "embedded"},
    "context in the words alone": {"CHUNK_CONTEXT": "words"},
    "standard analyzer alone": {"WORD_ANALYZERS": "standard"},
    "tokens": {"CHUNK_STRATEGY": "tokens"},
    "page": {"CHUNK_STRATEGY": "page"},
    "sentence-window, 128 tokens and 2 around": {"CHUNK_STRATEGY": "sentence-window"},
    "parent-child, 128 tokens in 1,024": {"CHUNK_STRATEGY": "parent-child"},
}
ON_CRAN = {"no context", "context embedded alone", "context in the words alone", "standard analyzer alone"}
JOINS = {
    "words alone": ["--mode", "text"],
    "vectors alone": ["--mode", "vector"],
    "vectors 30 %": ["--search-vector-weight", "30"],
    "vectors 70 %": ["--search-vector-weight", "70"],
    "L2": ["--search-join", "l2"],
    "RRF": ["--search-join", "rrf"],
    "depth 102": ["--search-depth", "102"],
    "depth 1000": ["--search-depth", "1000"],
}
MODELS = {"wordllama": 256, "minilm": 384}
LIMITS = (1, 2, 5, 10, 100)


def say(text: str) -> None:
    print(f"[{time.monotonic() - BEGUN:6.1f} s] {text}", flush=True)


BEGUN = time.monotonic()


class Evaluation:
    def __init__(self, options) -> None:
        self.options = options
        self.corpora = opensearch.shared() / "corpora"
        self.table: dict[tuple, dict[str, list[float]]] = {}
        self.goals: dict[str, bool] = {}
        self.figures: dict[str, object] = {}

    def collections(self, model: str) -> list[sets.Set]:
        made = []
        for name in self.options.sets.split(","):
            if name == "long":
                texts = self.texts
                if model == "minilm" or self.options.quick:
                    texts = dict(list(texts.items())[:: max(1, len(texts) // 60)])
                made.append(sets.long(self.corpora, texts, 60 if self.options.quick else sets.ANSWERS))
            elif name == "cran":
                made.append(sets.cran(self.corpora / "ir/cranfield"))
            else:
                made.append(sets.cat(self.corpora / "ir/cranfield", 0.3 if self.options.small else 0.5 if model == "minilm" else 1))
        if self.options.quick or self.options.small:
            for each in made:
                each.questions = each.questions[:60]
        return made

    @functools.cached_property
    def texts(self) -> dict[str, dict]:
        """The peers get the product's text, so that their splitters are compared and not their readers."""
        return sets.extracted(self.corpora)

    def judged(self, model: str, judge: scores.Judge, system: str, rankings: dict[str, list[dict]]) -> None:
        for question in judge.set.questions:
            for measure, value in judge.scores(question, rankings.get(question.id, [])).items():
                self.table.setdefault((model, judge.set.name, system), {}).setdefault(measure, []).append(value)

    def run(self) -> dict:
        for model in self.options.models.split(","):
            for each in self.collections(model):
                folder = ROOT / ".local/stack" / f"evaluate-{model}-{each.name}"
                say(f"{model}, {each.name}: {len(each.documents)} documents, {len(each.questions)} questions")
                aws = stack.Stack(folder, say=lambda text: None)
                server = None
                try:
                    if not aws.node.kind.startswith("OpenSearch"):
                        raise Failed("an OpenSearch with k-NN is needed: set OPENSEARCH_URL")
                    if model == "minilm":
                        server = self.serve(aws)
                    self.compare(aws, model, each)
                finally:
                    if server:
                        server.stop(2)
                    aws.stop()
                self.show(model, each)
        self.figures["goals"] = self.goals
        assert all(self.goals.values()), f"goals missed: {[name for name, held in self.goals.items() if not held]}; {json.dumps(self.figures)}"
        return self.figures

    def serve(self, aws: stack.Stack) -> Process:
        port = free_port()
        server = Process("MiniLM", [ROOT / ".local/retrieval/bin/python", ROOT / "Tests/Retrieval/minilm.py", "--port", port], aws.folder / "minilm.log")
        server.wait_for(f"http://127.0.0.1:{port}/control", 120)
        aws.embeddings_url = f"http://127.0.0.1:{port}"
        return server

    def compare(self, aws: stack.Stack, model: str, each: sets.Set) -> None:
        judge, dimensions = scores.Judge(each), MODELS[model]
        common = {"EMBEDDING_MODEL": model, "EMBEDDING_DIMENSIONS": str(dimensions)}
        product = Product(aws, each, f"{each.name}-base", common)
        rankings, own = product.rankings(each.questions)
        self.judged(model, judge, BASE, rankings)
        say(f"{BASE}: {len(product.chunks)} chunks; the program's own figures: {json.dumps({k: own[k] for k in ('ndcg_at_10', 'recall', 'mrr', 'median_ms')})}")
        if each.name == "cran":
            # One chunk is one abstract here: the program's measures and these are the same.
            ours = sum(self.table[model, "cran", BASE]["nDCG@10"]) / len(each.questions)
            self.goals[f"{model} cran: own nDCG@10 agrees"] = abs(ours - own["ndcg_at_10"]) < 0.005
        for name, flags in JOINS.items():
            if (self.options.small or self.options.peers_only) and "alone" not in name or each.name == "long" and name == "depth 1000":
                continue
            self.judged(model, judge, name, product.rankings(each.questions, *flags)[0])
        say("joins done")
        if model == "wordllama":
            self.limits(product, each)
        for number, (name, settings) in enumerate(SETTINGS.items()):
            if self.options.peers_only or self.options.small and name != "no context":
                continue
            if each.name == "cran" and name not in ON_CRAN or model == "minilm" and name not in {"512 tokens, overlap 64", "no context", "standard analyzer alone"}:
                continue
            other = Product(aws, each, f"{each.name}-{number}", common | settings)
            found, _ = other.rankings(each.questions)
            if "around" in name or "parent" in name:
                found = {question: other.expanded(ranking, 2) for question, ranking in found.items()}
            self.judged(model, judge, name, found)
            say(f"{name}: {len(other.chunks)} chunks")
        if self.options.small:
            return
        texts = {key: body.decode() for key, body in each.documents.items()} if each.name != "long" else {
            f"long/{key}": document["text"].decode() for key, document in self.texts.items() if f"long/{key}" in each.documents}
        systems = [] if each.name != "cran" else ["LangChain 1,000 characters", "LangChain 256 tokens", "LlamaIndex 256 tokens", "semantic-text-splitter 256"]
        peers = Peers(aws, each, texts, dimensions, systems)
        vectors = peers.embed([question.text for question in each.questions])
        for system in peers.chunks:
            self.judged(model, judge, system, peers.rankings(system, each.questions, vectors))
            say(f"{system}: {len(peers.chunks[system])} chunks")

    def limits(self, product: Product, each: sets.Set) -> None:
        """The first hit is the same whatever the limit."""
        environment = product.fleet.operator() | product.fleet.owner()
        differing = 0
        for question in each.questions[:20]:
            orders = []
            for limit in LIMITS:
                command = [str(ROOT / ".build/release/ingestctl"), "search", "--json", "--limit", str(limit), "--", question.text]
                lines = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
                orders.append([(hit["document_id"], hit["chunk"]) for hit in map(json.loads, lines) if hit["type"] == "hit"])
            differing += any(order != orders[-1][: len(order)] for order in orders)
        self.goals[f"{each.name}: one order for limits 1 to 100"] = differing == 0

    def show(self, model: str, each: sets.Set) -> None:
        """Two tables: defaults on one half of the questions, peers on the other."""
        halves = {"tuning": [q.is_tuning for q in each.questions], "held": [not q.is_tuning for q in each.questions]}
        clusters = [scores.cluster(q) for q in each.questions]
        base = self.table[model, each.name, BASE]
        peers = [system for m, name, system in self.table if (m, name) == (model, each.name) and any(word in system for word in ("LangChain", "LlamaIndex", "semantic"))]
        rows = [system for m, name, system in self.table if (m, name) == (model, each.name) and system != BASE and system not in peers]
        for title, half, systems in (("defaults, on the tuning half", "tuning", rows), ("peers, on the held half", "held", peers)):
            chosen = [place for place, is_in in enumerate(halves[half]) if is_in]
            pick = lambda values: [values[place] for place in chosen]
            groups = [clusters[place] for place in chosen]
            print(f"\n{model}, {each.name}: {title} ({len(chosen)} questions)\n\n| system | " + " | ".join(base) + " |\n|---|" + "---|" * len(base))
            cells = []
            for measure in base:
                mean, low, high = scores.interval(pick(base[measure]), None, groups)
                cells.append(f"{mean:.3f} [{low:.3f}, {high:.3f}]")
                self.figures[f"{model} {each.name} {half} {measure}"] = round(mean, 4)
            print(f"| **{BASE}** | " + " | ".join(cells) + " |")
            for system in systems:
                cells = []
                for measure, values in self.table[model, each.name, system].items():
                    mean = sum(pick(values)) / len(chosen)
                    difference, low, high = scores.interval(pick(base[measure]), pick(values), groups)
                    cells.append(f"{mean:.3f} ({difference:+.3f}{'*' if low > 0 or high < 0 else ''})")
                    if half == "held" and (measure == "nDCG@10" or "tokens" in measure):
                        self.goal(model, each.name, system, measure, difference, high)
                    elif system in ("words alone", "vectors alone") and measure in ("nDCG@10", "recall in 2000 tokens"):
                        # Over all questions: at least as good as the better of its halves, or not distinguishable from it.
                        d, l, _ = scores.interval(base[measure], values, clusters)
                        self.goals[f"{model} {each.name}: hybrid not below {system}, {measure}"] = d <= 0 or l <= 0
                print(f"| {system} | " + " | ".join(cells) + " |")
        print(flush=True)

    def goal(self, model: str, name: str, system: str, measure: str, difference: float, high: float) -> None:
        """Better than every peer; on documents longer than a chunk by 0.03 and beyond chance."""
        if name == "cran":
            held = difference < 0.005
        else:
            held = difference <= -0.03 and high < 0
        self.goals[f"{model} {name}: above {system}, {measure}"] = held


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="cran,cat,long")
    parser.add_argument("--models", default="wordllama,minilm")
    parser.add_argument("--quick", action="store_true", help="60 questions a set")
    parser.add_argument("--small", action="store_true", help="what CI runs: a part of cat without peers")
    parser.add_argument("--peers-only", action="store_true", help="no table of defaults")
    sys.exit(ends_with_figures(Evaluation(parser.parse_args()).run))
