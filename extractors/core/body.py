"""The body of an answer: whole, within bounds, JSON to the last byte, or an error that says which of these it is not."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import msgspec
import requests
from isal import isal_zlib

log = logging.getLogger(__name__)
T = TypeVar("T")

#: no page of any source comes near this; a bigger one is a mistake or an attack
MAX_BODY_BYTES = 64 * 1024 * 1024
READ_BYTES = 64 * 1024
#: one escape in a JSON string: a whole surrogate pair, half of one, or any other
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\u[0-9a-fA-F]{4}|\\."
)


class BrokenAnswerError(Exception):
    """Says what is wrong in words that follow "the answer". `may_pass`: asking again may give a whole one."""

    def __init__(self, wrong: str, may_pass: bool = True) -> None:
        super().__init__(wrong)
        self.may_pass = may_pass


class OversizedAnswerError(Exception):
    """The decoded body passed its limit; what came so far is dropped and the rest not read."""


class Body(NamedTuple):
    """An answer's body, unpacked, and as it came where that was gzip."""

    content: bytes
    gzipped: bytes | None


def read_body(response: requests.Response, limit: int) -> Body:
    """The body of an answer that is read for the first time, at most `limit` bytes of it in memory, unpacked and as it came.

    Raises BrokenAnswerError (cut, damaged, in an encoding nobody asked for), OversizedAnswerError, and whatever the connection does.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise BrokenAnswerError(f"came in an encoding that was not asked for ({encoding[:20]!r})")
    unpack = isal_zlib.decompressobj(wbits=31) if "gzip" in encoding else None
    body, gzipped = bytearray(), bytearray()
    try:
        # Not stream() or read(): they wait for a full buffer, and unpack without a limit.
        while piece := response.raw.read1(READ_BYTES, decode_content=False):
            if unpack is not None:
                gzipped += piece
            while piece:
                if unpack is None:
                    body += piece
                    piece = b""
                elif unpack.eof:
                    raise BrokenAnswerError("goes on after the end of its gzip stream")
                else:
                    body += unpack.decompress(piece, limit + 1 - len(body))
                    piece = unpack.unconsumed_tail or unpack.unused_data
                if max(len(body), len(gzipped)) > limit:
                    raise OversizedAnswerError(f"is bigger than {limit:,} bytes")
    except isal_zlib.error:  # type: ignore[misc]  # its stub takes the class for an instance
        raise BrokenAnswerError("is damaged: its gzip stream cannot be unpacked") from None
    # It sets eof only after the trailer, whose length and checksum it has compared.
    if unpack is not None and gzipped and not unpack.eof:
        raise BrokenAnswerError("is cut: its gzip stream has no end")
    return Body(bytes(body), bytes(gzipped) or None)


def decode_body(headers: Mapping[str, str], body: bytes, answer: type[T], what: str) -> T:
    """The body as `answer` (a msgspec type). Halves of surrogate pairs become U+FFFD, with a warning naming `what`.

    Raises BrokenAnswerError when it is empty, of another type, not UTF-8, not whole JSON, or of another shape.
    """
    kind, _, parameters = headers.get("Content-Type", "").lower().partition(";")
    kind = kind.strip()
    if not body:
        raise BrokenAnswerError("is empty where data is due")
    if kind != "application/json" and not kind.endswith("+json"):
        raise BrokenAnswerError(f"is not JSON but {kind[:40] or 'of no stated type'}")
    charset = re.search(r"charset\s*=\s*\"?([a-z0-9_-]+)", parameters)
    if charset and charset[1] not in ("utf-8", "utf8", "us-ascii"):
        raise BrokenAnswerError(f"is in {charset[1][:20]}, not in UTF-8")
    try:
        # msgspec passes over the bytes of a Raw without looking at their encoding.
        body.decode("utf-8")
        try:
            return msgspec.json.decode(body, type=answer)
        except msgspec.DecodeError:
            whole = _without_half_surrogates(body)
            if whole == body:
                raise
            log.warning("%s: the answer held halves of surrogate pairs; each became U+FFFD", what)
            return msgspec.json.decode(whole, type=answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        shown = f"({error}; {len(body)} bytes, sha256 {hashlib.sha256(body).hexdigest()[:16]}…)"
        # A shape is found wrong at its first bytes: whether the rest was ever JSON is another question.
        if isinstance(error, msgspec.ValidationError) and _is_json(body):
            raise BrokenAnswerError(f"is not the JSON that was expected {shown}", may_pass=False) from None
        raise BrokenAnswerError(f"is not whole JSON {shown}") from None


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def check_media_type(headers: Mapping[str, str], media_type: str) -> None:
    """Raises BrokenAnswerError when the answer is of another type than the one asked for."""
    kind = headers.get("Content-Type", "").lower().partition(";")[0].strip()
    if kind != media_type:
        raise BrokenAnswerError(f"is not {media_type} but {kind[:40] or 'of no stated type'}")


def _without_half_surrogates(body: bytes) -> bytes:
    """JSON whose strings hold no half of a surrogate pair: each becomes U+FFFD, which every reader can store."""
    return _ESCAPE.sub(lambda match: b"\\ufffd" if match[1] else match[0], body)
