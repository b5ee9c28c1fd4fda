"""Answers kept for the next try: packed as they came, unless something must be taken out of them first."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extractors.core.answers import KeptAnswers, Questions, digest

pytestmark = pytest.mark.unit
QUESTION = digest("GET", "/rows", None)
BODY = b'{"results": ["erased", "somebody else"]}'
PACKED = gzip.compress(BODY, mtime=0)


@contextmanager
def kept(folder: Path, is_cleaned: bool = False) -> Iterator[KeptAnswers]:
    clean = (lambda body: body.replace(b"erased", b"")) if is_cleaned else None
    with closing(KeptAnswers(folder, Questions(None, 0, 0), datetime(2026, 6, 1, 2, tzinfo=UTC), clean)) as answers:
        yield answers


def test_an_answer_that_came_packed_is_kept_as_it_came(tmp_path: Path) -> None:
    with kept(tmp_path) as answers:
        answers.keep(QUESTION, BODY, PACKED)
        answers.keep(QUESTION, BODY)
    assert (tmp_path / "answers").read_bytes().count(PACKED) == 1
    with kept(tmp_path) as answers:
        assert [answers.recall(QUESTION) for _ in range(3)] == [BODY, BODY, None]


def test_what_must_be_taken_out_is_not_kept_as_it_came(tmp_path: Path) -> None:
    with kept(tmp_path, is_cleaned=True) as answers:
        answers.keep(QUESTION, BODY, PACKED)
    assert PACKED not in (tmp_path / "answers").read_bytes()
    with kept(tmp_path) as answers:
        assert answers.recall(QUESTION) == BODY.replace(b"erased", b"")
