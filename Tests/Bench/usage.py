"""Processor time and memory of processes and their children, from /proc."""
import os
import pathlib
import threading
from collections import defaultdict

TICKS = os.sysconf("SC_CLK_TCK")


class Usage:
    """Of some programs by name and their children, sampled while they run."""

    def __init__(self, pids: dict[str, int]) -> None:
        self.pids = pids
        self.before = {name: sum(times(pid)) for name, pid in pids.items()}
        self.peaks: dict[str, float] = defaultdict(float)
        self.together = 0.0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.stopping.wait(0.1):
            total = 0.0
            for name, pid in self.pids.items():
                total += self._sample(name, pid)
                total += sum(self._sample("document-extractor", child) for child in children(pid))
            self.together = max(self.together, total)

    def _sample(self, name: str, pid: int) -> float:
        """What is resident now, in MB; the process's own high-water mark is remembered."""
        try:
            fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Vm"))
            self.peaks[name] = max(self.peaks[name], int(fields["VmHWM"].split()[0]) / 1024)
            return int(fields["VmRSS"].split()[0]) / 1024
        except (OSError, KeyError):
            return 0.0

    def finish(self) -> dict[str, float]:
        """Processor seconds by program since the start; called while all still run."""
        self.stopping.set()
        self.thread.join()
        spent: dict[str, float] = defaultdict(float)
        for name, pid in self.pids.items():
            own, ended = times(pid)
            spent[name] += own - self.before[name]
            spent["document-extractor"] += ended + sum(sum(times(child)) for child in children(pid))
        return spent


def children(pid: int) -> list[int]:
    try:
        return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return []


def times(pid: int) -> tuple[float, float]:
    """Processor seconds of a process, and of its children that have ended; none where it has ended itself."""
    try:
        fields = [int(field) for field in pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]]
    except OSError:
        return 0.0, 0.0
    return (fields[0] + fields[1]) / TICKS, (fields[2] + fields[3]) / TICKS
