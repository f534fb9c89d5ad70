#!/usr/bin/env python3
"""Writes the demo's PDF from its text: `make_pdf.py < documents/keeper-handbook.source.txt > documents/keeper-handbook.pdf`.

The first line is the title; a form feed begins a new page; lines are set as they are, in Helvetica.
"""
import sys


def pdf(title: str, pages: list[list[str]]) -> bytes:
    objects = ["<</Type/Catalog/Pages 2 0 R>>", "", f"<</Title({title})/Producer(make_pdf.py)>>", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"]
    kids = []
    for lines in pages:
        quoted = [line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for line in lines]
        text = "BT /F1 11 Tf 14 TL 72 770 Td\n" + "".join(f"({line}) Tj T*\n" for line in quoted) + "ET"
        objects.append(f"<</Length {len(text)}>>\nstream\n{text}\nendstream")
        resources = "<</Font<</F1 4 0 R>>>>"
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources {resources}/Contents {len(objects)} 0 R>>")
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>"
    out, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<</Size {len(objects) + 1}/Root 1 0 R/Info 3 0 R>>\nstartxref\n{len(out)}\n%%EOF\n"
    return out.encode("latin-1")


if __name__ == "__main__":
    title, _, rest = sys.stdin.read().partition("\n")
    sys.stdout.buffer.write(pdf(title, [page.strip("\n").split("\n") for page in rest.split("\f")]))
