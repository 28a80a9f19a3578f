"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("pondscan", deadline=None)  # a busy machine is no failure
settings.load_profile("pondscan")


@pytest.fixture(scope="session")
def scenes_dir() -> Path:
    """Folder of the real scenes, from ``PONDSCAN_SCENES``; the test is skipped, loudly, where it is unset."""
    value = os.environ.get("PONDSCAN_SCENES")
    if not value or not Path(value).is_dir():
        pytest.skip("REAL SCENES NOT TESTED: set PONDSCAN_SCENES to the folder of real scenes")
    return Path(value)
