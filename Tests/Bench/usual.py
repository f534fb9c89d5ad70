"""The ingestion worker that the libraries' tutorials add up to: boto3, PyMuPDF, LangChain's splitter with tiktoken, openai, opensearch-py.

One process of the two that `make bench` runs beside ingest-fleet, by the Python of .local/bench: `usual.py GO`, with the rest in the environment. It begins when the
file GO is there, and ends with SIGTERM. Each document is downloaded, read, cut, embedded, indexed and acknowledged before the next.
"""
import hashlib
import json
import os
import pathlib
import signal
import sys
import time
import urllib.parse

import boto3
import openai
import opensearchpy
import opensearchpy.helpers
import pymupdf
from langchain_text_splitters import RecursiveCharacterTextSplitter

BATCH = 128
TOKENS, OVERLAP = 256, 32


def main() -> None:
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    region, endpoint = os.environ["AWS_REGION"], os.environ["AWS_ENDPOINT_URL"]
    s3, sqs = (boto3.client(name, region_name=region, endpoint_url=endpoint) for name in ("s3", "sqs"))
    embeddings = openai.OpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key=os.environ["OPENAI_API_KEY"])
    search = opensearchpy.OpenSearch(os.environ["OPENSEARCH_URL"], timeout=60)
    splitter = RecursiveCharacterTextSplitter.from_tiktoken_encoder("cl100k_base", chunk_size=TOKENS, chunk_overlap=OVERLAP)
    splitter.split_text("The vocabulary is read here, and not in the first document.")
    queue, index, dimensions = os.environ["QUEUE_URL"], os.environ["INDEX"], int(os.environ["DIMENSIONS"])
    print("ready", flush=True)
    while not pathlib.Path(sys.argv[1]).exists():
        time.sleep(0.02)

    def ingest(bucket: str, key: str) -> None:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        if key.lower().endswith(".pdf"):
            with pymupdf.open(stream=body, filetype="pdf") as document:
                pages = [page.get_text() for page in document]
        else:
            pages = [body.decode("utf-8", "replace")]
        chunks = [(number, chunk) for number, page in enumerate(pages, 1) for chunk in splitter.split_text(page)]
        for start in range(0, len(chunks), BATCH):
            part = chunks[start : start + BATCH]
            answer = embeddings.embeddings.create(model="text-embedding-3-small", input=[text for _, text in part], dimensions=dimensions)
            actions = [
                {"_index": index, "_id": hashlib.sha256(f"{bucket}/{key}/{start + offset}".encode()).hexdigest(),
                 "text": text, "page": page, "source": f"s3://{bucket}/{key}", "vector": item.embedding}
                for offset, ((page, text), item) in enumerate(zip(part, answer.data))
            ]
            opensearchpy.helpers.bulk(search, actions, chunk_size=BATCH)

    while not stopping:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            for record in json.loads(message["Body"]).get("Records", []):
                key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
                try:
                    ingest(record["s3"]["bucket"]["name"], key)
                except Exception as error:
                    print(f"failed: {key}: {type(error).__name__}", flush=True)
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


if __name__ == "__main__":
    main()
