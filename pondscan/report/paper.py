"""Printing a page to PDF, by a browser that happens to be there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PATIENCE_S = 120.0
FLAGS = (
    *("--headless", "--disable-gpu", "--no-first-run", "--disable-component-update", "--disable-background-networking"),
    *("--disable-sync", "--disable-quic", "--host-resolver-rules=MAP * ~NOTFOUND", "--no-pdf-header-footer"),
)


def print_page(page: Path, pdf: Path) -> str | None:
    """Print an HTML file.

    Returns
    -------
    str or None
        Why it was not printed, in a sentence; None when it was.
    """
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        return "no PDF was made: there is no Chromium or Chrome here to print the page"
    # A superuser has no sandbox; the page is our own, and its policy lets it load nothing and run nothing.
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="pondscan-print-", ignore_cleanup_errors=True) as profile:
        command = [browser, *FLAGS, *sandbox, f"--user-data-dir={profile}", f"--print-to-pdf={pdf.resolve()}"]
        command.append(page.resolve().as_uri())
        try:
            subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=True)  # noqa: S603
        except (OSError, subprocess.SubprocessError) as error:
            pdf.unlink(missing_ok=True)
            return f"no PDF was made: {Path(browser).name} could not print the page ({type(error).__name__})"
    return None if pdf.is_file() else f"no PDF was made: {Path(browser).name} wrote none"
