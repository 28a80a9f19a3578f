from __future__ import annotations

import json
import sqlite3

import pytest
from invented_scenes import discover, install, write_scene
from monitor_examples import everything_in, receiver, watched

from pondscan import export, pipeline, plan, publish
from pondscan.config import Settings
from pondscan.errors import ConfigError, InputError, WorkspaceBusyError
from pondscan.follow import products
from pondscan.monitor import alerts, passes
from pondscan.monitor.journal import FailedInput, Journal
from pondscan.monitor.status import Status, to_lines
from pondscan.store import Workspace

SITE = [(60, 60), (60, 90), (90, 60)]
GROWN = [*SITE, (90, 90), (120, 90)]
OTHER = [(400, 400), (400, 430), (430, 400)]
DAY_S = 86400.0
BUILD = products.build


@pytest.fixture
def world(monkeypatch):
    world = install(monkeypatch)
    monkeypatch.setattr(publish.products, "build", BUILD)
    return world


@pytest.fixture
def one(tmp_path, world):
    return watched(tmp_path)


def scene(one, when, ponds, **more):
    return write_scene(one.folder, when, when, ponds=ponds, **more)


def test_the_first_pass_is_the_baseline_and_the_second_tells_what_changed(one):
    scene(one, "2024-01-10", SITE)
    assert one.once().alerts == []
    scene(one, "2024-02-17", [*GROWN, *OTHER])
    report = one.once()
    assert report.done == ["planet_2024-02-17"]
    assert one.rules() == ["growth", "new_ponds", "new_site"]
    geometry = [feature["geometry"]["type"] for feature in one.alerts()]
    assert geometry == ["Polygon", "Polygon", "Polygon"]
    lines = [json.loads(line) for line in (one.out / "alerts.jsonl").read_text().splitlines()]
    assert lines == [feature["properties"] for feature in one.alerts()]


def test_without_a_baseline_the_first_census_is_news(one):
    one.configure("baseline = false\n")
    scene(one, "2024-01-10", SITE)
    one.once()
    assert one.rules() == ["found_site"]


def test_the_census_is_that_of_one_run(one, tmp_path):
    for when, ponds in [("2024-01-10", SITE), ("2024-02-17", GROWN), ("2024-03-21", OTHER)]:
        scene(one, when, ponds)
        one.once()
    pipeline.run([one.folder], tmp_path / "at once", Settings())
    names = (*export.PRODUCTS, publish.REPORT)
    assert {n: (one.out / n).read_bytes() for n in names} == {n: (tmp_path / "at once" / n).read_bytes() for n in names}


def test_a_late_scene_that_renames_everything_raises_nothing_about_names(one):
    scene(one, "2024-02-17", SITE)
    one.once()
    before = json.loads((one.out / "sites.geojson").read_text())["features"][0]["properties"]["site_id"]
    scene(one, "2024-01-10", [(66, 60), (66, 90), (96, 60)])
    one.once()
    after = json.loads((one.out / "sites.geojson").read_text())["features"][0]["properties"]["site_id"]
    assert before != after
    assert one.alerts() == []


def test_clouds_raise_nothing(one):
    scene(one, "2024-01-10", SITE)
    one.once()
    for day in (10, 18, 26):
        scene(one, f"2024-03-{day}", [], cloud_px=200)
        one.once()
    assert one.alerts() == []


def test_a_site_that_is_gone_and_comes_back_is_told_at_its_time(one):
    scene(one, "2024-01-10", SITE)
    one.once()
    for when in ("2024-02-01", "2024-03-01", "2024-04-01"):
        assert one.alerts() == []
        scene(one, when, [])
        one.once()
    assert one.rules() == ["abandonment"]
    scene(one, "2024-05-01", SITE)
    one.once()
    assert one.rules() == ["abandonment", "reactivation"]


def test_idle_passes_change_nothing(one):
    scene(one, "2024-01-10", SITE)
    (one.folder / "readme.txt").write_text("not a scene", encoding="utf-8")
    one.once()
    one.once()
    before = everything_in(one.out)
    for _ in range(1000):
        one.once(later_s=1)
    assert everything_in(one.out) == before


def test_an_idle_pass_does_not_open_the_pipeline(one, world, monkeypatch):
    scene(one, "2024-01-10", SITE)
    one.once()
    monkeypatch.setattr(pipeline, "run", None)
    assert one.once().alerts == []


def test_only_new_products_are_opened(one, world, monkeypatch):
    for when in ("2024-01-10", "2024-02-17"):
        scene(one, when, SITE)
        one.once()
    third = scene(one, "2024-03-21", SITE)
    opened = []
    run = pipeline.run

    def listening(*arguments, skip, **options):
        summary = run(*arguments, skip=skip, **options)
        opened.extend(skip.products)
        return summary

    monkeypatch.setattr(pipeline, "run", listening)
    one.once()
    assert opened == [frozenset({str(third)})]
    assert world.scanned == [f"planet_{when}" for when in ("2024-01-10", "2024-02-17", "2024-03-21")]


