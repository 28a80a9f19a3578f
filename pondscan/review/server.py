"""The review page, served to this machine alone.

Bound to the loopback address. A page needs the token that is made anew for every run, so no other user's program reads
or judges anything, and no web page in the same browser does: Host and Origin must be this server's own. Nothing is read
from disk but what the desk holds: there is no path to walk out of.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pondscan.errors import PondscanError
from pondscan.review.desk import Desk

LOOPBACK = "127.0.0.1"
MOST_BYTES = 64 * 1024
"""Of a request's body; a verdict with the longest note takes a tenth of it."""

MOST_PONDS = 999

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_FILES = {
    "/": ("review.html", "text/html; charset=utf-8"),
    "/review.css": ("review.css", "text/css; charset=utf-8"),
    "/review.js": ("review.js", "text/javascript; charset=utf-8"),
}
PICTURE = re.compile(r"/picture/(\d{1,6})/(\d{1,6})/(near|wide)-(natural|false)\.png")


class ReviewServer(ThreadingHTTPServer):
    """Serves one desk. ``url`` is the address to open, the token in it.

    Parameters
    ----------
    port
        0 for any that is free.
    """

    daemon_threads = True

    def __init__(self, desk: Desk, port: int = 0) -> None:
        self.desk, self.desk_lock = desk, Lock()
        self.token = secrets.token_urlsafe(24)
        super().__init__((LOOPBACK, port), _Handler)

    @property
    def origin(self) -> str:
        """Scheme, host and port that pages of this server come from."""
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"{self.origin}/?token={self.token}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a browser that went away in the middle of an answer; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    server_version = "pondscan"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        """Answer with the page, the listing or a picture."""
        place = urlsplit(self.path)
        if not self._is_ours(place.query):
            return
        if place.path in PAGE_FILES:
            name, kind = PAGE_FILES[place.path]
            text = (files("pondscan.review") / "page" / name).read_text("utf-8")
            self._send(text.replace("THE-TOKEN", self.server.token).encode(), kind)
        elif place.path == "/ponds.json":
            with self.server.desk_lock:
                listing = {"reviewer": self.server.desk.reviewer, "ponds": self.server.desk.listing()}
            self._send_json(listing)
        elif found := PICTURE.fullmatch(place.path):
            is_wide, is_natural = found[3] == "wide", found[4] == "natural"
            self._send_picture(int(found[1]), int(found[2]), is_wide=is_wide, is_natural=is_natural)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    def do_POST(self) -> None:
        """Take a verdict."""
        place = urlsplit(self.path)
        if not self._is_ours(place.query):
            return
        if place.path != "/verdict":
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
        elif self.headers.get("Origin") != self.server.origin:
            self._refuse(HTTPStatus.FORBIDDEN, "this does not come from the review page")
        elif (told := self._body()) is not None:
            self._take(told)

    def _take(self, told: dict[str, Any]) -> None:
        pond_id, verdict, note = told.get("pond_id"), told.get("verdict"), told.get("note", "")
        n_ponds = told.get("n_ponds")
        is_number = n_ponds is None or (type(n_ponds) is int and 0 <= n_ponds <= MOST_PONDS)
        if not (isinstance(pond_id, str) and isinstance(note, str) and isinstance(verdict, str | None) and is_number):
            self._refuse(
                HTTPStatus.BAD_REQUEST, "a verdict names pond_id, verdict and note, and n_ponds as a whole number"
            )
            return
        try:
            with self.server.desk_lock:
                self.server.desk.say(pond_id, verdict, note, datetime.now(UTC).replace(microsecond=0), n_ponds)
        except PondscanError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
            return
        self._send_json({"n_said": len(self.server.desk.said)})

    def _body(self) -> dict[str, Any] | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a verdict has at most {MOST_BYTES} bytes")
            return None
        try:
            told = json.loads(self.rfile.read(int(length)))
        except ValueError:
            told = None
        if not isinstance(told, dict):
            self._refuse(HTTPStatus.BAD_REQUEST, "this is no JSON object")
            return None
        return told

    def _is_ours(self, query: str) -> bool:
        """Whether the request names this server and carries its token; refuses it otherwise."""
        host = self.headers.get("Host", "")
        given = self.headers.get("X-Token") or "".join(parse_qs(query).get("token", [""])[:1])
        is_right_host = host == self.server.origin.removeprefix("http://")
        if is_right_host and secrets.compare_digest(given.encode(), self.server.token.encode()):
            return True
        self._refuse(HTTPStatus.FORBIDDEN, "open the address that pondscan review serve printed")
        return False

    def _send_picture(self, pond: int, look: int, *, is_wide: bool, is_natural: bool) -> None:
        with self.server.desk_lock:  # rasterio silences a warning of its own for all threads at once, or for none
            picture = self.server.desk.picture(pond, look, is_wide=is_wide, is_natural=is_natural)
        if picture is None:
            self._refuse(HTTPStatus.NOT_FOUND, "no picture shows this")
        else:
            self._send(picture, "image/png")

    def _send_json(self, document: object) -> None:
        self._send(json.dumps(document, allow_nan=False).encode(), "application/json")

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        self.close_connection = True
        self._send(json.dumps({"error": sentence}).encode(), "application/json", status)

    def _send(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
        """Say nothing of single requests: the token stands in them."""
