"""Speaks with `document-extractor` as the worker does: frames over a socketpair, the document as a descriptor beside its request."""
import os
import pathlib
import select
import socket
import struct
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = ROOT / ".build/release/document-extractor"
OCR = ROOT / ".build/release/document-ocr"
FORMATS = ["", "pdf", "html", "xml", "markdown", "text", "docx", "pptx", "xlsx", "odt", "odp", "ods", "epub", "rtf", "mail", "csv", "json", "image"]
OMISSIONS = ["", "encoded_file", "damaged", "navigation", "running_lines", "line_numbers", "deleted_text", "layout"]
KINDS = ["", "paragraph", "heading", "listItem", "tableRow", "code"]
REJECTIONS = ["", "encrypted", "malformed", "unsupported", "empty", "too_large", "too_many_pages", "timeout", "memory", "crash", "output_limit",
              "too_many_chunks", "embedding_refused", "index_refused", "archived", "forbidden", "needs_ocr", "low_quality"]


class Rejected(Exception):
    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


class Reader:
    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def byte(self) -> int:
        self.at += 1
        return self.body[self.at - 1]

    def integer(self) -> int:
        self.at += 4
        return struct.unpack_from("<I", self.body, self.at - 4)[0]

    def float(self) -> float:
        self.at += 4
        return struct.unpack_from("<f", self.body, self.at - 4)[0]

    def bytes(self) -> bytes:
        count = self.integer()
        self.at += count
        return self.body[self.at - count:self.at]

    def string(self) -> str:
        return self.bytes().decode()

    def list(self, read) -> list:
        return [read() for _ in range(self.integer())]


def decode(body: bytes) -> dict:
    reader = Reader(body)
    kind = reader.byte()
    if kind == 2:
        raise Rejected(REJECTIONS[reader.byte()], reader.string())
    assert kind == 1, kind
    document = {"format": FORMATS[reader.byte()], "title": reader.string(), "author": reader.string(), "language": reader.string(), "text": reader.bytes()}
    document["blocks"] = reader.list(lambda: (KINDS[reader.byte()], reader.byte(), reader.integer(), reader.integer()))
    document["pages"] = reader.list(lambda: (reader.integer(), reader.integer(), reader.integer()))
    document["lines"] = reader.list(lambda: (reader.integer(), reader.integer(), reader.integer(), reader.float(), reader.float(), reader.float(), reader.float()))
    for name in ("created", "modified", "promised"):
        document[name] = reader.string()
    document["outline"] = reader.list(lambda: (reader.integer(), reader.string()))
    for name in ("links", "attachments", "running"):
        document[name] = reader.list(reader.string)
    for name in ("pagesWithoutText", "pictures", "recognized", "hidden", "invisible"):
        document[name] = reader.integer()
    document["quality"] = reader.float()
    document["omitted"] = dict(reader.list(lambda: (OMISSIONS[reader.byte()], reader.integer())))
    assert reader.at == len(body)
    return document


class Extractor:
    """One child."""

    def __init__(self, memory: int = 1 << 30, sandbox: bool = True, environment: dict | None = None, program: pathlib.Path = PROGRAM,
                 languages: str = "", user: int | None = None, folder: pathlib.Path | None = None, landlock: bool = True) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.errors, errors = os.pipe()
        os.set_blocking(self.errors, False)
        command = [program, "--memory-bytes", str(memory)] + (["--languages", languages] if languages else []) + ([] if sandbox else ["--no-sandbox"]) + ([] if landlock else ["--without-landlock"])
        self.process = subprocess.Popen(command, stdin=theirs, stdout=errors, stderr=errors, env={"SWIFT_BACKTRACE": "enable=no", "OMP_THREAD_LIMIT": "1"} | (environment or {}),
                                        user=user, group=user, extra_groups=[] if user else None, cwd=folder)
        theirs.close()
        os.close(errors)
        self.socket = ours
        self.opened = 0  # files that were opened for it

    def ask(self, path: str | pathlib.Path, name: str | None = None, content_type: str = "", encoding: str = "", pages: int = 10_000, text: int = 64 << 20,
            main: bool = True, deadline: float = 60) -> bytes:
        """The body of the reply."""
        name = pathlib.Path(path).name if name is None else name
        request = b"\x02" + b"".join(struct.pack("<I", len(s)) + s for s in (name.encode("utf-8", "replace"), content_type.encode(), encoding.encode()))
        request += struct.pack("<IIB", pages, text, 1 if main else 0)
        self.number = os.urandom(8)
        request += self.number
        descriptor = os.open(path, os.O_RDONLY)
        try:
            socket.send_fds(self.socket, [struct.pack("<I", len(request)) + request], [descriptor])
        finally:
            os.close(descriptor)
        return self._reply(time.monotonic() + deadline)

    def _reply(self, end: float) -> bytes:
        while True:
            body = self._receive(struct.unpack("<I", self._receive(4, end))[0], end)
            if body[:1] != b"\x04":
                assert body[-8:] == self.number, "the reply to another request"
                return body[:-8]
            self._open(body[1:].decode(errors="replace"))

    def _open(self, path: str) -> None:
        """As the worker does for a child without Landlock: files below /usr and /lib."""
        real = os.path.realpath(path)
        try:
            if not real.startswith(("/usr/", "/lib/", "/lib64/")):
                raise PermissionError(13, path)
            descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as error:
            return self.socket.sendall(struct.pack("<IB", 1, error.errno or 13))
        self.opened += 1
        try:
            socket.send_fds(self.socket, [struct.pack("<IB", 1, 0)], [descriptor])
        finally:
            os.close(descriptor)

    def probe(self) -> tuple[int, int]:
        """What the sandbox let through (see `sandbox_probe`), and the kernel's Landlock version."""
        self.number = os.urandom(8)
        self.socket.sendall(struct.pack("<IB", 9, 1) + self.number)
        return struct.unpack("<xII", self._reply(time.monotonic() + 10))

    def read(self, path, **options) -> dict:
        body = self.ask(path, **options)
        errors = self.take_errors()
        if "Out of memory" in errors or "bad_alloc" in errors:
            raise Rejected("memory")
        return decode(body)

    def take_errors(self) -> str:
        try:
            return os.read(self.errors, 65536).decode(errors="replace")
        except BlockingIOError:
            return ""

    def _receive(self, count: int, end: float) -> bytes:
        parts, left = [], count
        while left:
            if not select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
                raise Rejected("timeout")
            part = self.socket.recv(min(left, 1 << 20))
            if not part:
                raise ConnectionError("the child has ended")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    @property
    def memory(self) -> int:
        """Peak resident bytes."""
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
        return 0

    @property
    def cpu(self) -> float:
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> int:
        self.socket.close()
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        os.close(self.errors)
        return code
