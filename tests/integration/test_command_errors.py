"""What a person sees when the command cannot even begin: sentences, whatever is wrong with the settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [("WATERTIGHT_TIMEZONE", "Mars/X", 2), ("WATERTIGHT_SWEEP_DAYS", "abc", 2), ("WATERTIGHT_HOME", "/dev/null/x", 1)],
)
@pytest.mark.parametrize("command", ["nightly", "status"])
def test_a_setting_that_cannot_be_used_is_a_sentence_and_no_traceback(
    setting: str, value: str, code: int, command: str
) -> None:
    # A process of its own: under pytest the root logger always has a handler, which hides what Python prints without one.
    done = subprocess.run(
        [sys.executable, "-m", "watertight.command", command],
        env={**os.environ, setting: value},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if command == "nightly" or code == 2:
        assert done.returncode == code
    assert "Traceback" not in done.stderr + done.stdout
