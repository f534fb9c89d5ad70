#!/usr/bin/env python3
"""Reading order of columns, where it is known (`make columns`).

    columns.py [--worst]

Pages made here in two columns, whose lines stand in the file row by row, have to come out in exact order. In the two-column pages of the corpora no line of running text may go on in the other
column at its side: pages and columns are found by `pdftotext -bbox`, lines by the boxes that come with our text. Ends with a line of JSON; 1 when something is out of order.
"""
import argparse
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Extraction"))
import extractor
from pdfs import pdf, stream

CORPORA = pathlib.Path(os.environ.get("FLEET_SHARED", ROOT.parent / "shared")) / "corpora"
WIDTH, HEIGHT, PAGES = 595, 842, 24
SYLLABLES = "ka lo mi ren sta vu pel dor ni sha tek bru fal gor hin jes lum nor pra quin rel sol tam ur vex wil yon zed".split()
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def line(chance: random.Random, width: int) -> str:
    """Words that fill about so many characters."""
    words: list[str] = []
    while sum(len(word) + 1 for word in words) < width - 8:
        words.append("".join(chance.choice(SYLLABLES) for _ in range(chance.choice([1, 2, 2, 3]))))
    return " ".join(words)


def broken(chance: random.Random, width: int) -> str:
    """As many words as a narrow line takes."""
    words: list[str] = []
    while True:
        word = "".join(chance.choice(SYLLABLES) for _ in range(chance.choice([1, 1, 2, 2, 3])))
        if words and sum(len(word) + 1 for word in words) + len(word) > width:
            return " ".join(words)
        words.append(word)


def made(number: int, columns: int = 2) -> tuple[bytes, str]:
    """A page in columns with a title, a part over all columns or neither, and its text in the order of reading."""
    chance = random.Random(number)
    size, gutter, margin = chance.choice([8, 9, 10, 11] if columns == 2 else [6, 7, 8]), chance.choice([14, 18, 24, 30] if columns == 2 else [10, 12, 16]), chance.choice([48, 54, 60])
    column = (WIDTH - 2 * margin - (columns - 1) * gutter) / columns
    # The narrowest columns of newspapers have some 26 characters.
    size = size if columns == 2 else round(min(size, column / (26 * 0.6)), 1)
    # Characters of Helvetica; of few a line may have many broad ones.
    width = int(column / (size * (0.53 if columns == 2 else 0.6)))
    placed: list[tuple[float, float, float, str]] = []
    truth: list[str] = []
    top = HEIGHT - 70.0
    if number % 3:
        title = line(chance, int(width * 1.5))
        placed.append((margin, top, size * 1.6, title))
        truth.append(title)
        top -= size * 4
    for band in range(chance.choice([1, 1, 2])):
        if band:
            wide = [line(chance, 2 * width if columns == 2 else int((WIDTH - 2 * margin) / (size * 0.48))) for _ in range(2)]
            for text in wide:
                placed.append((margin, top, size, text))
                top -= size * 1.25
            truth += wide
            top -= size * 2
        rows = chance.randrange(14, 22)
        sides = [[(line if columns == 2 else broken)(chance, width) for _ in range(rows - (chance.randrange(4) if side else 0))] for side in range(columns)]
        for row in range(rows):
            for side, texts in enumerate(sides):
                if row < len(texts):
                    placed.append((margin + side * (column + gutter), top - row * size * 1.25, size, texts[row]))
        truth += [text for side in sides for text in side]
        top -= (rows + 2) * size * 1.25
    drawing = "".join(f"BT /F {size} Tf 1 0 0 1 {x:.1f} {y:.1f} Tm ({text}) Tj ET\n" for x, y, size, text in placed).encode()
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>" % (WIDTH, HEIGHT),
               stream(drawing)]
    return pdf(objects), " ".join(truth)


