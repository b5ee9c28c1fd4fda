"""A PostgreSQL server of the tests' own: real, empty, on this machine, with passwords."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "canary/pass:word@1"


def program(name: str) -> str:
    """Its path; Debian keeps the server's programs out of the PATH."""
    found = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)]
    chosen = shutil.which(name) or (found[0] if found else None)
    assert chosen, f"{name} is not installed: make system-deps"
    return chosen


@contextmanager
def postgres_server() -> Iterator[int]:
    """The port at which it listens; user `watertight` owns it."""
    home = Path(tempfile.mkdtemp(prefix="watertight-postgres-"))
    # PostgreSQL refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        os.chown(home, pwd.getpwnam(user).pw_uid, -1)
    (home / "password").write_text(PASSWORD)
    (home / "password").chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])

    def run(name: str, *arguments: str) -> None:
        done = subprocess.run(
            [program(name), *arguments], user=user, cwd=home, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(home)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    data = str(home / "data")
    try:
        run(
            "initdb", "-D", data, "-U", "watertight", "-E", "UTF8", "--auth=scram-sha-256", "--pwfile", str(home / "password"), "--no-sync",
        )  # fmt: skip
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={home} -c fsync=off"
        run("pg_ctl", "-D", data, "-w", "-l", str(home / "log"), "-o", options, "start")
        try:
            yield port
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
