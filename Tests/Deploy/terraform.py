"""Terraform with a provider that is on the machine: formatting, validation, the modules' own tests, and runs of a configuration."""
import json
import os
import pathlib
import shutil
import subprocess

from processes import ROOT, Failed

MODULES = ROOT / "deploy/terraform"
FOLDER = ROOT / ".local/deploy"
# Where a provider is kept as an unpacked folder: TF_PLUGIN_MIRROR, or one of these.
MIRRORS = [pathlib.Path(path) for path in (os.environ.get("TF_PLUGIN_MIRROR", ""), "/opt/tf-plugins", "/usr/share/terraform/plugins", f"{pathlib.Path.home()}/.terraform.d/plugins") if path]
# Types of which the local server returns less than it was given. AWS returns all of it.
FORGETFUL = {"aws_cloudwatch_metric_alarm", "aws_ecs_service", "aws_flow_log", "aws_vpc_endpoint"}


def why_not() -> str | None:
    """What is missing; nil where Terraform and its provider are here."""
    if not shutil.which("terraform"):
        return "terraform is not installed"
    return None if mirror() else "the AWS provider is in none of " + ", ".join(map(str, MIRRORS))


def mirror() -> pathlib.Path | None:
    return next((path for path in MIRRORS if list(path.glob("registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*"))), None)


def environment(**more: str) -> dict[str, str]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings = FOLDER / "terraformrc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror()}"\n  }}\n}}\ndisable_checkpoint = true\n')
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return keep | {"TF_CLI_CONFIG_FILE": str(settings), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"} | more


def call(folder: pathlib.Path, *words: str, **more: str) -> str:
    done = subprocess.run(["terraform", *words], cwd=folder, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Failed(f"terraform {' '.join(words[:2])} in {folder.name} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def static(say) -> dict:
    """fmt, validate and test of each module: no server is asked."""
    call(ROOT, "fmt", "-check", "-recursive", "deploy/terraform", "Tests/Deploy/local")
    figures = {"modules": 0, "runs": 0, "asserts": 0}
    for folder in sorted(path.parent for path in MODULES.glob("*/versions.tf")) + [MODULES / "example"]:
        data = str(FOLDER / "data" / folder.name)
        call(folder, "init", "-input=false", "-no-color", "-lockfile=readonly" if (folder / ".terraform.lock.hcl").exists() else "-upgrade=false", TF_DATA_DIR=data)
        call(folder, "validate", "-no-color", TF_DATA_DIR=data)
        figures["modules"] += 1
        tests = list(folder.glob("tests/*.tftest.hcl"))
        if tests:
            output = call(folder, "test", "-no-color", TF_DATA_DIR=data)
            passed = output.count("... pass\n") - len(tests)
            figures["runs"] += passed
            figures["asserts"] += sum(path.read_text().count("assert {") for path in tests)
            assert passed == sum(path.read_text().count("\nrun ") for path in tests), output
    say(f"  {figures['modules']} modules formatted and valid; {figures['runs']} test runs with {figures['asserts']} assertions pass with a mocked provider")
    return figures


class Configuration:
    """One configuration with its state, applied to a local server."""

    def __init__(self, folder: pathlib.Path, ca: pathlib.Path, variables: dict[str, object]) -> None:
        self.folder, self.variables = folder, variables
        self.more = {"TF_DATA_DIR": str(FOLDER / "data/local"), "AWS_CA_BUNDLE": str(ca)}
        self.state = FOLDER / "local.tfstate"
        self.state.unlink(missing_ok=True)
        call(folder, "init", "-input=false", "-no-color", **self.more)

    def _arguments(self) -> list[str]:
        file = FOLDER / "local.tfvars.json"
        file.write_text(json.dumps(self.variables))
        return ["-no-color", "-input=false", "-parallelism=20", f"-state={self.state}", f"-var-file={file}"]

    def apply(self) -> int:
        """How many resources there are then."""
        call(self.folder, "apply", "-auto-approve", *self._arguments(), **self.more)
        return self.count()

    def count(self) -> int:
        return sum(len(resource["instances"]) for resource in json.loads(self.state.read_text())["resources"] if resource["mode"] == "managed")

    def outputs(self) -> dict:
        return {name: entry["value"] for name, entry in json.loads(call(self.folder, "output", "-json", f"-state={self.state}", **self.more)).items()}

    def changes(self) -> tuple[list[str], int]:
        """What a second plan would change of ours, and how many resources the local server returned incompletely."""
        plan = FOLDER / "local.plan"
        call(self.folder, "plan", f"-out={plan}", *self._arguments(), **self.more)
        shown = json.loads(call(self.folder, "show", "-json", str(plan), **self.more))
        found, forgotten = [], 0
        for change in shown["resource_changes"]:
            if set(change["change"]["actions"]) <= {"no-op", "read"}:
                continue
            different = differences(change["change"]["before"], change["change"]["after"], change["change"].get("after_unknown") or {})
            # A value that came back is ours; one that did not is the server's.
            ours = [path for path, before in different if before not in (None, "", 0, False, [], {}, "missing")]
            if change["type"] in FORGETFUL and not ours:
                forgotten += 1
            else:
                found.append(f"{change['address']} {change['change']['actions']}: {ours or different}")
        return found, forgotten

    def destroy(self) -> None:
        call(self.folder, "destroy", "-auto-approve", *self._arguments(), **self.more)


def differences(before, after, unknown, path: str = "") -> list[tuple[str, object]]:
    """Paths of attributes that differ, with their value before; what is known after the apply alone differs not."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [found for key in {**before, **after} for found in differences(before.get(key), after.get(key), unknown.get(key, False) if isinstance(unknown, dict) else unknown, f"{path}.{key}")]
    return [] if before == after or unknown is True else [(path, before)]
