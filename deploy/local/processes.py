"""Child processes of the local stack: started quietly, waited for, ended for certain."""
import ctypes
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".local" / "venv" / "bin" / "python"


class Failed(Exception):
    """What went wrong, in words for the person at the terminal."""


_chosen: set[int] = set()


def free_port(pair: int = 0) -> int:
    """A port that nothing listens on; with `pair`, the port that far above it is free as well.

    Not one of those that the kernel gives to outgoing connections, where it leaves others: such a connection could take the port before the program
    that it was chosen for listens.
    """
    outgoing = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, outgoing - pair) if outgoing > 20_000 else 0
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                port = first.getsockname()[1]
                if pair:
                    second.bind(("127.0.0.1", port + pair))
            except (OSError, OverflowError):
                continue
        if port not in _chosen:
            _chosen.add(port)
            return port


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Process:
    """A program with its log. In a session of its own: Ctrl-C at the terminal reaches the one who started it, who ends it."""

    def __init__(self, name: str, command: list, log: pathlib.Path, environment: dict | None = None, outlives: bool = False) -> None:
        self.name, self.log = name, log
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as output:
            self.popen = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
                start_new_session=True, preexec_fn=None if outlives else _die_with_parent,
            )

    def wait_for(self, url: str, seconds: float = 60, context: ssl.SSLContext | None = None) -> None:
        """Until the URL answers anything at all; `context` is for https."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.popen.poll() is not None:
                raise Failed(f"{self.name} ended with code {self.popen.returncode}; its log: {self.log}")
            try:
                urllib.request.urlopen(url, timeout=2, context=context)
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        raise Failed(f"{self.name} did not answer at {url} within {seconds:.0f} s; its log: {self.log}")

    def stop(self, seconds: float = 15) -> int | None:
        """SIGTERM, then SIGKILL to the whole session. Returns the exit code."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        end_session(self.popen.pid)
        return self.popen.wait()


def end_session(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
