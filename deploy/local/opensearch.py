"""Finds and starts an OpenSearch for local use.

In this order: OPENSEARCH_URL; the archives in the folder beside the project (FLEET_SHARED, default ../shared); a home assembled from
Maven Central where `mvn` reaches it; the embedded stand-in osmem-server, which has no k-NN query.
"""
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

from processes import PYTHON, ROOT, Failed, Process, free_port

ASSEMBLED = pathlib.Path("/var/tmp/ingest-fleet-opensearch")
DEFAULT_VERSION = "3.6.0"


def shared() -> pathlib.Path:
    return (ROOT / os.environ.get("FLEET_SHARED", "../shared")).resolve()


@dataclasses.dataclass
class Node:
    url: str
    kind: str
    process: Process | None = None
    data: pathlib.Path | None = None
    engine: str = "lucene"
    command: list | None = None

    def restart(self) -> None:
        """Ends it and starts it again, with its data and on its port."""
        log = self.process.log
        self.process.stop(15)
        self.process = Process(self.kind, self.command, log)
        self.process.wait_for(self.url, 120)

    def stop(self) -> None:
        if self.process:
            # Nothing of its data is kept, and 2.19 may take a minute to end.
            self.process.stop(2)
        if self.data:
            shutil.rmtree(self.data, ignore_errors=True)


def start(folder: pathlib.Path, kind: str | None = None, outlives: bool = False, say=print) -> Node:
    """`kind` is a version, "embedded", or None for the first of all that is at hand."""
    if kind is None and os.environ.get("OPENSEARCH_URL"):
        return Node(os.environ["OPENSEARCH_URL"], "OPENSEARCH_URL", engine=os.environ.get("OPENSEARCH_ENGINE", "faiss"))
    if kind == "embedded":
        return embedded(folder, outlives)
    version = kind or DEFAULT_VERSION
    archives = shared() / "opensearch"
    if (archives / f"opensearch-{version}.tar.xz").exists():
        return archived(archives, version, folder, outlives)
    if kind:
        raise Failed(f"there is no OpenSearch {version}: {archives} is missing")
    if made := assembled(say):
        return from_home(made, folder, outlives)
    return embedded(folder, outlives)


def data_folder() -> pathlib.Path:
    """OpenSearch gives up root, so the folder's parents must be open to others, which the project's may not be."""
    path = pathlib.Path(subprocess.check_output(["mktemp", "-d", "/var/tmp/ingest-fleet.XXXXXX"], text=True).strip())
    path.chmod(0o755)
    return path


def archived(archives: pathlib.Path, version: str, folder: pathlib.Path, outlives: bool) -> Node:
    data, port = data_folder(), free_port(pair=100)
    command = ["bash", archives / "start", version, data, port]
    process = Process(f"OpenSearch {version}", command, folder / f"opensearch-{version}.log", outlives=outlives)
    node = Node(f"http://127.0.0.1:{port}", f"OpenSearch {version}", process, data, command=command)
    return answered(node)


def answered(node: Node) -> Node:
    try:
        node.process.wait_for(node.url, 120)
    except Failed:
        node.stop()
        raise
    return node


def assembled(say) -> str | None:
    """The version of a home from Maven Central, after trying to make one; None where that is not to be had."""
    version = runnable_version()
    if not version:
        return None
    if (ASSEMBLED / version).exists():
        return version
    if not shutil.which("mvn"):
        return None
    say(f"no OpenSearch is at hand: trying to assemble {version} from Maven Central")
    try:
        subprocess.run([PYTHON, ROOT / "deploy/local/assemble.py", version, ASSEMBLED / version], check=True, capture_output=True, timeout=300)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        # Maven writes what went wrong to its standard output.
        reason = next((line for line in (error.stdout or b"").decode("utf-8", "replace").splitlines() if "ERROR" in line), str(error))
        say(f"that failed: {reason[:200]}")
        return None
    return version


def runnable_version() -> str | None:
    """The newest of the two that the Java on the PATH can run: 3.x needs 21, 2.x needs 11."""
    if not shutil.which("java"):
        return None
    printed = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr
    major = re.search(r'version "(\d+)', printed)
    return None if not major or int(major[1]) < 11 else "3.6.0" if int(major[1]) >= 21 else "2.19.1"


def from_home(version: str, folder: pathlib.Path, outlives: bool) -> Node:
    data, port = data_folder(), free_port(pair=100)
    command = ["bash", ROOT / "deploy/local/run-opensearch", ASSEMBLED / version, data, port]
    process = Process(f"OpenSearch {version}", command, folder / f"opensearch-{version}.log", outlives=outlives)
    return answered(Node(f"http://127.0.0.1:{port}", f"OpenSearch {version}, assembled", process, data, command=command))


def embedded(folder: pathlib.Path, outlives: bool) -> Node:
    port = free_port()
    packages = subprocess.check_output([PYTHON, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], text=True).strip()
    program = pathlib.Path(packages) / "osmem_server" / "bin" / "osmem-server"
    process = Process("osmem-server", [program, "-addr", f"127.0.0.1:{port}", "-no-stdin-watch"], folder / "osmem.log", outlives=outlives)
    return answered(Node(f"http://127.0.0.1:{port}", "osmem-server (embedded, no k-NN query)", process))
