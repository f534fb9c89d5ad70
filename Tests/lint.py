#!/usr/bin/env python3
"""The house rules that a compiler does not check (part of `make lint`): retired words, sizes of files and initialisers, repeated code, links and commands in the docs.

    lint.py [ROOT]

Prints `path:line: problem` for each, and exits with 1 if there is one. First it plants an example against each rule in a temporary folder: a rule that does not find
its example is a problem itself.
"""
import pathlib
import re
import sys
import tempfile

import deployment
import mutants

ROOT = pathlib.Path(__file__).resolve().parent.parent
LONGEST_FILE = 400
MOST_PARAMETERS = 6
REPEATED = 6
MEMBERWISE = re.compile(r"self\.(\w+) = \1")

# Words of the first version (CONTRIBUTING, "Glossary", has what replaces them).
RETIRED = re.compile(
    r"\b(told|untold|tellAgain|bury|buried|mend(?:s|ed|ing)?|tid(?:y|ies|ied|ying)|obstacles?|[Pp]atience|wish(?:es)?|[cC]omplaints?|complains?|"
    r"(?:some|no)body(?:'s)?|whoever|rubbish|nonsense|handOver\w*|HandOver\w*|handed over|hand(?:s|ing)? over|(?:given|gave|give|giving|gives) back|"
    r"taken away|looked? after|looks after|what is told|how it ends|said twice|left alone|in work|InWork|inWork|OnePerKey|Coalescer)\b"
)
# The same words in other senses: names on the wire and in settings, Unix accounts.
INNOCENT = re.compile(r"HANDOVER_|TIDY_AFTER_SECONDS|\"handOver\"|\"handedOver\"|\"tidying\"|s3://nobodys?|\bas nobody\b|and nobody\b|or nobody\b|\"nobody\"|in works\(|in work\.|in workbook|pwd.getpwnam")
SKIPPED = {"Tests/lint.py"}
TEXTS = (".swift", ".py", ".md", ".c", ".h", ".json", "Makefile", "Dockerfile", "bootstrap")


