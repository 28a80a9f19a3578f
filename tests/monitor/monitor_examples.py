"""A monitor with a clock of its own, and a receiver of webhooks on this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pondscan.monitor.passes import PassReport, only_monitor, run_pass
from pondscan.monitor.settings import read_monitor_file

NOW = 1_800_000_000.0


@dataclass
class Watched:
    """A folder, a workspace, and a configuration that names them."""

    folder: Path
    out: Path
    config: Path
    now: float = NOW
    said: list[str] = field(default_factory=list)

    def configure(self, text: str = "", *, settings: str = "", settle_s: float = 0) -> None:
        head = f'{settings}\n[monitor]\nfolder = "in"\nout = "census"\nsettle_s = {settle_s}\n'
        self.config.write_text(head + text, encoding="utf-8")

    def once(self, *, later_s: float = 0.0) -> PassReport:
        """One pass, so much later than the one before."""
        self.now += later_s
        with only_monitor(self.out):
            return run_pass(read_monitor_file(self.config), log=self.log, clock=lambda: self.now)

    def log(self, sentence: str, /, **_told: object) -> None:
        self.said.append(sentence)

    def alerts(self) -> list[dict]:
        path = self.out / "alerts.geojson"
        return json.loads(path.read_text(encoding="utf-8"))["features"] if path.exists() else []

    def rules(self) -> list[str]:
        return sorted(feature["properties"]["rule"] for feature in self.alerts())


def watched(tmp_path: Path) -> Watched:
    one = Watched(tmp_path / "in", tmp_path / "census", tmp_path / "monitor.toml")
    one.folder.mkdir()
    one.configure()
    return one


def everything_in(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its bytes, and every file and folder with the time it was last written."""
    paths = [folder, *folder.rglob("*")]
    return {str(path): (path.read_bytes() if path.is_file() else b"", path.stat().st_mtime_ns) for path in paths}


class Receiver(ThreadingHTTPServer):
    """Takes alerts; answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = 200
        self.headers: dict[str, str] = {}
        self.delay_s = 0.0
        self.taken: list[dict] = []
        self.keys: list[str] = []
        self.tokens: list[str | None] = []
        self.n_requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?secret=abc"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.n_requests += 1
        answer = self.server.answer
        time.sleep(self.server.delay_s)
        if answer == 200:
            self.server.taken.append(json.loads(body))
            self.server.keys.append(self.headers["Idempotency-Key"])
            self.server.tokens.append(self.headers["Authorization"])
        try:
            self.send_response(answer)
            for name, value in self.server.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except ConnectionError:
            return

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
