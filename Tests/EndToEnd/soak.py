#!/usr/bin/env python3
"""Both workers over many small objects (`make soak OBJECTS=100000`): memory, file descriptors, threads, children and throughput stay flat.

    soak.py [--objects N]

Objects are put as fast as they are indexed, a tenth of them is changed and a tenth deleted again. Each worker is sampled every two seconds; the slopes of the second half, by least
squares, are printed per 1,000 documents. Ends with a line of JSON; 1 where one is steeper than it may be, or the last third of documents took much longer than the middle one.
"""
import argparse
import concurrent.futures
import os
import pathlib
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / p) for p in ("deploy/local", "Tests/EndToEnd", "Tests/Bench")]
import stack
from fleet_run import FleetRun, ends_with_figures
from usage import children

# Per 1,000 documents. A worker of 60 MB may be 65 MB after 100,000.
MOST = {"MB": 0.05, "descriptors": 0.05, "threads": 0.02, "children": 0.02}
WAITING = 400
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def sample(pid: int) -> dict[str, float]:
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return {"MB": int(fields["VmRSS"].split()[0]) / 1024, "descriptors": len(os.listdir(f"/proc/{pid}/fd")), "threads": int(fields["Threads"]), "children": len(children(pid))}


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line of least squares."""
    x, y = (sum(point[axis] for point in points) / len(points) for axis in (0, 1))
    spread = sum((point[0] - x) ** 2 for point in points)
    return sum((point[0] - x) * (point[1] - y) for point in points) / spread if spread else 0.0


class Soak:
    def __init__(self, aws: stack.Stack, objects: int) -> None:
        self.objects = objects
        self.fleet = aws.fleet("soak", visibility=60)
        self.work = FleetRun(self.fleet, aws.folder, {"LOG_LEVEL": "warning"})
        self.put = 0
        self.samples: dict[str, list[tuple[float, dict]]] = {"ingest-worker": [], "embed-worker": []}
        self.times: list[tuple[float, int]] = []
        self.ended = threading.Event()

    def write(self) -> None:
        """As fast as the workers are, so that the queues stay short."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            while self.put < self.objects:
                if self.fleet.depth("events") > WAITING:
                    time.sleep(0.2)
                    continue
                numbers = range(self.put, min(self.objects, self.put + 200))
                list(pool.map(self.one, numbers))
                self.put = numbers.stop

    def one(self, number: int) -> None:
        key = f"{number % 1000}/{number}.txt"
        self.fleet.put(key, f"Entry {number} of the log: tide {number * 7919 % 10007}, lamp {number * 104729 % 9973}, all well.".encode())
        if number % 10 == 1:
            self.fleet.put(key, f"Entry {number} of the log, written again: tide {number * 7907 % 10009}.".encode())
        if number % 10 == 2:
            self.fleet.delete(key)

    def watch(self) -> None:
        while not self.ended.wait(2):
            done = self.work.metric("embed-worker", "ingest_documents_indexed_total") or self.put
            for name, samples in self.samples.items():
                samples.append((done / 1000, sample(self.work.workers[name].popen.pid)))
            self.times.append((time.monotonic(), done))
            if len(self.times) % 30 == 0:
                say(f"{self.put} objects put; " + "; ".join(f"{name}: {rows[-1][1]['MB']:.1f} MB, {rows[-1][1]['descriptors']} descriptors, {rows[-1][1]['threads']} threads" for name, rows in self.samples.items()))

    def run(self) -> dict:
        for worker in self.samples:
            self.work.start(worker)
        watcher = threading.Thread(target=self.watch, daemon=True)
        watcher.start()
        self.write()
        self.fleet.wait_until_drained(1800, alive=self.work.alive)
        self.ended.set()
        watcher.join()
        status = self.work.status()
        self.work.stop()
        live = self.objects - len([number for number in range(self.objects) if number % 10 == 2])
        assert status["live"] == live and status["rejected"] == 0, (status, live)
        figures: dict = {"objects": self.objects, "live": live}
        steep = []
        for name, rows in self.samples.items():
            later = rows[len(rows) // 2 :]
            assert len(later) >= 5, "too few samples: more objects are needed"
            for what, most in MOST.items():
                found = slope([(done, values[what]) for done, values in later])
                figures[f"{name}, {what} per 1,000"] = round(found, 4)
                figures[f"{name}, {what} at the end"] = round(later[-1][1][what], 1)
                if found > most:
                    steep.append(f"{name}: {what} grows by {found:.3f} per 1,000 documents, {most} are allowed")
        thirds = [self.rate(number / 3, (number + 1) / 3) for number in range(3)]
        figures["documents_per_second"] = [round(rate, 1) for rate in thirds]
        assert not steep, "; ".join(steep)
        assert thirds[2] > 0.75 * thirds[1], f"documents a second: {figures['documents_per_second']}"
        return figures | {"seconds": round(time.monotonic() - started)}

    def rate(self, first: float, last: float) -> float:
        """Documents a second between two shares of all."""
        inside = [(at, done) for at, done in self.times if first * self.times[-1][1] <= done <= last * self.times[-1][1]]
        return (inside[-1][1] - inside[0][1]) / max(0.001, inside[-1][0] - inside[0][0]) if len(inside) > 1 else 0.0


def run(objects: int) -> dict:
    aws = stack.Stack(ROOT / ".local/stack/soak", say=say)
    try:
        return Soak(aws, objects).run()
    finally:
        aws.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100_000)
    options = parser.parse_args()
    sys.exit(ends_with_figures(lambda: run(options.objects)))
