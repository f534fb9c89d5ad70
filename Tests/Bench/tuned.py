"""The same as usual.py as an expert writes it: pypdfium2, tokens counted once by toktok, raw HTTP, vectors as NumPy arrays written by orjson.

`tuned.py GO`, by the Python of .local/bench. Signing is botocore's; requests are written without a library, and connections stay open.
"""
import base64
import hashlib
import http.client
import os
import pathlib
import re
import signal
import sys
import time
import urllib.parse

import numpy
import orjson
import pypdfium2
import toktok
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

BATCH = 128
TOKENS, OVERLAP = 256, 32
REGION, KEYS = os.environ["AWS_REGION"], Credentials("test", "test")
UNIT = re.compile(r".+?(?:[.!?]\s+|\n+|$)", re.S)


class Connection:
    def __init__(self, url: str) -> None:
        self.url = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(self.url.netloc)

    def send(self, method: str, path: str, body: bytes = b"", headers: dict = {}, sign=None) -> bytes:
        if sign:
            request = AWSRequest(method, f"{self.url.scheme}://{self.url.netloc}{path}", headers, body)
            sign.add_auth(request)
            headers = dict(request.headers)
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        found = answer.read()
        if answer.status >= 300:
            raise OSError(f"{method} {path.split('?')[0]}: {answer.status}")
        return found


def units(text: str) -> list[str]:
    """Sentences and lines; one that is too long is cut where it has blanks, or anywhere."""
    return [piece for unit in UNIT.findall(text) for piece in ([unit] if len(unit) <= 4 * TOKENS else [unit[at : at + 2 * TOKENS] for at in range(0, len(unit), 2 * TOKENS)])]


def cut(pages: list[str]) -> list[tuple[int, str]]:
    """Units until the next would be too much; the last ones of at most OVERLAP tokens again."""
    chunks = []
    for number, page in enumerate(pages, 1):
        parts = units(page)
        counts = toktok.batch_count(parts, "cl100k_base", threads=1)
        start, total = 0, 0
        for at, count in enumerate(counts):
            if total + count > TOKENS and at > start:
                chunks.append((number, "".join(parts[start:at])))
                start, total = at, 0
                while start > 0 and total + counts[start - 1] <= OVERLAP:
                    start -= 1
                    total += counts[start]
            total += count
        if "".join(parts[start:]).strip():
            chunks.append((number, "".join(parts[start:])))
    return chunks


def main() -> None:
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    s3, sqs, provider, search = (Connection(url) for url in (endpoint, endpoint, os.environ["OPENAI_BASE_URL"], os.environ["OPENSEARCH_URL"]))
    sign_s3, sign_sqs = S3SigV4Auth(KEYS, "s3", REGION), SigV4Auth(KEYS, "sqs", REGION)
    queue, index, dimensions = os.environ["QUEUE_URL"], os.environ["INDEX"], int(os.environ["DIMENSIONS"])
    bearer = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}", "Content-Type": "application/json"}
    bulk = (orjson.dumps({"index": {"_index": index, "_id": "0"}}).split(b'"0"'))
    toktok.batch_count(["The vocabulary is read here."], "cl100k_base")
    print("ready", flush=True)
    while not pathlib.Path(sys.argv[1]).exists():
        time.sleep(0.02)

    def call(operation: str, **body) -> dict:
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
        return orjson.loads(sqs.send("POST", "/", orjson.dumps({"QueueUrl": queue} | body), headers, sign_sqs) or b"{}")

    def ingest(bucket: str, key: str) -> None:
        body = s3.send("GET", f"/{bucket}/{urllib.parse.quote(key)}", sign=sign_s3)
        if key.lower().endswith(".pdf"):
            document = pypdfium2.PdfDocument(body)
            pages = []
            for number in range(len(document)):
                page = document[number]
                text = page.get_textpage()
                pages.append(text.get_text_bounded())
                text.close()
                page.close()
            document.close()
        else:
            pages = [body.decode("utf-8", "replace")]
        chunks = cut(pages)
        for start in range(0, len(chunks), BATCH):
            part = chunks[start : start + BATCH]
            request = {"model": "text-embedding-3-small", "input": [text for _, text in part], "dimensions": dimensions, "encoding_format": "base64"}
            answer = orjson.loads(provider.send("POST", "/v1/embeddings", orjson.dumps(request), bearer))
            lines = []
            for offset, ((page, text), item) in enumerate(zip(part, answer["data"])):
                name = hashlib.sha256(f"{bucket}/{key}/{start + offset}".encode()).hexdigest().encode()
                vector = numpy.frombuffer(base64.b64decode(item["embedding"]), "<f4")
                source = {"text": text, "page": page, "source": f"s3://{bucket}/{key}", "vector": vector}
                lines += [bulk[0] + b'"' + name + b'"' + bulk[1], orjson.dumps(source, option=orjson.OPT_SERIALIZE_NUMPY)]
            found = search.send("POST", "/_bulk?filter_path=errors", b"\n".join(lines) + b"\n", {"Content-Type": "application/x-ndjson"})
            if b'"errors":true' in found:
                raise OSError("bulk: errors")

    while not stopping:
        messages = call("ReceiveMessage", MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        for message in messages:
            for record in orjson.loads(message["Body"]).get("Records", []):
                key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
                try:
                    ingest(record["s3"]["bucket"]["name"], key)
                except Exception as error:
                    print(f"failed: {key}: {type(error).__name__}", flush=True)
        if messages:
            entries = [{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)]
            call("DeleteMessageBatch", Entries=entries)


if __name__ == "__main__":
    main()
