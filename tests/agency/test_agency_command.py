"""``pondscan simulate --as PRODUCT``: what it writes, pondscan recognises."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pondscan.cli.entry import cli
from pondscan.config import Settings
from pondscan.scenes import discover


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["simulate", "--size", "900", "--sites", "1", *arguments], prog_name="pondscan")


def test_two_dates_as_safe(tmp_path: Path) -> None:
    out = tmp_path / "archive"
    result = simulate("--out", str(out), "--as", "safe-l2a", "--date", "2022-03-12", "--date", "2023-02-05")
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in out.iterdir())
    assert [name[:26] for name in names[:2]] == ["S2A_MSIL2A_20220312T041200", "S2A_MSIL2A_20230205T041200"]
    assert names[2:] == ["dem.tif", "truth.geojson"]
    assert result.stderr == "".join(f"{name} is written\n" for name in names[:2])
    found = discover([str(out)], Settings())
    assert [scene.product for scene in found.scenes] == ["Sentinel-2 L2A SAFE"] * 2
    assert not found.failures


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--as", "safe-l2"], "did you mean 'safe-l2a'"),
        (["--as", "landsat"], "sentinel-2 scenes do not come as 'landsat'"),
    ],
)
def test_wrong_products_are_refused_before_anything_is_written(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    out = tmp_path / "archive"
    result = simulate("--out", str(out), *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not out.exists()


def test_a_product_in_the_way_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "archive"
    assert simulate("--out", str(out), "--as", "cog-stac").exit_code == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    (out / "truth.geojson").rename(tmp_path / "truth.geojson")
    result = simulate("--out", str(out), "--as", "cog-stac")
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert after == {path: content for path, content in before.items() if path.name != "truth.geojson"}
