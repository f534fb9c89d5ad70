#!/usr/bin/env python3
"""Hostile documents against the sandboxed extractor (`make hostile`), as this user and, for root, as nobody.

    hostile.py [--mutations N] [--seed N]

Every document of the corpora's hostile folders, files made here, and seeded mutations of good files: each has to end as a document or as a typed rejection inside the deadline,
within the memory limit, without a connection to a listener put there as bait and without a file written. Where `document-ocr` was built it reads the hostile folders, pictures that lie, and
mutations of pictures as well. Ends with a line of JSON; 1 when one did not.
"""
import argparse
import collections
import hashlib
import io
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import zipfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Extraction"))
import extractor
import pictures
from pdfs import pdf

CORPORA = pathlib.Path(os.environ.get("FLEET_SHARED", ROOT.parent / "shared")) / "corpora"
DEADLINE, MEMORY = 10, 512 << 20
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


class Bait:
    """A listener that must not be reached."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self.socket.accept()
            self.connections += 1
            connection.close()


def zipped(parts: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return memory.getvalue()


def docx(body: bytes) -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": body})


def made(port: int) -> dict[str, tuple[bytes, str]]:
    """Named documents and the outcomes that they may have, apart by |."""
    space, bait = b"<w:document xmlns:w='w'><w:p><w:t>%s</w:t></w:p></w:document>", f"http://127.0.0.1:{port}/x"
    xxe = f"<!DOCTYPE a [<!ENTITY f SYSTEM 'file:///etc/passwd'><!ENTITY h SYSTEM '{bait}'><!ENTITY % p SYSTEM '{bait}'> %p;]>".encode()
    laughs = b"<!DOCTYPE a [<!ENTITY l0 'lol lol '>" + b"".join(b"<!ENTITY l%d '%s'>" % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 12)) + b"]>"
    good = docx(space % b"hello")
    central = good.index(b"PK\x01\x02")
    lying = bytearray(good)
    second = good.index(b"PK\x01\x02", central + 4)
    lying[second + 24:second + 28] = struct.pack("<I", 5)
    overlapping = bytearray(good)
    overlapping[second + 42:second + 46] = struct.pack("<I", 0)
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    nested = good
    for _ in range(50):
        nested = zipped({"inner.zip": nested})
    form = b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</A 6 0 R>>>>/Length 5>>stream\n/A Do\nendstream"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</XObject<</A 6 0 R>>>>>>"
    mail = b"From: a@b\r\nTo: c@d\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
    return {
        "xxe.xml": (b"<?xml version='1.0'?>" + xxe + b"<a>text &f;&h;</a>", "document|malformed"),
        "xxe.html": (b"<!DOCTYPE html><html><body><img src='" + bait.encode() + b"'><iframe src='file:///etc/passwd'></iframe><p>text</p><link rel=stylesheet href='" + bait.encode() + b"'></body></html>", "document"),
        "xxe.docx": (docx(xxe + space % b"text &f;&h;"), "document|malformed"),
        "laughs.xml": (b"<?xml version='1.0'?>" + laughs + b"<a>text &l11;</a>", "document|malformed"),
        "laughs.docx": (docx(laughs + space % b"text &l11;"), "document|malformed"),
        "attributes.xml": (b"<?xml version='1.0'?><a " + b" ".join(b"a%d='1'" % i for i in range(300_000)) + b">text</a>", "malformed"),
        "attributes.html": (b"<html><body><p " + b" ".join(b"a%d=1" % i for i in range(300_000)) + b">text</p></body></html>", "malformed"),
        "deep.html": (b"<html><body>" + b"<div>" * 200_000 + b"text", "document|empty|malformed"),
        "deep.xml": (b"<?xml version='1.0'?>" + b"<a>" * 200_000 + b"text" + b"</a>" * 200_000, "document|malformed"),
        "deep.json": (b"[" * 1_000_000, "malformed"),
        "deep.rtf": (b"{\\rtf1" + b"{" * 1_000_000, "malformed"),
        "bomb.docx": (docx(space % (b" a" * (150 << 20))), "output_limit"),
        "lying-size.docx": (bytes(lying), "malformed"),
        "overlapping.docx": (bytes(overlapping), "malformed"),
        "nested.zip": (nested, "unsupported"),
        "entries.docx": (zipped({f"word/{i}": b"" for i in range(20_000)} | {"word/document.xml": space % b"x"}), "output_limit"),
        "shared-string.xlsx": (zipped({
            "xl/workbook.xml": b"<w xmlns:r='r'><sheet name='s' r:id='rId1'/></w>",
            "xl/_rels/workbook.xml.rels": b"<R><Relationship Id='rId1' Type='t/worksheet' Target='s.xml'/><Relationship Id='rId2' Type='t/sharedStrings' Target='t.xml'/></R>",
            "xl/t.xml": b"<sst><si><t>" + b"long " * 6000 + b"</t></si></sst>",
            "xl/s.xml": b"<d>" + b"<row>" * 1 + b"<c t='s'><v>0</v></c>" * 300_000 + b"</row></d>"}), "output_limit|memory"),
        "columns.ods": (zipped({
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": b"<o xmlns:table='t' xmlns:text='x'><table:table table:name='s'>" + b"<table:table-row><table:table-cell table:number-columns-repeated='2000000000'><text:p>x</text:p></table:table-cell></table:table-row>" * 50 + b"</table:table></o>"}), "document"),
        "links.md": (b"[a]: " + b"x" * 200_000 + b"\n\n" + b"[a]" * 170_000, "output_limit"),
        "table.md": (b"|" + b"a|" * 20_000 + b"\n|" + b"-|" * 20_000 + b"\n" + b"|\n" * 20_000, "output_limit|document"),
        "cdata.md": (b"<![CDATA[" * 50_000, "document|empty"),
        "groups.eml": (b"From: a@b\r\nTo: " + b"g:" * 100_000 + b"\r\n\r\nx", "malformed"),
        "parts.eml": (mail + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 20_000 + b"--b--\r\n", "output_limit"),
        "attached.eml": (mail + b"Content-Type: message/rfc822\r\n\r\n" + (mail + b"Content-Type: message/rfc822\r\n\r\n") * 200 + b"x", "document|output_limit|malformed"),
        "pages.pdf": (pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1000000/Kids[" + b" ".join(b"%d 0 R" % n for n in range(3, 1_000_003)) + b"]>>"] + [b"<</Type/Page/Parent 2 0 R>>"] * 1_000_000), "too_many_pages"),
        "page-loop.pdf": (pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 9/Kids[2 0 R 2 0 R]>>"]), "malformed|empty|timeout"),
        "outline-loop.pdf": (pdf([b"<</Type/Catalog/Pages 2 0 R/Outlines 5 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
                                  b"<</Length 34>>stream\nBT /F 9 Tf 9 9 Td (some text) Tj ET\nendstream", b"<</First 5 0 R/Next 5 0 R/Title(t)/Count 1>>"]), "document"),
        "form-loop.pdf": (pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>", page, b"<</Length 5>>stream\n/A Do\nendstream", b"null", form]), "empty|malformed|needs_ocr"),
        "binary.bin": (random.Random(1).randbytes(1 << 20), "unsupported"),
        "nothing.txt": (b"", "empty"),
        "picture.png": (b"\x89PNG\r\n\x1a\n", "needs_ocr"),
    }


def mutations(good: list[pathlib.Path], count: int, seed: int):
    """Names and bytes: bits turned, runs cut out, doubled or overwritten, files spliced."""
    for number in range(count):
        chance = random.Random(seed * 1_000_003 + number)
        path = chance.choice(good)
        data = bytearray(path.read_bytes())
        for _ in range(chance.choice([1, 1, 2, 5, 20, 100])):
            place, length = chance.randrange(len(data) or 1), chance.choice([1, 2, 4, 16, 256, 4096])
            kind = chance.randrange(6)
            if kind == 0:
                data[place:place + 1] = bytes([chance.randrange(256)])
            elif kind == 1:
                del data[place:place + length]
            elif kind == 2:
                data[place:place] = data[place:place + length]
            elif kind == 3:
                data[place:place + length] = chance.randbytes(length)
            elif kind == 4:
                data[place:place] = chance.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"9999999999", b"-1", b"<", b">", b"{", b"%n"])
            else:
                other = chance.choice(good).read_bytes()
                data[place:] = other[min(place, len(other)):]
            if not data:
                data = bytearray(b"x")
        yield f"{number}-{path.name}", bytes(data)


class Run:
    def __init__(self, user: int | None, folder: pathlib.Path, ocr: bool = False, landlock: bool = True) -> None:
        self.user, self.folder, self.child = user, folder, None
        self.program = ({"program": extractor.OCR, "languages": "eng"} if ocr else {}) | {"landlock": landlock}
        self.outcomes: collections.Counter = collections.Counter()
        self.problems: list[str] = []
        self.slowest, self.peak, self.children = 0.0, 0, 0

    def probe(self) -> None:
        """The sandbox as such: what must be impossible is."""
        child = extractor.Extractor(memory=MEMORY, user=self.user, folder=self.folder, **self.program)
        possible, landlock = child.probe()
        child.close()
        if possible or bool(landlock) != self.program["landlock"]:
            self.problems.append(f"the sandbox lets through {possible}, with Landlock version {landlock}")

    def read(self, name: str, path: pathlib.Path, allowed: str = "") -> str:
        outcome = self.outcome(name, path)
        self.outcomes[outcome.split(" ")[0]] += 1
        if allowed and outcome.split(" ")[0] not in allowed.split("|"):
            self.problems.append(f"{name}: {outcome}, not {allowed}")
        return outcome

    def outcome(self, name: str, path: pathlib.Path) -> str:
        if self.child is None:
            self.child = extractor.Extractor(memory=MEMORY, user=self.user, folder=self.folder, **self.program)
            self.children += 1
        begun = time.monotonic()
        try:
            self.child.read(path, name=name, text=16 << 20, deadline=DEADLINE)
            outcome = "document"
        except extractor.Rejected as rejection:
            outcome = rejection.code
            if outcome in ("timeout", "memory"):
                self.end()
        except (ConnectionError, BrokenPipeError):
            # The parser used more memory than it may have, or crashed: both end the child, and the worker says which.
            errors = self.child.take_errors()
            code = self.end()
            outcome = "memory" if "bad_alloc" in errors or "Out of memory" in errors else f"crash {signal.Signals(-code).name if code < 0 else code}"
            if code >= 0:
                self.problems.append(f"{name}: the child ended by itself with {code}")
        except Exception as error:
            outcome = "invalid reply"
            self.problems.append(f"{name}: the reply is invalid: {error!r}")
            self.end()
        seconds = time.monotonic() - begun
        self.slowest = max(self.slowest, seconds)
        if seconds > DEADLINE + 2:
            self.problems.append(f"{name}: {seconds:.1f} s")
        if self.child is not None:
            peak = self.child.memory
            self.peak = max(self.peak, peak)
            if peak > MEMORY:
                self.problems.append(f"{name}: {peak >> 20} MB")
        return outcome

    def figures(self) -> dict:
        if self.child is not None:
            self.child.close()
        return {"documents": sum(self.outcomes.values()), "outcomes": dict(sorted(self.outcomes.items())), "children": self.children, "slowest_s": round(self.slowest, 2),
                "peak_mb": self.peak >> 20}

    def end(self) -> int:
        child, self.child = self.child, None
        child.process.poll()
        if child.process.returncode is None:
            try:
                return child.process.wait(0.5) if child.socket.recv(1, socket.MSG_DONTWAIT) == b"" else self._kill(child)
            except (BlockingIOError, extractor.subprocess.TimeoutExpired, ConnectionError):
                return self._kill(child)
        return child.close()

    @staticmethod
    def _kill(child) -> int:
        child.process.kill()
        return child.close()


def determinism(paths: list[pathlib.Path]) -> list[pathlib.Path]:
    """The documents whose replies are not the same bytes over three runs by one, two and four children."""
    replies: dict = collections.defaultdict(set)
    for children in (1, 2, 4):
        pool = [extractor.Extractor(memory=MEMORY) for _ in range(children)]
        for number, path in enumerate(paths if children != 2 else paths[::-1]):
            replies[path].add(hashlib.sha256(pool[number % children].ask(path, deadline=DEADLINE)).digest())
        for child in pool:
            child.close()
    return [path for path, seen in replies.items() if len(seen) > 1]


def attack(lane: str, run: Run, named: dict, found: list[pathlib.Path], mutated, count: int, work: pathlib.Path) -> None:
    for name, (_, allowed) in named.items():
        outcome = run.read(name, work / name, allowed)
        say(f"  {lane}: {name:22} {outcome}")
    for path in found:
        run.read(path.name, path)
    say(f"  {lane}: {len(found)} documents of the corpora: {dict(run.outcomes)}")
    file = work / "mutation"
    said = time.monotonic()
    for number, (name, data) in enumerate(mutated, 1):
        file.write_bytes(data)
        run.read(name, file)
        if time.monotonic() - said > 10:
            said = time.monotonic()
            say(f"  {lane}: {number} of {count} mutations, {dict(run.outcomes)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    bait = Bait()
    work = pathlib.Path(tempfile.mkdtemp(prefix="ingest-fleet.hostile."))
    os.chmod(work, 0o755)
    empty = work / "cwd"
    empty.mkdir()
    os.chmod(empty, 0o777)
    named = made(bait.port)
    lying = pictures.made()
    for name, (data, _) in (named | lying).items():
        (work / name).write_bytes(data)
    shown = pictures.good(work / "shown")
    found = [p for folder in ("hostile", "hostile-made") for p in sorted((CORPORA / folder).rglob("*")) if p.is_file()]
    good = [p for folder in ("pdf", "html", "xml", "office", "md", "txt") for p in sorted((CORPORA / folder).rglob("*")) if p.is_file() and 0 < p.stat().st_size < 200_000]
    good = random.Random(arguments.seed).sample(good, min(400, len(good))) if good else [work / n for n in ("xxe.html", "outline-loop.pdf", "columns.ods")]
    if not found:
        say(f"there is no {CORPORA}: only the files made here")
    users = [None, 65534] if os.getuid() == 0 else [None]
    figures, problems = {}, []
    for user in users:
        who = "root" if os.getuid() == 0 and user is None else "nobody" if user else f"user {os.getuid()}"
        seed = arguments.seed if user is None else arguments.seed + 1
        lanes = [(who, Run(user, empty), named, good, arguments.mutations)]
        # A short run looks at an ordinary user alone, and reads pages by OCR, which takes each of them seconds, under Landlock alone.
        is_long = arguments.mutations >= 5000
        without = user == users[-1] or is_long
        if without:
            lanes.append((f"{who}, without Landlock", Run(user, empty, landlock=False), named, good, arguments.mutations // 5))
        if extractor.OCR.exists():
            lanes.append((f"{who}, OCR", Run(user, empty, ocr=True), lying, shown, arguments.mutations // 5))
        if extractor.OCR.exists() and without:
            lanes.append((f"{who}, OCR, without Landlock", Run(user, empty, ocr=True, landlock=False), lying, shown, arguments.mutations // 20))
        for lane, run, documents, sources, count in lanes:
            run.probe()
            skips = "OCR" in lane and not is_long and (not without or "Landlock" in lane)
            attack(lane, run, documents, [] if skips else found, mutations(sources, count, seed), count, work)
            figures[lane] = run.figures()
            problems += [f"{lane}: {problem}" for problem in run.problems]
    say("the same documents again, by 1, 2 and 4 children")
    differing = determinism(good[:150])
    problems += [f"{path.name} is not read alike" for path in differing]
    written = [str(p) for p in empty.rglob("*")]
    if written:
        problems.append(f"files were written: {written[:5]}")
    if bait.connections:
        problems.append(f"{bait.connections} connections to the bait")
    shutil.rmtree(work)
    for problem in problems[:50]:
        print(f"PROBLEM {problem}")
    print(json.dumps(figures | {"bait_connections": bait.connections, "files_written": len(written), "problems": problems[:50]}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
