#!/usr/bin/env python3
"""Writes strings and their token counts by tiktoken: `tiktoken_cases.py OUT`. One JSON object a line: base64 of the bytes, count.

Broken UTF-8 is replaced as the WHATWG decoder does it before it is counted; the reader has to do the same.
"""
import base64
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = (ROOT / os.environ.get("FLEET_SHARED", "../shared")).resolve()
RANGES = [
    (0x20, 0x7E), (0xA0, 0x17F), (0x370, 0x3FF), (0x400, 0x4FF), (0x530, 0x58F), (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F),
    (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x2100, 0x214F), (0x2200, 0x22FF), (0x3040, 0x30FF),
    (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xFB00, 0xFB4F), (0xFE00, 0xFE0F), (0xFF00, 0xFFEF), (0x10330, 0x1034F), (0x1D400, 0x1D7FF),
    (0x1F300, 0x1F6FF), (0x20000, 0x2A6DF), (0x30, 0x39), (0x660, 0x669), (0x2150, 0x218F),
]
PARTS = [
    "<|endoftext|>", "<|fim_prefix|>", "'s", "'LL", "'ve", "'\u017f", "\r\n", "\n", "\n\n\n", " ", "   ", "\t", "\u00a0", "\u2028", "\u3000", "\x00",
    "1234567", "...", "!!!\n", " (", "http://example.com/?a=b&c", "def f(x):\n    return x", "\ufeff", "\ufffe", "e\u0301", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
]


def texts(random: random.Random):
    for first, last in RANGES:
        for _ in range(200):
            yield "".join(chr(random.randint(first, last)) for _ in range(random.randint(1, 60)))
    for _ in range(5000):
        pieces = []
        for _ in range(random.randint(1, 25)):
            if random.random() < 0.4:
                pieces.append(random.choice(PARTS))
            else:
                first, last = random.choice(RANGES)
                pieces.append("".join(chr(random.randint(first, last)) for _ in range(random.randint(1, 12))))
        yield "".join(pieces)
    for letter in ["a", " ", "\n", "-", "é", "語", "1", "\U0001f600"]:
        for length in (1, 2, 3, 7, 100, 255, 256, 257, 300, 5000):
            yield letter * length


def broken(random: random.Random):
    for _ in range(1000):
        data = bytearray("".join(random.choice(PARTS) for _ in range(5)).encode("utf-8", "replace"))
        for _ in range(random.randint(1, 6)):
            data.insert(random.randint(0, len(data)), random.randint(0x80, 0xFF))
        yield bytes(data)


def vocabulary(folder: pathlib.Path) -> pathlib.Path:
    """The folder, in which tiktoken finds the vocabulary that the project has."""
    url = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
    place = folder / hashlib.sha1(url.encode()).hexdigest()
    if not place.exists():
        subprocess.run([sys.executable, ROOT / "tools/generate_vocabulary.py", "--restore", place], check=True)
    return folder


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TIKTOKEN_CACHE_DIR"] = str(vocabulary(pathlib.Path(cache)))
        import tiktoken

        encoding = tiktoken.get_encoding("cl100k_base")
        seeded = random.Random(20261123)
        files = [p for kind in ("txt", "md", "xml", "html") for p in sorted((SHARED / "corpora" / kind).rglob("*")) if p.is_file()]
        items = [t.encode("utf-8", "surrogatepass") for t in texts(seeded)] + list(broken(seeded)) + [p.read_bytes() for p in files if p.stat().st_size < 2_000_000]
        with open(sys.argv[1], "w") as out:
            for data in items:
                count = len(encoding.encode_ordinary(data.decode("utf-8", "replace")))
                out.write(json.dumps({"bytes": base64.b64encode(data).decode(), "count": count}) + "\n")
        print(f"{len(items)} strings, {len(files)} of them files of the corpora")


if __name__ == "__main__":
    main()
