"""Pictures that lie, and good ones to damage, for the hostile run with OCR."""
import pathlib
import struct
import subprocess
import zlib

from pdfs import pdf, stream

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HANDBOOK = ROOT / "deploy/local/documents/keeper-handbook.pdf"


def png(width: int, height: int, rows: bytes) -> bytes:
    """In shades of grey; `rows` are the unpacked pixels with each row's filter byte before it."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def tiff(pages: list[tuple[int, int]], last: int | None = None) -> bytes:
    """White pages of one strip each, that claim these sizes; the last one's successor is the page `last`."""
    out, starts = bytearray(b"II*\0\0\0\0\0"), []
    for width, height in pages:
        starts.append(len(out))
        fields = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, min(width * height, 64))]
        out += struct.pack("<H", len(fields)) + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in fields) + b"\0\0\0\0"
    out += b"\xff" * 64
    struct.pack_into("<I", out, 4, starts[0])
    for start, following in zip(starts, starts[1:] + [0 if last is None else starts[last]]):
        struct.pack_into("<I", out, start + 2 + 9 * 12, following)
    return bytes(out)


def drawn_page(box: str, drawing: bytes) -> bytes:
    """A PDF of one page without text."""
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>", b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R>>" % box.encode(), stream(drawing)])


def made() -> dict[str, tuple[bytes, str]]:
    """Named documents and the outcomes that they may have, apart by |."""
    line = b"\0" + b"\xff" * 300
    return {
        "wide.png": (png(30_000, 30_000, b""), "too_large"),
        "flat-bomb.png": (png(6000, 6000, (b"\0" + b"\xff" * 6000) * 6000), "empty|memory|timeout"),
        "short.png": (png(300, 300, line * 10), "malformed|empty"),
        "no-pixels.png": (png(0, 0, b""), "malformed"),
        "magic-only.png": (b"\x89PNG\r\n\x1a\n", "malformed"),
        "huge.jpeg": (b"\xff\xd8\xff\xc0\0\x0b\x08\xff\xff\xff\xff\x01\x01\x11\0", "too_large|malformed"),
        "loop.tiff": (tiff([(8, 8), (8, 8)], last=0), "empty|malformed|too_many_pages|timeout"),
        "huge-second-page.tiff": (tiff([(8, 8), (60_000, 60_000)]), "too_large|malformed"),
        "pages.tiff": (tiff([(8, 8)] * 10_001), "too_many_pages|timeout"),
        "wide-page.pdf": (drawn_page("0 0 14400 14400", b"9 w 0 0 m 14400 14400 l S"), "empty|memory"),
        "endless-page.pdf": (drawn_page("0 0 1e30 1e30", b"0 0 m 9 9 l S"), "empty|malformed|memory"),
        "thin-page.pdf": (drawn_page("0 0 100000 0.01", b"0 0 m 9 9 l S"), "empty|malformed"),
        "many-curves.pdf": (drawn_page("0 0 600 800", b"0 0 m " + b"1 2 300 400 500 600 c " * 300_000 + b"S"), "empty|memory|timeout|document"),
    }


def good(folder: pathlib.Path) -> list[pathlib.Path]:
    """Small pictures of text, of every kind that is read."""
    folder.mkdir()
    for kind in ("png", "jpeg", "tiff"):
        subprocess.run(["pdftoppm", f"-{kind}", "-gray", "-r", "100", "-l", "1", "-x", "80", "-y", "80", "-W", "400", "-H", "120", HANDBOOK, folder / kind], check=True)
    return sorted(folder.iterdir())
