#!/usr/bin/env python3
"""Writes random requests and botocore's signatures of them: `signing_cases.py OUT [COUNT]`. One JSON object a line; prints the distribution."""
import collections
import datetime
import hashlib
import json
import random
import sys
import urllib.parse

import botocore
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 2, 28, 23, 59, 58, tzinfo=datetime.timezone.utc)
SEGMENTS = ["a", "documents", ".", "..", "", "a b", "a+b", "%2F", "%20", "~", "ü", "日本語", "😀", "x" * 60, "-_.", "(1)", "k=v", "a%", "*'!", "$&,:;@"]
NAMES = ["list-type", "prefix", "a", "A", "b", "", "ü", "X-Test", "a b", "versionId", "~", "%"]
VALUES = ["", "2", "a/b c", "+", "ü日😀", "~.-_", "%2F", "a=b&c", "Z", "z" * 50]
HEADERS = ["Content-Type", "X-Amz-Target", "x-amz-meta-Name", "Accept", "If-None-Match", "Range", "User-Agent", "Connection", "X-Amzn-Trace-Id", "My-Header", "TE", "Expect"]
HEADER_VALUES = ["text/plain", "  leading", "trailing  ", "in   ner \t runs", '"quoted,  value"', "a,b", "bytes=0-9", "x"]


def encode(text: str, safe: str = "") -> str:
    return urllib.parse.quote(text, safe="-_.~" + safe)


def case(seeded: random.Random) -> dict:
    service = seeded.choice(["s3", "s3", "sqs", "es", "aoss", "sts", "service"])
    segments = [seeded.choice(SEGMENTS) for _ in range(seeded.randint(0, 6))]
    path = "/" + "/".join(segments)
    # As sent: a key's characters encoded, or taken as they are where they may stand in a URL.
    sent = encode(path, "/") if seeded.random() < 0.8 else urllib.parse.quote(path, safe="/%~!$&'()*+,:;=@-_.")
    names = [seeded.choice(NAMES) for _ in range(seeded.randint(0, 4))]
    query = [(name, seeded.choice(VALUES)) for name in names]
    headers = [(seeded.choice(HEADERS), seeded.choice(HEADER_VALUES)) for _ in range(seeded.randint(0, 4))]
    return {
        "service": service, "region": seeded.choice(["us-east-1", "eu-central-1", "cn-north-1"]),
        "method": seeded.choice(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"]),
        "origin": seeded.choice(["https://bucket.s3.amazonaws.com", "http://127.0.0.1:4566", "https://example.com:443", "http://example.com:80", "https://[::1]:9200"]),
        "path": sent, "query": query, "headers": headers,
        "body": "" if seeded.random() < 0.3 else "".join(seeded.choice("ab\n{}ü😀") for _ in range(seeded.randint(1, 80))),
        "token": None if seeded.random() < 0.5 else "token/with+signs==" + str(seeded.random()),
    }


def sign(made: dict) -> str:
    """The Authorization header."""
    url = made["origin"] + made["path"]
    if made["query"]:
        url += "?" + "&".join(f"{encode(name)}={encode(value)}" for name, value in made["query"])
    request = AWSRequest(made["method"], url, data=made["body"].encode())
    for name, value in made["headers"]:
        request.headers[name] = value  # adds, as in a message
    keys = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", made["token"])
    if made["service"] == "aoss":  # a header that Serverless wants and botocore's general signer leaves to its caller
        request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(made["body"].encode()).hexdigest()
    kind = botocore.auth.S3SigV4Auth if made["service"] == "s3" else botocore.auth.SigV4Auth
    kind(keys, made["service"], made["region"]).add_auth(request)
    return request.headers["Authorization"]


def main() -> None:
    botocore.auth.get_current_datetime = lambda: NOW
    seeded, counts = random.Random(20260228), collections.Counter()
    total = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    with open(sys.argv[1], "w") as out:
        for _ in range(total):
            made = case(seeded)
            made["expected"] = sign(made)
            out.write(json.dumps(made) + "\n")
            names = [name for name, _ in made["query"]]
            counts.update([made["service"], made["method"]])
            counts["dot segments"] += "/./" in made["path"] or "/../" in made["path"]
            counts["empty segments"] += "//" in made["path"]
            counts["%2F"] += "%2F" in made["path"] or "%252F" in made["path"]
            counts["beyond ASCII"] += "%E" in made["path"] or "%F" in made["path"]
            counts["repeated query names"] += len(set(names)) < len(names)
            counts["empty query values"] += any(value == "" for _, value in made["query"])
            counts["repeated headers"] += len({name for name, _ in made["headers"]}) < len(made["headers"])
            counts["session token"] += made["token"] is not None
            counts["body"] += bool(made["body"])
    print(f"{total} requests signed by botocore {botocore.__version__}: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
