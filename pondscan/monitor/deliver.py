"""Alerts on their way: a command, a webhook, and an outbox that loses none of them.

At least once: what is not known to have arrived is sent again, under the same ``Idempotency-Key`` (the alert's id), by
which a receiver drops doubles. HTTP is one POST, for which the standard library does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from threading import Thread
from typing import IO, Protocol
from urllib.parse import urlsplit

from pondscan import __version__
from pondscan.monitor.alerts import Feature
from pondscan.monitor.journal import Journal, Parcel
from pondscan.monitor.settings import CommandChannel, MonitorSettings, is_loopback

FIRST_PAUSE_S = 60.0
LONGEST_PAUSE_S = 3600.0
"""After a pass without success the next attempt waits a minute, then twice as long each time, at most an hour."""

ONE_ALERT_ONLY = {400, 409, 413, 415, 422}
"""Answers that speak of the alert that was sent; after any other the receiver is left alone for this pass."""


class DeliveryError(Exception):
    """An alert that did not arrive: why, in words without secrets."""

    def __init__(self, why: str, *, is_about_alert: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.is_about_alert = is_about_alert
        self.wait_s = wait_s
        """Seconds the receiver asked to be left alone."""


class Sender(Protocol):
    """One way of delivery."""

    def __call__(self, feature: Feature) -> None:
        """Deliver one alert; raises ``DeliveryError``."""
        ...


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts alerts to an address."""

    url: str
    token: str | None
    timeout_s: float
    attempts: int
    backoff_s: float

    def __call__(self, feature: Feature) -> None:
        """Post one alert, a few times if need be."""
        for number in range(self.attempts):
            try:
                self._within_time(feature)
            except DeliveryError as error:
                is_last = number + 1 == self.attempts
                if is_last or error.is_about_alert or error.wait_s:
                    raise
                time.sleep(self.backoff_s * 2**number)
            else:
                return

    def _within_time(self, feature: Feature) -> None:
        """Post once; a receiver that answers byte by byte does not hold the pass up longer than a silent one."""
        outcome: list[DeliveryError | None] = []
        thread = Thread(target=lambda: outcome.append(self._post(feature)), daemon=True)
        thread.start()
        thread.join(2 * self.timeout_s)
        problem = outcome[0] if outcome else DeliveryError(f"{self._host}: no answer within {2 * self.timeout_s:g} s")
        if problem is not None:
            raise problem

    def _post(self, feature: Feature) -> DeliveryError | None:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": feature["id"],
            "User-Agent": f"pondscan/{__version__}",
        }
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        body = json.dumps(feature, ensure_ascii=False).encode()
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")  # noqa: S310 (checked)
        try:
            with self._opener().open(request, timeout=self.timeout_s):
                return None
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(error.code, error.headers)
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            return DeliveryError(f"{self._host}: {reason}")

    def _refused(self, code: int, headers: Message) -> DeliveryError:
        wait = headers.get("Retry-After", "")
        wait_s = min(float(wait), 86400.0) if wait.isascii() and wait.isdigit() else 0.0
        return DeliveryError(f"{self._host} answered {code}", is_about_alert=code in ONE_ALERT_ONLY, wait_s=wait_s)

    @property
    def _host(self) -> str:
        """The receiver without path and query, which may be a secret."""
        return urlsplit(self.url).hostname or "the receiver"

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if is_loopback(self._host):
            handlers.append(urllib.request.ProxyHandler({}))
        return urllib.request.build_opener(*handlers)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes a redirection for a refusal: followed, a POST would arrive as a GET, or somewhere nobody named."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


@dataclass(frozen=True, slots=True)
class Command:
    """Hands alerts to a program on its standard input."""

    settings: CommandChannel

    def __call__(self, feature: Feature) -> None:
        """Run the program once; it has taken the alert when it ends with 0."""
        name = self.settings.run[0]
        with tempfile.TemporaryFile() as alert, tempfile.TemporaryFile() as complaints:
            alert.write(json.dumps(feature, ensure_ascii=False).encode() + b"\n")
            alert.seek(0)
            try:
                code = self._ended(alert, complaints)
            except OSError as error:
                raise DeliveryError(f"{name}: cannot be run ({error.strerror or error})") from error
            except subprocess.TimeoutExpired:
                raise DeliveryError(f"{name}: not done after {self.settings.timeout_s:g} s, ended") from None
            if code:
                complaints.seek(0)
                lines = complaints.read(65536).decode(errors="replace").strip().splitlines()
                said = f": {lines[-1][:200]}" if lines else ""
                raise DeliveryError(f"{name}: ended with {code}{said}", is_about_alert=True)

    def _ended(self, alert: IO[bytes], complaints: IO[bytes]) -> int:
        process = subprocess.Popen(  # noqa: S603 (the operator's own program, no shell)
            self.settings.run, stdin=alert, stdout=subprocess.DEVNULL, stderr=complaints, start_new_session=True
        )
        try:
            return process.wait(self.settings.timeout_s)
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def senders(monitor: MonitorSettings) -> dict[str, Sender]:
    """Ways of delivery by name.

    Raises
    ------
    ConfigError
        When the environment lacks an address or a token.
    """
    ways: dict[str, Sender] = {}
    if monitor.command is not None:
        ways["command"] = Command(monitor.command)
    if (hook := monitor.webhook) is not None:
        ways["webhook"] = Webhook(hook.address, hook.token, hook.timeout_s, hook.attempts, hook.backoff_s)
    return ways


def deliver(journal: Journal, ways: dict[str, Sender], *, clock: Callable[[], float]) -> list[str]:
    """Send what is due, oldest first; say what did not arrive. What has no way any more stays in the outbox."""
    problems: list[str] = []
    unreachable: set[str] = set()
    for parcel in _due(journal.outbox(), clock()):
        if parcel.channel not in ways or parcel.channel in unreachable:
            continue
        try:
            ways[parcel.channel](parcel.feature)
        except DeliveryError as error:
            pause_s = max(error.wait_s, min(FIRST_PAUSE_S * 2**parcel.attempts, LONGEST_PAUSE_S))
            journal.postpone(parcel, error=str(error), next_at=clock() + pause_s)
            problems.append(f"alert {parcel.alert_id} not delivered: {error}; it is sent again")
            unreachable |= set() if error.is_about_alert else {parcel.channel}
        else:
            journal.delivered(parcel)
    return problems


def _due(parcels: Sequence[Parcel], now: float) -> list[Parcel]:
    """Parcels whose time has come."""
    return [parcel for parcel in parcels if parcel.next_at <= now]
