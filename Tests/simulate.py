#!/usr/bin/env python3
"""The deterministic simulation (`make simulate`): many seeds, then the planted mistakes, each of which it must find.

    simulate.py [--seeds N] [--double-seeds N] [--mutant-seeds N] [--seed S [--double]] [--skip-mutants]

--double-seeds are those of two pipelines at once. --seed S repeats one seed and prints the smallest failing trace, if it fails. Ends with a line of JSON; 1 when an invariant was violated or a mistake was
not found.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests"))
import mutants

BINARY = ROOT / ".build/release/ingest-fleetPackageTests.xctest"
LONG = 20_000
BATCH = 500  # tasks of crashed workers stay in memory: a process each
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


SINGLE, DOUBLE = "nothingIsLostDoubledOrStale", "twoPipelinesFollowOneBucket"


def batch(binary: pathlib.Path, first: int, count: int, test: str = SINGLE, bug: str = "", quiet: bool = False) -> tuple[dict, str]:
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        environment = dict(
            os.environ, SIMULATE_FROM=str(first), SIMULATE_SEEDS=str(count), SIMULATE_REPORT=report.name,
            SWIFT_DETERMINISTIC_HASHING="1", SWIFT_BACKTRACE="enable=no", PLANTED_BUG=bug,
        ) | ({"SIMULATE_QUIET": "1"} if quiet else {})
        command = [binary, "--testing-library", "swift-testing", "--filter", f"SimulationTests.{test}"]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        text = pathlib.Path(report.name).read_text()
        if not text:
            return {"seeds": 0, "failedSeed": first, "invariant": "crashed", "problem": f"ended with {done.returncode}"}, done.stdout
        return json.loads(text), done.stdout


def run_seeds(total: int, test: str) -> tuple[dict, list[str]]:
    sums = collections.Counter()
    faults = collections.Counter()
    problems = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        work = [pool.submit(batch, BINARY, first, min(BATCH, total - first), test) for first in range(0, total, BATCH)]
        said = time.monotonic()
        for done in concurrent.futures.as_completed(work):
            report, output = done.result()
            for name in ("seeds", "switches", "calls", "crashes", "virtualSeconds"):
                sums[name] += report.get(name, 0)
            faults.update(report.get("faults", {}))
            if report.get("failedSeed") is not None:
                problems.append(f"seed {report['failedSeed']}: {report['invariant']}: {report['problem']}")
                print(output[-20_000:])
                say(f"{problems[-1]}; again: make simulate SEED={report['failedSeed']}{' DOUBLE=1' if test == DOUBLE else ''}")
            if time.monotonic() - said > 10 or sums["seeds"] == total:
                said = time.monotonic()
                say(f"  {sums['seeds']:,} of {total:,} seeds, {sums['crashes']:,} crashes, {sum(faults.values()):,} faults, {len(problems)} violations")
    return dict(sums) | {"faults": dict(sorted(faults.items()))}, problems


def explore() -> int:
    """Every interleaving of the ledger's rules, within bounds; and that a seed repeats."""
    say("every interleaving of the ledger's rules")
    environment = dict(os.environ, SWIFT_DETERMINISTIC_HASHING="1", SWIFT_BACKTRACE="enable=no")
    command = [BINARY, "--testing-library", "swift-testing", "--filter", "GenerationModelTests|aSeedRepeatsExactly"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(done.stdout[-5000:])
    counts = [int(line.split()[-2]) for line in done.stdout.splitlines() if line.endswith(" states")]
    assert len(counts) >= 5, done.stdout[-2000:]
    say(f"  {sum(counts):,} states without a violation")
    return sum(counts)


def is_found_by_model(mutant: mutants.Mutant) -> bool:
    """The exhaustive model runs the same rules."""
    environment = dict(os.environ, SWIFT_DETERMINISTIC_HASHING="1", SWIFT_BACKTRACE="enable=no", PLANTED_BUG=mutant.name)
    command = [mutants.binary(), "--testing-library", "swift-testing", "--filter", "GenerationModelTests"]
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 1


def find(mutant: mutants.Mutant, limit: int) -> dict:
    tried = 0
    limit *= mutant.seed_factor
    if mutant.invariants == ["model"]:
        limit = 0
    while tried < limit:
        count = min(100 if tried == 0 else BATCH, limit - tried)
        report, _ = batch(mutants.binary(), tried, count, DOUBLE if mutant.is_double else SINGLE, mutant.name, quiet=True)
        if report.get("failedSeed") is not None:
            if report["invariant"] not in mutant.follows:
                return {"seeds": report["failedSeed"] + 1, "invariant": report["invariant"]}
            count = report["failedSeed"] + 1 - tried
        tried += count
    if mutant.is_rule and is_found_by_model(mutant):
        return {"seeds": None, "invariant": "model"}
    return {"seeds": None, "invariant": None}


def run_mutants(limit: int, is_long: bool) -> tuple[dict, list[str]]:
    say("planting mistakes into a copy")
    mutants.plant()
    say(f"built with {len(mutants.MUTANTS)} mistakes")
    found, problems = {}, []
    for test in (SINGLE, DOUBLE):
        report, output = batch(mutants.binary(), 0, BATCH, test)
        if report.get("failedSeed") is not None:
            print(output[-20_000:])
            return {}, [f"the copy fails without a mistake, at seed {report['failedSeed']} of {test}"]
    wanted = [mutant for mutant in mutants.MUTANTS if is_long or not mutant.is_rare]
    for mutant in mutants.MUTANTS:
        if mutant not in wanted:
            say(f"  {mutant.name:26} left to a run of {LONG:,} seeds or more")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for mutant, result in zip(wanted, pool.map(lambda mutant: find(mutant, limit), wanted)):
            found[mutant.name] = result
            if result["invariant"] == "model":
                pass
            elif result["seeds"] is None:
                problems.append(f"{mutant.name} was not found in {limit * mutant.seed_factor} seeds")
            elif result["invariant"] not in mutant.invariants:
                problems.append(f"{mutant.name} was found as {result['invariant']} and not as {' or '.join(mutant.invariants)}")
            say(f"  {mutant.name:26} {result['invariant'] or 'NOT FOUND':14} seeds: {result['seeds'] or f'more than {limit * mutant.seed_factor}'}")
    return found, problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--mutant-seeds", type=int, default=3000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--double", action="store_true", help="with --seed: of two pipelines")
    parser.add_argument("--double-seeds", type=int, help="seeds of two pipelines; default: a quarter of --seeds")
    parser.add_argument("--skip-mutants", action="store_true")
    arguments = parser.parse_args()
    subprocess.run(["swift", "build", "-c", "release", "--build-tests"], cwd=ROOT, check=True, stdout=sys.stderr)
    if arguments.seed is not None:
        report, output = batch(BINARY, arguments.seed, 1, DOUBLE if arguments.double else SINGLE)
        print(output)
        print(json.dumps(report))
        return 1 if "failedSeed" in report else 0
    states = explore()
    say(f"{arguments.seeds:,} seeds")
    figures, problems = run_seeds(arguments.seeds, SINGLE) if arguments.seeds else ({}, [])
    double_seeds = arguments.seeds // 4 if arguments.double_seeds is None else arguments.double_seeds
    say(f"{double_seeds:,} seeds of two pipelines")
    double, more = run_seeds(double_seeds, DOUBLE)
    problems += more
    found = {}
    if not arguments.skip_mutants:
        found, missed = run_mutants(arguments.mutant_seeds, max(arguments.seeds, double_seeds) >= LONG)
        problems += missed
    for problem in problems:
        say(f"PROBLEM {problem}")
    print(json.dumps(figures | {"two_pipelines": double, "model_states": states, "mistakes_found": found, "problems": problems, "seconds": round(time.monotonic() - started)}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
