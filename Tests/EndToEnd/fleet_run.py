"""A fleet's real binaries, run by a test, and what a test wants to know of index and ledger."""
import json
import pathlib
import re
import subprocess
import time
import urllib.request

from processes import ROOT, Failed, Process, free_port

PROGRAMS = ROOT / ".build/release"


class FleetRun:
    def __init__(self, fleet, folder: pathlib.Path, settings: dict[str, str] = {}) -> None:
        self.fleet, self.folder = fleet, folder / fleet.name
        self.settings = {"POLL_SECONDS": "2", "LOG_LEVEL": "info"} | settings
        self.workers: dict[str, Process] = {}
        self.ports: dict[str, int] = {}
        self.ctl("setup")

    @staticmethod
    def program(name: str) -> pathlib.Path:
        return PROGRAMS / name

    def start(self, name: str, session_seconds: int = 3600, number: int = 0, settings: dict[str, str] = {}) -> Process:
        """Starts a worker; several of a kind are numbered, and called `ingest-worker.1`."""
        label = f"{name}.{number}" if number else name
        self.ports[label] = free_port()
        environment = self.fleet.worker(name, session_seconds) | {"HEALTH_PORT": str(self.ports[label])} | self.settings | settings
        self.workers[label] = Process(label, [PROGRAMS / name], self.folder / f"{label}.log", environment)
        return self.workers[label]

    def metrics(self, label: str) -> dict[str, int]:
        """All of a worker's numbers; none while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[label]}/metrics", timeout=2) as answer:
                return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", answer.read().decode(), re.MULTILINE)}
        except OSError:
            return {}

    def metric(self, name: str, series: str) -> int:
        """A number of a worker's metrics; 0 while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/metrics", timeout=2) as answer:
                return int(re.search(rf"^{series} (\d+)".encode(), answer.read(), re.MULTILINE)[1])
        except OSError:
            return 0

    def in_work(self, name: str) -> int:
        return self.metric(name, "ingest_messages_in_flight")

    def stop(self) -> None:
        for name, worker in self.workers.items():
            code = worker.stop(30)
            assert code == 0, f"{name} ended with {code} after SIGTERM; its log: {worker.log}"

    def alive(self) -> None:
        for name, worker in self.workers.items():
            if worker.popen.poll() is not None:
                raise Failed(f"{name} ended with code {worker.popen.returncode}; its log: {worker.log}")

    def ctl(self, *arguments: str) -> str:
        fingerprint = {name: value for name, value in self.settings.items() if name == "OCR_LANGUAGES"}
        environment = self.fleet.operator() | self.fleet.owner() | fingerprint
        done = subprocess.run([PROGRAMS / "ingestctl", *arguments], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"ingestctl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def status(self) -> dict:
        return json.loads(self.ctl("status", "--json"))

    def rejections(self) -> dict[str, str]:
        """Reason by key."""
        rows = [line.split("\t") for line in self.ctl("rejections").splitlines()]
        return {row[0].split("/", 3)[3]: row[1] for row in rows}

    def chunks(self, fields: list[str]) -> list[dict]:
        """Every chunk in the index, after a refresh."""
        url = self.fleet.stack.node.url
        self._ask(f"{url}/{self.fleet.alias}/_refresh", {})
        page = self._ask(f"{url}/{self.fleet.alias}/_search?scroll=1m", {"size": 500, "_source": fields, "query": {"match_all": {}}})
        found = []
        while page["hits"]["hits"]:
            found += [{"_id": hit["_id"], **hit["_source"]} for hit in page["hits"]["hits"]]
            page = self._ask(f"{url}/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        return found

    @staticmethod
    def _ask(url: str, body: dict) -> dict:
        request = urllib.request.Request(url, json.dumps(body).encode() if body else b"", {"Content-Type": "application/json"}, method="POST")
        return json.load(urllib.request.urlopen(request, timeout=60))


def wait(what: str, seconds: float, condition):
    """What `condition` returns, once that is something."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise Failed(f"{what}: did not happen in {seconds:.0f} s")
        time.sleep(0.3)
    return found


def ends_with_figures(body) -> int:
    """Prints what `body` returns, or why it failed, as the last line; the exit code."""
    try:
        print(json.dumps(body()))
        return 0
    except (AssertionError, Failed, TimeoutError) as error:
        print(json.dumps({"failed": str(error)[:3000]}))
        return 1
