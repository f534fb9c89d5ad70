"""Every command of `ingestctl`: help, wrong arguments, an unreachable server, a missing right, each with one clear line and its exit code, as docs/ingestctl.md has
them; completion scripts that their shells accept, manual pages without a warning."""
import concurrent.futures
import http.server
import json
import re
import shlex
import shutil
import subprocess
import threading

from fleet_run import PROGRAMS
from processes import ROOT

NOWHERE = "http://127.0.0.1:1"
# A word for each operand that a command may want.
OPERANDS = {"search": ["who"], "show": ["s3://documents/a.txt"], "switch": [], "retire": ["0123456789ab"], "retry": ["s3://documents/a.txt"], "forget": ["s3://documents/a.txt"],
            "pause": ["all"], "resume": ["all"], "export": ["{folder}/export"], "import": ["{folder}/export"], "completion": ["bash"], "dead-letters purge": ["--all"], "grant": ["arn:aws:iam::111122223333:role/papers"],
            "export-ledger": ["s3://export/ledger/"], "evaluate": ["{folder}/questions.jsonl"]}
# These need neither settings nor a server.
OFFLINE = ["settings", "metrics", "fields", "version", "completion", "manual"]
WRONG = {"show": ["not-an-address"], "verify": ["not-an-address"], "repair": ["ftp://x"], "retry": ["not-an-address"], "forget": ["not-an-address"], "pause": ["everything"], "resume": ["everything"],
         "completion": ["csh"], "manual": ["shwo"], "search": [], "retire": [], "export": [], "import": [], "grant": ["papers"], "export-ledger": ["/backup"], "evaluate": []}


