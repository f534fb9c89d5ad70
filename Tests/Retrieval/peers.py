"""The peers' splitters, at the settings of their tutorials and at the product's size: `peers.py IN OUT`, both JSON lines. Run by the Python of .local/retrieval.

In: {"key", "text"}. Out: {"system", "key", "chunks": [text, …]} for each system.
"""
import json
import os
import sys
import time

import tiktoken
from langchain_text_splitters import RecursiveCharacterTextSplitter
from llama_index.core.node_parser import SentenceSplitter
from semantic_text_splitter import TextSplitter

ENCODING = tiktoken.get_encoding("cl100k_base")


def count(text: str) -> int:
    return len(ENCODING.encode_ordinary(text))


SYSTEMS = {
    "LangChain 1,000 characters": RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200).split_text,
    "LangChain 256 tokens": RecursiveCharacterTextSplitter(chunk_size=256, chunk_overlap=32, length_function=count).split_text,
    "LlamaIndex 1,024 tokens": SentenceSplitter(tokenizer=ENCODING.encode_ordinary).split_text,
    "LlamaIndex 256 tokens": SentenceSplitter(chunk_size=256, chunk_overlap=32, tokenizer=ENCODING.encode_ordinary).split_text,
    "semantic-text-splitter 256": TextSplitter.from_tiktoken_model("gpt-4", 256, 32).chunks,
}


def bench(rounds: int) -> None:
    """Processor seconds of each system, in turn, so that all see the same machine."""
    documents = [json.loads(line)["text"] for line in open(sys.argv[1])]
    times: dict[str, list[float]] = {system: [] for system in SYSTEMS}
    counts = {}
    for _ in range(rounds):
        for system, split in SYSTEMS.items():
            begun = time.process_time()
            counts[system] = sum(len(split(document)) for document in documents)
            times[system].append(time.process_time() - begun)
    print(json.dumps({system: {"seconds": sorted(found)[len(found) // 2], "chunks": counts[system]} for system, found in times.items()}))


def main() -> None:
    if sys.argv[2].isdigit():
        return bench(int(sys.argv[2]))
    chosen = os.environ.get("SYSTEMS", "").split(";") if os.environ.get("SYSTEMS") else list(SYSTEMS)
    documents = [json.loads(line) for line in open(sys.argv[1])]
    with open(sys.argv[2], "w") as out:
        for system in chosen:
            begun = time.process_time()
            for document in documents:
                chunks = [chunk for chunk in SYSTEMS[system](document["text"]) if chunk.strip()]
                out.write(json.dumps({"system": system, "key": document["key"], "chunks": chunks, "tokens": [count(chunk) for chunk in chunks]}) + "\n")
            print(f"{system}: {time.process_time() - begun:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
