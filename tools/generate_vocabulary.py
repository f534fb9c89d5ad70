#!/usr/bin/env python3
"""Generates what the tokenizer compiles in: `generate_vocabulary.py CL100K.tiktoken`.

Input: OpenAI's published cl100k_base.tiktoken (sha256 below), lines of "base64 rank". Outputs, in Sources/CVocabulary:
  cl100k.vocabulary   100,256 length bytes in the order of rank, then the tokens' bytes in the same order
  unicode16.classes   one byte for each block of 128 code points (the number of its table), then the tables, 128 bytes each:
                      0 other, 1 letter (L*), 2 number (N*), 3 White_Space but CR and LF, 4 CR or LF
The classes are those of Unicode 16, as in tiktoken's regex engine: needs `unicodedata2==16.0.0`.
`generate_vocabulary.py --restore OUT` writes the original file back from the table, for tiktoken's cache.
"""
import base64
import hashlib
import pathlib
import sys

SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Sources" / "CVocabulary"
COUNT = 100_256
# White_Space of the Unicode character database (PropList.txt), unchanged since Unicode 6.3.
SPACES = {*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}


def vocabulary(source: bytes) -> bytes:
    tokens = [b""] * COUNT
    for line in source.splitlines():
        token, rank = line.split()
        tokens[int(rank)] = base64.b64decode(token)
    assert all(0 < len(token) < 256 for token in tokens)
    return bytes(len(token) for token in tokens) + b"".join(tokens)


def restored(table: bytes) -> bytes:
    out, at = [], COUNT
    for rank in range(COUNT):
        out.append(base64.b64encode(table[at : at + table[rank]]) + b" %d\n" % rank)
        at += table[rank]
    return b"".join(out)


def classes() -> bytes:
    import unicodedata2
    assert unicodedata2.unidata_version == "16.0.0"

    def of(code: int) -> int:
        if code in (10, 13):
            return 4
        if code in SPACES:
            return 3
        return {"L": 1, "N": 2}.get(unicodedata2.category(chr(code))[0], 0)

    tables: dict[bytes, int] = {}
    index = bytearray()
    for block in range(0x110000 >> 7):
        table = bytes(of(block << 7 | low) for low in range(128))
        index.append(tables.setdefault(table, len(tables)))
    return bytes(index) + b"".join(tables)


def main() -> None:
    if sys.argv[1] == "--restore":
        source = restored((FOLDER / "cl100k.vocabulary").read_bytes())
        assert hashlib.sha256(source).hexdigest() == SHA256
        pathlib.Path(sys.argv[2]).write_bytes(source)
        return
    source = pathlib.Path(sys.argv[1]).read_bytes()
    assert hashlib.sha256(source).hexdigest() == SHA256, "not the published cl100k_base vocabulary"
    table = vocabulary(source)
    assert restored(table) == source
    (FOLDER / "cl100k.vocabulary").write_bytes(table)
    (FOLDER / "unicode16.classes").write_bytes(classes())


if __name__ == "__main__":
    main()
