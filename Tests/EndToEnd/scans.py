"""Scans and pictures, with OCR switched on: they are searchable, and without it they are rejected, counted and listed."""
import pathlib
import subprocess
import sys
import time

from fleet_run import PROGRAMS, FleetRun
from processes import ROOT

sys.path.append(str(ROOT / "Tests/Extraction"))
from pdfs import pdf, stream

HANDBOOK = ROOT / "deploy/local/documents/keeper-handbook.pdf"
SENTENCES = {1: "The tower stands on the eastern skerry", 2: "The mercury is skimmed every fourteen days", 3: "No boat leaves the landing while the red flag flies"}


def pictures(folder: pathlib.Path, kind: str) -> list[bytes]:
    """The handbook's pages as `png` or `jpeg`, 200 dots in an inch."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["pdftoppm", f"-{kind}", "-gray", "-r", "200", HANDBOOK, folder / "page"], check=True)
    return [path.read_bytes() for path in sorted(folder.glob("page*.png" if kind == "png" else "page*.jpg"))]


def size(jpeg: bytes) -> tuple[int, int, int]:
    """Width, height and components, from the frame's header (ITU T.81, B.2.2)."""
    at = 2
    while jpeg[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(jpeg[at + 2:at + 4])
    return int.from_bytes(jpeg[at + 7:at + 9]), int.from_bytes(jpeg[at + 5:at + 7]), jpeg[at + 9]


def scan(pages: list[bytes | str]) -> bytes:
    """A PDF of pages that are pictures (JPEG), or lines of text."""
    objects: list[bytes] = [b"<</Type/Catalog/Pages 2 0 R>>", b"", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    kids = []
    for page in pages:
        if isinstance(page, str):
            drawing, resources = f"BT /F 11 Tf 72 700 Td ({page}) Tj ET".encode(), b"/Font<</F 3 0 R>>"
        else:
            width, height, components = size(page)
            colours = {1: b"DeviceGray", 3: b"DeviceRGB"}[components]
            objects.append(stream(page, b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/%s/BitsPerComponent 8/Filter/DCTDecode" % (width, height, colours)))
            drawing, resources = b"q 595 0 0 842 0 0 cm /I Do Q", b"/XObject<</I %d 0 R>>" % len(objects)
        objects.append(stream(drawing))
        objects.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<%s>>/Contents %d 0 R>>" % (resources, len(objects)))
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(kids))
    return pdf(objects)


def documents(folder: pathlib.Path) -> dict[str, bytes]:
    jpegs = pictures(folder / "jpeg", "jpeg")
    return {"scan.pdf": scan(jpegs), "mixed.pdf": scan(["The cover is text that was typed.", jpegs[1]]), "page.png": pictures(folder / "png", "png")[2]}


def index(aws, name: str, settings: dict[str, str]) -> tuple[FleetRun, list[dict], dict[str, str], int]:
    """The chunks, the rejections, and how many documents the worker said need OCR."""
    fleet = aws.fleet(name, visibility=60)
    work = FleetRun(fleet, aws.folder, settings)
    for key, data in documents(work.folder).items():
        fleet.put(key, data)
    work.start("ingest-worker")
    work.start("embed-worker")
    fleet.wait_until_drained(180, lambda: None, work.alive)
    chunks = work.chunks(["key", "text", "page_numbers", "flags"])
    rejected, needing = work.rejections(), work.metric("ingest-worker", "ingest_documents_needing_ocr_total")
    read = work.metric("ingest-worker", "ingest_pages_recognized_total")
    assert read == (5 if "OCR_LANGUAGES" in settings else 0), read
    work.stop()
    return work, chunks, rejected, needing


def run(aws, say) -> dict:
    assert (PROGRAMS / "document-ocr").exists(), "document-ocr was not built"
    work, chunks, rejected, needing = index(aws, "scans-off", {})
    assert rejected == {"scan.pdf": "needs_ocr", "page.png": "needs_ocr"} and needing == 2, (rejected, needing)
    assert [(c["key"], c["flags"]) for c in chunks] == [("mixed.pdf", ["pages_without_text", "needs_ocr"])], chunks
    assert work.status()["rejectedByReason"] == {"needs_ocr": 2}
    say("  without OCR scans are rejected, and what else is in a document is searchable")
    begun = time.monotonic()
    work, chunks, rejected, needing = index(aws, "scans-on", {"OCR_LANGUAGES": "eng"})
    seconds = time.monotonic() - begun
    assert not rejected and needing == 0, rejected
    texts = {key: " ".join(" ".join(c["text"].split()) for c in chunks if c["key"] == key) for key in ("scan.pdf", "mixed.pdf", "page.png")}
    missing = [(key, SENTENCES[n]) for key, pages in (("scan.pdf", (1, 2, 3)), ("mixed.pdf", (2,)), ("page.png", (3,))) for n in pages if SENTENCES[n] not in texts[key]]
    assert not missing, (missing, texts)
    assert "The cover is text that was typed." in texts["mixed.pdf"]
    assert all("ocr" in c["flags"] and "needs_ocr" not in c["flags"] for c in chunks), chunks
    assert sorted({n for c in chunks if c["key"] == "scan.pdf" for n in c["page_numbers"]}) == [1, 2, 3]
    say("  with OCR all of them are, page by page")
    missing_model = subprocess.run([PROGRAMS / "ingest-worker"], env=work.fleet.worker("ingest-worker") | {"OCR_LANGUAGES": "xyz"}, capture_output=True, text=True, timeout=60)
    assert missing_model.returncode != 0 and "a model of OCR_LANGUAGES (xyz) is not installed" in missing_model.stderr, missing_model
    return {"chunks": len(chunks), "pages": 5, "seconds": round(seconds, 1)}
