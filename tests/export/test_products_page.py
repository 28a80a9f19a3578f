from __future__ import annotations

import re
import runpy
from pathlib import Path

from pondscan.tables import ALERTS, ALIASES, EVIDENCE, OBSERVATIONS, PONDS, SITES, SURVEY, TIMESERIES, VERDICTS, names

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_script_prints():
    """Refresh it with ``scripts/print_tables > docs/products.md``."""
    printed = runpy.run_path(str(ROOT / "scripts" / "print_tables"))["page"]()
    assert (ROOT / "docs" / "products.md").read_text(encoding="utf-8") == printed


def test_the_page_names_every_column_in_order():
    page = (ROOT / "docs" / "products.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)` \| (?:string|integer|number|datetime|boolean) \|", page, flags=re.MULTILINE)
    tables = (PONDS, SITES, TIMESERIES, SURVEY, ALIASES, VERDICTS, ALERTS, OBSERVATIONS, EVIDENCE)
    assert named == [name for table in tables for name in names(table)]
