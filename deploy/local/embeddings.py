#!/usr/bin/env python3
"""An embeddings server with a small real model: `embeddings.py --port N [--key KEY]`. It speaks OpenAI's API (/v1/embeddings), Voyage's (the same with
`output_dimension`), Cohere's (/v2/embed) and Amazon Bedrock's (/model/NAME/invoke, of Titan and Cohere models, signed), each with its limits and its errors.

The model is wordllama's table of token vectors (256 dimensions, from its wheel), averaged over a text. POST /control sets, for all later
requests: latency_ms, throttle_every (each n-th request is a 429), retry_after (its header, seconds), quota (1: 429 insufficient_quota),
dimensions (vectors of that length, whatever was requested), refuse (a text that contains it is a 400), tokens_per_minute and requests_per_minute (limits of
OpenAI's kind: what is not used gathers for bucket_seconds; a request beyond them is a 429), and what batches.py says of OpenAI's batch API. GET /control returns the counts.
"""
import argparse
import base64
import glob
import json
import sysconfig
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from batches import Batches

PACKAGES = sysconfig.get_paths()["purelib"]
MAXIMUM_TOKENS = 300_000


class Model:
    dimensions = 256

    def __init__(self) -> None:
        weights = load_file(glob.glob(PACKAGES + "/wordllama/weights/*.safetensors")[0])
        self.table = weights["embedding.weight"].astype(np.float32)
        self.tokenizer = Tokenizer.from_file(glob.glob(PACKAGES + "/wordllama/tokenizers/*.json")[0])
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def encode(self, texts: list[str], dimensions: int) -> tuple[np.ndarray, list[int]]:
        encoded = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        vectors = np.stack([self.table[e.ids].mean(0) if e.ids else self.table[:1].mean(0) for e in encoded])[:, :dimensions]
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        if dimensions > vectors.shape[1]:
            # A vector that is repeated keeps every cosine, and so do zeros behind it.
            times = dimensions // vectors.shape[1]
            vectors = np.tile(vectors, (1, times)) / np.float32(times**0.5)
            vectors = np.pad(vectors, ((0, 0), (0, dimensions - vectors.shape[1])))
        return vectors.astype("<f4"), [len(e.ids) for e in encoded]


