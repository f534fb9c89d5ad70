"""Office documents whose text is known: Markdown of the corpora as DOCX, ODT, EPUB and PPTX by pandoc, as DOCX and ODT by LibreOffice, and tables as XLSX by openpyxl; and
the readers of them that people use from Python.
"""
import pathlib
import random
import re
import shutil
import subprocess

NAMES = "harbour quay berth crane vessel pilot cargo tide mole light buoy ferry slip lock wharf anchor".split()


def make(number: int, fragment: str, truth, folder: pathlib.Path) -> list[dict]:
    """The documents of one source: `fragment` is its HTML, `truth` makes the text that a reader sees of HTML."""
    # Pictures would be looked for.
    fragment = re.sub(r"<img[^>]*>", "", fragment)
    truth, counted = truth(fragment), truth(with_numbers(fragment))
    page = folder / f"{number:03}.fragment.html"
    page.write_text(f"<!DOCTYPE html><html><head><meta charset=utf-8><title>Source {number}</title></head><body>{fragment}</body></html>")
    made = []
    for suffix in ("docx", "odt", "epub", "pptx"):
        target = folder / f"{number:03}-pandoc.{suffix}"
        if not target.exists():
            subprocess.run(["pandoc", "-f", "html", "-M", f"title=Source {number}", "-o", target, page], check=True, capture_output=True, timeout=120)
        said = counted if suffix in ("docx", "odt") else truth
        made.append({"file": target.name, "kind": f"{suffix}-pandoc", "truth": f"Source {number}\n{said}"})
    if shutil.which("soffice"):
        made += [{"file": f"{number:03}-libreoffice.{suffix}", "kind": f"{suffix}-libreoffice", "truth": counted} for suffix in ("docx", "odt")]
    made.append(workbook(number, folder))
    return made


def with_numbers(fragment: str) -> str:
    """With the numbers of lists, which word processors show and keep beside the text."""
    import lxml.html

    tree = lxml.html.fromstring(f"<div>{fragment}</div>")
    for numbered in tree.iter("ol"):
        for number, item in enumerate(numbered.findall("li"), int(numbered.get("start", 1))):
            item.text = f"{number}. {item.text or ''}"
    return lxml.html.tostring(tree, encoding="unicode")


def convert(numbers: list[int], folder: pathlib.Path) -> None:
    """LibreOffice starts once for all: that takes as long as a hundred documents."""
    for suffix, writer in (("docx", "docx:MS Word 2007 XML"), ("odt", "odt")):
        pages = []
        for number in numbers:
            if not (folder / f"{number:03}-libreoffice.{suffix}").exists():
                page = folder / f"{number:03}-libreoffice.html"
                shutil.copy(folder / f"{number:03}.fragment.html", page)
                pages.append(page)
        if pages and shutil.which("soffice"):
            soffice(pages, writer, folder, folder / "libreoffice", "--infilter=HTML (StarWriter)")


def soffice(documents: list[pathlib.Path], writer: str, folder: pathlib.Path, profile: pathlib.Path, *options: str) -> None:
    """Converts documents into `folder` with LibreOffice; `profile` keeps what it writes down about itself."""
    subprocess.run(["soffice", f"-env:UserInstallation=file://{profile.resolve()}", "--headless", *options, "--convert-to", writer, "--outdir", folder, *documents],
                   check=True, capture_output=True, timeout=600)


def workbook(number: int, folder: pathlib.Path) -> dict:
    """Two sheets with a title, a head, and rows of words and numbers, some of them empty: a reader sees each value once in its row, with its column's name before it or above."""
    import openpyxl

    chance = random.Random(number)
    book = openpyxl.Workbook()
    book.remove(book.active)
    said = []
    for name in ("Berths", "Fees"):
        sheet = book.create_sheet(name)
        head = ["Place", "Depth", "Kind", "Remark"]
        sheet.append(head)
        said += [name, *head]
        for row in range(chance.randrange(5, 40)):
            cells = [f"{chance.choice(NAMES)} {row}", chance.randrange(1, 90), chance.choice(NAMES), chance.choice([None, "closed", f"see {chance.choice(NAMES)}"])]
            sheet.append(cells)
            said += [str(cell) for cell in cells if cell is not None]
    target = folder / f"{number:03}.xlsx"
    book.save(target)
    return {"file": target.name, "kind": "xlsx-openpyxl", "truth": "\n".join(said)}


def markitdown(path: pathlib.Path) -> str:
    from markitdown import MarkItDown
    return MarkItDown().convert(path).text_content


def docx2txt(path: pathlib.Path) -> str:
    import docx2txt
    return docx2txt.process(path)


def mammoth(path: pathlib.Path) -> str:
    import mammoth
    with path.open("rb") as file:
        return mammoth.extract_raw_text(file).value


def python_pptx(path: pathlib.Path) -> str:
    import pptx
    said = []
    for slide in pptx.Presentation(path).slides:
        for shape in slide.shapes:
            if shape.has_text_frame:
                said.append(shape.text_frame.text)
            if shape.has_table:
                said += [cell.text for row in shape.table.rows for cell in row.cells]
    return "\n".join(said)


def openpyxl(path: pathlib.Path) -> str:
    import openpyxl
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    return "\n".join("\n".join([sheet.title, *(" ".join(str(value) for value in row if value is not None) for row in sheet.iter_rows(values_only=True))]) for sheet in book)


def odfpy(path: pathlib.Path) -> str:
    import odf.opendocument
    import odf.teletype
    import odf.text
    document = odf.opendocument.load(path)
    paragraphs = [node for kind in (odf.text.H, odf.text.P) for node in document.getElementsByType(kind)]
    # In the order of the document, which it does not keep between kinds.
    order = {id(node): place for place, node in enumerate(walk(document.text))}
    return "\n".join(odf.teletype.extractText(node) for node in sorted(paragraphs, key=lambda node: order.get(id(node), 0)))


def walk(node):
    yield node
    for child in getattr(node, "childNodes", []):
        yield from walk(child)


def pandoc(path: pathlib.Path) -> str:
    return subprocess.run(["pandoc", "-t", "plain", "--wrap=none", path], capture_output=True, check=True).stdout.decode()


# Tables name each value's column beside it or once above.
HEADS = re.compile(r"\b(?:Place|Depth|Kind|Remark): ")
PEERS = {"docx": [markitdown, docx2txt, mammoth, pandoc], "pptx": [markitdown, python_pptx], "xlsx": [markitdown, openpyxl], "odt": [odfpy, pandoc], "epub": [markitdown, pandoc]}
