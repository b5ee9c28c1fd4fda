"""An interactive prompt on the published marts: statements over several lines, history, completion of tables and columns.

Every statement is answered from the file that is published at that moment: a prompt left open overnight answers from the new night.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer

from extractors.core.errors import WatertightError
from extractors.core.settings import Settings
from warehouse import query
from warehouse.database import plain_errors

GREETING = (
    "Reading SQL on the published marts. End a statement with ; · Tab completes tables and columns · exit leaves."
)
_KEYWORDS = (
    "select", "from", "where", "group by", "order by", "having", "limit", "join", "left join", "using", "on", "with", "as", "and", "or",
    "not", "is null", "case", "when", "then", "else", "end", "count", "sum", "avg", "min", "max", "median", "round", "distinct", "filter",
    "over", "partition by", "desc", "describe", "summarize", "explain", "show tables", "union all", "qualify", "date_trunc",
)  # fmt: skip
_AFTER_THESE_A_TABLE = re.compile(r"\b(?:from|join|describe|summarize)\s+\w*$", re.IGNORECASE)
_LEAVING = {"exit", "quit", "\\q", ".exit", ".quit"}


class Names(Completer):
    """Completes tables after `from` and `join`, elsewhere keywords and the columns of the tables that the statement names.

    A table is also found by any part of its name: `board` finds `mart_sales__pipeline_board`.
    """

    def __init__(self, columns: dict[str, list[str]]) -> None:
        self.columns = columns

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        typed = document.get_word_before_cursor()
        if _AFTER_THESE_A_TABLE.search(document.text_before_cursor):
            yield from _matching(typed, sorted(self.columns), "table", inside=True)
            return
        if not typed:
            return
        named = [table for table in re.findall(r"\w+", document.text) if table in self.columns]
        own = dict.fromkeys(column for table in named for column in self.columns[table])
        yield from _matching(typed, own, "column")
        yield from _matching(typed, _KEYWORDS, "")
        if not named:
            yield from _matching(typed, sorted(self.columns), "table", inside=True)


def _matching(typed: str, words: Iterable[str], kind: str, *, inside: bool = False) -> Iterable[Completion]:
    sought = typed.lower()
    for word in words:
        if word.startswith(sought) or (inside and sought in word):
            yield Completion(word, start_position=-len(typed), display_meta=kind)


def columns_of(settings: Settings) -> dict[str, list[str]]:
    """The published tables and their columns in order. Raises WatertightError when nothing is published yet."""
    found: dict[str, list[str]] = defaultdict(list)
    for table, column in query.ask(
        settings, "select table_name, column_name from duckdb_columns() where not internal order by table_name, column_index"
    ).rows:  # fmt: skip
        found[table].append(column)
    return dict(found)


def converse(
    settings: Settings, answer: Callable[[str], None], complain: Callable[[WatertightError], None], say: Callable[[str], None]
) -> None:  # fmt: skip
    """Asks for statements and has them answered until the person leaves; what is wrong with one is told, and the next is asked for.

    Raises WatertightError when nothing is published yet, or when the history cannot be kept.
    """
    names = Names(columns_of(settings))
    say(GREETING)
    prompt: PromptSession[str] = PromptSession(
        "watertight> ",
        prompt_continuation="          > ",
        multiline=Condition(lambda: not _is_whole(prompt.default_buffer.text)),
        lexer=PygmentsLexer(SqlLexer),
        completer=names,
        complete_while_typing=False,
        history=_history(settings.home / "sql_history"),
        key_bindings=_bindings(),
    )
    while True:
        try:
            statement = prompt.prompt().strip()
        except KeyboardInterrupt:  # drops what is being typed, as in every shell
            continue
        except EOFError:
            return
        if statement.rstrip(";").strip().lower() in _LEAVING:
            return
        if statement.strip(";").strip():
            try:
                answer(statement)
            except WatertightError as error:
                complain(error)


def _is_whole(text: str) -> bool:
    """Whether Enter ends the statement: it has its semicolon, or is nothing, or a word to leave by."""
    text = text.strip()
    return not text or text.endswith(";") or text.lower() in _LEAVING


def _history(path: Path) -> FileHistory:
    with plain_errors(path):
        path.touch(mode=0o600)
    return FileHistory(path)


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        """Alt+Enter answers without a semicolon."""
        event.current_buffer.validate_and_handle()

    return bindings
