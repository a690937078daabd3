"""Serve a review to the person at this machine, and to nobody else.

The address holds a random token; and no page of another site can reach it: the Host must be this machine's (against DNS
rebinding), what changes anything must come from this very page (Origin), and no page may frame it.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

from aiohttp import web

from flows.errors import UsageError
from flows.review.session import Session
from flows.review.shelf import Filters
from flows.store.jsonio import dumps, loads

HOST = "127.0.0.1"
MOST_ROWS = 50
"""Rows in one answer."""
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ReviewServer:
    """One review at one address, until the person is done."""

    def __init__(self, session: Session, page: str) -> None:
        self._session, self._page = session, page
        self._token = secrets.token_urlsafe(24)
        self._done = asyncio.Event()
        self._port = 0

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{HOST}:{self._port}/{self._token}/"

    async def run(self, port: int, ready: Callable[[str], None]) -> None:
        """Serve on a port, 0 being any free one, until the page says that all is done; tells `ready` the address.

        Raises UsageError when the port is taken.
        """
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, HOST, port)
            try:
                await site.start()
            except OSError as error:
                raise UsageError(f"port {port} of {HOST} cannot be used: {error.strerror}; choose another") from None
            self._port = runner.addresses[0][1]
            ready(self.url)
            await self._done.wait()
        finally:
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=8 << 20)
        base = f"/{self._token}"
        app.add_routes(
            [
                web.get(f"{base}/", self._show_page),
                web.get(f"{base}/state", self._state),
                web.get(f"{base}/queue", self._queue),
                web.get(f"{base}/rows", self._rows),
                web.post(f"{base}/verdict", self._verdict),
                web.post(f"{base}/undo", self._undo),
                web.post(f"{base}/finish", self._finish),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # by either name: a port that ssh forwards is often called localhost
        host = request.headers.get("Host", "")
        own = host in (f"{HOST}:{self._port}", f"localhost:{self._port}")
        if not own or request.headers.get("Origin", f"http://{host}") != f"http://{host}":
            raise web.HTTPForbidden(text="this page is for the person at this machine only")
        if request.method == "POST" and ("Origin" not in request.headers or request.content_type != "application/json"):
            raise web.HTTPForbidden(text="a verdict comes from the page itself")
        try:
            response = await handler(request)
        except UsageError as error:
            response = _json({"error": str(error)}, status=400)
        response.headers.update(HEADERS)
        return response

    async def _show_page(self, request: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html", charset="utf-8")

    async def _state(self, request: web.Request) -> web.Response:
        session = self._session
        return _json({"name": session.name, "counts": session.counts, "choices": session.choices})

    async def _queue(self, request: web.Request) -> web.Response:
        given = {entry.name: request.query[entry.name] for entry in fields(Filters) if entry.name in request.query}
        try:
            sample = int(given.pop("sample", 0))
        except ValueError:
            raise UsageError("sample: must be a number") from None
        return _json({"numbers": self._session.select(Filters(**given, sample=sample))})

    async def _rows(self, request: web.Request) -> web.Response:
        try:
            numbers = [int(number) for number in request.query.get("numbers", "").split(",")][:MOST_ROWS]
        except ValueError:
            raise UsageError("numbers: must be numbers of rows, by commas") from None
        return _json({"rows": [self._session.show(number) for number in numbers]})

    async def _verdict(self, request: web.Request) -> web.Response:
        given = await _body(request)
        number, accept = given.get("number"), given.get("accept")
        if type(number) is not int or not (accept is None or isinstance(accept, bool)):
            raise UsageError("a verdict is a row's number and accept: true, false or null")
        self._session.show(number)
        self._session.decide(number, accept, given)
        return self._now(number)

    async def _undo(self, request: web.Request) -> web.Response:
        return self._now(self._session.undo())

    async def _finish(self, request: web.Request) -> web.Response:
        # after this answer is out
        asyncio.get_running_loop().call_later(0.2, self._done.set)
        return _json({"counts": self._session.counts})

    def _now(self, number: int | None) -> web.Response:
        row = None if number is None else self._session.show(number)
        return _json({"row": row, "counts": self._session.counts})


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UsageError("the body must be a JSON object")
    return body


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=dumps(value), content_type="application/json", status=status)
