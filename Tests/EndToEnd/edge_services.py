"""What providers, buckets, OpenSearch and queues may return instead of the expected response: the rows of `edges.py`, service by service."""
import json
import struct
import threading

from edge_fleet import REDIRECT, Answer, Fleet, html, marked, s3_error


def vectors(body: bytes, change=lambda item, text: item) -> Answer:
    """An answer of the right form, with each item changed."""
    texts = json.loads(body)["input"]
    items = []
    for index, text in enumerate(texts):
        seed = sum(text.encode()) % 97 + 1
        vector = [float((seed * (n + 3)) % 11 + 1) for n in range(256)]
        item = change({"object": "embedding", "index": index, "embedding": vector}, text)
        if item is not None:
            items.append(item)
    return Answer(200, json.dumps({"object": "list", "data": items}))


# Durations and counts that no server should send.
HEADERS = {
    "nan": {"retry-after-ms": "nan", "x-ratelimit-remaining-tokens": "nan", "x-ratelimit-reset-tokens": "nan"},
    "huge": {"retry-after-ms": "1e300", "x-ratelimit-remaining-tokens": "9" * 30, "x-ratelimit-reset-tokens": "9" * 30 + "h"},
    "negative": {"retry-after-ms": "-1e300", "Retry-After": "-9223372036854775808", "x-ratelimit-remaining-tokens": "-1"},
    "date": {"Retry-After": "Sun, 06 Nov -2147483648 08:49:37 GMT"},
}


