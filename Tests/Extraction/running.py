#!/usr/bin/env python3
"""Headers, footers and page numbers (`make running`): 40 documents of 8 kinds, made here, whose lines are known.

No line of the content may be lost, whatever repeats in it; of the lines that only run through the document 95 % must be gone, each kept once at most. Ends with a
line of JSON; 1 where that does not hold.
"""
import collections
import json
import pathlib
import random
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Extraction"))
import extractor
from columns import line
from pdfs import pdf, stream

WIDTH, HEIGHT, EACH = 595, 842, 5
TOP, NEXT, BOTTOM = 40, 54, 810
ROMANS = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"]


def document(pages: list[list[tuple[float, float, str]]]) -> bytes:
    """Of lines by left, top and text."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode(), b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    for number, lines in enumerate(pages):
        drawing = "".join(f"BT /F 10 Tf 1 0 0 1 {left:.1f} {HEIGHT - top:.1f} Tm ({text}) Tj ET\n" for left, top, text in lines).encode()
        objects += [f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {WIDTH} {HEIGHT}]/Contents {5 + 2 * number} 0 R/Resources<</Font<</F 3 0 R>>>>>>".encode(), stream(drawing)]
    return pdf(objects)


def made(kind: int, number: int) -> tuple[bytes, collections.Counter, collections.Counter]:
    """The document, how often each line of its content stands in it, and how often each of its running lines."""
    chance = random.Random(100 * kind + number)
    count = 6 + number
    pages: list[list[tuple[float, float, str]]] = []
    content, running = collections.Counter(), collections.Counter()
    title, other = line(chance, 40), line(chance, 40)

    def put(page: list, left: float, top: float, text: str, runs: bool = False) -> None:
        page.append((left, top, text))
        (running if runs else content)[text] += 1

    for index in range(count):
        page: list[tuple[float, float, str]] = []
        pages.append(page)
        if kind == 0:  # a title above, a number below
            put(page, 60, TOP, title, runs=True)
            put(page, 290, BOTTOM, str(index + 1), runs=True)
        elif kind == 1:  # n of all
            put(page, 60, TOP, title, runs=True)
            put(page, 60, BOTTOM, f"Page {index + 1} of {count}", runs=True)
        elif kind == 2:  # a journal, left and right pages
            left = index % 2 == 0
            put(page, 60 if left else 300, TOP, title if left else other, runs=True)
            put(page, 530 if left else 60, TOP, str(143 + index), runs=True)
        elif kind == 3:  # Roman numbers, and a footer
            put(page, 290, TOP, ROMANS[index], runs=True)
            put(page, 60, BOTTOM, title, runs=True)
        elif kind == 4:  # statements of account
            put(page, 60, TOP, f"Statement no. {2041 + index}")
            put(page, 60, NEXT, f"Amount due {chance.randrange(1, 900)}.{chance.randrange(10, 99)} EUR")
            put(page, 60, BOTTOM, f"Balance carried forward {chance.randrange(1000, 9999)}")
        elif kind == 5:  # a form on every page
            put(page, 60, TOP, title, runs=True)
            for place, label in enumerate(("Berth", "Draught", "Master")):
                put(page, 60, 70 + 14 * place, f"{label} {chance.randrange(1000, 9999)}")
        elif kind == 6:  # a table of numbers from edge to edge
            for row in range(52):
                for column in range(5):
                    put(page, 60 + 90 * column, 30 + 15 * row, str(chance.randrange(100, 99999)))
            continue
        else:  # slides that count
            put(page, 60, TOP, f"Figure {index + 1}")
            put(page, 60, BOTTOM, title, runs=True)
        for row in range(chance.randrange(12, 30)):
            put(page, 60, 140 + 14 * row, line(chance, 80))
    return document(pages), content, running


def main() -> int:
    child = extractor.Extractor()
    problems, lost, lines, left, runs = [], 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in range(8):
            for number in range(EACH):
                data, content, running = made(kind, number)
                path = pathlib.Path(folder) / f"{kind}-{number}.pdf"
                path.write_bytes(data)
                text = "\n" + child.read(path)["text"].decode().replace(" | ", "\n") + "\n"
                found = collections.Counter(text.split("\n"))
                missing = [line for line, times in content.items() if found[line] < times and text.count(line) < times]
                # A page number that is also a number of the content is not looked for.
                kept = sum(max(0, found[line] - 1) for line in running if line not in content)
                lost, lines, left, runs = lost + len(missing), lines + len(content), left + kept, runs + sum(running.values())
                if missing:
                    problems.append(f"kind {kind}, document {number}: lost {missing[:3]}")
    child.close()
    gone = 1 - left / runs
    if gone < 0.95:
        problems.append(f"{gone:.1%} of the running lines are gone, at least 95 % should be")
    for problem in problems:
        print(f"PROBLEM {problem}")
    print(json.dumps({"documents": 8 * EACH, "content_lines": lines, "lost": lost, "running_lines": runs, "gone": round(gone, 3), "problems": problems}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
