#!/usr/bin/env python3
"""How the time of each stage grows with the size of one document (`make growth`): at 1, 2 and 4 MB, for each class of input, no stage may grow by more
than 15 % above linear. The last line is JSON; 1 where a stage grows faster.
"""
import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / ".build/release/ingest-fleetPackageTests.xctest"
ALLOWED = 1.15
# Below this a stage's time is the clock's and the allocator's.
SHORT = 0.010
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


# The tests' program allocates by jemalloc, as the extractor does. Memory that it returns to the kernel and takes again costs a page fault each time, from some size on
# (`oversize_threshold`): not what grows here.
MEMORY = {"MALLOC_CONF": "oversize_threshold:0,dirty_decay_ms:-1,muzzy_decay_ms:-1"}


def measure(only: str) -> dict:
    """Rounds by input and stage; each holds seconds by megabytes, measured one after the other."""
    rounds = collections.defaultdict(list)
    with tempfile.NamedTemporaryFile() as report:
        environment = dict(os.environ, GROWTH_REPORT=report.name, GROWTH_ONLY=only, **MEMORY, GROWTH_EXTRACTOR=str(ROOT / ".build/release/document-extractor"))
        command = [BINARY, "--testing-library", "swift-testing", "--filter", "GrowthTests"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output = []
        for line in process.stdout:
            output.append(line)
            if "passed after" in line and "Test case" in line or "recorded an issue" in line:
                say(line.strip()[:160])
        if process.wait():
            raise SystemExit("".join(output)[-4000:])
        for line in pathlib.Path(report.name).read_text().splitlines():
            entry = json.loads(line)
            rounds[entry["input"], entry["stage"]].append(dict(zip(entry["megabytes"], entry["seconds"])))
    return rounds


def growth(rounds: list[dict]) -> float:
    """How many times the linear time the largest took, from whichever smaller size shows it most: the median over the rounds."""
    largest = max(rounds[0])
    if statistics.median(sizes[largest] for sizes in rounds) < SHORT:
        return 0.0
    return max(statistics.median(sizes[largest] / (sizes[size] * largest / size) for sizes in rounds) for size in rounds[0] if size != largest)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="inputs, separated by commas")
    only = parser.parse_args().only
    subprocess.run(["swift", "build", "-c", "release", "--build-tests"], cwd=ROOT, check=True, stdout=sys.stderr)
    subprocess.run(["swift", "build", "-c", "release", "--product", "document-extractor"], cwd=ROOT, check=True, stdout=sys.stderr)
    rounds = measure(only)
    for number in range(3):
        above = [key for key, found in rounds.items() if growth(found) > ALLOWED]
        if not above:
            break
        say(f"{len(above)} stages above linear after {number + 1} times: measured again, all rounds count")
        again = measure(",".join(sorted({name for name, _ in above})))
        for key in above:
            rounds[key] += again[key]
    problems, times = [], {}
    for (name, stage), found in sorted(rounds.items(), key=lambda item: -growth(item[1])):
        sizes = times[name, stage] = {size: statistics.median(each[size] for each in found) for size in found[0]}
        if growth(found) > ALLOWED:
            problems.append(f"{name}, {stage}: " + ", ".join(f"{size} MB {sizes[size] * 1000:.1f} ms" for size in sorted(sizes)) + f": {growth(found):.2f} times linear")
    slowest = sorted(((sizes[4] / 4, name, stage) for (name, stage), sizes in times.items()), reverse=True)
    for seconds, name, stage in slowest[:10]:
        say(f"  slowest: {stage} of {name}: {seconds * 1000:.0f} ms a megabyte")
    for problem in problems:
        say(f"PROBLEM {problem}")
    most = max((growth(found), name, stage) for (name, stage), found in rounds.items())
    inputs = {name for name, _ in rounds}
    print(json.dumps({"inputs": len(inputs), "stages": len(rounds), "most_above_linear": [round(most[0], 2), *most[1:]], "slowest_ms_per_mb": [round(slowest[0][0] * 1000), *slowest[0][1:]], "problems": problems, "seconds": round(time.monotonic() - started)}))
    return 1 if problems or not inputs else 0


if __name__ == "__main__":
    sys.exit(main())
