"""The interactive prompt, as a person meets it: the real command on a terminal of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from extractors.core.settings import Settings
from watertight.prompt import Names, columns_of

pytestmark = pytest.mark.integration


def publish(home: Path, night: int) -> None:
    """A published file as small as can be, behind its link, where the demonstration has it."""
    folder = home / "demo" / "published"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"marts_{night}.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"create table mart_sales__pipeline_board as select 'won' as stage_name, {night} as open_deal_count"
        )
        connection.execute("create table dim_owners as select 'Ada' as owner_name")
    link = folder / ".marts.duckdb"
    link.symlink_to(path.name)
    link.replace(folder / "marts.duckdb")


class Terminal:
    """`watertight sql` on a pseudo-terminal."""

    def __init__(self, home: Path) -> None:
        self.master, slave = pty.openpty()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WATERTIGHT_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "watertight.command", "sql"],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env=environment | {"WATERTIGHT_HOME": str(home), "TERM": "xterm", "COLUMNS": "120", "LINES": "40", "PROMPT_TOOLKIT_NO_CPR": "1"},
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def read_until(self, words: str, seconds: float = 60) -> str:
        """What was printed since the last call up to `words`, without the terminal's own signs."""
        end = time.monotonic() + seconds
        while words not in self.seen:
            assert time.monotonic() < end, f"{words!r} was never printed; this was: {self.seen!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    data = os.read(self.master, 65_536)
                except OSError:  # Linux's way to say that the other end is closed
                    data = b""
                assert data, f"it ended before it printed {words!r}; this was: {self.seen!r}"
                self.seen += re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()=>][0-9A-B]?)", "", data.decode(errors="replace"))
        before, _, self.seen = self.seen.partition(words)
        return before + words


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    publish(tmp_path / "home", 1)
    found = Terminal(tmp_path / "home")
    yield found
    found.process.kill()
    found.process.wait()
    os.close(found.master)


def test_a_conversation(terminal: Terminal, tmp_path: Path) -> None:
    terminal.read_until("watertight>")
    terminal.type("select open_deal_count * 1000 + 11 as answer\r")
    terminal.type("from mart_sales__pipeline_board;\r")
    terminal.read_until("1011")
    terminal.type("select nothing from nowhere;\r")
    terminal.read_until("cannot be answered")
    terminal.type("drop table dim_owners;\r")
    terminal.read_until("one reading statement")
    publish(tmp_path / "home", 2)  # the next night
    terminal.type("\x1b[A\x1b[A\x1b[A\r")  # three back in the history
    terminal.read_until("2011")
    terminal.type("exit\r")
    assert terminal.process.wait(30) == 0
    history = tmp_path / "home" / "demo" / "sql_history"
    assert "pipeline_board" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0


def test_leaving_by_the_end_of_input(terminal: Terminal) -> None:
    terminal.read_until("watertight>")
    terminal.type("\x04")
    assert terminal.process.wait(30) == 0


def test_nothing_published_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    found = Terminal(tmp_path / "home")
    try:
        found.read_until("Nothing is published")
        assert found.process.wait(30) == 1
    finally:
        found.process.kill()
        os.close(found.master)


def test_without_a_terminal_the_statement_is_read_from_the_input(tmp_path: Path) -> None:
    publish(tmp_path / "home", 7)
    result = subprocess.run(
        [sys.executable, "-m", "watertight.command", "sql", "--format", "csv"],
        input="select open_deal_count\nfrom mart_sales__pipeline_board;\n", capture_output=True, text=True, check=True,
        env=os.environ | {"WATERTIGHT_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert result.stdout.split() == ["open_deal_count", "7"]


@pytest.mark.parametrize(
    ("text", "offered", "not_offered"),
    [
        ("select * from ", ["dim_owners", "mart_sales__pipeline_board"], ["stage_name"]),
        ("select * from board", ["mart_sales__pipeline_board"], ["dim_owners"]),
        ("select * from dim_owners where own", ["owner_name"], ["open_deal_count"]),
        ("SEL", ["select"], ["owner_name"]),
        ("select * from dim_owners ", [], ["owner_name"]),
    ],
)
def test_completion(tmp_path: Path, text: str, offered: list[str], not_offered: list[str]) -> None:
    publish(tmp_path / "home", 1)
    names = Names(columns_of(Settings(home_dir=tmp_path / "home", simulated_time=True)))
    found = [each.text for each in names.get_completions(Document(text), CompleteEvent(completion_requested=True))]
    assert [each for each in found if each in offered] == offered
    assert not set(found) & set(not_offered)
