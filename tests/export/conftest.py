from __future__ import annotations

import pytest
from export_examples import Census, census_of_three


@pytest.fixture
def census() -> Census:
    return census_of_three()
