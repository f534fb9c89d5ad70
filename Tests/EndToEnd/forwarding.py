"""Passing an HTTP request on to another server."""
import http.client
import urllib.parse
from http.server import BaseHTTPRequestHandler

HOP_BY_HOP = ("transfer-encoding", "connection", "content-length")


class ForwardingHandler(BaseHTTPRequestHandler):
    """Reads a request; `respond` answers it, mostly with what `forward` brings."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        pass

    def handle_any(self) -> None:
        self.respond(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

    def forward(self, url: str, body: bytes, headers: dict, connections: set | None = None) -> tuple[int, bytes, dict, str | None]:
        """Status, body, headers and the Content-Length that a HEAD was answered with. `connections` holds the connection meanwhile."""
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        if connections is not None:
            connections.add(connection)
        try:
            connection.request(self.command, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
            response = connection.getresponse()
            kept = {k: v for k, v in response.getheaders() if k.lower() not in HOP_BY_HOP}
            return response.status, response.read(), kept, response.getheader("Content-Length")
        finally:
            connection.close()
            if connections is not None:
                connections.discard(connection)

    def reply(self, status: int, data: bytes, headers: dict, length: str | None = None) -> None:
        try:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status not in (204, 304):
                self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(data)))
            self.end_headers()
            if self.command != "HEAD" and status not in (204, 304):
                self.wfile.write(data)
        except OSError:
            self.close_connection = True
