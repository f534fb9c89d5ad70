#!/usr/bin/env python3
"""An OpenAI-compatible embeddings server with a small real model: `embeddings.py --port N [--key KEY]`.

The model is wordllama's table of token vectors (256 dimensions, from its wheel), averaged over a text. POST /control sets, for all later
requests: latency_ms, throttle_every (each n-th request is a 429), retry_after (its header, seconds), quota (1: 429 insufficient_quota),
dimensions (vectors of that length, whatever was requested), refuse (a text that contains it is a 400). GET /control returns the counts.
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


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, host: str, port: int, key: str) -> None:
        super().__init__((host, port), Handler)
        self.key, self.model, self.lock = key, Model(), threading.Lock()
        self.control = {"latency_ms": 0, "throttle_every": 0, "retry_after": 0, "quota": 0, "dimensions": 0, "refuse": ""}
        self.counts = {"requests": 0, "served": 0, "inputs": 0, "tokens": 0, "throttled": 0}

    def count(self, **add: int) -> int:
        with self.lock:
            for name, value in add.items():
                self.counts[name] += value
            return self.counts["requests"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

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
        kind = code if status == 429 else "invalid_request_error"
        self.answer(status, {"error": {"message": message, "type": kind, "param": param, "code": code}}, headers)

    def do_GET(self) -> None:
        if self.path == "/control":
            return self.answer(200, {**self.server.control, **self.server.counts})
        self.refuse(404, "unknown path")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/control":
            self.server.control.update(json.loads(body))
            return self.answer(200, self.server.control)
        if self.path != "/v1/embeddings":
            return self.refuse(404, "unknown path")
        if self.headers.get("Authorization") != f"Bearer {self.server.key}":
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
        self.embed(json.loads(body), control)

    def embed(self, request: dict, control: dict) -> None:
        texts = [request["input"]] if isinstance(request["input"], str) else request["input"]
        if not texts or len(texts) > 2048 or not all(isinstance(t, str) and t for t in texts):
            return self.refuse(400, "'$.input' is invalid: 1 to 2048 strings, none empty", param="input")
        if control["refuse"] and any(control["refuse"] in t for t in texts):
            return self.refuse(400, "'$.input' is invalid.", param="input")
        dimensions = control["dimensions"] or request.get("dimensions") or self.server.model.dimensions
        vectors, tokens = self.server.model.encode(texts, dimensions)
        if max(tokens) > 4 * 8192:
            return self.refuse(400, f"This model's maximum context length is 8192 tokens, however you requested {max(tokens)} tokens.", param="input")
        if sum(tokens) > MAXIMUM_TOKENS:
            return self.refuse(400, f"Requested {sum(tokens)} tokens, max 300000 tokens per request", "max_tokens_per_request", "input")
        as_text = request.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": i, "embedding": base64.b64encode(v.tobytes()).decode() if as_text else v.tolist()}
            for i, v in enumerate(vectors)
        ]
        self.server.count(served=1, inputs=len(texts), tokens=sum(tokens))
        usage = {"prompt_tokens": sum(tokens), "total_tokens": sum(tokens)}
        limits = {
            "x-ratelimit-limit-requests": 3000, "x-ratelimit-remaining-requests": 2999, "x-ratelimit-reset-requests": "20ms",
            "x-ratelimit-limit-tokens": 1_000_000, "x-ratelimit-remaining-tokens": 1_000_000 - sum(tokens), "x-ratelimit-reset-tokens": "6ms",
        }
        self.answer(200, {"object": "list", "data": data, "model": request.get("model", ""), "usage": usage}, limits)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--key", default="local-key")
    options = parser.parse_args()
    Server(options.host, options.port, options.key).serve_forever()
