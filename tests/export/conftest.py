from __future__ import annotations

from pathlib import Path

import pytest
from export_examples import Census, census_of_three, publish


@pytest.fixture
def census() -> Census:
    return census_of_three()


@pytest.fixture
def workspace(census, tmp_path) -> Path:
    """A folder with a published census."""
    return publish(census, tmp_path / "census")
