"""Writes small PDFs for tests."""


def pdf(objects: list[bytes]) -> bytes:
    """Objects numbered from 1; the first is the catalog."""
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table, len(objects) + 1, len(out)))


def stream(content: bytes, fields: bytes = b"") -> bytes:
    """An object that is a stream; `fields` are those of its dictionary beside the length."""
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (fields, len(content), content)
