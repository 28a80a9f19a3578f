"""A PostgreSQL server with PostGIS for the tests: a cluster of its own in a temporary folder, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "pa:ss/wo#rd"  # noqa: S105  (every sign that a URL must escape)
SERVER_USER = "postgres"
"""Who runs the server when the tests run as root, whom it refuses."""
PATIENCE_S = 60.0


def programs() -> Path | None:
    """Folder of PostgreSQL's programs of a version that has PostGIS; None where there is none."""
    for control in sorted(Path("/usr/share/postgresql").glob("*/extension/postgis.control"), reverse=True):
        folder = Path("/usr/lib/postgresql") / control.parts[-3] / "bin"
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).parent if found and _has_postgis(found) else None


def _has_postgis(initdb: str) -> bool:
    return any(Path(initdb).resolve().parents[1].glob("share/**/postgis.control"))


@contextmanager
def server(programs: Path) -> Iterator[str]:
    """Run a server; yields the URL of its database, with a password."""
    user = SERVER_USER if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pondscan-database-"))
    (folder / "password").write_text(PASSWORD)
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, user)
    try:
        initdb = [programs / "initdb", "-D", folder / "data", "-U", "tester", "-E", "UTF8", "--no-locale", "--no-sync"]
        options = ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}"]
        subprocess.run([*initdb, *options], check=True, capture_output=True, user=user)  # noqa: S603
        with _running(programs, folder, user) as port:
            yield f"postgresql://tester:pa%3Ass%2Fwo%23rd@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(programs: Path, folder: Path, user: str | None) -> Iterator[int]:
    port = _free_port()
    settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [programs / "postgres", "-D", folder / "data", *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, user=user)  # noqa: S603
        try:
            _wait_for(process, port, folder / "log")
            yield port
        finally:
            process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            process.wait(PATIENCE_S)


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        if b"ready to accept connections" in log.read_bytes():
            return
        time.sleep(0.05)
    raise AssertionError(f"PostgreSQL does not start on port {port}: {log.read_text(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