def test_a_file_that_is_still_coming_is_neither_taken_nor_failed(one):
    one.configure(settle_s=1e9)
    scene(one, "2024-01-10", SITE)
    report = one.once()
    assert (report.done, report.failed, report.waiting) == ([], [], 1)
    assert not (one.out / "run.json").exists()
    before = everything_in(one.out)
    one.once(later_s=60)
    assert everything_in(one.out) == before


def test_purged_inputs_are_no_event(one):
    path = scene(one, "2024-01-10", SITE)
    one.once()
    path.unlink()
    scene(one, "2024-02-17", SITE)
    one.once()
    assert one.alerts() == []
    assert len(Workspace(one.out).scenes()) == 2


def test_changed_settings_raise_nothing_and_news_beside_them_does(one):
    scene(one, "2024-01-10", SITE)
    one.once()
    one.configure(settings="[sites]\ndistance_m = 20\n")
    one.once()
    assert one.alerts() == []
    one.configure()
    scene(one, "2024-02-17", [*SITE, *OTHER])
    one.once()
    assert one.rules() == ["new_site"]


def test_a_failure_is_tried_again_later_told_once_and_stops_nothing_else(one):
    bad = scene(one, "2024-01-10", SITE, fails="its pixels cannot be read")
    scene(one, "2024-02-17", SITE)
    report = one.once()
    assert (report.exit_code, report.done) == (3, ["planet_2024-02-17"])
    assert one.once(later_s=3500).failed == []
    assert len(one.once(later_s=200).failed) == 1
    assert one.once(later_s=3700).failed == []  # the pause is twice as long now
    assert one.rules() == []
    one.once(later_s=3700)
    one.once(later_s=86400)
    assert one.rules() == ["failures"]
    assert Journal(one.out / "monitor.sqlite").failures()[str(bad)].attempts == 4
    scene(one, "2024-01-10", SITE)
    assert one.once().done == ["planet_2024-01-10"]
    assert Journal(one.out / "monitor.sqlite").failures() == {}


def test_one_input_that_no_run_accepts_does_not_stop_the_others(one, monkeypatch):
    scene(one, "2024-01-10", SITE)
    one.once()
    scene(one, "2024-02-17", SITE)
    bad = scene(one, "2024-03-21", SITE)

    def refusing(inputs, settings, *, skip):
        found = discover(inputs, settings, skip=skip)
        if any(one_scene.source == str(bad) for one_scene in found.scenes):
            raise InputError("several scenes have no date")
        return found

    monkeypatch.setattr(plan, "discover", refusing)
    report = one.once()
    assert (report.done, report.failed) == (["planet_2024-02-17"], [(str(bad), "several scenes have no date")])
    assert one.once().failed == []


def test_one_bad_input_among_many_costs_few_runs_and_opens_nothing_known(one, monkeypatch):
    scene(one, "2023-01-10", SITE)
    one.once()
    days = [f"2024-01-{day:02d}" for day in range(1, 17)]
    written = {day: scene(one, day, SITE) for day in days}
    bad, offers = written["2024-01-07"], []

    def refusing(inputs, settings, *, skip):
        found = discover(inputs, settings, skip=skip)
        offers.append(len(found.scenes))
        if any(one_scene.source == str(bad) for one_scene in found.scenes):
            raise InputError("no run takes it")
        return found

    monkeypatch.setattr(plan, "discover", refusing)
    report = one.once()
    assert (len(report.done), report.failed) == (15, [(str(bad), "no run takes it")])
    # all 16; then by halves: 8 and 8, 4 and 4, 2 and 2, 1 and 1
    assert offers == [16, 8, 4, 4, 2, 2, 1, 1, 8] or sorted(offers) == sorted([16, 8, 8, 4, 4, 2, 2, 1, 1])


def test_silence_is_told_once_a_silence(one):
    one.configure("[monitor.rules.nothing_arrived]\ndays = 10\n")
    one.once()
    assert one.once(later_s=9 * DAY_S).alerts == []
    for _ in range(3):
        one.once(later_s=2 * DAY_S)
    assert one.rules() == ["nothing_arrived"]
    scene(one, "2024-01-10", SITE)
    one.once()
    one.once(later_s=11 * DAY_S)
    assert one.rules() == ["nothing_arrived"] * 2


