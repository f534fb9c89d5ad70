#!/usr/bin/env python3
"""Tables of two columns, whose rows are known (`make tables`).

    tables.py [--worst]

Names and values, terms and what they mean, questions and answers, services and prices, years and what was done: text in two columns as a newspaper's, but a row is read before the next one.
Each name has to be followed by its own value. Ends with a line of JSON; 1 when one is not.
"""
import argparse
import collections
import json
import pathlib
import random
import sys
import tempfile
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/Extraction"))
import extractor
from pdfs import pdf, stream

WIDTH, HEIGHT, LEFT = 595, 842, 64
SYLLABLES = "ka lo mi ren sta vu pel dor ni sha tek bru fal gor hin jes lum nor pra quin rel sol tam ur vex wil yon zed".split()
# Courier: every character is as wide, so that lines are broken as a typesetter breaks them.
ADVANCE = 0.6
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def phrase(chance: random.Random, words: int) -> str:
    text = " ".join("".join(chance.choice(SYLLABLES) for _ in range(chance.choice([1, 2, 2, 3]))) for _ in range(words))
    return text[0].upper() + text[1:]


def sentence(chance: random.Random, *lengths: int) -> str:
    return phrase(chance, chance.choice(lengths)) + "."


def number(chance: random.Random, unit: str) -> str:
    return f"{chance.randrange(1000, 9999) / 100:.2f} {unit}"


ROWS = {
    "depths": lambda chance: (phrase(chance, chance.choice([1, 1, 2])), number(chance, "m")),
    "names": lambda chance: (phrase(chance, 1), phrase(chance, chance.choice([1, 2]))),
    "fees": lambda chance: (phrase(chance, chance.choice([2, 4, 7, 12])), number(chance, "EUR")),
    "glossary": lambda chance: (phrase(chance, chance.choice([1, 2])), sentence(chance, 8, 14, 22, 30)),
    "questions": lambda chance: (sentence(chance, 6, 9, 14), sentence(chance, 8, 14, 22)),
    "years": lambda chance: (f"{chance.randrange(1980, 2000)} to {chance.randrange(2000, 2020)}", sentence(chance, 5, 9, 16)),
    "even": lambda chance: (sentence(chance, 10, 16, 24), sentence(chance, 10, 16, 24)),
}


def made(kind: str, seed: int) -> tuple[bytes, list[tuple[str, str]]]:
    """A page with a table, between paragraphs or alone, and its rows."""
    chance = random.Random(f"{kind} {seed}")
    size = chance.choice([8, 9, 10, 11])
    rows = [ROWS[kind](chance) for _ in range(chance.randrange(5, 10))]
    share, gap = chance.choice([0.3, 0.4, 0.5]), chance.choice([14, 20, 28])
    first = int((WIDTH - 2 * LEFT) * share / (size * ADVANCE))
    if kind in ("depths", "names", "years"):
        # As wide as it has to be.
        first = max(len(name) for name, _ in rows)
    begin = LEFT + first * size * ADVANCE + gap
    second = int((WIDTH - LEFT - begin) / (size * ADVANCE))
    leading, padding, is_centred = size * chance.choice([1.15, 1.25]), size * chance.choice([0.5, 0.8, 1.2]), chance.random() < 0.3
    placed: list[tuple[float, float, str]] = []
    top = HEIGHT - 80.0
    has_text = chance.random() < 0.7

    def paragraph() -> None:
        nonlocal top
        for line in textwrap.wrap(sentence(chance, 40), int((WIDTH - 2 * LEFT) / (size * ADVANCE))):
            placed.append((LEFT, top, line))
            top -= leading
        top -= size

    if has_text:
        paragraph()
    for name, value in rows:
        cells = [textwrap.wrap(name, first), textwrap.wrap(value, second)]
        lines = max(map(len, cells))
        for left, cell in zip((LEFT, begin), cells):
            down = (lines - len(cell)) / 2 * leading if is_centred else 0
            for place, line in enumerate(cell):
                placed.append((left, top - down - place * leading, line))
        top -= lines * leading + padding
    if has_text:
        top -= size
        paragraph()
    drawing = "".join(f"BT /F {size} Tf 1 0 0 1 {x:.1f} {y:.1f} Tm ({text}) Tj ET\n" for x, y, text in placed).encode()
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Courier>>>>>>>>" % (WIDTH, HEIGHT),
               stream(drawing)]
    return pdf(objects), rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worst", action="store_true", help="print what is read of the tables that are wrong")
    parser.add_argument("--tables", type=int, default=30, help="of each kind")
    options = parser.parse_args()
    child = extractor.Extractor()
    whole, rows_read, rows_made = collections.Counter(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in ROWS:
            for seed in range(options.tables):
                data, rows = made(kind, seed)
                path = pathlib.Path(folder) / f"{kind}-{seed}.pdf"
                path.write_bytes(data)
                text = " ".join(child.read(path)["text"].decode().replace("|", " ").split())
                found = sum(f"{name} {value}" in text for name, value in rows)
                rows_read, rows_made = rows_read + found, rows_made + len(rows)
                whole[kind] += found == len(rows)
                if found < len(rows) and options.worst:
                    print(f"{kind} {seed}: {found} of {len(rows)} rows\n{rows}\n{child.read(path)['text'].decode()}\n")
            say(f"{kind}: {whole[kind]} of {options.tables} tables are read row by row")
    child.close()
    problems = [f"{kind}: {options.tables - whole[kind]} of {options.tables} tables are not read row by row" for kind in ROWS if whole[kind] < 0.9 * options.tables]
    for problem in problems:
        print(f"PROBLEM {problem}")
    print(json.dumps({"tables": options.tables * len(ROWS), "whole": dict(whole), "rows": rows_made, "rows_whole": rows_read, "problems": problems}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
