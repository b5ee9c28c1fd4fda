"""How an answer is understood, and how it is kept for a try that goes on where this one stops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import msgspec

from extractors.core.body import check_media_type, decode_body

T = TypeVar("T")

_JSON = {"Content-Type": "application/json"}


class Document(NamedTuple):
    """An answer that is not JSON: the headers asked for, and the whole body as far as HTTP can tell; the caller knows how much is due."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reading(Generic[T]):
    """`decode` takes headers, body and what to call the answer in an error; `keep` makes of it what `recall` can read. None: never kept."""

    decode: Callable[[Mapping[str, str], bytes, str], T]
    recall: Callable[[bytes, str], T]
    keep: Callable[[Mapping[str, str], bytes], bytes] | None


def as_json(answer: type[T]) -> Reading[T]:
    """JSON of a shape (a msgspec type)."""
    return Reading(
        decode=lambda headers, body, what: decode_body(headers, body, answer, what),
        recall=lambda kept, what: decode_body(_JSON, kept, answer, what),
        keep=lambda headers, body: body,
    )


def as_document(media_type: str, names: tuple[str, ...]) -> Reading[Document]:
    """Anything of that media type, with those of its headers."""

    def decode(headers: Mapping[str, str], body: bytes, what: str) -> Document:
        check_media_type(headers, media_type)
        return Document({name: headers[name] for name in names if name in headers}, body)

    return Reading(
        decode,
        recall=lambda kept, what: msgspec.msgpack.decode(kept, type=Document),
        keep=lambda headers, body: msgspec.msgpack.encode(decode(headers, body, "")),
    )