def words(path: pathlib.Path) -> list[list[tuple[float, float, float, float]]]:
    """Boxes of the words of each page, by pdftotext."""
    out = subprocess.run(["pdftotext", "-bbox", path, "-"], capture_output=True).stdout.decode(errors="replace")
    return [[tuple(map(float, box)) for box in re.findall(r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)"', page)] for page in out.split("<page ")[1:]]


def gutter(boxes: list[tuple[float, float, float, float]]) -> float | None:
    """The middle of the strip that few lines cross, where much text stands on both sides of it."""
    if len(boxes) < 150:
        return None
    left, right = min(b[0] for b in boxes), max(b[2] for b in boxes)

    def crossing(x: float) -> set[int]:
        return {round(b[1] / 4) for b in boxes if b[0] - 4 < x < b[2] + 4}

    middle = min((left + (right - left) * share / 100 for share in range(42, 59)), key=lambda x: len(crossing(x)))
    if len(crossing(middle)) > 0.2 * len({round(b[1] / 4) for b in boxes}):
        return None
    sides = [[b for b in boxes if b[2] < middle], [b for b in boxes if b[0] > middle]]
    rows = [len({round(b[1] / 4) for b in side}) for side in sides]
    return middle if min(len(side) for side in sides) > 60 and min(rows) > 15 else None


def mixed(document: dict, number: int, middle: float) -> list[tuple[bytes, bytes]]:
    """Lines that fill their column at least by half, and go on at their right, across the gutter. Cells, labels of figures and parts of formulas are shorter."""
    text = document["text"]
    found = []
    edges = [l for l in document["lines"] if l[0] == number]
    left, right = min((l[3] for l in edges), default=0), max((l[5] for l in edges), default=0)
    for kind, _, start, end in document["blocks"]:
        lines = [l for l in document["lines"] if l[0] == number and start <= l[1] < end]
        if kind in ("tableRow", "code"):
            continue
        for one, other in zip(lines, lines[1:]):
            beside = min(one[6], other[6]) - max(one[4], other[4]) > 0.5 * min(one[6] - one[4], other[6] - other[4])
            fills = one[5] - one[3] > 0.5 * (middle - left) and other[5] - other[3] > 0.5 * (right - middle)
            if one[5] <= middle <= other[3] and beside and fills:
                found.append((text[one[1]:one[2]], text[other[1]:other[2]]))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worst", action="store_true", help="print what is out of order")
    arguments = parser.parse_args()
    child = extractor.Extractor()
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2 * PAGES):
            # Newspapers, gazettes, brochures, indexes.
            data, truth = made(number, 2 if number < PAGES else 3 + number % 3)
            path = pathlib.Path(folder) / f"{number}.pdf"
            path.write_bytes(data)
            text = " ".join(child.read(path)["text"].decode().split())
            if text != truth:
                problems.append(f"the made page {number} is not in order")
                if arguments.worst:
                    print(f"made: {truth}\nread: {text}\n")
    say(f"{2 * PAGES} made pages, {len(problems)} of them out of order")
    pages = lines = papers = 0
    for path in sorted((CORPORA / "pdf").rglob("*.pdf")) if CORPORA.exists() else []:
        columns = [(number, middle) for number, boxes in enumerate(words(path), 1) if (middle := gutter(boxes)) is not None]
        if not columns:
            continue
        try:
            document = child.read(path)
        except extractor.Rejected:
            continue
        papers += 1
        for number, middle in columns:
            found = mixed(document, number, middle)
            pages += 1
            lines += sum(1 for l in document["lines"] if l[0] == number)
            if found:
                problems.append(f"{path.name}, page {number}: {len(found)} lines go on across the gutter")
                if arguments.worst:
                    print(path.name, number, round(middle), found[:4])
    say(f"{pages} two-column pages of {papers} documents of the corpora, {lines} lines" if CORPORA.exists() else f"there is no {CORPORA}: only the pages made here")
    child.close()
    for problem in problems:
        print(f"PROBLEM {problem}")
    print(json.dumps({"made_pages": 2 * PAGES, "documents": papers, "two_column_pages": pages, "lines": lines, "problems": problems}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
