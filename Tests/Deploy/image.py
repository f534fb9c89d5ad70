#!/usr/bin/env python3
"""Builds the image of deploy/image/Dockerfile without a registry, and runs it as Fargate does (`make image-test`; needs root).

    image.py [--keep]

The bases are made by debootstrap, with what Debian's slim image leaves out left out, and this machine's Swift; the Dockerfile is built as it is but for the names of its bases. Both
workers then run against the local stack as uid 10001 with a read-only root and no capabilities until a document is searchable. Prints sizes, the start to the
first receive, and what a bill of materials finds.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "Tests/EndToEnd"), str(ROOT / "Tests/Deploy")]
import opensearch
import stack
from fleet_run import FleetRun, ends_with_figures
from processes import Failed
from recorder import Recorder

FOLDER = ROOT / ".local/stack/image"
WORK = ROOT / ".local/image"
GOAL_MB, GOAL_START = 250, 0.3
STORAGE = ["--root", str(WORK / "storage"), "--runroot", str(WORK / "run"), "--storage-driver", "vfs"]
# debian:bookworm-slim's list of paths that dpkg leaves out (docker-library, debuerreotype: slimify-excludes).
SLIM = ["usr/share/doc", "usr/share/info", "usr/share/linda", "usr/share/lintian", "usr/share/locale", "usr/share/man"]
started = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {text}", flush=True)


def call(*words: object, **options) -> str:
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise Failed(f"{words[0]} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def bases(toolchain: pathlib.Path) -> None:
    """The two images that the Dockerfile begins with, under names of this test."""
    root = WORK / "base"
    if not (root / ".whole").exists():
        shutil.rmtree(root, ignore_errors=True)
        # dpkg reads the list of what to leave out from the first package on.
        call("debootstrap", "--variant=minbase", "--include=ca-certificates,debian-archive-keyring", "bookworm", root)
        rules = "".join(f"path-exclude /{path}/*\n" for path in SLIM) + "path-include /usr/share/doc/*/copyright\n"
        (root / "etc/dpkg/dpkg.cfg.d").mkdir(parents=True, exist_ok=True)
        (root / "etc/dpkg/dpkg.cfg.d/docker").write_text(rules)
        for path in SLIM:
            for entry in sorted((root / path).rglob("*"), reverse=True):
                if entry.is_dir() and not entry.is_symlink():
                    if not any(entry.iterdir()):
                        entry.rmdir()
                elif entry.name != "copyright":
                    entry.unlink()
        shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
        shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
        (root / "etc/apt/sources.list").write_text("".join(f"deb http://{place} {suite} main\n" for place, suite in (
            ("deb.debian.org/debian", "bookworm"), ("deb.debian.org/debian", "bookworm-updates"), ("deb.debian.org/debian-security", "bookworm-security"))))
        for settings in pathlib.Path("/etc/apt/apt.conf.d").glob("*proxy*"):
            shutil.copy(settings, root / "etc/apt/apt.conf.d")
        (root / ".whole").touch()
        say(f"  base by debootstrap: {size(root)} MB")
    for name, packages in (("slim", []), ("swift", ["binutils", "libc6-dev", "libgcc-12-dev", "libstdc++-12-dev", "git", "pkg-config", "libcurl4", "libxml2", "libncurses6", "libpython3.11", "zlib1g-dev", "tzdata"])):
        container = call("buildah", *STORAGE, "from", "scratch").strip()
        call("buildah", *STORAGE, "add", "--quiet", container, root, "/")
        if packages:
            call("buildah", *STORAGE, "run", "--isolation", "chroot", container, "--", "sh", "-c", "apt-get update && apt-get install -y --no-install-recommends " + " ".join(packages))
            call("buildah", *STORAGE, "config", "--env", f"PATH={toolchain}/bin:/usr/bin:/bin:/usr/sbin:/sbin", container)
        call("buildah", *STORAGE, "commit", "--quiet", "--rm", container, f"localhost/{name}")
    say("  bases committed")


def build(toolchain: pathlib.Path) -> None:
    """The Dockerfile as it is, but for the names of the bases, which no registry is asked for."""
    text = (ROOT / "deploy/image/Dockerfile").read_text()
    text, count = re.subn(r"^FROM (swift|debian):\S+", lambda match: f"FROM localhost/{'swift' if match[1] == 'swift' else 'slim'}", text, flags=re.MULTILINE)
    assert count == 2, count
    file = WORK / "Dockerfile"
    file.write_text(text)
    commit = call("git", "rev-parse", "HEAD", cwd=ROOT).strip()
    context = WORK / "context"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    call("sh", "-c", f"git ls-files -z | tar --null -T - -c | tar -x -C {context}", cwd=ROOT)
    # The script is mounted, and so is no part of what a layer is known by.
    text = text.replace("RUN --mount", f"ARG SCRIPT={hashlib.sha256((ROOT / 'deploy/image/install-packages').read_bytes()).hexdigest()}\nRUN --mount")
    file.write_text(text)
    for target in ("fleet", "fleet-ocr"):
        call("buildah", *STORAGE, "bud", "--layers", "--pull-never", "--isolation", "chroot", "--format", "docker", "--target", target, "-v", f"{toolchain}:{toolchain}:ro",
             "--build-arg", f"BUILD_COMMIT={commit}", "-f", file, "-t", f"localhost/{target}", context)
        say(f"  {target} built")


def size(folder: pathlib.Path) -> int:
    return int(call("du", "-sm", "--apparent-size", folder).split()[0])


def contents(image: str) -> dict:
    """Size, packages and settings of an image."""
    shown = json.loads(call("podman", *STORAGE, "image", "inspect", image))[0]
    mounted = pathlib.Path(call("podman", *STORAGE, "image", "mount", image).strip().splitlines()[-1])
    try:
        biggest = call("sh", "-c", f"cd {mounted} && dpkg-query --admindir=var/lib/dpkg -W -f='${{Installed-Size}} ${{Package}}\\n' | sort -rn | head -8")
        materials = json.loads(call(ROOT / ".local/linters/bin/syft", "scan", f"dir:{mounted}", "-o", "spdx-json", "-q"))
        return {"mb": size(mounted), "config": shown["Config"], "health": shown["Healthcheck"], "biggest": biggest.split(), "packages": len(materials["packages"]), "programs": sum(path.stat().st_size for path in (mounted / "usr/local/bin").iterdir()) >> 20}
    finally:
        call("podman", *STORAGE, "image", "unmount", image)


def run(program: str, environment: dict[str, str]) -> str:
    """As the task definition has it; the name of the container."""
    name = f"image-test-{program}"
    variables = [word for key, value in environment.items() if key != "PATH" for word in ("--env", f"{key}={value}")]
    call("podman", *STORAGE, "--runtime", "runc", "--cgroup-manager=cgroupfs", "run", "--detach", "--name", name, "--replace", "--read-only", "--read-only-tmpfs=false", "--user", "10001", "--cap-drop", "ALL",
         "--security-opt", "no-new-privileges", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network=host", "--volume", f"{WORK}/scratch-{program}:/scratch:rw,U", "--pull=never", *variables,
         "localhost/fleet", program)
    return name


def first_receives(environment: dict[str, str], upstream: str) -> float:
    """Seconds from the start of ingest-worker's process to the arrival of its first ReceiveMessage; the median of five."""
    found = []
    for _ in range(5):
        recorder = Recorder(upstream, lambda _: "")
        process = subprocess.Popen([FleetRun.program("ingest-worker")], env=environment | {"AWS_ENDPOINT_URL": recorder.url}, stderr=subprocess.DEVNULL)
        begun = time.monotonic()
        while not any(operation.endswith("ReceiveMessage") for operation in list(recorder.arrived)):
            if time.monotonic() - begun > 20:
                raise Failed("no receive within 20 s")
            time.sleep(0.002)
        found.append(time.monotonic() - begun)
        process.terminate()
        process.wait()
        recorder.stop()
    return sorted(found)[2]