def provider(fleet: Fleet, seconds: float, quick: bool) -> None:
    proxy = fleet.provider
    vllm = lambda status, message: Answer(status, json.dumps({"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": status}))
    refusals = {
        "openai-400": Answer(400, json.dumps({"error": {"message": "'$.input' is invalid.", "type": "invalid_request_error", "param": None, "code": None}})),
        "vllm-400": vllm(400, "This text cannot be embedded."),
        "fastapi-422": Answer(422, json.dumps({"detail": [{"loc": ["body", "input"], "msg": "value is not a valid string", "type": "type_error"}]})),
        "tei-413": Answer(413, json.dumps({"error": "Input validation error: `inputs` must have less than 512 tokens. Given: 700", "error_type": "Validation"})),
        "tei-424": Answer(424, json.dumps({"error": "backend error", "error_type": "Backend"})),
        "ollama-500-nan": Answer(500, json.dumps({"error": "failed to encode response: json: unsupported value: NaN"})),
        "waf-403": html(403),
        "plain-400": Answer(400, b"no good", "text/plain"),
        "error-in-200": Answer(200, json.dumps({"error": {"message": "overloaded"}})),
        "empty-200": Answer(200, b""),
        "too-large-429": Answer(429, json.dumps({"error": {"message": "Request too large for m: Limit 4000, Requested 20000.", "type": "tokens", "code": "rate_limit_exceeded"}})),
    }
    flaws = {
        "null-vector": lambda item: item | {"embedding": None},
        "null-in-vector": lambda item: item | {"embedding": [None, *item["embedding"][1:]]},
        "zero-vector": lambda item: item | {"embedding": [0.0] * 256},
        "empty-vector": lambda item: item | {"embedding": []},
        "missing-item": lambda item: None,
    }

    def one(command, path, body, headers):
        if fault := marked(body, refusals):
            return refusals[fault]
        if any(f"FAULT-{flaw}-END" in body.decode() for flaw in flaws):
            return vectors(body, lambda item, text: next((change(item) for flaw, change in flaws.items() if f"FAULT-{flaw}-END" in text), item))
        return None

    proxy.fault = one
    fleet.one(proxy, {fault: "embedding_refused" for fault in [*refusals, *flaws]})
    proxy.heal()

    def everything(answer):
        proxy.fault = lambda command, path, body, headers: answer(body) if callable(answer) else answer

    outages = {
        "503-page": html(503), "429": Answer(429, json.dumps({"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}})),
        "no-quota": Answer(429, json.dumps({"error": {"message": "quota", "code": "insufficient_quota"}})),
    }
    for name, answer in list(outages.items())[: 1 if quick else None]:
        fleet.all(name, proxy, lambda: everything(answer), seconds=seconds)
    whole = {
        "wrong-key-401": Answer(401, json.dumps({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}})),
        "wrong-key-400": Answer(400, json.dumps([{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}])),
        "unknown-model-404": Answer(404, json.dumps({"error": {"message": "The model does not exist", "code": "model_not_found"}})),
        "operation-400": Answer(400, json.dumps({"error": {"code": "OperationNotSupported", "message": "The embeddings operation does not work with the specified model."}})),
        "not-loaded-400": Answer(400, json.dumps({"error": "model is not loaded"})),
        "html-400": html(400), "redirect": REDIRECT, "waf-403": html(403), "413-all": refusals["tei-413"], "424-all": refusals["tei-424"],
        "error-in-200": refusals["error-in-200"], "empty-200": refusals["empty-200"], "html-200": html(200),
        "zero-vectors": lambda body: vectors(body, lambda item, text: flaws["zero-vector"](item)),
        "null-vectors": lambda body: vectors(body, lambda item, text: flaws["null-vector"](item)),
        "wrong-dimensions": lambda body: vectors(body, lambda item, text: item | {"embedding": item["embedding"][:100]}),
        **{f"429-{name}": Answer(429, outages["429"].body, **headers) for name, headers in HEADERS.items()},
    }
    for name, answer in whole.items():
        if not quick or name in ("wrong-key-400", "zero-vectors", "429-nan"):
            # Two minutes, the longest wait that is obeyed, pass before anything is paused.
            fleet.all(name, proxy, lambda: everything(answer), waits=name != "429-huge")
    if not quick:
        fleet.all("dropped-packets", proxy, proxy.drop_packets, proxy.serve_again)

    # Providers that are odd and can be used: everything is live while they are so.
    def refuses(parameter):
        return lambda body: vllm(400, f"{parameter} is not supported") if parameter in json.loads(body) else vectors(body)

    usable = {
        "no-dimensions": refuses("dimensions"), "no-base64": refuses("encoding_format"),
        "no-index": lambda body: vectors(body, lambda item, text: {"embedding": item["embedding"]}),
        "index-0-left-out": lambda body: vectors(body, lambda item, text: item if item["index"] else {"embedding": item["embedding"]}),
        "byte-order-mark": lambda body: Answer(200, b"\xef\xbb\xbf" + vectors(body).body),
        "one-text-a-request": lambda body: vllm(422, "batch size 2 > maximum allowed batch size 1") if len(json.loads(body)["input"]) > 1 else vectors(body),
    }
    for name, answer in usable.items():
        if not quick or name in ("no-dimensions", "no-index"):
            everything(answer)
            fleet.all(name, proxy, lambda: None, seconds=0, waits=False)


def bucket(fleet: Fleet, seconds: float, quick: bool) -> None:
    proxy = fleet.s3
    objects = {
        "sse-c": (s3_error(400, "InvalidRequest", "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."), "forbidden"),
        "kms-disabled": (s3_error(400, "KMS.DisabledException"), "forbidden"), "kms-pending": (s3_error(400, "KMS.KMSInvalidStateException"), "forbidden"),
        "kms-gone": (s3_error(400, "KMS.NotFoundException"), "forbidden"), "denied": (s3_error(403, "AccessDenied"), "forbidden"),
        "archived": (s3_error(403, "InvalidObjectState"), "archived"), "conflict": (s3_error(409, "OperationAborted"), "forbidden"),
        "legal-451": (html(451), "forbidden"), "precondition": (s3_error(412, "PreconditionFailed"), "forbidden"),
        "redirect-301": (s3_error(301, "PermanentRedirect"), "retries_exhausted"), "not-found-page": (Answer(404, b"404 page not found", "text/plain"), "retries_exhausted"),
        "error-500": (s3_error(500, "InternalError"), "retries_exhausted"), "page-503": (html(503), "retries_exhausted"), "page-400": (html(400), "retries_exhausted"),
        "page-200": (html(200), "retries_exhausted"), "slow-down": (s3_error(503, "SlowDown"), "throttled"),
    }
    one = {name: (answer, reason) for name, (answer, reason) in objects.items() if reason != "throttled"}

    def fault(command, path, body, headers):
        name = path.split("?")[0].rpartition("/")[2].removesuffix(".txt")
        return one[name][0] if command == "GET" and name in one else None

    proxy.fault = fault
    fleet.one(proxy, {name: reason for name, (_, reason) in one.items()})
    proxy.heal()
    # A request is signed for the region that the answer names. (The local server knows one region: that request is answered here.)
    def moved(command, path, body, headers):
        if command != "GET" or "/a/region-" not in path or ".metadata.json" in path:
            return None
        if "/eu-west-1/s3/" in headers.get("Authorization", ""):
            return Answer(200, f"A document of another region, at {path}.", "text/plain", ETag='"moved"', **{"x-amz-request-id": "1"})
        return s3_error(301 if "301" in path else 307, "PermanentRedirect", **{"x-amz-bucket-region": "eu-west-1"})

    proxy.fault = moved
    fleet.one(proxy, {"region-301": "live", "region-307": "live"})
    proxy.heal()
    for other in (False, True):
        name = fleet.other if other else None
        suffix = "-of-one-bucket" if other else ""

        def everything(answer, listing=True):
            prefix = f"/{name}" if name else f"/{fleet.fleet.bucket}"
            proxy.fault = lambda command, path, body, headers: answer if path.startswith(prefix) and (listing or "list-type" not in path) else None

        cells = {"error-500": s3_error(500, "InternalError"), "slow-down": s3_error(503, "SlowDown"), "page-503": html(503)}
        for cell, answer in list(cells.items())[: 1 if quick else None]:
            fleet.all(cell + suffix, proxy, lambda: everything(answer), seconds=seconds, bucket=name, beside=other)
        cells = {"denied": s3_error(403, "AccessDenied"), "html-200": html(200), "redirect": REDIRECT, "page-404": Answer(404, b"404 page not found", "text/plain"), "page-403": html(403)}
        for cell, answer in cells.items():
            if not quick or cell == "denied":
                fleet.all(cell + suffix, proxy, lambda: everything(answer), bucket=name, beside=other)
    if not quick:
        fleet.put("a/warm.txt", "A document that could be read before the fault.")
        fleet.all("get-500-list-works", proxy, lambda: everything(s3_error(500, "InternalError"), listing=False), seconds=15, bucket=fleet.other)
        fleet.all("dropped-packets", proxy, proxy.drop_packets, proxy.serve_again)


def item_errors(sent: bytes, data: bytes, errors: dict[str, tuple[int, str, str]], all_of: tuple[int, str, str] | None = None, reads: str = "") -> bytes:
    """A bulk's or a multi-get's answer with the errors of some items."""
    answer = json.loads(data)
    if "docs" in answer:
        if reads:
            answer["docs"] = [{"_index": "x", "_id": doc["_id"], "error": {"type": reads, "reason": "no permissions"}} for doc in answer["docs"]]
        return json.dumps(answer).encode()
    lines = sent.split(b"\n")
    place = 0
    for item in answer.get("items", []):
        action = next(iter(item))
        source = b"" if action == "delete" else lines[place + 1]
        place += 1 if action == "delete" else 2
        fault = marked(source, errors)
        if error := errors[fault] if fault else all_of if action != "delete" and b'"vector"' in source else None:
            item[action] = {"status": error[0], "error": {"type": error[1], "reason": error[2]}}
    return json.dumps(answer).encode()


def search(fleet: Fleet, seconds: float, quick: bool) -> None:
    proxy = fleet.search
    values = {
        "mapper-parsing": (400, "mapper_parsing_exception", "failed to parse field [lang] of type [keyword]"),
        "immense-term": (400, "illegal_argument_exception", "Document contains at least one immense term in field=\"x\""),
    }
    chances = {
        "item-500": (500, "internal_error", "no"), "item-429": (429, "rejected_execution_exception", "busy"),
        "item-403": (403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)]"),
    }
    del chances["item-429"]  # throttling is obeyed in place for a quarter of an hour: longer than this run
    proxy.edit = lambda path, sent, data: item_errors(sent, data, values | chances) if path.startswith("/_bulk") else data
    proxy.fault = lambda command, path, body, headers: html(413) if path.startswith("/_bulk") and b"FAULT-page-413-END" in body else None
    # What is not an error of a value counts against a document only while others succeed.
    keep = threading.Event()

    def others() -> None:
        number = 0
        while not keep.wait(4):
            number += 1
            fleet.put(f"b/stream-{number}.txt", f"Document {number} of a stream of good ones.")

    thread = threading.Thread(target=others, daemon=True)
    thread.start()
    # A failure of the cluster waits in place for long before it counts against a document (EmbedPipeline's retry budget): not within this run.
    fleet.one(proxy, {name: "index_refused" for name in values} | {"page-413": "index_refused"})
    keep.set()
    thread.join()
    proxy.heal()

    def everything(answer, where="/"):
        proxy.fault = lambda command, path, body, headers: answer if path.startswith(where) else None

    outages = {"page-503": (html(503), "/"), "bulk-504": (html(504), "/_bulk"), "429": (Answer(429, json.dumps({"error": {"type": "rejected_execution_exception", "reason": "busy"}, "status": 429})), "/")}
    for name, (answer, where) in list(outages.items())[: 1 if quick else None]:
        fleet.all(name, proxy, lambda: everything(answer, where), seconds=seconds)
    whole = {
        "redirect": REDIRECT, "redirect-301": Answer(301, b"", "text/html", Location="https://x/"), "html-200": html(200), "page-403": html(403),
        "plain-http-400": Answer(400, b"<html>The plain HTTP request was sent to HTTPS port</html>", "text/html"), "405": html(405), "406": html(406), "421": html(421),
        "unauthorized-401": Answer(401, b"Unauthorized", "text/plain"), "413-all": html(413),
    }
    for name, answer in whole.items():
        if not quick or name in ("redirect", "page-403"):
            fleet.all(name, proxy, lambda: everything(answer))
    items = {
        "item-429": (429, "rejected_execution_exception", "rejected execution"), "flood-stage": (429, "cluster_block_exception", "disk usage exceeded flood-stage watermark"),
        "write-block": (403, "cluster_block_exception", "blocked by: [FORBIDDEN/8/index write (api)]"), "index-closed": (400, "index_closed_exception", "closed"),
        "two-write-indexes": (400, "illegal_argument_exception", "no write index is defined for alias [x]."),
        "full-shard": (400, "illegal_argument_exception", "Number of documents in the index can't exceed [2147483519]"),
        "knn-breaker": (400, "mapper_parsing_exception", "Parsing the created knn vector fields prior to indexing has failed as the circuit breaker triggered."),
        "security": (403, "security_exception", "no permissions for [indices:data/write/bulk]"),
        "mapping-changed": (400, "mapper_parsing_exception", "failed to parse field [text] of type [long]"),
    }
    for name, error in items.items():
        if not quick or name in ("full-shard", "knn-breaker"):
            def breaking() -> None:
                proxy.edit = lambda path, sent, data: item_errors(sent, data, {}, error) if path.startswith("/_bulk") else data
            # The server has created the chunks: only its answer is another one.
            fleet.all(name, proxy, breaking, checks_live=False)
    if not quick:
        def reads() -> None:
            proxy.edit = lambda path, sent, data: item_errors(sent, data, {}, reads="security_exception") if path.endswith("/_mget") else data
        fleet.all("mget-security", proxy, reads)
        def closed() -> None:
            proxy.edit = lambda path, sent, data: item_errors(sent, data, {}, reads="circuit_breaking_exception") if path.endswith("/_mget") else data
        fleet.all("mget-circuit-breaker", proxy, closed)
        fleet.all("dropped-packets", proxy, proxy.drop_packets, proxy.serve_again)


def queues(fleet: Fleet, seconds: float, quick: bool) -> None:
    proxy = fleet.sqs
    error = lambda status, code, message="no": Answer(status, json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": message}), "application/x-amz-json-1.0")
    ONE = {"too-long": error(400, "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."),
           "odd-characters": error(400, "InvalidMessageContents")}

    def one(command, path, body, headers):
        if headers.get("x-amz-target") != "AmazonSQS.SendMessage":
            return None
        message = json.loads(body)
        if "chunks" in message["QueueUrl"].rpartition("/")[2] and "dead" not in message["QueueUrl"]:
            return next((answer for name, answer in ONE.items() if f"/{name}.txt" in message["MessageBody"]), None)
        return None

    proxy.fault = one
    fleet.one(proxy, {name: "message_refused" for name in ONE})
    proxy.heal()

    def everything(answer, *operations, only=""):
        def fault(command, path, body, headers):
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            return answer if (not operations or operation in operations) and only in json.loads(body or b"{}").get("QueueUrl", "") else None
        proxy.fault = fault

    outages = {
        "send-503": (html(503), ("SendMessage",)), "delete-500": (error(500, "InternalError"), ("DeleteMessageBatch",)),
        "all-503": (html(503), ()),
    }
    for name, (answer, operations) in list(outages.items())[: 2 if quick else None]:
        # What is in flight when every call fails loses its lease: that is the queue's own doing. Nothing is in flight then.
        waits = name != "delete-500"
        if name == "delete-500":
            fleet.all(name, proxy, lambda: everything(answer, *operations), seconds=seconds, waits=False)
        else:
            fleet.all(name, proxy, lambda: everything(answer, *operations), seconds=seconds, waits=waits)
    whole = {
        "send-denied": (error(403, "AccessDeniedException"), ("SendMessage",)), "send-kms": (error(400, "KMS.DisabledException"), ("SendMessage",)),
        "send-redirect": (REDIRECT, ("SendMessage",)), "send-html-200": (html(200), ("SendMessage",)), "send-throttled": (error(400, "ThrottlingException"), ("SendMessage",)),
        "receive-html-200": (html(200), ("ReceiveMessage",)),
    }
    for name, (answer, operations) in whole.items():
        if not quick or name == "send-denied":
            fleet.all(name, proxy, lambda: everything(answer, *operations))
