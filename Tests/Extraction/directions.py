#!/usr/bin/env python3
"""Text that does not run from left to right (`make directions`): pages made here from right to left, with numbers and Latin words in them, in paragraphs, tables
and beside English; text and tables on their side and upside down, slanted labels, watermarks, and columns of Japanese. Each has to come out whole, in the order of
reading. Ends with a line of JSON; 1 where one does not.
"""
import json
import os
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
PRIVATE_HEADERS = pathlib.Path("/usr/include/poppler")
SCRIPTS = {"hebrew": 0x05D0, "arabic": 0x0627}


def meant(text: str, script: str) -> str:
    """What a page of the drawn text says; a brace is one glyph of two letters."""
    text = text.replace("{", "ab")
    return "".join(chr(SCRIPTS[script] + ord(letter) - 0x61) if "a" <= letter <= "z" else letter for letter in text)


def visual(text: str) -> str:
    """As the line stands on the page: from right to left, numbers and Latin words in it from left to right (UAX #9)."""
    return re.sub(r"[A-Z0-9][A-Z0-9.:]*[A-Z0-9]|[A-Z0-9]", lambda run: run[0][::-1], text[::-1])


def page(drawing: str, script: str, value: str = "") -> bytes:
    """A page, with a field at its top that holds `value`."""
    unicode = f"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def
