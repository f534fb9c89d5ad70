#!/usr/bin/env python3
"""A day of the autoscaling policy, minute by minute, with the numbers that Terraform gives to AWS (`make scaling`).

    scaling.py [--plot FILE] [--seeds N] [--messages N]

What CloudWatch and ECS do is modelled after their guides: metrics are of the minute before, an alarm fires after its periods, a policy acts at most once in
its cooldown, a task needs a minute to start, and one that works is not ended before its message is done. Five kinds of day; in each nothing may oscillate (a change of direction within half an hour), the
provider's limit is never exceeded, everything is processed, and an idle fleet has no task.
"""
import argparse
import json
import math
import pathlib
import random
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests"))
import plot

POLICY = json.loads((ROOT / "deploy/terraform/pipeline/scaling.json").read_text())
DAY = 24 * 60
START_MINUTES = 1
DELAY = 1  # of the metrics, in minutes
OSCILLATION = 30
TOKENS_PER_MINUTE = 10_000_000
MOST_INGEST = 30


class Service:
    """One service with its queue and its two alarms, as deploy/terraform/pipeline/scaling.tf writes them."""

    def __init__(self, rate: float, most: int) -> None:
        self.rate, self.most = rate, most
        self.visible, self.desired, self.running = 0.0, 0, 0
        self.starting: list[int] = []
        self.sent: list[float] = []
        self.history: list[tuple[float, int]] = []
        self.breaching = {"out": 0, "in": 0}
        self.acted = {"out": -10_000, "in": -10_000}
        self.changes: list[tuple[int, int]] = []
        self.oldest = 0.0

    def step(self, minute: int, arrived: float) -> float:
        """One minute; returns how many messages were finished."""
        self.running += sum(1 for ready in self.starting if ready <= minute)
        self.starting = [ready for ready in self.starting if ready > minute]
        self.visible += arrived
        done = min(self.visible, self.running * self.rate)
        self.visible -= done
        self.sent.append(arrived)
        self.history.append((self.visible, self.desired))
        self.oldest = self.visible / max(1e-9, self.running * self.rate) if self.visible > 1e-6 else 0
        self._scale(minute)
        return done

    def _scale(self, minute: int) -> None:
        if len(self.sent) <= DELAY:
            return
        backlog, sent, running = self.history[-1 - DELAY][0], self.sent[-1 - DELAY], self.desired
        wanted = math.ceil(sent / self.rate + backlog / (self.rate * POLICY["drain_minutes"]) - 1e-9)
        values = {"out": min(wanted, self.most) - running, "in": wanted + POLICY["in"]["spare"] - running if wanted > 0 else -running}
        for way, breaches in (("out", values["out"] >= 1), ("in", values["in"] <= -1)):
            self.breaching[way] = self.breaching[way] + 1 if breaches else 0
            policy = POLICY[way]
            if self.breaching[way] < policy["periods"] or minute - self.acted[way] < policy["cooldown_seconds"] / 60:
                continue
            change = next((step["change"] for step in policy["steps"] if (step["from"] is None or values[way] >= step["from"]) and (step["to"] is None or values[way] < step["to"])
                           or way == "in" and step["to"] == values[way]), 0)
            self._set(minute, max(0, min(self.most, self.desired + change)), way)

    def _set(self, minute: int, desired: int, way: str) -> None:
        if desired == self.desired:
            return
        self.acted[way] = minute
        self.changes.append((minute, 1 if desired > self.desired else -1))
        if desired > self.desired:
            self.starting += [minute + START_MINUTES + 1] * (desired - self.desired)
        else:
            # The ones that still start are ended first.
            for _ in range(self.desired - desired):
                if self.starting:
                    self.starting.pop()
                else:
                    self.running -= 1
        self.desired = desired

    def oscillations(self) -> int:
        return sum(1 for (a, up), (b, other) in zip(self.changes, self.changes[1:]) if up != other and b - a < OSCILLATION)


def poisson(generator: random.Random, mean: float) -> int:
    return max(0, round(generator.gauss(mean, math.sqrt(mean)))) if mean > 30 else sum(1 for _ in range(int(mean * 10)) if generator.random() < 0.1)


