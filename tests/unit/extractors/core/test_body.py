"""What a body that is not what was asked for is called, since that decides whether asking again may help."""

from __future__ import annotations

import pytest

from extractors.core.body import BrokenAnswerError, decode_body

pytestmark = pytest.mark.unit
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "may_pass"),
    [
        (b'{"results": 7}', False),
        (b'{"results": NaN}', True),
        (b'{"results": [{"id": "1"', True),
        (b"<html>", True),
        (b"7", False),
        (b"[[[" * 100_000, True),
    ],
    ids=["another shape", "another shape and no JSON", "another shape and cut", "a page", "a number", "too deep"],
)
def test_only_whole_json_of_another_shape_is_final(body: bytes, may_pass: bool) -> None:
    with pytest.raises(BrokenAnswerError) as raised:
        decode_body(JSON, body, list[str], "an answer")
    assert raised.value.may_pass == may_pass