class Lint:
    def __init__(self, root: pathlib.Path) -> None:
        self.root, self.problems = root, []

    def report(self, path: pathlib.Path, line: int, problem: str) -> None:
        self.problems.append(f"{path.relative_to(self.root)}:{line}: {problem}")

    def files(self, *suffixes: str) -> list[pathlib.Path]:
        places = ["Sources", "Tests", "deploy", "docs"]
        found = [path for place in places for path in (self.root / place).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        found += [path for path in self.root.iterdir() if path.is_file()] if self.root.is_dir() else []
        return sorted(path for path in found if path.name.endswith(suffixes) and str(path.relative_to(self.root)) not in SKIPPED)

    def words(self) -> None:
        for path in self.files(*TEXTS):
            if "deploy/local/documents" in str(path):
                continue
            glossary = False
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                checked = INNOCENT.sub("", line)
                glossary = glossary or (path.name == "CONTRIBUTING.md" and line.startswith("## Glossary"))
                if not glossary and (found := RETIRED.search(checked + separated(checked))):
                    self.report(path, number, f"retired word '{found.group(0)}' (CONTRIBUTING, Glossary)")

    def sizes(self) -> None:
        for path in self.files(".swift", ".py"):
            if (lines := path.read_text().count("\n")) > LONGEST_FILE:
                self.report(path, lines, f"{lines} lines, at most {LONGEST_FILE}: split it by its nouns")

    def initialisers(self) -> None:
        for path in self.files(".swift"):
            text = path.read_text()
            for match in re.finditer(r"^( *)(?:package |private |convenience )*init\(", text, re.MULTILINE):
                count = parameters(text, match.end())
                if count > MOST_PARAMETERS and works(text, match.start(), len(match.group(1))):
                    line = text.count("\n", 0, match.start()) + 1
                    self.report(path, line, f"an initialiser of a type that does work has {count} parameters, at most {MOST_PARAMETERS}: group them")

    def links(self) -> None:
        makefile = self.root / "Makefile"
        rules = re.findall(r"^([a-z -]+):", makefile.read_text(), re.MULTILINE) if makefile.exists() else []
        targets = {target for rule in rules for target in rule.split()}
        for path in self.files(".md"):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", line):
                    if not target.startswith("http") and not (path.parent / target).exists():
                        self.report(path, number, f"the link '{target}' leads nowhere")
                for target in re.findall(r"(?:^|`)make ([a-z-]+)", line):
                    if target not in targets:
                        self.report(path, number, f"'make {target}' is not a target of the Makefile")
                for name in re.findall(r"`((?:Sources|Tests|deploy|docs)/[\w+./-]+)`", line):
                    if not (self.root / name).exists():
                        self.report(path, number, f"'{name}' does not exist")

    def repeats(self) -> None:
        """Six lines of code that stand in two places."""
        seen: dict[tuple, tuple] = {}
        for path in self.files(".swift", ".py", ".c", ".h"):
            lines = [(number, line.strip()) for number, line in enumerate(path.read_text().splitlines(), 1)]
            lines = [(number, line) for number, line in lines if line and not line.startswith(("import ", "from ", "//", "#"))]
            for start in range(len(lines) - REPEATED + 1):
                block = tuple(line for _, line in lines[start:start + REPEATED])
                # Swift cannot make the initialiser of a record's values `package` by itself.
                if sum(len(line) > 3 for line in block) < REPEATED - 1 or any(MEMBERWISE.fullmatch(line) for line in block):
                    continue
                first = seen.setdefault(block, (path, lines[start][0]))
                if first != (path, lines[start][0]):
                    self.report(path, lines[start][0], f"the same {REPEATED} lines stand in {first[0].relative_to(self.root)}:{first[1]}: write them once")

    def long_tests(self) -> None:
        """Each is tagged and listed."""
        page = self.root / "CONTRIBUTING.md"
        table = page.read_text().partition("| long test |")[2].partition("\n\n")[0] if page.exists() else ""
        listed, tagged = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)), set()
        for path in self.files(".swift"):
            for match in re.finditer(r"\.tags\(\.long\).*?\bfunc (\w+)", path.read_text(), re.DOTALL):
                tagged.add(match[1])
                if match[1] not in listed:
                    self.report(path, path.read_text().count("\n", 0, match.end()) + 1, f"the long test '{match[1]}' is not in CONTRIBUTING's list")
        for name in sorted(listed - tagged):
            self.report(page, 1, f"'{name}' is listed as a long test and has no tag")

    def deployments(self) -> None:
        for path, problem in deployment.problems(self.root):
            self.report(path, 1, problem)

    def mutants(self) -> None:
        """Planted mistakes fit the code: the simulation, which plants them, comes late."""
        for path, problem in mutants.misfits(self.root):
            self.report(path, 1, problem)

    def run(self) -> list[str]:
        for rule in (self.words, self.sizes, self.initialisers, self.repeats, self.links, self.long_tests, self.deployments, self.mutants):
            rule()
        return self.problems


def separated(line: str) -> str:
    """The words of names in camel case."""
    return "".join(f" {word.lower()}" for name in re.findall(r"\b[a-z]+(?:[A-Z][a-z]+)+\b", line) for word in re.findall(r"[A-Z][a-z]+|^[a-z]+", name))


def parameters(text: str, start: int) -> int:
    """How many there are in the list that begins at `start`."""
    depth, count, at, previous = 1, 0, start, ""
    empty = True
    while depth:
        character = text[at]
        # A blank before it makes it an operator.
        if character in "([{" or (character == "<" and previous.isalnum()):
            depth += 1
        elif character in ")]}" or (character == ">" and not previous.isspace() and previous not in "->"):
            depth -= 1
        elif character == "," and depth == 1:
            count += 1
        if depth and not character.isspace():
            empty = False
        previous, at = character, at + 1
    return 0 if empty else count + (0 if text[:at - 1].rstrip().endswith(",") else 1)