def days(total: int) -> dict[str, list[float]]:
    """Messages a minute, expected."""
    working = [max(0.0, math.sin(math.pi * (minute / 60 - 6) / 14)) if 6 <= minute / 60 <= 20 else 0.0 for minute in range(DAY)]
    two_peaks = [math.exp(-((minute / 60 - 10) ** 2) / 4) + 0.8 * math.exp(-((minute / 60 - 16) ** 2) / 6) for minute in range(DAY)]
    scale = lambda shape: [value * total / sum(shape) for value in shape]
    return {
        "working day": scale(working), "two peaks": scale(two_peaks),
        "constant for 20 hours": scale([1.0 if minute < 1200 else 0.0 for minute in range(DAY)]),
        "all at once": [float(total) / 10 if 60 <= minute < 70 else 0.0 for minute in range(DAY)],
        "bursts every two hours": scale([1.0 if minute % 120 < 15 and minute < 1260 else 0.0 for minute in range(DAY)]),
    }


def simulate(expected: list[float], seed: int) -> dict:
    generator = random.Random(seed)
    tokens = POLICY["embed"]["tokens_per_message"]
    most = int(TOKENS_PER_MINUTE / (POLICY["embed"]["messages_per_task_minute"] * tokens))
    ingest, embed = Service(POLICY["ingest"]["messages_per_task_minute"], MOST_INGEST), Service(POLICY["embed"]["messages_per_task_minute"], most)
    lines: dict[str, list] = {name: [] for name in ("arrived", "events", "chunks", "ingest", "embed", "tokens")}
    arrived = finished = 0.0
    for minute in range(DAY + 6 * 60):
        now = poisson(generator, expected[minute]) if minute < DAY else 0
        handed = ingest.step(minute, now)
        done = embed.step(minute, handed)
        arrived, finished = arrived + now, finished + done
        for name, value in (("arrived", now), ("events", ingest.visible), ("chunks", embed.visible), ("ingest", ingest.running), ("embed", embed.running), ("tokens", done * tokens)):
            lines[name].append((minute / 60, value))
    return {
        "lines": lines, "messages": round(arrived), "left": round(arrived - finished), "most_ingest": max(y for _, y in lines["ingest"]), "most_embed": max(y for _, y in lines["embed"]),
        "tokens_per_minute": round(max(y for _, y in lines["tokens"])), "oscillations": ingest.oscillations() + embed.oscillations(), "changes": len(ingest.changes) + len(embed.changes),
        "task_hours": round(sum(y for name in ("ingest", "embed") for _, y in lines[name]) / 60, 1), "idle_tasks": ingest.desired + embed.desired,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=pathlib.Path, help="writes the working day as SVG")
    parser.add_argument("--seeds", type=int, default=5, help="each kind of day is simulated with so many")
    parser.add_argument("--messages", type=int, default=1_000_000)
    arguments = parser.parse_args()
    figures, wrong = {}, []
    for name, expected in days(arguments.messages).items():
        for seed in range(1, arguments.seeds + 1):
            day = simulate(expected, seed)
            drawn = day.pop("lines")
            wrong += [f"{name}, seed {seed}: {what}" for what, holds in (
                ("oscillation", day["oscillations"] == 0), ("the provider's limit is exceeded", day["tokens_per_minute"] <= TOKENS_PER_MINUTE), ("messages are left", day["left"] == 0),
                ("an idle fleet has tasks", day["idle_tasks"] == 0), ("nothing was scaled", day["changes"] > 0),
            ) if not holds]
            if seed == 1:
                figures[name], lines = day, drawn
        print(f"{name}: {json.dumps(figures[name])}", flush=True)
        if arguments.plot and name == "working day":
            plot.charts(arguments.plot, f"{figures[name]['messages']:,} documents in a working day, from no task and back", "hours", [
                ("documents a minute", {"arrived": lines["arrived"]}), ("messages that wait", {"events": lines["events"], "chunks": lines["chunks"]}),
                ("tasks", {"ingest-worker": lines["ingest"], "embed-worker": lines["embed"]}), ("tokens a minute", {"embedded": lines["tokens"]}),
            ], {"tokens a minute": TOKENS_PER_MINUTE})
    print(json.dumps(figures if not wrong else {"failed": wrong, **figures}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