def test_passes_that_keep_failing_are_told_and_forgotten_when_one_succeeds(one):
    scene(one, "2024-01-10", SITE)
    one.once()
    one.folder.rename(one.folder.with_name("away"))
    for _ in range(4):
        with pytest.raises(InputError, match="cannot be read"):
            one.once()
    assert one.rules() == ["failures"]
    one.folder.with_name("away").rename(one.folder)
    one.once()
    assert Journal(one.out / "monitor.sqlite").facts()["bad_passes"] is None


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    "at",
    ["read_census", "Journal.learn", "alerts.publish", "Journal.published", "deliver.deliver", "Journal.delivered"],
)
def test_a_pass_killed_anywhere_is_made_up_for_and_nothing_is_doubled(one, monkeypatch, at):
    with receiver() as hook:
        one.configure(f'[monitor.webhook]\nurl = "{hook.url}"\n')
        scene(one, "2024-01-10", SITE)
        one.once()
        scene(one, "2024-02-17", [*GROWN, *OTHER])

        def killed(*_arguments, **_options):
            raise Killed

        home = (
            passes
            if "." not in at
            else {"Journal": passes.Journal, "alerts": alerts, "deliver": passes.deliver}[at.partition(".")[0]]
        )
        with monkeypatch.context() as patch:
            patch.setattr(home, at.rpartition(".")[2], killed)
            with pytest.raises(Killed):
                one.once()
        one.once()
        one.once(later_s=DAY_S)
        assert one.rules() == ["growth", "new_ponds", "new_site"]
        assert len((one.out / "alerts.jsonl").read_text().splitlines()) == 3
        assert set(hook.keys) == {feature["id"] for feature in one.alerts()}
        assert len(hook.keys) == (4 if at == "Journal.delivered" else 3)


def test_a_line_torn_by_a_kill_is_mended(one):
    scene(one, "2024-01-10", SITE)
    one.once()
    (one.out / "alerts.jsonl").write_bytes(b'{"alert_id":"x"}\n{"alert_i')
    scene(one, "2024-02-17", [*SITE, *OTHER])
    one.once()
    lines = [json.loads(line)["alert_id"] for line in (one.out / "alerts.jsonl").read_text().splitlines()]
    assert lines == ["x", one.alerts()[0]["id"]]


def test_a_lost_journal_takes_over_the_alerts_there_were(one):
    scene(one, "2024-01-10", SITE)
    one.once()
    scene(one, "2024-02-17", [*SITE, *OTHER])
    one.once()
    before = one.alerts()
    (one.out / "monitor.sqlite").unlink()
    one.once()
    assert one.alerts() == before


def test_the_heartbeat_is_touched_by_idle_passes_too(one):
    one.configure('heartbeat = "alive"\n')
    one.once()
    one.once(later_s=100)
    assert one.config.with_name("alive").stat().st_mtime == one.now


def test_another_run_on_the_workspace_is_waited_for(one):
    scene(one, "2024-01-10", SITE)
    with Workspace(one.out).lock():
        report = one.once()
    assert "another run is writing" in report.note
    assert one.once().done == ["planet_2024-01-10"]


def test_two_monitors_do_not_work_at_once(one):
    with passes.only_monitor(one.out), pytest.raises(WorkspaceBusyError):
        one.once()


def test_a_journal_of_another_version_is_refused(one):
    one.once()
    with sqlite3.connect(one.out / "monitor.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Exception, match="format 99"):
        one.once()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("intervall_s = 3\n", "no setting monitor.intervall_s, the nearest is monitor.interval_s"),
        ("[monitor.rules.growth]\ntier = 'red'\n", "monitor.rules.growth.tier = 'red' is not allowed: it must be"),
        ("[monitor.webhook]\nurl = 'http://example.org/x'\n", "use https"),
        ("[monitor.webhook]\nurl = 'https://me:pw@example.org/x'\n", "must not hold a password"),
        ("[monitor.webhook]\ntimeout_s = 3.0\n", "monitor.webhook: give either url or url_env"),
        ("[monitor.command]\nrun = 'notify'\n", "monitor.command.run = 'notify' is not allowed"),
        ("[monitor.webhook]\nurl_env = 'PONDSCAN_TEST_NONE'\n", "environment variable PONDSCAN_TEST_NONE"),
    ],
)
def test_a_wrong_configuration_is_named(one, text, words):
    one.configure(text)
    with pytest.raises(ConfigError) as error:
        one.once()
    assert words in str(error.value)


def test_status_names_some_of_many_and_counts_the_rest():
    waiting = {f"scene_{number}.tif": "is still changing" for number in range(25)}
    failed = (FailedInput("a.tif", "a.tif is damaged", 1, "c", 0.0),)
    told = list(to_lines(Status("in", "out", 0.0, True, False, 0.0, None, None, (), waiting, failed, (), {"watch": 0})))
    assert "waiting        25 files" in told
    assert sum(line.endswith("is still changing") for line in told) == 20
    assert "               and 5 more: --json names all" in told
    assert "               a.tif is damaged (tried 1 time, again from 1970-01-01T00:00:00Z)" in told
