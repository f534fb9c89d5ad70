"""Small servers in front of others: a guard that asks for a signature or a password (over TLS too), and a forward proxy."""
import base64
import hashlib
import pathlib
import ssl
import subprocess
import threading
from http.server import ThreadingHTTPServer

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from forwarding import ForwardingHandler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, handler, certificate: pathlib.Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.seen: list[str] = []
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address) -> None:
        """A client that does not trust the certificate hangs up: that is what is tested."""

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.shutdown()
        self.server_close()


class Handler(ForwardingHandler):
    keeps_authorization = False

    def respond(self, body: bytes) -> None:
        self.server.seen.append(f"{self.command} {self.path}")
        if refusal := self.refusal(body):
            return self.reply(403 if refusal[0] else 401, refusal[1].encode(), {"Content-Type": "application/json"})
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "authorization", "proxy-connection")}
        if self.keeps_authorization and "Authorization" in self.headers:
            headers["Authorization"] = self.headers["Authorization"]
        if self.keeps_authorization:
            headers["Host"] = self.headers["Host"]
        self.reply(*self.forward(self.target(), body, headers))

    def refusal(self, body: bytes) -> tuple[bool, str] | None:
        return None


def signature_guard(upstream: str, service: str, region: str, keys: Credentials) -> Server:
    """Lets through what botocore would have signed the same way."""

    class Guard(Handler):
        def target(self) -> str:
            return upstream + self.path

        def refusal(self, body: bytes) -> tuple[bool, str] | None:
            given = self.headers.get("Authorization", "")
            if f"Credential={keys.access_key}/" not in given or f"/{region}/{service}/aws4_request" not in given:
                return True, '{"message":"Missing Authentication Token"}'
            names = given.split("SignedHeaders=")[1].split(",")[0].split(";")
            if service == "aoss" and self.headers.get("x-amz-content-sha256") != hashlib.sha256(body).hexdigest():
                return True, '{"message":"x-amz-content-sha256 is missing or wrong"}'
            request = AWSRequest(self.command, f"http://{self.headers['Host']}{self.path}", data=body)
            for name in names:
                if name != "host":
                    request.headers[name] = self.headers[name]
            request.context["timestamp"] = self.headers["X-Amz-Date"]
            signer = botocore.auth.SigV4Auth(keys, service, region)
            wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
            if keys.token != self.headers.get("X-Amz-Security-Token") or given.split("Signature=")[1] != wanted:
                return True, '{"message":"The request signature we calculated does not match the signature you provided."}'
            return None

    return Server(Guard)


def password_guard(upstream: str, user: str, password: str, certificate: pathlib.Path | None = None) -> Server:
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Guard(Handler):
        def target(self) -> str:
            return upstream + self.path

        def refusal(self, body: bytes) -> tuple[bool, str] | None:
            return None if self.headers.get("Authorization") == wanted else (False, "Unauthorized")

    return Server(Guard, certificate)


def forward_proxy() -> Server:
    class Forward(Handler):
        keeps_authorization = True

        def target(self) -> str:
            return self.path

    return Server(Forward)


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.key, self.certificate = folder, folder / "ca.key", folder / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Test authority", "-keyout", self.key, "-out", self.certificate)

    def issue(self, name: str, alternative: str, before: list[str] = []) -> pathlib.Path:
        """A file with certificate and key. `before` is a command that runs the signing, such as one that turns back the clock."""
        key, request, signed, extension = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "crt", "ext"))
        extension.write_text(f"subjectAltName={alternative}\n")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "2", "-extfile", extension, "-out", signed, before=before)
        whole = self.folder / f"{name}.pem"
        whole.write_text(signed.read_text() + key.read_text())
        return whole

    @staticmethod
    def _openssl(*arguments, before: list[str] = []) -> None:
        subprocess.run([*before, "openssl", *map(str, arguments)], check=True, capture_output=True)
