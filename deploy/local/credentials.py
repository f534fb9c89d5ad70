#!/usr/bin/env python3
"""A container credentials endpoint as ECS tasks have it: `credentials.py --port N --endpoint URL`.

GET /ROLE answers a fresh session of that role, asked from STS with the root keys; /ROLE?seconds=3 a short one.
For tests: GET /issued answers the secrets and tokens of all that were given.
"""
import argparse
import functools
import json
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import botocore.config
import botocore.session

issued: list[list[str]] = []


@functools.cache
def sts():
    """Made once: to make one costs a second of a core, and workers that start together all ask at once."""
    return botocore.session.get_session().create_client(
        "sts", "us-east-1", endpoint_url=options.endpoint, aws_access_key_id="test", aws_secret_access_key="test",
        config=botocore.config.Config(parameter_validation=False),  # a session of STS lasts 900 s and more, here less
    )


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urllib.parse.urlparse(self.path)
        if url.path == "/issued":
            return self.answer(json.dumps(issued).encode())
        seconds = int(urllib.parse.parse_qs(url.query).get("seconds", ["3600"])[0])
        role = f"arn:aws:iam::000000000000:role/{url.path.strip('/')}"
        given = sts().assume_role(RoleArn=role, RoleSessionName="task", DurationSeconds=seconds)["Credentials"]
        body = json.dumps(
            {
                "AccessKeyId": given["AccessKeyId"],
                "SecretAccessKey": given["SecretAccessKey"],
                "Token": given["SessionToken"],
                "Expiration": given["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ).encode()
        issued.append([given["SecretAccessKey"], given["SessionToken"]])
        self.answer(body)

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--endpoint", required=True)
    options = parser.parse_args()
    sts()
    ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()
