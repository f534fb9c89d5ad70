"""Measures of rankings, the same for every system, and their intervals."""
import math
import re

import numpy as np

from sets import Question, Set, flat

BUDGETS = (1000, 2000)
# A chunk is of an abstract where both share so many words in a row.
RUN = 8
ROUNDS = 2000


class Judge:
    def __init__(self, set: Set) -> None:
        self.set = set
        self.runs: dict[tuple, str] = {}
        doubles = []
        self.sizes = {}
        for name, text in set.abstracts.items():
            words = _words(text)
            self.sizes[name] = len(words)
            for run in _runs(words):
                if self.runs.setdefault(run, name) != name:
                    doubles.append(run)
        for run in doubles:
            self.runs.pop(run, None)
        self.known: dict[str, dict[str, int]] = {}

    def abstracts(self, text: str) -> dict[str, int]:
        """The abstracts that a chunk has words of, in the order of the text, and how many words."""
        if text not in self.known:
            words, found = _words(text), {}
            for start, run in enumerate(_runs(words)):
                if name := self.runs.get(run):
                    first, _ = found.get(name, (start, 0))
                    found[name] = (first, start + RUN)
            self.known[text] = {name: end - first for name, (first, end) in sorted(found.items(), key=lambda item: item[1][0])}
        return self.known[text]

    def scores(self, question: Question, hits: list[dict]) -> dict[str, float]:
        """`hits`: the best first, each with its text and its tokens."""
        if question.answers:
            return self._passages(question, hits)
        ranking: list[str] = []
        for hit in hits:
            ranking += [name for name in self.abstracts(hit["text"]) if name not in ranking]
        gains = [question.relevant.get(name, 0) for name in ranking[:10]]
        ideal = sorted(question.relevant.values(), reverse=True)
        scores = {"nDCG@10": _dcg(gains) / _dcg(ideal), "MRR": next((1 / rank for rank, name in enumerate(ranking, 1) if name in question.relevant), 0.0)}
        for budget in BUDGETS:
            words: dict[str, int] = {}
            for hit in _within(hits, budget):
                for name, count in self.abstracts(hit["text"]).items():
                    words[name] = words.get(name, 0) + count
            found = sum(words.get(name, 0) >= 0.5 * self.sizes[name] for name in question.relevant)
            scores[f"share in {budget} tokens"] = found / len(question.relevant)
        return scores

    def _passages(self, question: Question, hits: list[dict]) -> dict[str, float]:
        answer = question.answers[0]
        right = [answer in hit["flat"] for hit in hits]
        rank = right.index(True) + 1 if True in right else 0
        scores = {"MRR": 1 / rank if rank else 0.0, "recall@10": float(0 < rank <= 10)}
        for budget in BUDGETS:
            count = len(_within(hits, budget))
            scores[f"recall in {budget} tokens"] = float(0 < rank <= count)
        return scores


def _within(hits: list[dict], budget: int) -> list[dict]:
    """The first hits that have so many tokens together; a repeated chunk counts once."""
    tokens, kept = 0, []
    for hit in hits:
        tokens += hit["tokens"]
        if tokens > budget and kept:
            break
        kept.append(hit)
    return kept


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _runs(words: list[str]):
    return zip(*(words[offset:] for offset in range(RUN)))


def _dcg(gains: list[int]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains[:10]))


def interval(first: list[float], second: list[float] | None, clusters: list[str]) -> tuple[float, float, float]:
    """The mean of `first`, or of `second` less `first`, and its 95 % interval by the bootstrap over clusters of questions."""
    values = np.array(first) if second is None else np.array(second) - np.array(first)
    names = sorted(set(clusters))
    place = {name: number for number, name in enumerate(names)}
    sums, counts = np.zeros(len(names)), np.zeros(len(names))
    for value, cluster in zip(values, clusters):
        sums[place[cluster]] += value
        counts[place[cluster]] += 1
    chosen = np.random.default_rng(20261128).integers(0, len(names), (ROUNDS, len(names)))
    means = sums[chosen].sum(1) / counts[chosen].sum(1)
    return float(values.mean()), float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


def cluster(question: Question) -> str:
    return "-".join(question.id.split("-")[:2])


def prepared(text: str, tokens: int) -> dict:
    return {"text": text, "flat": flat(text), "tokens": tokens}
