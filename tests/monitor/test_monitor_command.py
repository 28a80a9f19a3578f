"""``pondscan monitor`` through its real entry point, in processes of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from monitor_examples import everything_in, receiver, watched

from pondscan.cli.entry import cli
from pondscan.monitor.settings import MonitorSettings, read_monitor_file

ROOT = Path(__file__).resolve().parents[2]
TILES = sorted((ROOT / "sample_tiles").glob("planetscope_*[0-9].tif"))


@pytest.fixture
def one(tmp_path):
    return watched(tmp_path)


def start(*arguments, **environment):
    command = [sys.executable, "-m", "pondscan", "monitor", *map(str, arguments)]
    return subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )


def monitor(*arguments, **environment):
    process = start(*arguments, **environment)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def wait_for(path):
    for _ in range(300):
        if path.exists():
            return
        time.sleep(0.1)
    raise AssertionError(path)


def give(one, tile):
    (one.folder / tile.name).write_bytes(tile.read_bytes())


def test_a_mine_that_grows_is_told_to_all_once_though_passes_are_killed(one):
    with receiver() as hook:
        log = one.config.with_name("told.jsonl")
        code = f"import sys; open({str(log)!r}, 'a').write(sys.stdin.read())"
        one.configure(
            f'[monitor.webhook]\nurl = "{hook.url}"\ntoken_env = "PONDSCAN_TEST_TOKEN"\n'
            f"[monitor.command]\nrun = {json.dumps([sys.executable, '-c', code])}\n"
        )
        give(one, TILES[0])
        assert monitor(one.config, "--once", PONDSCAN_TEST_TOKEN="t")[0] == 0  # noqa: S106
        give(one, TILES[1])
        give(one, TILES[2])
        for pause_s in (0.6, 1.5, 2.5, 3.5):
            process = start(one.config, "--once", PONDSCAN_TEST_TOKEN="t")  # noqa: S106
            time.sleep(pause_s)
            process.kill()
            process.communicate()
        code, _, err = monitor(one.config, "--once", PONDSCAN_TEST_TOKEN="t")  # noqa: S106
        assert (code, "Traceback" in err) == (0, False)
        ids = [feature["id"] for feature in one.alerts()]
        assert len(ids) >= 3
        assert len(set(ids)) == len(ids)
        assert set(hook.keys) == set(ids)
        assert {json.loads(line)["id"] for line in log.read_text().splitlines()} == set(ids)
        assert [json.loads(line)["alert_id"] for line in (one.out / "alerts.jsonl").read_text().splitlines()] == ids


def test_two_at_once_one_works_and_the_other_says_so(one):
    for tile in TILES:
        give(one, tile)
    both = [start(one.config, "--once") for _ in range(2)]
    results = [(*process.communicate(timeout=120), process.returncode) for process in both]
    assert [code for *_, code in results] == [0, 0]
    said = sorted("another monitor is at work" in err for _, err, _ in results)
    assert said == [False, True]
    stored = json.loads((one.out / "run.json").read_text())["scenes"]
    assert [scene["outcome"] for scene in stored] == ["done"] * 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_without_once_it_goes_on_until_it_is_told_to_stop(one, number):
    one.configure('interval_s = 1.0\nheartbeat = "alive"\n')
    one.folder.rename(one.folder.with_name("away"))
    process = start(one.config)
    wait_for(one.out / "monitor.sqlite")  # a failed pass is remembered
    one.folder.with_name("away").rename(one.folder)
    alive = one.config.with_name("alive")
    wait_for(alive)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "pass failed" in err
    assert "Traceback" not in err
    assert alive.exists()


def test_status_says_what_is_waiting_and_what_failed_and_changes_nothing(one):
    give(one, TILES[0])
    (one.folder / "cut.tif").write_bytes(TILES[1].read_bytes()[:20000])
    (one.folder / "coming.tif.part").write_bytes(b"x")
    assert monitor(one.config, "--status")[0] == 1  # it never succeeded
    code, _, err = monitor(one.config, "--once")
    assert code == 3
    assert "cut.tif" in err
    before = everything_in(one.out)
    code, out, _ = monitor(one.config, "--status", "--json")
    document = json.loads(out)
    assert code == document["exit_code"] == 3
    assert [one_failed["source"] for one_failed in document["failed"]] == [str(one.folder / "cut.tif")]
    assert list(document["waiting"]) == [str(one.folder / "coming.tif.part")]
    assert document["last_success"] == document["last_arrival"]
    assert everything_in(one.out) == before


def test_ten_thousand_known_files_take_no_time_and_no_library(one):
    for number in range(10_000):
        (one.folder / f"scene_{number}.txt").touch()
    assert monitor(one.config, "--once")[0] == 0
    program = (
        "import resource, sys\nfrom pondscan.cli.entry import cli\n"
        f"try:\n    cli.main(['monitor', {str(one.config)!r}, '--once'])\nexcept SystemExit as leaving:\n"
        "    assert not leaving.code\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_utime, *{n.partition('.')[0] for n in sys.modules})"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    cpu_s, *modules = answer.stdout.split()
    assert set(modules) & {"numpy", "rasterio", "pandas", "geopandas", "shapely", "pyproj"} == set()
    assert float(cpu_s) < 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["none.toml", "--once"], "no such configuration file"), (["--once", "--status", "x.toml"], "contradict")],
)
def test_wrong_usage_is_said_in_a_sentence(arguments, words):
    result = CliRunner().invoke(cli, ["monitor", *arguments], prog_name="pondscan")
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_file_without_a_monitor_is_refused(tmp_path):
    (tmp_path / "m.toml").write_text("[sites]\ndistance_m = 300.0\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["monitor", str(tmp_path / "m.toml"), "--once"])
    assert (result.exit_code, "there is no [monitor] table" in result.stderr) == (2, True)


def test_check_looks_for_what_the_monitor_needs(one):
    one.configure('[monitor.command]\nrun = ["no-such-program"]\n[monitor.webhook]\nurl_env = "PONDSCAN_TEST_NONE"\n')
    one.folder.rmdir()
    result = CliRunner().invoke(cli, ["check", str(one.config)])
    assert result.exit_code == 1
    assert re.findall(r"^wrong\s+(\w+)", result.stdout, re.MULTILINE) == ["watched", "command", "told"]
    one.folder.mkdir()
    one.configure()
    result = CliRunner().invoke(cli, ["check", str(one.config)])
    assert (result.exit_code, str(one.out) in result.stdout) == (0, True)


def test_the_example_is_valid_and_the_page_names_every_setting():
    assert read_monitor_file(ROOT / "configs" / "monitor.toml").monitor.interval_s == 900
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    fields = {*MonitorSettings.model_fields} - {"rules", "command", "webhook"}
    rules = MonitorSettings.model_fields["rules"].annotation
    names = fields | set(rules.model_fields)
    for field in rules.model_fields.values():
        names |= set(type(field.get_default(call_default_factory=True)).model_fields)
    assert {name for name in names if f"`{name}`" not in page} == set()