1 begincodespacerange <00><FF> endcodespacerange 3 beginbfrange <20><60><0020> <61><7A><{SCRIPTS[script]:04X}> <80><84><202A> endbfrange
1 beginbfchar <7B> <{SCRIPTS[script]:04X}{SCRIPTS[script] + 1:04X}> endbfchar endcmap end end"""
    return pdf([
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[9 0 R]>>>>" if value else b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R/E 7 0 R/B 8 0 R>>>>" + (b"/Annots[9 0 R]>>" if value else b">>"),
        stream(drawing.encode()), b"<</Type/Font/Subtype/Type1/BaseFont/Courier/ToUnicode 6 0 R>>", stream(unicode.encode()), b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Courier-Bold/ToUnicode 6 0 R>>",
        f"<</Type/Annot/Subtype/Widget/FT/Tx/T(berth)/V({value})/Rect[60 780 160 796]/P 3 0 R>>".encode(),
    ])


def show(left: float, top: float, text: str, font: str = "F", size: float = 11, matrix: str = "1 0 0 1") -> str:
    return f"BT /{font} {size} Tf {matrix} {left:.1f} {842 - top:.1f} Tm ({text}) Tj ET\n"


def right(top: float, text: str, size: float = 11, edge: float = 535, font: str = "F") -> str:
    """A line that ends at the right margin: characters of Courier are as wide as each other."""
    return show(edge - 0.6 * size * len(text), top, visual(text), font=font, size=size)


LINES = ["abcd efg hijk lmn opqr stu", "vwx yab 7 cdef ghi 12:30 jkl", "mnop PDF qrs tuv wxy. zab cde"]
CELLS = [["abcd", "efgh", "ijkl"], ["mnop", "7.5", "qr"], ["stuv", "9.0", "wx"], ["yzab", "4.2", "cd"]]
ENGLISH = ["The harbour office keeps a register of every vessel.", "Masters report the draught and the cargo."]


def made_line(number: int, length: int) -> str:
    """Words of that length in all."""
    chance = random.Random(number)
    line = ""
    while length - len(line) > 9:
        line += "".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(chance.randrange(2, 8))) + " "
    return line + "".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(length - len(line)))


def cases() -> dict[str, tuple[str, list[str]]]:
    """What is drawn, and the lines that are read, in their order."""
    table = "".join(right(100 + 18 * row, cell, edge=535 - 120 * column) for row, cells in enumerate(CELLS) for column, cell in enumerate(cells))
    between = "".join(show(60, 80 + 200 * n, text, font="E") for n, text in enumerate(ENGLISH))
    # As far apart as two words of a loose line.
    columns = [[made_line(10 * side + n, 36) for n in range(10)] for side in range(2)]
    narrow = "".join(right(80 + 14 * n, line, edge=535 - 247 * side) for side, lines in enumerate(columns) for n, line in enumerate(lines))
    tight = "".join(right(100 + 16 * row, cell, edge=535 - sum((31, 30)[:column])) for row, cells in enumerate(CELLS) for column, cell in enumerate(cells))
    return {
        "table whose cells are as far apart as words": (tight, [" | ".join(cells) for cells in CELLS]),
        "columns with a narrow gutter": (narrow, columns[0] + columns[1]),
        "glyphs of two letters": (right(80, "cd{ef {g") + right(94, "hi {7 jk{"), ["cd{ef {g", "hi {7 jk{"]),
        "paragraph": ("".join(right(80 + 14 * n, line) for n, line in enumerate(LINES)), LINES),
        "heading and paragraph": (right(60, "abcd efg", size=20) + "".join(right(100 + 14 * n, line) for n, line in enumerate(LINES)), ["abcd efg", *LINES]),
        "table": (table, [" | ".join(cells) for cells in CELLS]),
        "beside English": (between + "".join(right(140 + 14 * n, line) for n, line in enumerate(LINES)), [ENGLISH[0], *LINES, ENGLISH[1]]),
    }


# A page of 595 by 842 points, turned: the matrix of what runs there from left to right, and where a place of the turned page is on the page.
SIDES = {
    "upward": ("0 1 -1 0", lambda x, y: (y, 842 - x)),
    "downward": ("0 -1 1 0", lambda x, y: (595 - y, x)),
    "upside down": ("-1 0 0 -1", lambda x, y: (595 - x, 842 - y)),
}
ROWS = [["Berth", "Depth", "Crane"], ["North quay", "7.5 m", "yes"], ["South quay", "9.0 m", "no"], ["Fish quay", "4.2 m", "no"]]
LABELS = ["Governance", "Transparency", "Accountability", "Sustainability", "May to July", "Berths of the north quay"]
JAPANESE = ["港湾事務所は入港する船舶の登録簿を保管する", "手数料は到着後七日以内に支払う", "水先人は外側のブイで乗船する"]


def english() -> dict[str, tuple[list[str], list[str]]]:
    """Pages that are drawn with Helvetica (E), and the lines that are read, in their order."""
    made: dict[str, tuple[list[str], list[str]]] = {}
    columns = [[f"{word} line {n} of the {side} column goes on here." for n in range(14) for word in ["This"]] for side in ("left", "right")]
    for name, (matrix, place) in SIDES.items():
        def put(x: float, y: float, text: str, size: float = 10) -> str:
            return show(*place(x, y), text, font="E", size=size, matrix=matrix)

        paragraph = "".join(put(60, 80 + 13 * n, line) for n, line in enumerate(ENGLISH))
        table = "".join(put(60 + 110 * column, 150 + 20 * row, cell) for row, cells in enumerate(ROWS) for column, cell in enumerate(cells))
        rows = [" | ".join(cells) for cells in ROWS]
        upright = show(60, 40, "Annex B: berths of the harbour", font="E", size=10)
        made[f"{name}: paragraph and table beside a title"] = ([paragraph + table + upright], ["Annex B: berths of the harbour", *ENGLISH, *rows])
        made[f"{name}: two columns"] = (["".join(put(40 + 250 * side, 60 + 13 * n, line) for side, lines in enumerate(columns) for n, line in enumerate(lines))], columns[0] + columns[1])
        letters = "".join(put(60 + 7 * n, 80, letter) for n, letter in enumerate("QUAY"))
        made[f"{name}: letter by letter"] = ([letters + put(60, 120, "Bold") + put(60.2, 120, "Bold")], ["QUAY", "Bold"])
        labels = "".join(put(80, 120 + 16 * n, f"label {n} of the axis", 9) for n in range(24))
        made[f"{name}: labels"] = ([labels + show(40, 30, "Input layer five", font="E")], ["Input layer five", *(f"label {n} of the axis" for n in range(24))])
    text = "".join(show(60, 200 + 14 * n, line, font="E") for n, line in enumerate(ENGLISH))
    for angle, matrix in {30: "0.866 0.5 -0.5 0.866", 45: "0.7071 0.7071 -0.7071 0.7071", 60: "0.5 0.866 -0.866 0.5", 315: "0.7071 -0.7071 0.7071 0.7071"}.items():
        labels = "".join(show(120 + 24 * n, 400, label, font="E", size=9, matrix=matrix) for n, label in enumerate(LABELS))
        made[f"labels at {angle} degrees"] = ([text + labels], [*ENGLISH, *LABELS])
        # Its own matrix, as programs that turn the page write it.
        turned = f"q {matrix} 200 300 cm BT /E 60 Tf 0 0 Td (CONFIDENTIAL) Tj ET Q\n"
        pages = [text + turned + show(60, 700, f"Page about subject {word}.", font="E") for word in ("one", "two", "three")]
        lines = [[*ENGLISH, f"Page about subject {word}."] for word in ("one", "two", "three")]
        made[f"watermark at {angle} degrees"] = (pages, lines[0] + ["CONFIDENTIAL"] + lines[1] + lines[2])
    chart = [show(60, 60, f"Figure of the year {word}", font="E") + show(120, 400, "January", font="E", size=9, matrix="0.7071 0.7071 -0.7071 0.7071") for word in ("one", "two", "three")]
    made["a label on every page is none"] = (chart, [line for word in ("one", "two", "three") for line in (f"Figure of the year {word}", "January")])
    return made


def japanese() -> dict[str, str]:
    """Columns from the right to the left: by a font that writes downward, and each letter put below the last one."""
    def code(text: str) -> str:
        return text.encode("utf-16-be").hex()

    by_font = "".join(f"BT /V 12 Tf 1 0 0 1 {500 - 22 * n} 760 Tm <{code(line)}> Tj ET\n" for n, line in enumerate(JAPANESE))
    by_letter = "".join(f"BT /H 12 Tf 1 0 0 1 {500 - 22 * n} {760 - 12 * m} Tm <{code(letter)}> Tj ET\n" for n, line in enumerate(JAPANESE) for m, letter in enumerate(line))
    return {"by the font": by_font, "letter by letter": by_letter}


def english_pages(drawings: list[str]) -> bytes:
    kids = " ".join(f"{6 + 2 * n} 0 R" for n in range(len(drawings)))

    def japanese_font(cmap: str) -> bytes:
        return f"<</Type/Font/Subtype/Type0/BaseFont/HeiseiMin-W3/Encoding/{cmap}/DescendantFonts[5 0 R]>>".encode()

    objects = [b"<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Count {len(drawings)}/Kids[{kids}]>>".encode(), japanese_font("UniJIS-UTF16-H"), japanese_font("UniJIS-UTF16-V"),
               b"<</Type/Font/Subtype/CIDFontType0/BaseFont/HeiseiMin-W3/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>/DW 1000>>"]
    for n, drawing in enumerate(drawings):
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {7 + 2 * n} 0 R/Resources<</Font<</E {6 + 2 * len(drawings)} 0 R/H 3 0 R/V 4 0 R>>>>>>".encode())
        objects.append(stream(drawing.encode()))
    return pdf([*objects, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"])


def stray(number: int) -> str:
    """Lines that hold the marks themselves, in no order."""
    chance = random.Random(number)
    characters = ["\\200", "\\201", "\\202", "\\203", "\\204", "a", "b", "z", "A", "Q", "7", " ", "."]
    return "".join(show(60, 80 + 14 * row, "".join(chance.choice(characters) for _ in range(chance.randrange(1, 60)))) for row in range(chance.randrange(1, 30)))


def difference(child: extractor.Extractor, path: pathlib.Path, name: str, truth: str) -> list[str]:
    try:
        read = " ".join(child.read(path)["text"].decode().split())
    except extractor.Rejected as error:
        return [f"{name}: rejected: {error}"]
    return [] if read == truth else [f"{name}: read {read!r} instead of {truth!r}"]


def looks(child: extractor.Extractor, path: pathlib.Path) -> list[str]:
    """What is bold, white or filled in, beside letters from right to left."""
    problems = []
    body = "".join(right(120 + 14 * n, line) for n, line in enumerate(LINES))
    path.write_bytes(page(right(80, "abcd efg", font="B") + body, "hebrew"))
    document = child.read(path)
    headings = [document["text"][start:end].decode() for kind, _, start, end in document["blocks"] if kind == "heading"]
    if headings != [meant("abcd efg", "hebrew")]:
        problems.append(f"a bold line above a paragraph: headings {headings}")
    path.write_bytes(page(body + "1 1 1 rg\n" + right(400, "stuv"), "hebrew"))
    hidden = child.read(path)["hidden"]
    if hidden != 4:
        problems.append(f"four white letters: {hidden} are hidden")
    # Behind white letters, and beside them.
    bar = "0.1 0.1 0.3 rg 60 430 480 30 re f 1 1 1 rg\n"
    wanted = 4 if (PRIVATE_HEADERS / "GfxState.h").exists() and os.environ.get("POPPLER_PRIVATE_ABI") != "0" else 8
    path.write_bytes(page(body + bar + right(400, "stuv") + right(500, "wxyz"), "hebrew"))
    hidden = child.read(path)["hidden"]
    if hidden != wanted:
        problems.append(f"white letters on a dark bar, and four beside it: {hidden} are hidden")
    path.write_bytes(page(body, "hebrew", value="North quay"))
    text = child.read(path)["text"].decode()
    if "North quay" not in text or meant(LINES[2], "hebrew") not in text:
        problems.append(f"a field that is filled in: {text!r}")
    return problems


def main() -> int:
    child = extractor.Extractor()
    problems, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for script in SCRIPTS:
            for name, (drawing, lines) in cases().items():
                truth = [line if line in ENGLISH else meant(line, script) for line in lines]
                path = pathlib.Path(folder) / f"{script}-{name}.pdf".replace(" ", "-")
                path.write_bytes(page(drawing, script))
                count += 1
                problems += difference(child, path, f"{script}, {name}", " ".join(truth))
        for number, (name, (drawings, lines)) in enumerate(english().items()):
            path = pathlib.Path(folder) / f"english-{number}.pdf"
            path.write_bytes(english_pages(drawings))
            count += 1
            problems += difference(child, path, name, " ".join(lines))
        for name, drawing in japanese().items():
            path = pathlib.Path(folder) / f"japanese-{name}.pdf".replace(" ", "-")
            path.write_bytes(english_pages([drawing]))
            count += 1
            problems += difference(child, path, f"Japanese {name}", " ".join(JAPANESE))
        problems += looks(child, pathlib.Path(folder) / "looks.pdf")
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
