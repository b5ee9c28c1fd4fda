"""Podman as the tests use it: found, tried, and given a base image where no registry of images can be reached."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
BASE = os.environ.get("BASE_IMAGE") or "localhost/watertight-base:bookworm"
POSTGRES = os.environ.get("POSTGRES_IMAGE") or "localhost/watertight-postgres:bookworm"
#: where a base image is made from Debian's packages
MIRROR = os.environ.get("DEBIAN_MIRROR") or "http://deb.debian.org/debian"

#: a machine that is itself confined cannot raise a container's limits above its own, as podman would; crun starts nothing there
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
PODMAN = ("podman", "--runtime", "runc")


class NoEngineError(Exception):
    """Containers cannot run here, in one sentence."""


def run(*command: str, cwd: Path | None = None, shown: bool = False, failing: bool = False) -> str:
    """What it printed. Raises RuntimeError with its last words when it fails, unless `failing` is allowed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if shown:
        print(done.stdout)
    if done.returncode != 0 and not failing:
        raise RuntimeError(
            f"{' '.join(command)[:300]} ended with {done.returncode}:\n" + "\n".join(done.stdout.splitlines()[-25:])
        )
    return done.stdout


def podman(*arguments: str, failing: bool = False) -> str:
    return run(*PODMAN, *arguments, failing=failing)


def compose(folder: Path, *arguments: str) -> str:
    """podman-compose in the folder of a docker-compose.yml and its .env."""
    return run(
        str(Path(sys.executable).parent / "podman-compose"), "--podman-args=--runtime runc", f"--podman-run-args={' '.join(LIMITS)}",
        f"--podman-build-args=--network host --layers {' '.join(LIMITS)}", *arguments, cwd=folder,
    )  # fmt: skip


def require_engine() -> None:
    """Raises NoEngineError unless a container starts here. Makes the base image, when there is none, since that takes an image."""
    for program in ("podman", "runc"):
        if shutil.which(program) is None:
            raise NoEngineError(f"No container can run here: there is no {program} (make system-deps installs it).")
    try:
        if not has_image(BASE):
            make_base()
        podman("run", "--rm", "--read-only", "--user", "1000:1000", "--cap-drop", "all", *LIMITS, BASE, "true")
    except (RuntimeError, OSError) as error:
        raise NoEngineError(f"No container can run here: {str(error).splitlines()[-1]}") from error


def has_image(name: str) -> bool:
    return subprocess.run([*PODMAN, "image", "exists", name], check=False, capture_output=True).returncode == 0


def make_base() -> None:
    """Debian with Python, and the authorities that this machine trusts: what inspects its traffic inspects the image's too."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise NoEngineError(
            "A base image is needed: give one as BASE_IMAGE, or run as root with debootstrap (make system-deps)."
        )
    with tempfile.TemporaryDirectory(prefix="watertight-base-") as made:
        root = Path(made)
        run(
            "debootstrap",
            "--variant=minbase",
            "--include=python3,python3-venv,ca-certificates",
            "bookworm",
            made,
            MIRROR,
        )
        for authority in Path("/usr/local/share/ca-certificates").glob("*.crt"):
            shutil.copy(authority, root / "usr/local/share/ca-certificates")
        run("chroot", made, "update-ca-certificates")
        (root / "etc/pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
        shutil.rmtree(root / "var/cache/apt/archives")
        archive = subprocess.Popen(["tar", "-C", made, "-c", "."], stdout=subprocess.PIPE)
        done = subprocess.run(
            [*PODMAN, "import", "--quiet", "-", BASE], stdin=archive.stdout, capture_output=True, text=True, check=False
        )
        if archive.wait() != 0 or done.returncode != 0:
            raise RuntimeError(f"the base image could not be imported: {done.stderr.strip()}")


def make_postgres() -> None:
    """The stand-in for the official image."""
    if not has_image(POSTGRES):
        podman(
            "build",
            "--network",
            "host",
            *LIMITS,
            "--build-arg",
            f"BASE_IMAGE={BASE}",
            "--tag",
            POSTGRES,
            str(HERE / "postgres"),
        )


def forget(names: Sequence[str]) -> None:
    """Removes containers, whatever state they are in."""
    if names:
        podman("rm", "--force", "--time", "5", "--volumes", *names, failing=True)
