"""`watertight serve`: the published page over HTTP, for whoever has no web server of their own. It reads and says nothing else.

Only the files named in FILES are handed out, whatever else lies in the folder: the databases are not among them. Nobody signs in
here: it listens on this machine alone unless told otherwise, and what lets people in stands in front of it.
"""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from extractors.core.errors import ConfigurationError
from watertight.session import session

if TYPE_CHECKING:
    from starlette.applications import Starlette

#: what may be asked for: the policy under which a browser shows it. Both pages bring stricter ones of their own.
FILES = {
    "dashboard.html": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'",
    "dictionary.html": "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; font-src data:",
    "manifest.json": "default-src 'none'",
}
START = "dashboard.html"

_HEADERS = {
    "Cache-Control": "no-cache",  # a browser asks every time, and gets a short answer when the night is the same
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_EVERYWHERE = "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_NOT_YET = "There is no page yet: the first night that succeeds publishes it.\n"


@click.command("serve")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Where the page lies (default: the publication of WATERTIGHT_HOME).",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8081, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
def serve(folder: Path | None, host: str, port: int) -> None:
    """Hand out the published dashboard over HTTP until stopped."""
    with session("serve", keep_journal=False) as current:
        served = folder or current.settings.published_dir
        with _listen(host, port) as listener:
            shown = f"[{host}]" if ":" in host else host
            click.echo(f"Serving {served / START} at http://{shown}:{listener.getsockname()[1]}/")
            with suppress(KeyboardInterrupt):  # being told to stop is how a server ends
                run(served, listener)


def run(folder: Path, listener: socket.socket) -> None:
    """Answers until SIGTERM or Ctrl-C."""
    import uvicorn

    config = uvicorn.Config(
        application(folder), log_level="warning", access_log=False, server_header=False, lifespan="off", ws="none",
        limit_concurrency=200, timeout_keep_alive=15, timeout_graceful_shutdown=5, proxy_headers=False,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listener])


def application(folder: Path) -> Starlette:
    """Answers GET and HEAD for the page, for the other names in FILES, and for /health."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import FileResponse, PlainTextResponse, Response
    from starlette.routing import Route
    from starlette.staticfiles import NotModifiedResponse

    def headers(name: str) -> dict[str, str]:
        return _HEADERS | {"Content-Security-Policy": FILES.get(name, "default-src 'none'") + _EVERYWHERE}

    async def hand_out(request: Request) -> Response:
        name = request.path_params.get("name", START)
        if name not in FILES:
            return refuse(404, "There is nothing here.\n")
        try:
            # The link's target, not the link: a night that is published meanwhile must not change the file under the answer.
            path = (folder / name).resolve(strict=True)
            answer = FileResponse(path, headers=headers(name), stat_result=path.stat())
        except OSError:
            return refuse(404, _NOT_YET)
        return (
            NotModifiedResponse(answer.headers)
            if request.headers.get("If-None-Match") == answer.headers["ETag"]
            else answer
        )

    async def is_well(_request: Request) -> Response:
        return PlainTextResponse("well\n", headers=headers(""))

    def refuse(status: int, text: str) -> Response:
        return PlainTextResponse(text, status, headers=headers(""))

    async def other(_request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):  # the table below sends no other here
            raise error
        return PlainTextResponse(
            f"{error.detail}.\n", error.status_code, headers={**headers(""), **(error.headers or {})}
        )

    routes = [Route("/", hand_out), Route("/health", is_well), Route("/{name}", hand_out)]
    answering = Starlette(routes=routes, exception_handlers={HTTPException: other})
    answering.router.redirect_slashes = (
        False  # an address with a stroke at its end is another one, and there is nothing
    )
    return answering


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, socket.gaierror) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        raise ConfigurationError(
            f"Nothing can listen at {host}, port {port}: {'another program does already' if taken else error.strerror}.",
            "Choose another with --host and --port.",
        ) from None
