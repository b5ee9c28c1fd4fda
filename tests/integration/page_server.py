"""`watertight serve` as a process of the tests' own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVE = (sys.executable, "-m", "watertight.command", "serve")


@contextmanager
def page_server(folder: Path) -> Iterator[str]:
    """The address at which it hands out the page of `folder`; it must end by itself when asked to."""
    with subprocess.Popen(
        [*SERVE, "--folder", str(folder), "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout
            found = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
            assert found
            yield found[0]
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) in (0, -signal.SIGTERM)
