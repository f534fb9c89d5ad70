"""A bucket of very many small objects: as much of S3 as `ingestctl` and `ingest-worker` speak to it (ListObjectsV2 by `start-after`, GET). The text of an object follows
from its key and version, so that nothing is stored but keys."""
import bisect
import hashlib
import http.server
import threading
import urllib.parse
import xml.sax.saxutils

WORDS = "harbour pilot tide lantern anchor ballast beacon cargo channel customs deck dredger ferry fathom gangway".split()


def text(key: str, version: int) -> str:
    digest = hashlib.sha256(f"{key} {version}".encode()).digest()
    return f"Entry {key} in version {version}: " + " ".join(WORDS[byte % len(WORDS)] for byte in digest[:16]) + "."


def etag(key: str, version: int) -> str:
    return hashlib.md5(text(key, version).encode()).hexdigest()


class Bucket:
    def __init__(self, name: str) -> None:
        self.name = name
        self.versions: dict[str, int] = {}
        self.order: list[bytes] = []
        handler = type("Handler", (_Handler,), {"bucket": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def fill(self, versions: dict[str, int]) -> None:
        self.versions = dict(versions)
        self.order = sorted(key.encode() for key in versions)

    def change(self, key: str) -> None:
        self.versions[key] += 1

    def remove(self, key: str) -> None:
        del self.versions[key]
        self.order.pop(bisect.bisect_left(self.order, key.encode()))

    def page(self, prefix: bytes, after: bytes, limit: int) -> tuple[list[str], bool]:
        start = max(bisect.bisect_left(self.order, prefix), bisect.bisect_right(self.order, after) if after else 0)
        found = [key for key in self.order[start : start + limit + 1] if key.startswith(prefix)]
        return [key.decode() for key in found[:limit]], len(found) > limit

    def stop(self) -> None:
        self.server.shutdown()


class _Handler(http.server.BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amz-request-id", "0")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        _, bucket, *rest = address.path.split("/", 2)
        if bucket != self.bucket.name:
            return self.answer(404, b"<Error><Code>NoSuchBucket</Code></Error>", Content_Type="application/xml")
        key = urllib.parse.unquote(rest[0]) if rest else ""
        return self.object(key) if key else self.listing(dict(urllib.parse.parse_qsl(address.query)))

    def object(self, key: str) -> None:
        version = self.bucket.versions.get(key)
        if version is None:
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>", Content_Type="application/xml")
        tag = f'"{etag(key, version)}"'
        if self.headers.get("If-None-Match") == tag:
            return self.answer(304, ETag=tag)
        return self.answer(200, text(key, version).encode(), ETag=tag, Content_Type="text/plain", Last_Modified="Sun, 01 Nov 2026 08:00:00 GMT")

    def listing(self, query: dict[str, str]) -> None:
        limit = int(query.get("max-keys", "1000"))
        keys, more = self.bucket.page(query.get("prefix", "").encode(), query.get("start-after", "").encode(), limit)
        items = "".join(
            f"<Contents><Key>{xml.sax.saxutils.escape(urllib.parse.quote(key))}</Key><LastModified>2026-11-01T08:00:00.000Z</LastModified>"
            f"<ETag>&quot;{etag(key, self.bucket.versions[key])}&quot;</ETag><Size>100</Size></Contents>" for key in keys
        )
        token = "<NextContinuationToken>t</NextContinuationToken>" if more else ""
        body = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{items}</ListBucketResult>"
        self.answer(200, body.encode(), Content_Type="application/xml")
