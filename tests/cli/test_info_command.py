"""``pondscan info``."""

from __future__ import annotations

import json


def test_a_scene_is_described_as_run_would_use_it(pondscan, invented):
    result = pondscan("info", invented / "planetscope_20220312.tif")
    assert result.exit_code == 0
    lines = dict(line.strip().split(maxsplit=1) for line in result.stdout.splitlines()[1:] if line.startswith("  "))
    assert lines["product"] == "GeoTIFF"
    assert lines["acquired"] == "2022-03-12 03:36:00 UTC"
    assert lines["grid"] == "400 × 400 pixels of 3 m, EPSG:32647"
    assert lines["numbers"] == "surface reflectance"
    assert lines["mask"] == "clear"
    assert lines["bands"].split() == [
        *("blue", "planetscope_20220312.tif", "band", "1"),
        *("(blue):", "DN", "×", "0.0001,", "3", "m,", "no", "data", "0"),
    ]


def test_a_folder_lists_scenes_in_order_and_what_is_ignored(pondscan, invented):
    result = pondscan("info", invented, "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert [scene["datetime"] for scene in document["scenes"]] == ["2022-03-12T03:36:00Z", "2023-02-05T03:36:00Z"]
    assert document["ignored"] == [str(invented / "truth.geojson")]
    assert document["failures"] == []


def test_a_file_without_band_names_is_refused_with_the_remedy(pondscan, bare_tif):
    result = pondscan("info", bare_tif)
    assert result.exit_code == 1
    assert not result.stdout
    assert result.stderr.startswith(f"pondscan: {bare_tif}")
    assert "--bands" in result.stderr
    assert result.stderr.count("\n") == 1


def test_bands_and_datetime_are_taken_from_the_command_line(pondscan, bare_tif):
    options = ("--bands", "blue,green,red,nir", "--datetime", "2024-02-17", "--set", "input.calibrated=reflectance")
    result = pondscan("info", bare_tif, *options, "--json")
    scene = json.loads(result.stdout)["scenes"][0]
    assert scene["datetime"] == "2024-02-17T00:00:00Z"
    assert {role: band["index"] for role, band in scene["bands"].items()} == {"blue": 1, "green": 2, "red": 3, "nir": 4}
    assert scene["calibrated"] == "reflectance"


def test_some_recognised_and_some_not_is_told_by_the_exit_code(pondscan, invented, bare_tif):
    result = pondscan("info", invented / "planetscope_20220312.tif", bare_tif)
    assert result.exit_code == 3
    assert "planetscope_20220312" in result.stdout
    assert f"pondscan: {bare_tif}" in result.stderr


def test_what_does_not_exist_is_refused_by_name(pondscan, tmp_path):
    result = pondscan("info", tmp_path / "none.tif")
    assert result.exit_code == 1
    assert result.stderr == f"pondscan: {tmp_path / 'none.tif'} does not exist: check the path\n"


def test_a_wrong_role_is_a_configuration_error(pondscan, bare_tif):
    result = pondscan("info", bare_tif, "--bands", "blue,grun,red,nir")
    assert result.exit_code == 2
    assert "'grun' is no band role" in result.stderr


def test_many_ignored_files_are_named_only_when_asked(pondscan, invented, tmp_path):
    for name in ("planetscope_20220312.tif", "planetscope_20220312.clear.tif"):
        (tmp_path / name).write_bytes((invented / name).read_bytes())
    for number in range(15):
        (tmp_path / f"note{number:02d}.txt").write_text("x")
    brief, full = pondscan("info", tmp_path), pondscan("info", tmp_path, "-v")
    assert "… and 5 more (-v names them)" in brief.stderr
    assert "note14.txt" not in brief.stderr
    assert "note14.txt" in full.stderr
