from __future__ import annotations

import pandas as pd


def test_a_census_is_handed_on(pondscan, invented, tmp_path):
    out = tmp_path / "census"
    assert pondscan("run", invented, "--out", out).exit_code == 0
    answer = pondscan("export", out, "--to", "csv", "--to", "shapefile")
    assert (answer.exit_code, answer.stdout.splitlines()) == (
        0,
        [str(out / "export" / "csv"), str(out / "export" / "shapefile")],
    )
    assert "note: shapefiles shorten names" in answer.stderr
    assert len(pd.read_csv(out / "export" / "csv" / "ponds.csv")) >= 2
    again = pondscan("run", invented, "--out", out)
    assert again.exit_code == 0
    assert (out / "export" / "csv" / "ponds.csv").is_file()


def test_a_folder_without_a_census_is_one_sentence(pondscan, tmp_path):
    answer = pondscan("export", tmp_path, "--to", "csv")
    assert answer.exit_code == 1
    assert answer.stderr.count("\n") == 1
    assert "there is no census in this folder" in answer.stderr


def test_an_unknown_format_is_wrong_usage(pondscan, tmp_path):
    answer = pondscan("export", tmp_path, "--to", "xls")
    assert answer.exit_code == 2


def test_the_help_names_every_format(pondscan):
    from pondscan.handover import FORMATS

    text = pondscan("export", "--help").stdout
    assert all(name in text for name in FORMATS)