def works(text: str, position: int, indentation: int) -> bool:
    """Whether the type around `position` has methods: a record has values, and properties computed from them."""
    outer = " " * max(0, indentation - 4)
    heads = [match for match in re.finditer(rf"^{outer}(?:package |private |final )*(?:struct|class|actor|enum) \w+.*$", text, re.MULTILINE) if match.start() < position]
    if not heads:
        return True
    if re.search(r"(struct|class) \w*Settings\b", heads[-1].group(0)):
        return False  # values that a program reads once
    end = re.compile(rf"^{outer}\}}", re.MULTILINE).search(text, position)
    body = text[heads[-1].end():end.start() if end else len(text)]
    return bool(re.search(rf"^{outer}    (?:package |private |mutating )*func ", body, re.MULTILINE))


CARELESS = """{"containerDefinitions": [{"name": "a", "image": "a:latest", "user": "0", "linuxParameters": {"capabilities": {}}, "mountPoints": [], "stopTimeout": 30, "secrets": [],
    "healthCheck": {"command": ["CMD", "true"]}, "environment": [{"name": "KEY", "value": "x"}, {"name": "GRACE_SECONDS", "value": "60"}, {"name": "HEALTH_PORT", "value": "1"}]}]}"""
PLANTED = {
    "retired word": ("Sources/A.swift", "/// The worker is told.\n"),
    "lines, at most": ("Sources/B.swift", "\n" * (LONGEST_FILE + 1)),
    "parameters, at most": ("Sources/C.swift", "final class C {\n    init(a: Int, b: Int, c: Int, d: Int, e: Int, f: [Int: Int], g: Int) {}\n\n    func run() {}\n}\n"),
    "stand in": ("Sources/G.swift", "let a = 1\nlet b = 2\nlet c = 3\nlet d = 4\nlet e = 5\nlet f = 6\n" * 2),
    "retired word 'told'": ("Sources/H.swift", "func linesAreToldApart() {}\n"),
    "leads nowhere": ("docs/d.md", "[there](nowhere.md)\n"),
    "not a target": ("docs/e.md", "Run `make nothing`.\n"),
    "is not in CONTRIBUTING's list": ("Tests/T.swift", "@Test(.tags(.long)) func endless() {}\n"),
    "does not exist": ("docs/f.md", "See `Sources/Nothing.swift`.\n"),
    **{problem: ("deploy/ecs/a.json", CARELESS) for problem in (
        "runs as root", "may write to its root", "keeps capabilities", "no scratch volume", "grace period of 60 s", "not checked", "as plain text", "by tag", "no setting KEY",
    )},
    **{problem: ("deploy/image/Dockerfile", "FROM debian:bookworm-slim AS fleet\nRUN apt-get update \\\n  && apt-get install libxml2\n") for problem in (
        "is not named by its digest", "not installed by deploy/image/install-packages", "fleet runs as root",
    )},
    "is not explained": ("deploy/iam/b.json", '{"Statement": [{"Sid": "A", "Action": ["s3:GetObject"], "Resource": "${X}"}]}'),
    "more than it names": ("deploy/iam/c.json", '{"Statement": [{"Sid": "A", "Action": ["s3:GetObject"], "Resource": "*"}]}'),
    "fits 0 times": ("Sources/IngestCore/Pipelines/IngestPipeline.swift", "struct IngestPipeline {}\n"),
    "not pinned by hashes": ("deploy/local/requirements.txt", "six==1.17.0\n"),
}


def unseen() -> list[str]:
    """The rules that do not find an example of what they refuse."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "Makefile").write_text("all:\n")
        for name, text in PLANTED.values():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        found = Lint(root).run()
    return [f"Tests/lint.py: no rule finds the planted example of '{rule}'" for rule, (name, _) in PLANTED.items() if not any(line.startswith(name) and rule in line for line in found)]


if __name__ == "__main__":
    problems = unseen() + Lint(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT).run()
    print("\n".join(problems), end="\n" if problems else "")
    sys.exit(1 if problems else 0)