class Denied(http.server.BaseHTTPRequestHandler):
    """A server that permits nothing, in the words of the one that is asked."""

    def do(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("X-Amz-Target", "").startswith("AmazonSQS"):
            body = b'{"__type":"com.amazonaws.sqs#AccessDeniedException","message":"not authorized"}'
        else:
            body = b'{"error":{"type":"security_exception","reason":"no permissions for [indices:data/read/search]"},"status":403}'
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do

    def log_message(self, *_) -> None:
        pass


def names() -> list[str]:
    return re.findall(r"^### `ingestctl ([a-z -]+)`$", (ROOT / "docs/ingestctl.md").read_text(), re.MULTILINE)


def call(words: list[str], **environment: str) -> subprocess.CompletedProcess:
    settings = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1", "LOG_LEVEL": "critical", "OPENAI_BASE_URL": f"{NOWHERE}/v1"} | environment
    return subprocess.run([PROGRAMS / "ingestctl", *words], env=settings, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


def expect(what: str, done: subprocess.CompletedProcess, code: int, *words: str) -> None:
    lines = done.stderr.splitlines()
    assert done.returncode == code, f"{what}: exit {done.returncode}, not {code}:\n{done.stdout[-500:]}{done.stderr[-1500:]}"
    assert len(lines) == 1, f"{what}: {len(lines)} lines instead of one:\n{done.stderr[-1500:]}"
    for word in words:
        assert word in lines[0], f"{what}: '{word}' is not in: {lines[0]}"


def one(name: str, folder: str, denied: str) -> int:
    words, operands = name.split(), [word.format(folder=folder) for word in OPERANDS.get(name, [])]
    shown = call([*words, "--help"])
    assert shown.returncode == 0 and f"USAGE: ingestctl {name} [options]" in shown.stdout and f"EXAMPLE: ingestctl {name}" in shown.stdout, shown
    assert call(["help", *words]).stdout == shown.stdout, f"help {name}"
    expect(f"{name}, an unknown option", call([*words, "--no-such-thing"]), 64, f"ingestctl {name}: unknown option --no-such-thing", "--help")
    expect(f"{name}, a mistyped option", call([*words, "--jsno"]), 64, "did you mean --json?")
    expect(f"{name}, a mistyped name", call([*words[:-1], words[-1] + "x", *operands]), 64, f"did you mean '{name}'?")
    count = 5
    example = re.search(r"EXAMPLE: ingestctl (.*)", shown.stdout)[1]
    parsed = call([*shlex.split(re.split(r" [|>]", example)[0]), "--print-config"], OPENSEARCH_URL=NOWHERE)
    assert parsed.returncode == 0 and not parsed.stderr, f"the example of {name}: {parsed.stderr}"
    if name in WRONG:
        expect(f"{name}, a wrong operand", call([*words, *WRONG[name]], OPENSEARCH_URL=NOWHERE), 64, f"ingestctl {name}: ")
        count += 1
    if name in OFFLINE:
        done = call([*words, *operands])
        assert done.returncode == 0 and done.stdout and not done.stderr, done
        return count + 1
    if name.startswith("dead-letters"):
        expect(f"{name}, no queue", call([*words, *operands]), 64, "which queues?")
        queues = {"INGEST_QUEUE_URL": f"{denied}/0/events", "CHUNK_QUEUE_URL": f"{denied}/0/chunks", "AWS_ENDPOINT_URL": denied}
        expect(f"{name}, queues that may not be read", call([*words, *operands], **queues), 77, "AccessDenied")
    else:
        expect(f"{name}, no cluster", call([*words, *operands]), 78, "OPENSEARCH_URL is missing")
    if name == "import":
        expect(f"{name}, no export", call([*words, *operands], OPENSEARCH_URL=NOWHERE), 69, "holds no export")
        return count + 2
    expect(f"{name}, an unreachable cluster", call([*words, *operands], OPENSEARCH_URL=NOWHERE), 69, NOWHERE, "OPENSEARCH_URL")
    expect(f"{name}, a missing right", call([*words, *operands], OPENSEARCH_URL=denied), 77, "403", "OPENSEARCH_AUTH")
    return count + 3


def run(folder, say) -> dict:
    page = (ROOT / "docs/ingestctl.md").read_text()
    markdown = call(["manual", "--markdown"]).stdout
    assert page.endswith(markdown), "docs/ingestctl.md is not what 'ingestctl manual --markdown' prints: run 'make docs'"
    listed = re.findall(r"^  ([a-z][a-z-]+(?: [a-z]+)?)(?: [^ ].*?)?  +\S", call(["--help"]).stdout, re.MULTILINE)
    commands = names()
    assert len(commands) >= 32 and all(any(line.startswith(name) for line in listed) for name in commands), (commands, listed)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Denied)
    server.daemon_threads = True
    (folder / "questions.jsonl").write_text('{"question": "who may board the pilot boat", "relevant": ["s3://documents/a.txt"]}\n')
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        count = sum(pool.map(lambda name: one(name, str(folder), f"http://127.0.0.1:{server.server_port}"), commands))
    server.shutdown()
    say(f"  {count} ways of {len(commands)} commands to fail, each with one line and its exit code")
    for words, meant in ((["verfy"], "'verify'"), (["dead-letter", "lst"], "'dead-letters list'"), (["dead-letters", "redirve"], "'dead-letters redrive'"), (["pipline"], "'pipelines'")):
        expect(" ".join(words), call(words), 64, f"did you mean {meant}?")
    expect("no command", call([]), 64, "which command?")
    grant()
    say("  a role is mapped in OpenSearch Security beside those that are mapped already")
    for line, problem in (("{}", "line 1"), ('\n{"question": "x", "relevant": []}', "line 2"), ('{"question": " ", "relevant": ["s3://a/b"]}', "line 1"), ("", "has no questions")):
        (folder / "wrong.jsonl").write_text(line)
        expect(f"questions {line!r}", call(["evaluate", str(folder / "wrong.jsonl")], OPENSEARCH_URL=NOWHERE), 69, problem)
    return {"commands": len(commands), "failures": count, "scripts": scripts(folder, commands)}


def grant() -> None:
    """Against a server that holds a mapping already, as OpenSearch Security's API answers."""
    known, mine = "arn:aws:iam::111122223333:role/other", "arn:aws:iam::111122223333:role/papers"
    stored = {"/_plugins/_security/api/rolesmapping/ingest-fleet": {"ingest-fleet": {"backend_roles": [known], "hosts": []}}}

    class Security(Denied):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "PUT":
                stored[self.path] = json.loads(body)
            answer = json.dumps(stored.get(self.path, {"status": "OK"})).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Security)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    done = call(["grant", mine, "--opensearch-index", "papers"], OPENSEARCH_URL=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    assert done.returncode == 0 and mine in done.stdout, done
    assert stored["/_plugins/_security/api/rolesmapping/ingest-fleet"] == {"backend_roles": [known, mine]}, stored
    permissions = stored["/_plugins/_security/api/roles/ingest-fleet"]
    assert permissions["index_permissions"] == [{"index_patterns": ["papers*", "ingest-fleet-*"], "allowed_actions": ["indices_all"]}], permissions


def scripts(folder, commands: list[str]) -> int:
    """What shells and man make of what is generated, where they are installed."""
    checked = 0
    for shell in ("bash", "zsh", "fish"):
        text = call(["completion", shell]).stdout
        assert all(name.split()[0] in text for name in commands) and "--opensearch-url" in text or "opensearch-url" in text, shell
        if shutil.which(shell):
            done = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True)
            assert done.returncode == 0 and not done.stderr, f"{shell}: {done.stderr}"
            checked += 1
    script = folder / "completion.bash"
    script.write_text(call(["completion", "bash"]).stdout)
    for line, expected in (("ingestctl ver", {"verify", "version"}), ("ingestctl dead-letters re", {"redrive"}), ("ingestctl search --mo", {"--mode"}), ("ingestctl search --mode v", {"vector"}), ("ingestctl pause emb", {"embed-worker"})):
        words = line.split()
        command = f'source {script}; COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _ingestctl; printf "%s\\n" "${{COMPREPLY[@]}}"'
        found = set(subprocess.check_output(["bash", "-c", command], text=True).split())
        assert found == expected, (line, found)
    for name in ["", *commands]:
        page = call(["manual", *name.split()]).stdout
        assert page.startswith(".TH ") and ".SH EXIT STATUS" in page, name
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-K", "utf8", "-man", "-Tutf8", "-ww", "-z"], input=page, capture_output=True, text=True)
            assert not done.stderr, f"the manual of {name}: {done.stderr[:500]}"
            checked += 1
    return checked
