"""OpenAI's batch API in the embeddings server: files and batches, in memory.

POST /control sets batch_seconds (how long a batch takes), batch_fail (a request whose body contains the text fails in its batch) and batch_expire (1: every second
request of a batch is not done when it expires)."""
import json
import re
import threading
import time
import uuid


class Batches:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict] = {}

    def handle(self, method: str, path: str, body: bytes, content_type: str, control: dict, embed) -> tuple[int, bytes]:
        """Status and body of the response; 404 for a path that is none of these."""
        with self.lock:
            if (method, path) == ("POST", "/v1/files"):
                return self.upload(body, content_type)
            if (method, path) == ("POST", "/v1/batches"):
                return self.create(json.loads(body), control)
            if method == "GET" and path.split("?")[0] == "/v1/batches":
                return 200, json.dumps({"object": "list", "data": [self.shown(each) for each in reversed(self.batches.values())]}).encode()
            if found := re.fullmatch(r"/v1/batches/([\w-]+)", path):
                batch = self.batches.get(found[1])
                return (200, json.dumps(self.advanced(batch, control, embed)).encode()) if batch else self.missing()
            if found := re.fullmatch(r"/v1/files/([\w-]+)(/content)?", path):
                if found[1] not in self.files:
                    return self.missing()
                if method == "DELETE":
                    del self.files[found[1]]
                    return 200, json.dumps({"id": found[1], "deleted": True}).encode()
                return 200, self.files[found[1]]
        return 404, b'{"error":{"message":"unknown path"}}'

    @staticmethod
    def missing() -> tuple[int, bytes]:
        return 404, b'{"error":{"message":"No such object","type":"invalid_request_error"}}'

    def upload(self, body: bytes, content_type: str) -> tuple[int, bytes]:
        boundary = content_type.split("boundary=")[1].encode()
        parts = {}
        for part in body.split(b"--" + boundary)[1:-1]:
            head, content = part[2:-2].split(b"\r\n\r\n", 1)
            parts[re.search(rb'name="(\w+)"', head)[1].decode()] = content
        if parts.get("purpose") != b"batch" or "file" not in parts:
            return 400, b'{"error":{"message":"purpose and file are required"}}'
        name = f"file-{uuid.uuid4().hex}"
        self.files[name] = parts["file"]
        return 200, json.dumps({"id": name, "object": "file", "purpose": "batch", "bytes": len(parts["file"])}).encode()

    def create(self, request: dict, control: dict) -> tuple[int, bytes]:
        lines = [json.loads(line) for line in self.files.get(request["input_file_id"], b"").splitlines()]
        names = [line["custom_id"] for line in lines]
        if not lines or len(set(names)) != len(names) or any(line["url"] != request["endpoint"] for line in lines) or request["completion_window"] != "24h":
            return 400, b'{"error":{"message":"The input file is not one of a batch."}}'
        if sum(len(line["body"]["input"]) for line in lines) > 50_000:
            return 400, b'{"error":{"message":"A batch has 50,000 inputs at most."}}'
        name = f"batch_{uuid.uuid4().hex}"
        self.batches[name] = {"id": name, "object": "batch", "status": "in_progress", "metadata": request.get("metadata"), "input_file_id": request["input_file_id"], "end": time.monotonic() + control["batch_seconds"], "lines": lines}
        return 200, json.dumps(self.shown(self.batches[name])).encode()

    @staticmethod
    def shown(batch: dict) -> dict:
        return {key: value for key, value in batch.items() if key not in ("end", "lines")}

    def advanced(self, batch: dict, control: dict, embed) -> dict:
        if batch["status"] == "in_progress" and time.monotonic() >= batch["end"]:
            done = []
            for number, line in enumerate(batch["lines"]):
                if control["batch_expire"] and number % 2:
                    continue
                if control["batch_fail"] and control["batch_fail"] in json.dumps(line, ensure_ascii=False):
                    done.append({"id": "r", "custom_id": line["custom_id"], "response": {"status_code": 500, "body": {"error": {"message": "failed"}}}, "error": None})
                    continue
                done.append({"id": "r", "custom_id": line["custom_id"], "response": {"status_code": 200, "body": embed(line["body"])}, "error": None})
            name = f"file-{uuid.uuid4().hex}"
            # Results come in any order.
            self.files[name] = "\n".join(json.dumps(each) for each in reversed(done)).encode()
            batch |= {"status": "expired" if control["batch_expire"] else "completed", "output_file_id": name if done else None}
        return self.shown(batch)