class Limit:
    """A token bucket: full at first, and filled again at the rate."""

    def __init__(self, per_minute: int, seconds: float) -> None:
        self.per_minute, self.size = per_minute, per_minute * seconds / 60
        self.left, self.at = self.size, time.monotonic()

    def take(self, count: int) -> bool:
        now = time.monotonic()
        self.left, self.at = min(self.size, self.left + (now - self.at) * self.per_minute / 60), now
        if self.left < count:
            return False
        self.left -= count
        return True

    def headers(self, kind: str) -> dict[str, object]:
        reset = (self.size - self.left) * 60_000 / self.per_minute
        return {f"x-ratelimit-limit-{kind}": self.per_minute, f"x-ratelimit-remaining-{kind}": int(self.left), f"x-ratelimit-reset-{kind}": f"{int(reset)}ms"}


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, host: str, port: int, key: str) -> None:
        super().__init__((host, port), Handler)
        self.key, self.model, self.lock = key, Model(), threading.Lock()
        self.control = {"latency_ms": 0, "throttle_every": 0, "retry_after": 0, "quota": 0, "dimensions": 0, "refuse": ""}
        self.control |= {"tokens_per_minute": 600_000_000, "requests_per_minute": 600_000, "bucket_seconds": 60}
        self.control |= {"batch_seconds": 1, "batch_fail": "", "batch_expire": 0}
        self.limits: dict[str, Limit] = {}
        self.batches = Batches()
        self.counts = {"requests": 0, "served": 0, "inputs": 0, "tokens": 0, "throttled": 0, "batch_tokens": 0}

    def take(self, tokens: int) -> tuple[bool, dict[str, object]]:
        """Whether the account's limits have room for a request, and what its headers say then."""
        with self.lock:
            for kind in ("requests", "tokens"):
                settings = (self.control[f"{kind}_per_minute"], self.control["bucket_seconds"])
                known = self.limits.get(kind)
                if not known or (known.per_minute, known.size) != (settings[0], settings[0] * settings[1] / 60):
                    self.limits[kind] = Limit(*settings)
            fits = self.limits["requests"].take(1) and self.limits["tokens"].take(tokens)
            return fits, self.limits["requests"].headers("requests") | self.limits["tokens"].headers("tokens")

    def count(self, **add: int) -> int:
        with self.lock:
            for name, value in add.items():
                self.counts[name] += value
            return self.counts["requests"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    request_body: dict | None = None

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: dict, headers: dict[str, object] = {}) -> None:
        data = json.dumps(body, separators=(",", ":")).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status: int, message: str, code: str | None = None, param: str | None = None, headers: dict[str, object] = {}) -> None:
        api = self.api()
        if api == "voyage":
            return self.answer(status, {"detail": message}, headers)
        if api in ("cohere", "bedrock"):
            return self.answer(status, {"message": message}, headers)
        kind = code if status == 429 else "invalid_request_error"
        self.answer(status, {"error": {"message": message, "type": kind, "param": param, "code": code}}, headers)

    def api(self) -> str | None:
        """Whose request it is, by its path and, where two share one, by its fields."""
        if self.path == "/v1/embeddings":
            return "voyage" if self.request_body and "input_type" in self.request_body else "openai"
        if self.path == "/v2/embed":
            return "cohere"
        return "bedrock" if self.path.startswith("/model/") and self.path.endswith("/invoke") else None

    def do_GET(self) -> None:
        if self.path == "/control":
            return self.answer(200, {**self.server.control, **self.server.counts})
        self.batch(b"")

    def do_DELETE(self) -> None:
        self.batch(b"")

    def batch(self, body: bytes) -> None:
        if self.headers.get("Authorization") != f"Bearer {self.server.key}":
            return self.refuse(401, "Incorrect API key provided.", "invalid_api_key")
        status, answer = self.server.batches.handle(self.command, self.path, body, self.headers.get("Content-Type") or "", self.server.control, self.embedded)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def embedded(self, request: dict) -> dict:
        """A response of OpenAI's API within a batch."""
        vectors, tokens = self.server.model.encode(request["input"], request.get("dimensions") or self.server.model.dimensions)
        self.server.count(inputs=len(tokens), tokens=sum(tokens), batch_tokens=sum(tokens))
        as_text = request.get("encoding_format") == "base64"
        data = [{"object": "embedding", "index": i, "embedding": base64.b64encode(v.tobytes()).decode() if as_text else v.tolist()} for i, v in enumerate(vectors)]
        return {"object": "list", "data": data, "model": request.get("model", ""), "usage": {"prompt_tokens": sum(tokens), "total_tokens": sum(tokens)}}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path in ("/v1/files", "/v1/batches"):
            return self.batch(body)
        if self.path == "/control":
            self.server.control.update(json.loads(body))
            return self.answer(200, self.server.control)
        self.request_body = None if self.path == "/control" else json.loads(body)
        api = self.api()
        if not api:
            return self.refuse(404, "unknown path")
        authorization = self.headers.get("Authorization") or ""
        if api == "bedrock":
            if not authorization.startswith("AWS4-HMAC-SHA256 ") or "/bedrock/aws4_request" not in authorization:
                return self.refuse(403, "The request signature is missing or of another service.")
        elif authorization != f"Bearer {self.server.key}":
            return self.refuse(401, "Incorrect API key provided.", "invalid_api_key")
        control = dict(self.server.control)
        number = self.server.count(requests=1)
        if control["quota"]:
            return self.refuse(429, "You exceeded your current quota, please check your plan and billing details.", "insufficient_quota")
        if control["throttle_every"] and number % control["throttle_every"] == 0:
            self.server.count(throttled=1)
            headers = {"retry-after": control["retry_after"]} if control["retry_after"] else {}
            return self.refuse(429, "Rate limit reached.", "rate_limit_exceeded", headers=headers)
        time.sleep(control["latency_ms"] / 1000)
        self.embed(api, self.request_body, control)

    def embed(self, api: str, request: dict, control: dict) -> None:
        is_titan = api == "bedrock" and "inputText" in request
        texts = [request["inputText"]] if is_titan else request.get("input") or request.get("texts") or []
        texts = [texts] if isinstance(texts, str) else texts
        most = {"openai": 2048, "voyage": 128}.get(api, 96)
        if not texts or len(texts) > most or not all(isinstance(t, str) and t for t in texts):
            return self.refuse(400, f"'$.input' is invalid: 1 to {most} strings, none empty", param="input")
        if api in ("cohere", "bedrock") and not is_titan and request.get("input_type") not in ("search_document", "search_query"):
            return self.refuse(400, "invalid request: input_type is required")
        if control["refuse"] and any(control["refuse"] in t for t in texts):
            return self.refuse(400, "'$.input' is invalid.", param="input")
        dimensions = control["dimensions"] or request.get("dimensions") or request.get("output_dimension") or self.server.model.dimensions
        vectors, tokens = self.server.model.encode(texts, dimensions)
        if max(tokens) > 4 * 8192:
            return self.refuse(400, f"This model's maximum context length is 8192 tokens, however you requested {max(tokens)} tokens.", param="input")
        if sum(tokens) > MAXIMUM_TOKENS:
            return self.refuse(400, f"Requested {sum(tokens)} tokens, max 300000 tokens per request", "max_tokens_per_request", "input")
        fits, limits = self.server.take(sum(tokens))
        if not fits:
            self.server.count(throttled=1)
            shown = limits if api == "openai" else {}
            return self.refuse(429, "Rate limit reached for tokens per minute (TPM).", "rate_limit_exceeded", headers=shown)
        as_text = request.get("encoding_format") == "base64" or request.get("embedding_types") == ["base64"]
        written = [base64.b64encode(v.tobytes()).decode() if as_text else v.tolist() for v in vectors]
        self.server.count(served=1, inputs=len(texts), tokens=sum(tokens))
        if is_titan:
            return self.answer(200, {"embedding": written[0], "embeddingsByType": {"float": written[0]}, "inputTextTokenCount": sum(tokens)})
        if api in ("cohere", "bedrock"):
            kind = "base64" if as_text else "float"
            return self.answer(200, {"id": "local", "embeddings": {kind: written}, "meta": {"billed_units": {"input_tokens": sum(tokens)}}})
        data = [{"object": "embedding", "index": i, "embedding": each} for i, each in enumerate(written)]
        usage = {"total_tokens": sum(tokens)} | ({"prompt_tokens": sum(tokens)} if api == "openai" else {})
        self.answer(200, {"object": "list", "data": data, "model": request.get("model", ""), "usage": usage}, limits if api == "openai" else {})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--key", default="local-key")
    options = parser.parse_args()
    Server(options.host, options.port, options.key).serve_forever()
