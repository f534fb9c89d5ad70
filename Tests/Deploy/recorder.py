"""Stands between the programs and a server, and writes down what is called by whom."""
import http.client
import http.server
import json
import pathlib
import re
import ssl
import threading
import time
import urllib.parse


class Recorder:
    """Forwards each request as it came, signature and all. `calls` has (caller, method, target, headers, body, status)."""

    def __init__(self, upstream: str, caller, certificate: tuple[pathlib.Path, pathlib.Path] | None = None) -> None:
        """`caller(headers)` names who asks. With a certificate it listens for TLS."""
        self.calls: list[tuple[str, str, str, dict, bytes, int]] = []
        # The operations that have arrived, answered or not.
        self.arrived: list[str] = []
        self.delay = 0.0
        url = urllib.parse.urlparse(upstream)
        context = ssl._create_unverified_context() if url.scheme == "https" else None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                if self.headers.get("Expect", "").lower() == "100-continue":
                    self.send_response_only(100)
                    self.end_headers()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.arrived.append(self.headers.get("X-Amz-Target", self.command))
                time.sleep(outer.delay)
                kind = http.client.HTTPSConnection if context else http.client.HTTPConnection
                connection = kind(url.hostname, url.port, timeout=60, **({"context": context} if context else {}))
                try:
                    connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():
                        if name.lower() != "expect":
                            connection.putheader(name, value)
                    connection.endheaders(body or None)
                    answer = connection.getresponse()
                    data = answer.read()
                    outer.calls.append((caller(self.headers), self.command, self.path, dict(self.headers), body, answer.status))
                    self.send_response_only(answer.status, answer.reason)
                    for name, value in answer.getheaders():
                        if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                            self.send_header(name, value)
                    length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
                    if answer.status not in (204, 304) and length is not None:
                        self.send_header("Content-Length", length)
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(data)
                except (OSError, http.client.HTTPException):
                    self.close_connection = True
                finally:
                    connection.close()

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = forward

            def log_message(self, *_: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size, daemon_threads = 128, True

            def finish_request(self, request, address) -> None:
                # The handshake is made in the connection's own thread.
                if certificate:
                    request = tls.wrap_socket(request, server_side=True)
                super().finish_request(request, address)

            def handle_error(self, request, address) -> None:
                pass

        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(*certificate)
        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def action(method: str, target: str, headers: dict, body: bytes, status: int) -> list[tuple[str, str]]:
    """The IAM actions of a request with their resources (service authorization reference of S3 and SQS)."""
    operation = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "")
    if operation.startswith("AmazonSQS."):
        queue = json.loads(body)["QueueUrl"].rsplit("/", 1)[1]
        return [("sqs:" + operation.removeprefix("AmazonSQS.").removesuffix("Batch"), f"arn:aws:sqs:us-east-1:000000000000:{queue}")]
    path, _, query = target.partition("?")
    bucket, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
    names = set(urllib.parse.parse_qs(query, keep_blank_values=True))
    if not key:
        if "notification" in names:
            return [("s3:GetBucketNotification", f"arn:aws:s3:::{bucket}")]
        return [("s3:DeleteObject", f"arn:aws:s3:::{bucket}/{key}") for key in re.findall(rb"<Key>(.*?)</Key>", body)] if "delete" in names else [("s3:ListBucket", f"arn:aws:s3:::{bucket}")]
    verb = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[method]
    found = [(f"s3:{verb}", f"arn:aws:s3:::{bucket}/{key}")]
    # S3 says 404 of a missing object to those who may list the bucket, and 403 to others (API reference, GetObject, "Permissions").
    return found + [("s3:ListBucket", f"arn:aws:s3:::{bucket}")] if verb == "GetObject" and status == 404 else found
