#!/usr/bin/env python3
"""Text that does not run from left to right (`make directions`): pages made here from right to left, with numbers and Latin words in them, in paragraphs, tables
and beside English, and figures whose labels run upward. Each has to come out whole, in the order of reading. Ends with a line of JSON; 1 where one does not.
"""
import json
import pathlib
import random
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Extraction"))
import extractor
from pdfs import pdf, stream

# Small letters stand for the letters of a script that begins there, as a font with a map to Unicode has them; everything else is itself.
STRAY = 100
SCRIPTS = {"hebrew": 0x05D0, "arabic": 0x0627}


def meant(text: str, script: str) -> str:
    return "".join(chr(SCRIPTS[script] + ord(letter) - 0x61) if "a" <= letter <= "z" else letter for letter in text)


def visual(text: str) -> str:
    """As the line stands on the page: from right to left, numbers and Latin words in it from left to right (UAX #9)."""
    return re.sub(r"[A-Z0-9][A-Z0-9.:]*[A-Z0-9]|[A-Z0-9]", lambda run: run[0][::-1], text[::-1])


def page(drawing: str, script: str) -> bytes:
    unicode = f"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def
1 begincodespacerange <00><FF> endcodespacerange 3 beginbfrange <20><60><0020> <61><7A><{SCRIPTS[script]:04X}> <80><84><202A> endbfrange endcmap end end"""
    return pdf([
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R/E 7 0 R>>>>>>", stream(drawing.encode()),
        b"<</Type/Font/Subtype/Type1/BaseFont/Courier/ToUnicode 6 0 R>>", stream(unicode.encode()), b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ])


def show(left: float, top: float, text: str, font: str = "F", size: float = 11, matrix: str = "1 0 0 1") -> str:
    return f"BT /{font} {size} Tf {matrix} {left:.1f} {842 - top:.1f} Tm ({text}) Tj ET\n"


def right(top: float, text: str, size: float = 11, edge: float = 535) -> str:
    """A line that ends at the right margin: characters of Courier are as wide as each other."""
    return show(edge - 0.6 * size * len(text), top, visual(text), size=size)


LINES = ["abcd efg hijk lmn opqr stu", "vwx yab 7 cdef ghi 12:30 jkl", "mnop PDF qrs tuv wxy. zab cde"]
CELLS = [["abcd", "efgh", "ijkl"], ["mnop", "7.5", "qr"], ["stuv", "9.0", "wx"], ["yzab", "4.2", "cd"]]
ENGLISH = ["The harbour office keeps a register of every vessel.", "Masters report the draught and the cargo."]


def cases() -> dict[str, tuple[str, list[str]]]:
    """What is drawn, and the lines that are read, in their order."""
    table = "".join(right(100 + 18 * row, cell, edge=535 - 120 * column) for row, cells in enumerate(CELLS) for column, cell in enumerate(cells))
    between = "".join(show(60, 80 + 200 * n, text, font="E") for n, text in enumerate(ENGLISH))
    labels = [f"label{chr(0x41 + n)} runs upward" for n in range(24)]
    return {
        "paragraph": ("".join(right(80 + 14 * n, line) for n, line in enumerate(LINES)), LINES),
        "heading and paragraph": (right(60, "abcd efg", size=20) + "".join(right(100 + 14 * n, line) for n, line in enumerate(LINES)), ["abcd efg", *LINES]),
        "table": (table, [" | ".join(cells) for cells in CELLS]),
        "beside English": (between + "".join(right(140 + 14 * n, line) for n, line in enumerate(LINES)), [ENGLISH[0], *LINES, ENGLISH[1]]),
        "upward labels": ("".join(show(120 + 16 * n, 400, text, font="E", size=9, matrix="0 1 -1 0") for n, text in enumerate(labels)) + show(40, 450, "Input layer five", font="E"),
                          sorted([*labels, "Input layer five"])),
    }


def stray(number: int) -> str:
    """Lines that hold the marks themselves, in no order."""
    chance = random.Random(number)
    characters = ["\\200", "\\201", "\\202", "\\203", "\\204", "a", "b", "z", "A", "Q", "7", " ", "."]
    return "".join(show(60, 80 + 14 * row, "".join(chance.choice(characters) for _ in range(chance.randrange(1, 60)))) for row in range(chance.randrange(1, 30)))


def main() -> int:
    child = extractor.Extractor()
    problems, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for script in SCRIPTS:
            for name, (drawing, lines) in cases().items():
                is_english = name == "upward labels"
                truth = lines if is_english else [line if line in ENGLISH else meant(line, script) for line in lines]
                path = pathlib.Path(folder) / f"{script}-{name}.pdf".replace(" ", "-")
                path.write_bytes(page(drawing, script))
                count += 1
                try:
                    text = child.read(path)["text"].decode()
                except extractor.Rejected as error:
                    problems.append(f"{script}, {name}: rejected: {error}")
                    continue
                read = " ".join(text.split())
                # Of labels all have to be there; their order is the figure's.
                found = sorted(line for line in truth if line in read) == truth if is_english else read == " ".join(truth)
                if not found:
                    problems.append(f"{script}, {name}: read {read!r} instead of {' '.join(truth)!r}")
        for number in range(STRAY):
            path = pathlib.Path(folder) / f"stray-{number}.pdf"
            path.write_bytes(page(stray(number), "hebrew"))
            try:
                child.read(path)
            except extractor.Rejected:
                pass  # a page of marks and blanks
            except ConnectionError:
                problems.append(f"marks of the document's own, {number}: the child has ended")
                child = extractor.Extractor()
    child.close()
    for problem in problems:
        print(f"PROBLEM {problem}")
    print(json.dumps({"pages": count, "pages_with_marks_of_their_own": STRAY, "problems": problems}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
