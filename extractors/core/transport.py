"""Sockets that keep two promises: no answer takes longer than its deadline, and no byte goes to an address out of bounds.

The usual read timeout starts anew with every byte, so a server that drips one byte a second holds a client for ever; and an
address checked by name may resolve to another machine a moment later. Both are therefore checked at the socket itself.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import Any

import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from extractors.core.origin import Origin, is_loopback_address, is_public_address

#: connections kept open to one source
MOST_IN_FLIGHT = 16


class DeadlineError(OSError):
    """The whole answer did not arrive in time."""


class ForbiddenAddressError(OSError):
    """The source's name led to an address that it must not lead to."""


class Deadline(threading.local):
    """When the answer that this thread is reading must be complete: seconds of `time.monotonic`; `pause` bounds each single read."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self.at = float("inf")

    def next_timeout(self) -> float:
        self.check()
        return min(self.pause, self.at - time.monotonic() + 0.001)

    def check(self) -> None:
        if time.monotonic() >= self.at:
            raise DeadlineError("the answer took too long")


class _DeadlineSocket(socket.socket):
    deadline: Deadline

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.deadline.next_timeout())
        try:
            return super().recv_into(*args, **kwargs)
        except TimeoutError:
            self.deadline.check()
            raise


class _DeadlineTLSSocket(ssl.SSLSocket):
    deadline: Deadline

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.deadline.next_timeout())
        try:
            return super().recv_into(*args, **kwargs)
        except TimeoutError:
            self.deadline.check()
            raise


def _checked_socket(plain: socket.socket, origin: Origin, deadline: Deadline) -> _DeadlineSocket:
    """The connected socket with its deadline, once its peer is seen to be where the origin may be."""
    peer = plain.getpeername()[0]
    if not (is_loopback_address(peer) if origin.is_loopback else is_public_address(peer)):
        plain.close()
        raise ForbiddenAddressError(f"its name leads to the address {peer}, where it must not be")
    timeout = plain.gettimeout()
    checked = _DeadlineSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
    checked.settimeout(timeout)
    checked.deadline = deadline
    return checked


class Transport(requests.adapters.HTTPAdapter):
    """The requests adapter of one origin: no retries of its own, no proxies, certificates always verified."""

    def __init__(self, origin: Origin, deadline: Deadline) -> None:
        self._origin = origin
        self._deadline = deadline
        super().__init__(pool_connections=1, pool_maxsize=MOST_IN_FLIGHT, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        origin, deadline = self._origin, self._deadline

        class Connection(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _checked_socket(super()._new_conn(), origin, deadline)

        class TLSConnection(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _checked_socket(super()._new_conn(), origin, deadline)

            def connect(self) -> None:
                super().connect()
                self.sock.deadline = deadline  # type: ignore[union-attr]

        class Pool(urllib3.HTTPConnectionPool):
            ConnectionCls = Connection

        class TLSPool(urllib3.HTTPSConnectionPool):
            ConnectionCls = TLSConnection

        context = create_urllib3_context(ssl_minimum_version=ssl.TLSVersion.TLSv1_2)
        context.sslsocket_class = _DeadlineTLSSocket
        if origin.scheme == "https":
            pool_kwargs["ssl_context"] = context
        self.poolmanager = urllib3.PoolManager(num_pools=connections, maxsize=maxsize, block=block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": TLSPool}