def main() -> dict:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the storage of images, so that the next build begins with its layers")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        raise Failed("images are built as root here: buildah isolates by chroot")
    missing = [program for program in ("buildah", "podman", "runc", "debootstrap") if not shutil.which(program)]
    if missing:
        raise Failed(f"not installed: {', '.join(missing)}: Tests/Deploy/bootstrap buildah podman runc debootstrap")
    toolchain = pathlib.Path(shutil.which("swift")).resolve().parents[1]
    WORK.mkdir(parents=True, exist_ok=True)
    bases(toolchain)
    build(toolchain)
    figures: dict = {}
    for image in ("fleet", "fleet-ocr"):
        found = contents(f"localhost/{image}")
        figures[image.replace("-", "_") + "_mb"] = found["mb"]
        config = found["config"]
        assert config["User"] == "10001" and found["health"]["Test"] and config["Labels"]["org.opencontainers.image.title"] == "ingest-fleet", config
        say(f"  {image}: {found['mb']} MB unpacked, {found['packages']} packages in its bill of materials, programs {found['programs']} MB, largest packages (KB): {' '.join(found['biggest'])}")
        if image == "fleet":
            figures["packages"] = found["packages"]
    aws = stack.Stack(FOLDER, search=False)
    try:
        aws.node = opensearch.start(FOLDER)
        fleet = aws.fleet("image")
        work = FleetRun(fleet, FOLDER)
        environment = {program: fleet.worker(program) | {"POLL_SECONDS": "1"} for program in ("ingest-worker", "embed-worker")}
        for program in environment:
            shutil.rmtree(WORK / f"scratch-{program}", ignore_errors=True)
            (WORK / f"scratch-{program}").mkdir()
        names = [run(program, settings | {"HEALTH_PORT": "8080" if program == "ingest-worker" else "8081"}) for program, settings in environment.items()]
        begun = time.monotonic()
        fleet.put("first.txt", b"The first document of a container.")
        fleet.put("keeper.pdf", (ROOT / "deploy/local/documents/keeper-handbook.pdf").read_bytes())
        while len({chunk["key"] for chunk in work.chunks(["key"])}) < 2:
            if time.monotonic() - begun > 60:
                raise Failed("not searchable within 60 s:\n" + "".join(call("podman", *STORAGE, "logs", name)[-2000:] for name in names))
            time.sleep(0.2)
        say(f"  two documents searchable {time.monotonic() - begun:.1f} s after both containers started")
        for name, program in zip(names, environment):
            inside = lambda *words: call("podman", *STORAGE, "--runtime", "runc", "--cgroup-manager=cgroupfs", "exec", name, *words)
            status = inside("cat", "/proc/1/status")
            assert re.search(r"^Uid:\s+10001\s+10001", status, re.MULTILINE) and re.search(r"^CapEff:\s+0+$", status, re.MULTILINE) and re.search(r"^CapBnd:\s+0+$", status, re.MULTILINE), status
            assert "NoNewPrivs:\t1" in status
            inside(program, "--healthcheck")
            refused = subprocess.run(["podman", *STORAGE, "--runtime", "runc", "--cgroup-manager=cgroupfs", "exec", name, "touch", "/usr/x"], capture_output=True, text=True)
            assert "Read-only file system" in refused.stderr, refused
        stopped = time.monotonic()
        for name in names:
            call("podman", *STORAGE, "--runtime", "runc", "--cgroup-manager=cgroupfs", "stop", "--time", "90", name)
            code = json.loads(call("podman", *STORAGE, "inspect", name))[0]["State"]["ExitCode"]
            assert code == 0, f"{name} ended with {code}"
            call("podman", *STORAGE, "rm", name)
        say(f"  uid 10001, read-only root, no capabilities, no new privileges, healthy; both stopped with code 0 after {time.monotonic() - stopped:.1f} s")
        figures["first_receive_s"] = round(first_receives(environment["ingest-worker"], aws.aws_url), 3)
        say(f"  first receive {figures['first_receive_s']} s after the start of the process (goal {GOAL_START} s)")
    finally:
        aws.stop()
        if not arguments.keep:
            call("podman", *STORAGE, "system", "reset", "--force")
    figures |= {"goal_mb": GOAL_MB, "meets_size": figures["fleet_mb"] < GOAL_MB, "meets_start": figures["first_receive_s"] < GOAL_START}
    return figures | {"seconds": round(time.monotonic() - started)}


if __name__ == "__main__":
    sys.exit(ends_with_figures(main))
