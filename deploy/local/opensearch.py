"""Finds and starts an OpenSearch for local use.

In this order: OPENSEARCH_URL; the archives in the folder beside the project (FLEET_SHARED, default ../shared); a home assembled from
Maven Central where `mvn` reaches it; the embedded stand-in osmem-server, which has no k-NN query.
"""
import dataclasses
import os
import pathlib
import shutil
import subprocess

from processes import PYTHON, ROOT, Failed, Process, free_port

ASSEMBLED = pathlib.Path("/var/tmp/opensearch-local")
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

    def stop(self) -> None:
        if self.process:
            self.process.stop()
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
    if kind is None and assembled(version, say):
        return from_home(version, folder, outlives)
    if kind:
        raise Failed(f"there is no OpenSearch {version}: {archives} is missing")
    return embedded(folder, outlives)


def data_folder() -> pathlib.Path:
    """OpenSearch gives up root, so the folder's parents must be open to others, which the project's may not be."""
    path = pathlib.Path(subprocess.check_output(["mktemp", "-d", "/var/tmp/ingest-fleet.XXXXXX"], text=True).strip())
    path.chmod(0o755)
    return path


def archived(archives: pathlib.Path, version: str, folder: pathlib.Path, outlives: bool) -> Node:
    data, port = data_folder(), free_port(pair=100)
    process = Process(f"OpenSearch {version}", ["bash", archives / "start", version, data, port], folder / f"opensearch-{version}.log", outlives=outlives)
    node = Node(f"http://127.0.0.1:{port}", f"OpenSearch {version}", process, data)
    return answered(node)


def answered(node: Node) -> Node:
    try:
        node.process.wait_for(node.url, 120)
    except Failed:
        node.stop()
        raise
    return node


def assembled(version: str, say) -> bool:
    """Whether a home from Maven Central is there, after trying to make one; told in one line where that fails."""
    if (ASSEMBLED / f"opensearch-{version}").exists():
        return True
    if not (shutil.which("mvn") and shutil.which("java")):
        return False
    probe = ["mvn", "-q", "-B", "dependency:get", f"-Dartifact=org.opensearch:opensearch-cli:{version}", "-Dtransitive=false"]
    try:
        subprocess.run(probe, check=True, capture_output=True, timeout=60)
        say(f"assembling OpenSearch {version} from Maven Central")
        subprocess.run([PYTHON, ROOT / "deploy/local/assemble.py", version, ASSEMBLED / f"opensearch-{version}"], check=True, capture_output=True, timeout=300)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return False
    return True


def from_home(version: str, folder: pathlib.Path, outlives: bool) -> Node:
    data, port = data_folder(), free_port(pair=100)
    command = ["bash", ROOT / "deploy/local/run-opensearch", ASSEMBLED / f"opensearch-{version}", data, port]
    process = Process(f"OpenSearch {version}", command, folder / f"opensearch-{version}.log", outlives=outlives)
    return answered(Node(f"http://127.0.0.1:{port}", f"OpenSearch {version}, assembled", process, data))


def embedded(folder: pathlib.Path, outlives: bool) -> Node:
    port = free_port()
    packages = subprocess.check_output([PYTHON, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], text=True).strip()
    program = pathlib.Path(packages) / "osmem_server" / "bin" / "osmem-server"
    process = Process("osmem-server", [program, "-addr", f"127.0.0.1:{port}", "-no-stdin-watch"], folder / "osmem.log", outlives=outlives)
    return answered(Node(f"http://127.0.0.1:{port}", "osmem-server (embedded, no k-NN query)", process))
