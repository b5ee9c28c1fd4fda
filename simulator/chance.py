"""Chance without state: every draw is a pure function of (seed, stream, number).

A stream is a name for one decision ("deal.pipeline"). Drawing by number instead of in a sequence is what lets deal 900,000 be
made without making the 899,999 before it, and lets two deals agree about a merge without talking to each other.
"""

from functools import cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@cache
def _key(seed: int, stream: str) -> np.uint64:
    digest = blake2b(f"{seed}|{stream}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def bits(seed: int, stream: str, numbers: Ints) -> NDArray[np.uint64]:
    """64 well-mixed bits per number (the finaliser of splitmix64)."""
    x = numbers.astype(np.uint64)
    x += np.uint64(1)
    x *= _GOLDEN
    x += _key(seed, stream)
    x ^= x >> np.uint64(30)
    x *= _FIRST
    x ^= x >> np.uint64(27)
    x *= _SECOND
    x ^= x >> np.uint64(31)
    return x


def uniform(seed: int, stream: str, numbers: Ints) -> Floats:
    """One float in [0, 1) per number."""
    return (bits(seed, stream, numbers) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def whole(seed: int, stream: str, numbers: Ints, below: int) -> Ints:
    """One integer in [0, below) per number."""
    return (uniform(seed, stream, numbers) * below).astype(np.int64)


def one(seed: int, stream: str, number: int) -> float:
    """The same draw for a single number."""
    return float(uniform(seed, stream, np.array([number], dtype=np.int64))[0])
