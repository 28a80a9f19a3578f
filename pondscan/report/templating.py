"""The templates of the report and what is embedded in its pages."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined


def asset(name: str) -> str:
    """Text of a file beside the templates."""
    return (files("pondscan.report") / "templates" / name).read_text("utf-8")


def compile_templates() -> None:
    """Compile all of them, each once: 0.1 s that nobody need wait for when there is a page to write."""
    for name in environment().list_templates(["html", "svg"]):
        environment().get_template(name)


@cache
def environment() -> Environment:
    """Templates that escape what they are given and refuse what they are not."""
    return Environment(
        loader=PackageLoader("pondscan.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
