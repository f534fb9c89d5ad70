#!/usr/bin/env python3
"""All tests but lint, in one go (`make test`): Swift's own against real servers, then the programs end to end.

    run.py [--only swift|demo|operations|commands|operator|ground|situations|corpora|scans|kills|stops|edges|replays|providers|batches|budget|damage|web|readers|retrieval|telemetry|deploy|scaling|large|chaos|simulation|fuzz|columns|tables|running|directions|hostile]...

Starts S3, SQS and embeddings, OpenSearch 2.19.1 and 3.6.0 where the folder beside the project has them, and the embedded stand-in.
A test that is skipped although that folder is there is a failure.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]
import opensearch
import stack
from processes import PYTHON, Failed

FOLDER = ROOT / ".local/stack/test"
PARTS = ["swift", "demo", "operations", "commands", "operator", "ground", "situations", "corpora", "scans", "kills", "stops", "edges", "replays", "providers", "batches", "budget", "damage", "web", "readers", "retrieval", "telemetry", "deploy", "scaling", "large", "chaos", "simulation", "fuzz", "columns", "tables", "running", "directions", "hostile"]
CHAOS_KILLS = 24
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


class Results:
    def __init__(self) -> None:
        self.passed, self.failed, self.skipped = [], [], []
        self.reasons: list[str] = []

    def run(self, name: str, body) -> None:
        say(f"== {name}")
        try:
            figures = body()
        except (Failed, AssertionError, OSError, subprocess.SubprocessError) as error:
            self.failed.append(name)
            self.reasons.append(f"FAILED {name}: {error}")
            say(self.reasons[-1])
            return
        self.passed.append(name)
        say(f"passed {name}" + (f": {json.dumps(figures)}" if figures else ""))

    def skip(self, name: str, why: str) -> None:
        say(f"skipped {name}: {why}")
        if opensearch.shared().exists():
            self.failed.append(name)
            self.reasons.append(f"FAILED {name}: skipped: {why}")
        else:
            self.skipped.append(name)


def swift_tests(aws: stack.Stack, nodes: list[opensearch.Node]) -> dict:
    fleet = aws.fleet("swift")
    subprocess.run(["swift", "build", "-c", "release", "--build-tests"], cwd=ROOT, check=True, stdout=sys.stderr)
    description = {
        "aws": aws.aws_url, "bucket": fleet.bucket, "handoff": fleet.hand_over, "events": fleet.queues["events"],
        "nodes": [{"kind": n.kind, "url": n.url, "engine": n.engine, "isEmbedded": "embedded" in n.kind} for n in nodes],
    }
    (FOLDER / "integration.json").write_text(json.dumps(description))
    cases = FOLDER / "tiktoken.jsonl"
    say(subprocess.check_output([PYTHON, ROOT / "Tests/tiktoken_cases.py", cases], text=True).strip())
    requests = FOLDER / "signing.jsonl"
    say(subprocess.check_output([PYTHON, ROOT / "Tests/signing_cases.py", requests], text=True).strip())
    environment = dict(os.environ, SIGNING_CASES=str(requests), INTEGRATION_STACK=str(FOLDER / "integration.json"), TIKTOKEN_CASES=str(cases))
    # The simulation needs a process of its own, and gets it (Tests/simulate.py); growth is measured by `make growth`.
    command = ["swift", "test", "-c", "release", "--skip-build", "--disable-xctest", "--skip", "SimulationTests", "--skip", "GrowthTests"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    (FOLDER / "swift-test.log").write_text(done.stdout)
    lines = done.stdout.splitlines()
    skips = [line for line in lines if re.search(r"^\W*(Test|Suite) .* skipped", line)]
    failures = [line for line in lines if "✘" in line or "recorded an issue" in line]
    for line in failures + skips:
        print("   ", line)
    closing = next((line for line in reversed(lines) if "Test run with" in line), "no closing line")
    print("   ", closing, flush=True)
    # Named once more at the end of `make test`; without a failed test, the last lines say how the process ended.
    assert done.returncode == 0, "\n".join([f"swift test ended with {done.returncode}", *(failures or lines)[-30:]])
    assert not (skips and opensearch.shared().exists()), f"{len(skips)} tests were skipped although {opensearch.shared()} is there"
    return {"tests": int(re.search(r"with (\d+) test", closing)[1]), "skipped": len(skips), "servers": [n.kind for n in nodes]}


def demo(kind: str) -> dict:
    environment = {k: v for k, v in os.environ.items() if k != "OPENSEARCH_URL"}
    if kind == "embedded":
        environment |= {"FLEET_SHARED": "/nonexistent", "PATH": without_java(environment["PATH"])}
    done = subprocess.run([PYTHON, ROOT / "deploy/local/demo.py"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    (FOLDER / f"demo-{kind}.log").write_text(done.stdout)
    assert done.returncode == 0, f"the demo ended with {done.returncode}:\n{done.stdout[-2000:]}"
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    assert (kind == "embedded") == ("embedded" in figures["opensearch"]), figures
    assert "embedded" not in kind or "this server compares no vectors" in done.stdout
    return figures


def without_java(path: str) -> str:
    """A PATH with the same programs, but those that could make or run a real OpenSearch."""
    folder = FOLDER / "path"
    folder.mkdir(exist_ok=True)
    for place in reversed(path.split(":")):
        for program in pathlib.Path(place).iterdir() if pathlib.Path(place).is_dir() else []:
            link = folder / program.name
            if program.name not in ("mvn", "java"):
                link.unlink(missing_ok=True)
                link.symlink_to(program)
    return str(folder)


def script(name: str, *arguments: str) -> dict:
    """A program of its own, whose last line is its figures."""
    process = subprocess.Popen([PYTHON, ROOT / "Tests" / name, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = ""
    for line in process.stdout:
        if not line.startswith("{"):
            print("   ", line, end="", flush=True)
    assert process.wait() == 0, f"{name} ended with {process.returncode}: {line[-2000:]}"
    return json.loads(line)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--duplicates", type=int, default=3_000, help="events of one object in the part stops")
    arguments = parser.parse_args()
    only = arguments.only or PARTS
    import chaos
    import commands
    import corpora
    import ground
    import kills
    import operations
    import operator_day
    import scans
    import situations
    import stops

    results = Results()
    has_archives = (opensearch.shared() / "opensearch/start").exists()
    has_corpora = (opensearch.shared() / "corpora/pdf").exists()
    say("starting S3, SQS and embeddings")
    aws = stack.Stack(FOLDER, search=False)
    nodes: list[opensearch.Node] = []
    try:
        for kind in (["2.19.1", "3.6.0"] if has_archives else []) + ["embedded"]:
            nodes.append(opensearch.start(FOLDER, kind))
            say(f"started {nodes[-1].kind}")
        aws.node = nodes[-2] if has_archives else nodes[-1]
        if "swift" in only:
            results.run("swift tests", lambda: swift_tests(aws, nodes))
            if not has_archives:
                results.skip("integration tests on OpenSearch 2.19.1 and 3.6.0", "the archives beside the project are not here")
        if "demo" in only:
            results.run("demo", lambda: demo("default" if has_archives else "embedded"))
            if has_archives:
                results.run("demo on the embedded default", lambda: demo("embedded"))
        if "operations" in only:
            results.run("operations", lambda: operations.run(aws, say))
        if "commands" in only:
            results.run("commands", lambda: commands.run(FOLDER, say))
        if "operator" in only and has_archives:
            results.run("operator", lambda: operator_day.run(aws, say))
        elif "operator" in only:
            results.skip("operator", "it needs aggregations that the embedded server has not")
        if "ground" in only:
            results.run("ground", lambda: ground.run(aws, say))
        if "situations" in only:
            results.run("situations", lambda: situations.run(aws, say))
        if "corpora" in only and has_corpora:
            results.run("corpora", lambda: corpora.run(aws, say))
        elif "corpora" in only:
            results.skip("corpora", "the documents beside the project are not here")
        if "scans" in only and (ROOT / ".build/release/document-ocr").exists():
            results.run("scans", lambda: scans.run(aws, say))
        elif "scans" in only:
            results.skip("scans", "Tesseract is not here")
        if "kills" in only:
            results.run("kills", lambda: kills.run(aws, say))
        if "stops" in only:
            results.run("stops", lambda: stops.run(aws, say, arguments.duplicates))
    except Failed as error:
        results.failed.append("local servers")
        results.reasons.append(f"FAILED: {error}")
        say(results.reasons[-1])
    finally:
        aws.node = None
        aws.stop()
        for node in nodes:
            node.stop()
    # These bring servers of their own, or need none.
    if "edges" in only:
        results.run("edges", lambda: script("EndToEnd/edges.py", "--quick", "--seconds", "20"))
    if "replays" in only:
        results.run("replays", lambda: script("EndToEnd/replays.py", "--objects", "250"))
    if "providers" in only and has_archives:
        results.run("providers", lambda: script("EndToEnd/providers.py"))
    elif "providers" in only:
        results.skip("providers", "it searches by vectors, which the embedded server does not")
    if "batches" in only:
        results.run("batches", lambda: script("EndToEnd/batches.py", "--quick"))
    if "budget" in only:
        results.run("budget", lambda: script("EndToEnd/budget.py", "--seconds", "12", "--workers", "3", "--modes", "lease", "--only-many"))
    if "damage" in only and has_archives:
        results.run("damage", lambda: script("EndToEnd/damage.py", "--objects", "5000", "--each", "2"))
    elif "damage" in only:
        results.skip("damage", "it needs aggregations that the embedded server has not")
    if "web" in only and has_archives:
        results.run("web", lambda: script("Web/web_view.py"))
    elif "web" in only:
        results.skip("web", "it needs aggregations that the embedded server has not")
    if "readers" in only and has_archives:
        results.run("readers", lambda: script("Readers/readers.py"))
    elif "readers" in only:
        results.skip("readers", "it needs an OpenSearch with k-NN")
    if "retrieval" in only and has_archives and has_corpora:
        results.run("retrieval", lambda: script("Retrieval/evaluate.py", "--small", "--sets", "cat", "--models", "wordllama"))
    elif "retrieval" in only:
        results.skip("retrieval", "it needs the shared corpora and an OpenSearch with k-NN")
    if "telemetry" in only:
        results.run("telemetry", lambda: script("Telemetry/telemetry.py"))
    if "deploy" in only:
        results.run("deploy", lambda: script("Deploy/deploy.py", "--static"))
    if "scaling" in only:
        results.run("scaling", lambda: script("Deploy/scaling.py"))
    if "large" in only:
        results.run("large", lambda: script("EndToEnd/large.py", "--chunks", "6000"))
    if "chaos" in only:
        results.run("chaos", lambda: chaos.run(say, CHAOS_KILLS))
    if "simulation" in only:
        results.run("simulation", lambda: script("simulate.py", "--seeds", "2000", "--double-seeds", "1000", "--skip-mutants"))
    if "fuzz" in only:
        results.run("fuzz", lambda: script("fuzz.py", "--inputs", "1000000"))
    for name in ("columns", "tables", "running", "directions"):
        if name in only:
            results.run(name, lambda: script(f"Extraction/{name}.py"))
    if "hostile" in only:
        results.run("hostile", lambda: script("Extraction/hostile.py", "--mutations", "400"))
    # Once more, where a reader of the last lines finds them.
    for reason in results.reasons:
        print(reason)
    print(f"{len(results.passed)} passed, {len(results.failed)} failed, {len(results.skipped)} skipped")
    print(json.dumps({"passed": results.passed, "failed": results.failed, "skipped": results.skipped, "seconds": round(time.monotonic() - started)}))
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
