#!/usr/bin/env python3
"""The index as others read it: fields, metadata that changes without embedding, access lists, the examples of docs/index.md as they stand there, and four libraries.

    readers.py [KIND]     a version of OpenSearch

Ends with one line of JSON.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd")]

import stack  # noqa: E402
from fleet_run import PROGRAMS, FleetRun, ends_with_figures, wait  # noqa: E402
from processes import Failed  # noqa: E402

DOCUMENTS = ROOT / "deploy/local/documents"
QUESTION = "how often is the mercury skimmed"
PAGE = (ROOT / "docs/index.md").read_text()
SIDECAR = {"metadataAttributes": {"department": "lights", "year": 1923, "reviewed": True, "access": ["keepers", "board"],
                                  "tagged": {"value": {"type": "STRING", "stringValue": "as Bedrock types it"}, "includeForEmbedding": False}}}


def block(language: str, word: str) -> str:
    """The block of docs/index.md that has the word."""
    return next(text for kind, text in re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL) if kind == language and word in text)


class Readers:
    def __init__(self, kind: str | None) -> None:
        self.aws = stack.Stack(ROOT / ".local/stack/readers", kind, say=lambda text: None)
        self.figures: dict = {"opensearch": self.aws.node.kind}

    def run(self) -> dict:
        try:
            if not self.aws.node.kind.startswith("OpenSearch"):
                return {"skipped": "no OpenSearch with k-NN is at hand"}
            self.fleet = self.aws.fleet("papers")
            self.fleet.settings = {"ACCESS": "closed", "METADATA_FIELDS": "department:keyword,year:integer,team:keyword,reviewed:boolean"}
            self.work = FleetRun(self.fleet, self.aws.folder)
            for worker in ("ingest-worker", "embed-worker"):
                self.work.start(worker)
            self.documents()
            self.changes()
            self.search()
            self.examples()
            self.libraries()
            self.access()
            self.work.stop()
            return self.figures
        finally:
            self.aws.stop()

    def chunks(self, key: str) -> list[dict]:
        """The live chunks of a document, in order."""
        found = self.ask(f"/{self.fleet.alias}/_search", {"size": 100, "query": {"term": {"key": key}}, "sort": ["chunk_index"]})["hits"]["hits"]
        return [hit["_source"] for hit in found]

    def ask(self, path: str, body: dict | None = None, method: str = "POST") -> dict:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.aws.node.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            return json.load(urllib.request.urlopen(request, timeout=30))
        except urllib.error.HTTPError as error:
            raise Failed(f"{method} {path}: {error.read().decode()[:500]}") from error

    def until(self, what: str, condition) -> None:
        def holds():
            self.ask(f"/{self.fleet.alias}/_refresh")
            return condition()

        wait(what, 60, holds)

    def embedded(self) -> int:
        return json.load(urllib.request.urlopen(f"{self.aws.embeddings_url}/control"))["inputs"]

    def documents(self) -> None:
        for path in sorted(DOCUMENTS.iterdir()):
            if "source" not in path.name:
                extra = {"Metadata": {"team": "coast", "url": "https://example.org/handbook", "source": "forged", "a.b": "dotted"}, "Tagging": "stage=final&team=station"} if path.suffix == ".pdf" else {}
                self.fleet.s3.put_object(Bucket=self.fleet.bucket, Key=f"docs/{path.name}", Body=path.read_bytes(), **extra)
        self.fleet.wait_until_drained(60, alive=self.work.alive)
        self.until("documents are searchable", lambda: len(self.chunks("docs/keeper-handbook.pdf")) > 0 and self.chunks("docs/visitors.html"))
        first = self.chunks("docs/keeper-handbook.pdf")[0]
        source = f"s3://{self.fleet.bucket}/docs/keeper-handbook.pdf"
        assert first["source"] == source and first["url"] == "https://example.org/handbook", first
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.\d{3}Z", first["last_modified"]), first["last_modified"]
        beside = first["metadata"]
        assert beside["source"] == source and beside["attribute_source"] == "forged" and beside["page"] == 1 and beside["a_b"] == "dotted", beside
        # A tag wins over the user metadata of its name.
        assert beside["team"] == "station" and beside["stage"] == "final" and beside["title"] == first["title"], beside
        assert first["language"] == "en" and first["words_en"].endswith(first["text"]), first
        assert "access" not in first, "without a list a document is no one's"
        exact = {"query": {"term": {"title.keyword": first["title"]}}}
        assert self.ask(f"/{self.fleet.alias}/_search", exact)["hits"]["hits"], first["title"]

    def changes(self) -> None:
        """Tags and sidecars come, change and go without a text being embedded again."""
        before, key = self.embedded(), "docs/keeper-handbook.pdf"
        vector = self.chunks(key)[0]["vector"]
        beside = lambda: self.chunks(key)[0]["metadata"] if self.chunks(key) else {}
        self.fleet.put(f"{key}.metadata.json", json.dumps(SIDECAR).encode())
        self.until("the sidecar's attributes", lambda: beside().get("department") == "lights")
        assert beside()["year"] == 1923 and beside()["reviewed"] is True and beside()["tagged"] == "as Bedrock types it", beside()
        assert self.chunks(key)[0]["access"] == ["keepers", "board"]
        self.fleet.s3.put_object_tagging(Bucket=self.fleet.bucket, Key=key, Tagging={"TagSet": [{"Key": "stage", "Value": "withdrawn"}]})
        try:
            wait("the event of a tag", 5, lambda: beside().get("stage") == "withdrawn")
            self.figures["tag events"] = "sent by the store"
        except Failed:
            # This store sends none: the event as S3 sends it (S3 user guide, "Event message structure").
            record = {"eventVersion": "2.3", "eventSource": "aws:s3", "eventName": "ObjectTagging:Put", "s3": {"bucket": {"name": self.fleet.bucket}, "object": {"key": key}}}
            self.fleet.sqs.send_message(QueueUrl=self.fleet.queues["events"], MessageBody=json.dumps({"Records": [record]}))
            self.figures["tag events"] = "sent by the test"
        self.until("the changed tag", lambda: beside().get("stage") == "withdrawn")
        generation = self.chunks(key)[0]["generation"]
        self.fleet.put(f"{key}.metadata.json", b"{not json")
        self.until("a rejection", lambda: "docs/keeper-handbook.pdf" in self.work.rejections())
        assert self.chunks(key)[0]["generation"] == generation and beside()["department"] == "lights", "the version before stays"
        self.fleet.put(f"{key}.metadata.json", json.dumps({"metadataAttributes": SIDECAR["metadataAttributes"] | {"department": "fog", "year": "no number"}}).encode())
        self.until("the changed sidecar", lambda: beside().get("department") == "fog")
        self.fleet.delete(f"{key}.metadata.json")
        self.until("no sidecar", lambda: self.chunks(key) and "department" not in beside() and "access" not in self.chunks(key)[0])
        assert not self.chunks(f"{key}.metadata.json"), "a sidecar is no document"
        self.fleet.put(f"{key}.metadata.json", json.dumps(SIDECAR).encode())
        self.until("the sidecar again", lambda: beside().get("department") == "lights")
        assert self.chunks(key)[0]["vector"] == vector and self.embedded() == before, f"{self.embedded() - before} texts were embedded again"
        self.figures["metadata changes"] = 6

    def hits(self, *words: str, code: int = 0) -> list[dict]:
        done = subprocess.run([PROGRAMS / "ingestctl", "search", "--json", "--quiet", *words], env=self.fleet.operator(), capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def search(self) -> None:
        pdf = "docs/keeper-handbook.pdf"
        assert {hit["key"] for hit in self.hits("--metadata-is", "department=lights,stage=withdrawn", QUESTION)} == set(), "stage is not declared"
        assert {hit["key"] for hit in self.hits("--metadata-is", "department=lights,year=1923", QUESTION)} == {pdf}
        assert {hit["key"] for hit in self.hits("--groups", "board", QUESTION)} == {pdf}
        assert self.hits("--groups", "visitors", QUESTION) == [], "who is in no list sees nothing"
        assert self.hits("--since", "1h", QUESTION) and not self.hits("--before", "1h", QUESTION)
        first = self.hits(QUESTION)[0]
        assert first["key"] == pdf and first["page"] == 2 and first["metadata"]["department"] == "lights" and first["url"], first
        assert any("<em>skimmed</em>" in text for text in first["highlights"]), first["highlights"]
        # Another form of the word is marked by its language.
        assert any("<em>" in text for text in self.hits("skimming")[0]["highlights"])
        self.figures["filters"] = 6

    def vector(self) -> list[float]:
        body = json.dumps({"model": "m", "input": QUESTION, "dimensions": stack.DIMENSIONS}).encode()
        request = urllib.request.Request(f"{self.aws.embeddings_url}/v1/embeddings", body, {"Authorization": f"Bearer {stack.KEY}", "Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request))["data"][0]["embedding"]

    def examples(self) -> None:
        """What docs/index.md shows, as it stands there."""
        environment = os.environ | {"OPENSEARCH_URL": self.aws.node.url, "VECTOR": json.dumps(self.vector())}
        answer = json.loads(subprocess.check_output(["bash", "-c", block("bash", "curl")], env=environment))
        first = answer["hits"]["hits"][0]["_source"]
        assert "mercury is skimmed" in first["text"] and "vector" not in first, first
        method_path, body = block("", "GET papers").split("\n", 1)
        found = self.ask("/" + method_path.split()[1], json.loads(body))["hits"]["hits"]
        assert found and "highlight" in found[0] and "vector" not in found[0]["_source"], found
        for line in PAGE.partition("## Fields")[2].splitlines():
            for clause in re.findall(r"`(\{.*\})`", line):
                if "…" not in clause:
                    self.ask(f"/{self.fleet.alias}/_search", {"size": 1, "_source": ["key"], "query": json.loads(clause.replace("\\|", "|"))})
                    self.figures["clauses"] = self.figures.get("clauses", 0) + 1

    def libraries(self) -> None:
        said = self.work.ctl("setup", "--compatible-with", "haystack")
        assert "content" in said and "Haystack" in said, said
        # A chunk that is written after that has the field as well; one of a version that is not live is in the index.
        self.fleet.put("docs/new.txt", b"The tender Sula brings paraffin to the station on the last Friday of each month, weather permitting.")
        self.fleet.wait_until_drained(60, alive=self.work.alive)
        self.until("the new document", lambda: self.chunks("docs/new.txt") and self.chunks("docs/new.txt")[0].get("content"))
        stale = self.ask(f"/{self.fleet.alias}/_search", {"query": {"bool": {"filter": [{"term": {"key": "docs/keeper-handbook.pdf"}}, {"match_phrase": {"text": "mercury is skimmed"}}]}}})["hits"]["hits"][0]
        source = stale["_source"] | {"generation": stale["_source"]["generation"] + 1}
        name = f"{source['document_id']}:{source['generation']}:{source['chunk_index']}"
        self.ask(f"/{stale['_index']}/_doc/{name}?routing={source['document_id']}&refresh=true", source, "PUT")
        config = {"url": self.aws.node.url, "alias": self.fleet.alias, "question": QUESTION, "vector": self.vector(), "dimensions": stack.DIMENSIONS, "languages": ["en"],
                  "code": block("python", "def live"), "haystack": block("python", "HAYSTACK_QUERY")}
        place = self.aws.folder / "libraries.json"
        place.write_text(json.dumps(config))
        done = subprocess.run([ROOT / ".local/readers/bin/python", ROOT / "Tests/Readers/libraries.py", place], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        pdf = f"s3://{self.fleet.bucket}/docs/keeper-handbook.pdf"
        for library, found in json.loads(done.stdout).items():
            first = found[0]
            assert "mercury is skimmed" in first["text"] and first["score"] > 0 and first["source"] == pdf and first["page"] == stale["_source"]["page_start"], (library, first)
            assert first["metadata"]["department"] == "lights" and "vector" not in first["fields"], (library, first)
            if library == "opensearch_py":
                assert all(hit["generation"] != source["generation"] or hit["source"] != pdf for hit in found), "only live versions"
        self.figures["libraries"] = sorted(json.loads(done.stdout))
        place.write_text(json.dumps(config | {"filters": [{"term": {"format": "html"}}]}))
        filtered = json.loads(subprocess.check_output([ROOT / ".local/readers/bin/python", ROOT / "Tests/Readers/libraries.py", place, "opensearch_py"]))["opensearch_py"]
        assert filtered and all(hit["source"].endswith(".html") for hit in filtered), filtered
        self.ask(f"/{stale['_index']}/_doc/{name}?routing={source['document_id']}&refresh=true", None, "DELETE")
        for library in ("langchain", "llamaindex"):
            assert "vector" in self.work.ctl("setup", "--compatible-with", library)

    def access(self) -> None:
        """The filter of the role that `access-filter` prints, with a reader's roles in place of the variable."""
        role = json.loads(self.work.ctl("access-filter"))
        permission = role["index_permissions"][0]
        assert permission["fls"] == ["~vector"] and self.fleet.alias in permission["index_patterns"], permission
        for roles, expected in ((["board"], {"docs/keeper-handbook.pdf"}), (["visitors"], set())):
            query = json.loads(permission["dls"].replace("${user.roles}", ",".join(json.dumps(name) for name in roles)))
            found = self.ask(f"/{self.fleet.alias}/_search", {"size": 100, "query": {"bool": {"filter": [query]}}})["hits"]["hits"]
            assert {hit["_source"]["key"] for hit in found} == expected, (roles, found)


if __name__ == "__main__":
    sys.exit(ends_with_figures(Readers(sys.argv[1] if len(sys.argv) > 1 else None).run))
