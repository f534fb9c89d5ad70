#!/usr/bin/env python3
"""Runs the scripts of `deploy/image` (part of `make lint`) with programs in place of docker, cosign, git and apt-get that write down what they are given.

Prints each thing that does not hold, and exits with 1 if there is one. No registry and no docker is needed.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIGEST = "sha256:" + "5e" * 32
STUB = """#!/bin/sh
echo "{name} $*" >> "$RECORD"
{body}
"""
# What docker writes and prints: the digest of a push (its metadata file is the word after --metadata-file), and apt's list of fixes.
DOCKER = """
while [ $# -gt 0 ]; do
    [ "$1" = --metadata-file ] && printf '{"containerimage.digest": "%s", "image.name": "x"}' "$DIGEST" > "$2"
    [ "$1" = run ] && printf '%b' "$FIXES"
    shift
done
exit "${STATUS:-0}"
"""
GIT = """[ "$1" = status ] && printf '%s' "$CHANGES"; [ "$1" = rev-parse ] && echo 1234abc; exit 0"""
APT = """for word; do case $word in Dir::Etc::SourceList=*) cat "${word#*=}" >> "$RECORD";; esac; done; exit 0"""


def run(folder: pathlib.Path, script: str, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """The exit code, what was printed, and what the programs were given."""
    record = folder / "record"
    record.write_text("")
    for name, body in {"docker": DOCKER, "cosign": "", "git": GIT, "apt-get": APT, "rm": ""}.items():
        (folder / name).write_text(STUB.format(name=name, body=body))
        (folder / name).chmod(0o755)
    settings = {"PATH": f"{folder}:{os.environ['PATH']}", "RECORD": str(record), "DIGEST": DIGEST, "FIXES": "", "CHANGES": ""} | environment
    done = subprocess.run([ROOT / "deploy/image" / script, *arguments], env=settings, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr, record.read_text()


def problems(folder: pathlib.Path) -> list[str]:
    checks: dict[str, bool] = {}
    code, printed, given = run(folder, "release", "registry/fleet", "1.4.0", SNAPSHOT="20261127T000000Z")
    builds = [line for line in given.splitlines() if line.startswith("docker buildx build")]
    checks["release ends well"] = code == 0
    checks["release builds both images for both processors, with a bill of materials and provenance"] = len(builds) == 2 and all(
        option in build for build in builds for option in ("--sbom=true", "--provenance=mode=max", "linux/amd64,linux/arm64", "SNAPSHOT=20261127T000000Z", "revision=1234abc", "--push"))
    checks["release names the tags"] = "--tag registry/fleet:1.4.0 " in builds[0] and "--tag registry/fleet:1.4.0-ocr " in builds[1]
    checks["release signs what was pushed, by digest"] = re.findall(r"cosign sign .* (\S+)", given) == [f"registry/fleet@{DIGEST}"] * 2
    checks["release prints the digests"] = printed.count(f"registry/fleet@{DIGEST}") == 2
    _, _, given = run(folder, "release", "registry/fleet", "1.4.0")
    checks["a snapshot is the moment of the release"] = re.search(r"SNAPSHOT=20\d{6}T\d{6}Z ", given) is not None
    code, _, given = run(folder, "release", "registry/fleet", "1.4.0", CHANGES=" M Package.swift\n")
    checks["what is not committed is not released"] = code == 1 and "docker" not in given
    code, _, given = run(folder, "release", "registry/fleet", "1.4.0", DIGEST="")
    checks["an image without a digest is not signed"] = code == 1 and "cosign" not in given

    code, _, given = run(folder, "install-packages", "libxml2", SNAPSHOT="20261127T000000Z")
    checks["packages are those of the snapshot"] = code == 0 and all(
        f"http://snapshot.debian.org/archive/{place}/20261127T000000Z {suite} main" in given
        for place, suite in (("debian", "bookworm"), ("debian", "bookworm-updates"), ("debian-security", "bookworm-security")))
    checks["a snapshot's lists are Debian's"] = given.count("signed-by=/usr/share/keyrings/debian-archive-keyring.gpg") >= 3 and "trusted=yes" not in given
    checks["the base's own packages get their fixes"] = 0 < given.find(" upgrade -y") < given.find(" install -y --no-install-recommends libxml2")
    code, _, given = run(folder, "install-packages", "libxml2")
    checks["without a snapshot they are today's"] = code == 0 and "snapshot.debian.org" not in given and "install -y --no-install-recommends libxml2" in given
    code, _, given = run(folder, "install-packages", "libxml2", SNAPSHOT="yesterday")
    checks["a snapshot that is no time is refused"] = code == 2 and "apt-get" not in given

    fix = "Inst libpoppler126 [22.12.0-2+deb12u1] (22.12.0-2+deb12u2 Debian-Security:12/oldstable-security [amd64])\\nConf libpoppler126 (22.12.0-2+deb12u2 Debian)\\n"
    code, printed, _ = run(folder, "outdated", "registry/fleet:1.4.0", FIXES=fix)
    checks["an image with a fix to come is named"] = code == 1 and printed == "libpoppler126 22.12.0-2+deb12u1, fixed in 22.12.0-2+deb12u2\n"
    code, printed, _ = run(folder, "outdated", "registry/fleet:1.4.0")
    checks["an image without is not"] = code == 0 and printed == ""
    code, printed, _ = run(folder, "outdated", "registry/fleet:1.4.0", STATUS="125")
    checks["an image that cannot be examined is not called up to date"] = code == 2
    code, _, given = run(folder, "release", "registry/fleet", "1.4.0", STATUS="1")
    checks["nothing is signed where a build fails"] = code == 1 and "cosign" not in given
    return [f"deploy/image: it does not hold that {check}" for check, holds in checks.items() if not holds]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        found = problems(pathlib.Path(scratch))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
