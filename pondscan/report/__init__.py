"""``report.html``: the census on one self-contained page."""

from pondscan.report.inputs import Quicklook, ReportInput
from pondscan.report.page import render

__all__ = ["Quicklook", "ReportInput", "render"]
