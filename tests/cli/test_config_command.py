"""``pondscan config`` and the files in ``configs/``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pondscan.cli.entry import cli
from pondscan.config import Settings
from pondscan.configfile import load_settings, read_layer, to_toml

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def test_what_is_printed_is_a_configuration_file_that_changes_nothing(tmp_path):
    result = CliRunner().invoke(cli, ["config"])
    assert result.exit_code == 0
    path = tmp_path / "mine.toml"
    path.write_text(result.stdout, encoding="utf-8")
    assert load_settings([read_layer(path)]) == Settings()


def test_the_default_file_is_what_is_printed():
    """Refresh it with ``pondscan config > configs/default.toml``."""
    assert (CONFIGS / "default.toml").read_text(encoding="utf-8") == to_toml(Settings())


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.name)
def test_every_example_is_valid(path):
    assert isinstance(load_settings([read_layer(path)]), Settings)
