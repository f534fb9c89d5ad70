"""What `deploy/` promises of images, tasks and roles: rules of the lint (Tests/lint.py)."""
import json
import pathlib
import re

# ECS kills a task so many seconds after SIGTERM at the latest (Fargate's maximum of `stopTimeout`).
LONGEST_STOP = 120
SCRATCH = "/scratch"


def problems(root: pathlib.Path) -> list[tuple[pathlib.Path, str]]:
    found: list[tuple[pathlib.Path, str]] = []
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", text(root / "docs/configuration.md"), re.MULTILINE))
    for path in sorted((root / "deploy/ecs").glob("*.json")):
        found += [(path, problem) for problem in of_task(json.loads(path.read_text()), documented)]
    for folder in ("iam", "ecs"):
        page = text(root / f"deploy/{folder}/README.md")
        for path in sorted((root / f"deploy/{folder}").glob("*.json")):
            found += [(path, f"'${{{name}}}' is not explained in deploy/{folder}/README.md") for name in sorted(set(re.findall(r"\$\{(\w+)\}", path.read_text()))) if f"`{name}`" not in page]
    for path in sorted((root / "deploy/iam").glob("*.json")):
        for statement in json.loads(path.read_text())["Statement"]:
            # These can name no resource (service authorization reference of ECR and ECS).
            nameless = set(statement["Action"]) <= {"ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"}
            if ("*" in [statement["Resource"]] or "*" in statement["Resource"][:1]) and not nameless or any(action.endswith("*") for action in statement["Action"]):
                found.append((path, f"the statement {statement['Sid']} allows more than it names"))
    for path in [*root.glob("deploy/**/requirements.txt"), *root.glob("deploy/**/weights.txt"), *root.glob("Tests/**/requirements.txt")]:
        for requirement in path.read_text().replace("\\\n", " ").splitlines():
            if not re.match(r"[\w.-]+==\S+.* --hash=sha256:[0-9a-f]{64}", requirement):
                found.append((path, f"'{requirement.split(' ')[0]}' is not pinned by hashes: run tools/lock-python"))
    found += of_export(root) + of_alarms(root)
    for path in [*sorted((root / "deploy/image").glob("Dockerfile*")), *sorted((root / "deploy/compose").glob("Dockerfile*"))]:
        found += [(path, problem) for problem in of_image(path.read_text())]
    return found


def of_export(root: pathlib.Path) -> list[tuple[pathlib.Path, str]]:
    """The columns of the ledger's export are those of its readers and of their page."""
    source = root / "Sources/ingestctl/ExportLedgerCommand.swift"
    if not source.exists():
        return []
    line = text(source).partition("private static func line(")[2].partition("json.newline()")[0]
    written = set(re.findall(r'json\.field\("(\w+)"', line))
    page = text(root / "deploy/analytics/README.md")
    tables = {"athena.sql": r"^  (\w+) (?:string|bigint|array)", "snowpipe.sql": r"^  (\w+) (?:STRING|NUMBER|TIMESTAMP_NTZ|ARRAY)"}
    found = [(root / "deploy/analytics/README.md", f"the column '{name}' is not explained") for name in sorted(written) if f"`{name}`" not in page]
    for name, pattern in tables.items():
        path = root / "deploy/analytics" / name
        columns = set(re.findall(pattern, text(path), re.MULTILINE))
        found += [(path, f"the column '{column}' is of the table or of the export alone") for column in sorted(columns ^ written)]
    return found


def of_alarms(root: pathlib.Path) -> list[tuple[pathlib.Path, str]]:
    """Each alarm for people is a heading of the runbook."""
    path = root / "deploy/terraform/pipeline/alarms.tf"
    headings = {name for line in re.findall(r"^## (.*)$", text(root / "docs/runbook.md"), re.MULTILINE) for name in line.split(", ")}
    names: set[str] = set()
    for name in re.findall(r'^    "([\w${}-]+)" = \{$', text(path), re.MULTILINE):
        names |= {name.replace("${queue}", queue).replace("${program}", program) for queue in ("events", "chunks") for program in ("ingest-worker", "embed-worker")}
    names |= set(re.findall(r'alarm_name += "\$\{local.prefix\}-([a-z-]+)"', text(path)))
    return [(root / "docs/runbook.md", f"the alarm '{name}' has no heading") for name in sorted(names - headings)]


def of_image(dockerfile: str) -> list[str]:
    """Bases by digest, packages by the script that pins them to a moment, and no root at the end of a stage that is released."""
    found, stages, user = [], set(), {}
    stage = ""
    for line in dockerfile.replace("\\\n", " ").splitlines():
        if match := re.match(r"FROM (\S+)(?: AS (\S+))?", line):
            if match[1] not in stages and not re.search(r"@sha256:[0-9a-f]{64}$", match[1]):
                found.append(f"the base {match[1]} is not named by its digest")
            stage = match[2] or "the last stage"
            stages.add(stage)
            user[stage] = user.get(match[1], "root")
        elif line.startswith("RUN ") and re.search(r"\bapt(-get)? ", line):
            found.append("packages are not installed by deploy/image/install-packages")
        elif line.startswith("USER "):
            user[stage] = line.split()[1]
    return found + [f"the stage {name} runs as root" for name, who in user.items() if who in ("root", "0") and name != "build"]


def text(path: pathlib.Path) -> str:
    return path.read_text() if path.exists() else ""


def of_task(task: dict, documented: set[str]) -> list[str]:
    found = []
    for container in task["containerDefinitions"]:
        settings = {entry["name"]: entry["value"] for entry in container["environment"]}
        secrets = {entry["name"] for entry in container["secrets"]}
        grace = int(settings.get("GRACE_SECONDS", 20))
        rules = {
            "runs as root": container.get("user", "0") not in ("0", "root"),
            "may write to its root file system": container.get("readonlyRootFilesystem") is True,
            "keeps capabilities": container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]},
            "has no scratch volume": [mount["containerPath"] for mount in container["mountPoints"]] == [SCRATCH],
            f"is killed before its grace period of {grace} s is over": grace + 10 <= container["stopTimeout"] <= LONGEST_STOP,
            "is not checked by its own program": container["healthCheck"]["command"] == ["CMD", container["name"], "--healthcheck"] and "HEALTH_PORT" in settings,
            "takes a secret as plain text": not any("KEY" in name or "PASSWORD" in name for name in settings),
            "runs an image by tag": container["image"] == "${IMAGE}",
        }
        found += [f"{container['name']} {problem}" for problem, holds in rules.items() if not holds]
        found += [f"{container['name']}: docs/configuration.md has no setting {name}" for name in sorted((set(settings) | secrets) - documented)]
    return found
