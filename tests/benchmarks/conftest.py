"""Programs of the repository, which have no ending and lie outside the package, as modules."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

Load = Callable[[str], ModuleType]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Import a program by its path in the repository; what lies beside it can be imported too."""

    def load(path: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
        name = path.replace("/", "_").removesuffix(".py")
        spec = importlib.util.spec_from_loader(name, SourceFileLoader(name, str(ROOT / path)))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        spec.loader.exec_module(module)
        return module

    return load
