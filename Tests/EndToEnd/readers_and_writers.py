"""What goes on while an operator works: documents change all the time, and readers ask."""
import random
import threading
import time
import urllib.error

from fleet_run import FleetRun

WORDS = "harbour pilot tide lantern anchor ballast beacon cargo channel customs deck dredger ferry fathom gangway".split()


def text(number: int, version: int = 0) -> bytes:
    random.seed(number * 1000 + version)
    paragraphs = [f"Notice {number}.{version}.{part}: " + " ".join(random.choices(WORDS, k=60)) + "." for part in range(3)]
    return "\n\n".join(paragraphs).encode()


class Readers(threading.Thread):
    """Asks all the time: the alias is never empty, and after the switch no deleted document is found."""

    def __init__(self, fleet) -> None:
        super().__init__(daemon=True)
        self.fleet, self.asked, self.problem, self.ending = fleet, 0, None, threading.Event()

    def run(self) -> None:
        url = f"{self.fleet.stack.node.url}/{self.fleet.alias}/_search"
        while not self.ending.is_set():
            try:
                found = FleetRun._ask(url, {"size": 3, "_source": ["key"], "query": {"match": {"text": "harbour pilot tide"}}})
                if not found["hits"]["hits"]:
                    self.problem = "the alias was empty"
            except urllib.error.HTTPError as error:
                self.problem = f"the alias answered {error.code}"
            except OSError:
                return  # the test is over
            self.asked += 1
            time.sleep(0.05)

    def stop(self) -> int:
        self.ending.set()
        self.join(10)
        assert self.problem is None, self.problem
        return self.asked


class Writers(threading.Thread):
    """Puts, changes and deletes documents, several a second."""

    def __init__(self, fleet) -> None:
        super().__init__(daemon=True)
        self.fleet, self.writes, self.ending = fleet, 0, threading.Event()
        self.deleted: set[str] = set()

    def run(self) -> None:
        chance = random.Random(7)
        while not self.ending.is_set():
            self.writes += 1
            key = f"shared/steady-{chance.randrange(20)}.txt"
            if chance.random() < 0.35:
                self.fleet.delete(key)
                self.deleted.add(key)
            else:
                self.fleet.put(key, text(500 + chance.randrange(20), self.writes))
                self.deleted.discard(key)
            time.sleep(0.4)

    def stop(self) -> None:
        self.ending.set()
        self.join(10)


def nobody_deleted(fleet, writers: Writers) -> None:
    """No document that is gone for longer than events take is found through the alias."""
    gone = set(writers.deleted)
    time.sleep(4)
    gone &= writers.deleted
    url = f"{fleet.stack.node.url}/{fleet.alias}"
    FleetRun._ask(f"{url}/_refresh", {})
    if gone:
        found = FleetRun._ask(f"{url}/_search", {"size": 50, "_source": ["key"], "query": {"terms": {"key": sorted(gone)}}})["hits"]["hits"]
        still = {hit["_source"]["key"] for hit in found} & writers.deleted
        assert not still, f"deleted documents are searchable: {still}"
