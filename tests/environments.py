"""Python environments beside the tests' own, from a lock by hash: programs of other versions run there and are never imported."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def install(lock: Path, place: Path) -> None:
    """Makes the environment in `place` anew. RuntimeError with what the installer said."""
    uv = Path(sys.executable).with_name("uv")
    run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, place])
    run([uv, "pip", "sync", "--quiet", "--python", place / "bin" / "python", "--require-hashes", lock])


def kept(lock: Path, folder: Path) -> Path:
    """The interpreter of an environment that is made once per lock and Python and kept below `folder`; several processes may ask at once."""
    recipe = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    cache = folder / f"{lock.stem}-{recipe}"
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "lock"):
        ready = cache / "ready"
        if not ready.exists():
            install(lock, cache / "environment")
            ready.touch()
    return cache / "environment" / "bin" / "python"


def run(command: list[Any], **extra: str) -> str:
    """What it printed. RuntimeError when it failed."""
    done = subprocess.run(command, env=clean(**extra), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
    return done.stdout


def clean(**extra: str) -> dict[str, str]:
    """The environment without what would lead another Python, Tryton or the settings of this project astray."""
    astray = ("PYTHON", "VIRTUAL_ENV", "TRYTON", "WATERTIGHT")
    return {name: value for name, value in os.environ.items() if not name.startswith(astray)} | extra


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time is inside."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
