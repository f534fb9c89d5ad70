#!/usr/bin/env python3
"""Text fidelity where the truth is known (`make fidelity`): word F1 and order, beside other extractors.

    fidelity.py [--count N] [--only KIND]

Order is the longest common subsequence of the words of text and truth, twice over the words of both. Ends with a line of JSON; 1 when ours is below a peer in what it
is best at (`BEST`).
"""
import argparse
import collections
import difflib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Extraction"))
import extractor
import generate
import office

FOLDER = ROOT / ".local/generated"
WORD = re.compile(r"\w+")
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def lcs(a: list[str], b: list[str]) -> int:
    """Length of the longest common subsequence, by bit vectors (Hyyrö 2004)."""
    places: dict[str, int] = collections.defaultdict(int)
    for index, word in enumerate(a):
        places[word] |= 1 << index
    mask = (1 << len(a)) - 1
    row = mask
    for word in b:
        match = row & places.get(word, 0)
        row = ((row + match) | (row - match)) & mask
    return len(a) - row.bit_count()


def compare(found: list[str], truth: list[str]) -> tuple[float, float, float]:
    """Precision, recall and order of what is read, by the words that are common."""
    common = sum((collections.Counter(found) & collections.Counter(truth)).values())
    if not common:
        return 0.0, 0.0, 0.0
    return common / len(found), common / len(truth), 2 * lcs(truth, found) / (len(truth) + len(found))


def score(found: str, truth: str) -> tuple[float, float]:
    """F1 and order."""
    ours, real = words(found), words(truth)
    if not real:
        return 1.0, 1.0
    precision, recall, order = compare(ours, real)
    return 2 * precision * recall / (precision + recall) if recall else 0.0, order


def pdftotext(path: pathlib.Path) -> str:
    return subprocess.run(["pdftotext", "-enc", "UTF-8", path, "-"], capture_output=True).stdout.decode(errors="replace")


def pypdfium2(path: pathlib.Path) -> str:
    import pypdfium2
    document = pypdfium2.PdfDocument(path)
    return "\n".join(page.get_textpage().get_text_bounded() for page in document)


def pymupdf(path: pathlib.Path) -> str:
    import pymupdf
    return "\n".join(page.get_text() for page in pymupdf.open(path))


def trafilatura(path: pathlib.Path) -> str:
    import trafilatura
    return trafilatura.extract(path.read_text(), include_tables=True, include_comments=False) or ""


def lxml(path: pathlib.Path) -> str:
    import lxml.html
    tree = lxml.html.fromstring(path.read_bytes())
    for element in tree.iter("script", "style"):
        element.text = ""
    for element in tree.iter("p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "td", "th", "pre", "br", "div", "a"):
        element.tail = "\n" + (element.tail or "")
    return tree.text_content()


def xml_truth(path: pathlib.Path) -> str:
    """The text of a JATS or TEI document: its title, abstract and body, as their own markup says."""
    import lxml.etree
    tree = lxml.etree.parse(path, lxml.etree.XMLParser(resolve_entities=False, no_network=True, recover=True)).getroot()
    name = lxml.etree.QName(tree).localname
    wanted = {"TEI": ["text"], "teiCorpus": ["text"]}.get(name, ["title-group", "abstract", "body"])
    parts = []
    for element in tree.iter():
        if isinstance(element.tag, str) and lxml.etree.QName(element).localname in wanted and not any(
                lxml.etree.QName(a).localname in wanted for a in element.iterancestors()):
            for inner in element.iter():
                inner.tail = " " + (inner.tail or "") if isinstance(inner.tag, str) and lxml.etree.QName(inner).localname in ("p", "head", "title", "sec", "div", "td", "th", "label", "item", "cell", "row") else inner.tail
            parts.append("".join(element.itertext()))
    return "\n".join(parts)


PEERS = {"pdf": [pdftotext, pypdfium2, pymupdf], "html": [trafilatura, lxml], "xml": [lxml]} | office.PEERS
# Where ours has to be at least as good as each peer.
BEST = ["pdf-one", "pdf-two", "html", "docx-pandoc", "docx-libreoffice", "odt-pandoc", "odt-libreoffice", "pptx-pandoc", "xlsx-openpyxl", "epub-pandoc", "xml-jats", "xml-tei"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--only")
    parser.add_argument("--worst", type=int, default=0)
    arguments = parser.parse_args()
    if not generate.CORPORA.exists():
        print(json.dumps({"skipped": f"there is no {generate.CORPORA}"}))
        return 0
    say("making documents")
    subprocess.run([sys.executable, ROOT / "Tests/Extraction/generate.py", FOLDER, "--count", str(arguments.count)], check=True)
    index = json.loads((FOLDER / "index.json").read_text())
    for path in sorted((generate.CORPORA / "xml").rglob("*.xml"))[:arguments.count]:
        kind = "xml-tei" if "tei" in str(path) else "xml-jats"
        head = path.read_text(errors="replace")[:4000]
        if kind == "xml-jats" and "<article" not in head:
            continue
        index.append({"file": str(path), "kind": kind, "truth": None})
    child = extractor.Extractor()
    figures: dict = collections.defaultdict(lambda: collections.defaultdict(list))
    worst = []
    for number, entry in enumerate(index, 1):
        if arguments.only and arguments.only not in entry["kind"]:
            continue
        path = FOLDER / entry["file"]
        truth = entry["truth"] if entry["truth"] is not None else xml_truth(path)
        ours = child.read(path)["text"].decode()
        if entry["kind"].startswith("xlsx"):
            ours = office.HEADS.sub("", ours)
        figures[entry["kind"]]["ours"].append(score(ours, truth))
        worst.append((figures[entry["kind"]]["ours"][-1], str(path)))
        for peer in PEERS[entry["kind"].split("-")[0]]:
            figures[entry["kind"]][peer.__name__].append(score(peer(path), truth))
        if number % 30 == 0:
            say(f"  {number} of {len(index)}")
    problems, table = [], {}
    for kind, tools in figures.items():
        table[kind] = {tool: {"f1": round(statistics.mean(s[0] for s in scores), 4), "order": round(statistics.mean(s[1] for s in scores), 4), "documents": len(scores)}
                       for tool, scores in tools.items()}
        print(f"\n{kind:10} {'word F1':>10} {'order':>8}   ({len(tools['ours'])} documents)")
        for tool, mean in table[kind].items():
            print(f"  {tool:12}{mean['f1']:8.4f} {mean['order']:8.4f}")
            if kind in BEST and tool != "ours" and (mean["f1"] > table[kind]["ours"]["f1"] or mean["order"] > table[kind]["ours"]["order"] + 0.0005):
                problems.append(f"{kind}: {tool} is better")
    for values, path in sorted(worst)[:arguments.worst]:
        print(values, path)
    print(json.dumps({"fidelity": table, "problems": problems}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
