"""All PDFs of the corpora and all hostile files go in by event: every one is searchable or has a rejection with a reason, as expected."""
import collections
import hashlib
import json
import pathlib
import re
import subprocess
import time
import unicodedata

import opensearch
from fleet_run import FleetRun

EXPECTED = pathlib.Path(__file__).with_name("corpora_expected.json")
FOLDERS = {"pdf": 186, "hostile": 49, "hostile-made": 7}


def documents() -> list[pathlib.Path]:
    corpora = opensearch.shared() / "corpora"
    found = []
    for folder, count in FOLDERS.items():
        files = sorted(p for p in (corpora / folder).rglob("*") if p.is_file())
        assert len(files) == count, f"{folder} has {len(files)} files, {count} were expected"
        found += files
    return found


# Files with words at an angle.
SLANTED = {"pdf/pdfplumber/tests_pdfs_pdffill-demo.pdf"}
# An annotation, as it is in the text.
NOTE = re.compile(r"^Note: .*$", re.MULTILINE)
# What extraction makes of ligatures and of invisible marks.
CLEANING = {0xFB00 + n: s for n, s in enumerate(["ff", "fi", "fl", "ffi", "ffl", "st", "st"])} | {c: None for c in (0xAD, 0x200B, 0x2060, 0xFEFF)}


def words(text: str) -> collections.Counter:
    return collections.Counter(re.findall(r"\w+", unicodedata.normalize("NFKC", text.translate(CLEANING))))


def run(aws, say) -> dict:
    corpora, files = opensearch.shared() / "corpora", documents()
    keys = {str(p.relative_to(corpora)): p for p in files}
    fleet = aws.fleet("corpora", visibility=60)
    work = FleetRun(fleet, aws.folder, {"EXTRACT_SECONDS": "10", "CONCURRENCY": "8"})
    work.start("ingest-worker")
    work.start("embed-worker")
    begun = time.monotonic()
    for key, path in keys.items():
        fleet.put(key, path.read_bytes())
    say(f"{len(keys)} documents are in the bucket")
    last = [0.0]

    def progress() -> None:
        if time.monotonic() - last[0] > 10:
            last[0] = time.monotonic()
            say(f"  {fleet.depth('events')} events and {fleet.depth('chunks')} chunk messages left")

    fleet.wait_until_drained(600, progress, work.alive)
    seconds = time.monotonic() - begun
    status, rejected = work.status(), work.rejections()
    flagged = {row[0].split("/", 3)[3]: row[1:] for row in (line.split("\t") for line in work.ctl("flagged").splitlines())}
    unlisted = work.ctl("flagged", "no-such-flag")
    chunks = work.chunks(["key", "text", "page_numbers", "page_offsets", "generation", "chunk_index", "chunk_count", "flags", "left_out", "quality"])
    work.stop()
    indexed = collections.Counter(chunk["key"] for chunk in chunks)
    outcome = {key: rejected.get(key) or ("indexed" if indexed[key] else "lost") for key in keys}

    (work.folder / "outcomes.json").write_text(json.dumps(outcome, indent=1, sort_keys=True))
    expected = json.loads(EXPECTED.read_text())
    by_hash = {hashlib.sha256(path.read_bytes()).hexdigest(): key for key, path in keys.items()}
    wrong = {by_hash[h]: (outcome[by_hash[h]], want) for h, want in expected.items() if h in by_hash and outcome[by_hash[h]] not in want.split("|")}
    assert not wrong, f"documents with another outcome than expected: {wrong}"
    assert set(by_hash) == set(expected), f"the table of expected outcomes has {len(expected)} hashes, the corpora {len(by_hash)}"
    assert "lost" not in outcome.values()
    counts = collections.Counter(outcome.values())
    dead = fleet.depth("events-dead") + fleet.depth("chunks-dead")
    assert status["live"] == counts["indexed"] == len(indexed), (status, counts)
    assert status["rejected"] == len(rejected) == len(keys) - counts["indexed"] == dead, (status, len(rejected), dead)
    assert status["chunks"] == status["indexedChunks"] == len(chunks), status
    said = {c["key"]: [str(c.get("left_out", 0)), str(c["quality"]), " ".join(c["flags"])] for c in chunks if c.get("flags")}
    assert flagged == said and not unlisted, "ingestctl flagged does not say what the index says"
    flags = collections.Counter(flag for row in flagged.values() for flag in row[2].split())
    assert status["liveByFlag"] == flags and "left_out_layout" not in flags, (status["liveByFlag"], flags)
    return {
        "bucket": len(keys), "live": status["live"], "rejected": status["rejected"], "dead_letters": dead, "chunks": len(chunks),
        "by_reason": status["rejectedByReason"], "by_flag": status["liveByFlag"], "much_left_out": status["liveWithMuchLeftOut"], "seconds": round(seconds, 1), **page_fidelity(keys, chunks),
    }


def page_fidelity(keys: dict[str, pathlib.Path], chunks: list[dict]) -> dict:
    """The share of the words of each page's part of the chunks that `pdftotext` finds on that page."""
    parts: dict[str, dict[int, list[str]]] = collections.defaultdict(lambda: collections.defaultdict(list))
    for chunk in chunks:
        ends = chunk.get("page_offsets", [])[1:] + [len(chunk["text"])]
        for number, start, end in zip(chunk.get("page_numbers", []), chunk.get("page_offsets", []), ends):
            parts[chunk["key"]][number].append(chunk["text"][start:end])
    pages, below, total, found = 0, [], 0, 0
    for key, by_page in parts.items():
        plain, raw = pdftotext(keys[key]), pdftotext(keys[key], "-raw")
        for number, texts in by_page.items():
            # Both orders: pdftotext joins a broken word in one where it leaves it in the other.
            text = "\n".join(order[number - 1] for order in (plain, raw) if number <= len(order))
            # pdftotext turns a glyph of several letters from right to left around.
            there = set(words(text)) | set(words(text[::-1]))
            # Notes are none of what `pdftotext` prints.
            ours = set().union(*(words(NOTE.sub("", t)) for t in texts))
            # A word longer than a chunk is in parts.
            # Slanted words come out of pdftotext in pieces, those of a letter or two in another order.
            letters = collections.Counter(text)
            on_page = {word for word in ours if word in there or (len(word) > 200 and word in text) or (key in SLANTED and not collections.Counter(word) - letters)}
            pages, total, found = pages + 1, total + len(ours), found + len(on_page)
            if len(on_page) < 0.98 * len(ours):
                below.append((key, number, len(ours), sorted(ours - on_page)[:10]))
    assert not below, f"{len(below)} of {pages} pages have less than 98 % of their chunks' words on them: {below[:5]}"
    return {"pages": pages, "words_on_their_page": round(found / max(1, total), 5), "pages_below_98_percent": len(below)}


def pdftotext(path: pathlib.Path, *options: str) -> list[str]:
    done = subprocess.run(["pdftotext", "-enc", "UTF-8", *options, path, "-"], capture_output=True, timeout=120)
    return done.stdout.decode("utf-8", "replace").split("\f")
