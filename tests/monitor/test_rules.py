from __future__ import annotations

from dataclasses import replace

import pytest

from pondscan.monitor.census import Census, Pond, Site, SiteLook
from pondscan.monitor.rules import Snapshot, compare
from pondscan.monitor.settings import Rules

RULES = Rules()
JANUARY, FEBRUARY, MARCH = (f"2024-0{month}-01T04:00:00Z" for month in (1, 2, 3))


def look(when, area=1000.0, *, status="present", fraction=1.0, sensor="planetscope", sigma=20.0, bias=0.0):
    return SiteLook(when, f"scene {when}", sensor, None if area is None else 3, area, sigma, fraction, status, bias)


def site(*looks, site_id="Sa", not_seen_before=None, **more):
    return Site(site_id, 3, 1000.0, looks[0].datetime if looks else None, not_seen_before, tuple(looks), **more)


def pond(pond_id, lon=98.0, *, site_id="Sa", first_seen=JANUARY, not_seen_before=None):
    return Pond(pond_id, site_id, lon, 25.0, 12.0, first_seen, not_seen_before, 110.0)


def census(*sites, ponds=(), aliases=None, looks=()):
    times = {one.datetime for each in sites for one in each.looks} | set(looks)
    return Census(
        {one.site_id: one for one in sites}, {one.pond_id: one for one in ponds}, aliases or {}, frozenset(times)
    )


def rules_of(before, now, rules=RULES):
    return [(one.rule, one.site_id, one.datetime) for one in compare(Snapshot.of(before), now, rules)]


def test_nothing_new_raises_nothing():
    same = census(site(look(JANUARY)), ponds=[pond("Pa")])
    assert rules_of(same, same) == []


def test_a_site_that_a_clear_look_did_not_see_is_new():
    now = census(site(look(FEBRUARY), not_seen_before=JANUARY), ponds=[pond("Pa", first_seen=FEBRUARY)])
    (alert,) = compare(Snapshot.of(census(looks=[JANUARY])), now, RULES)
    assert (alert.rule, alert.tier, alert.datetime, alert.n_ponds) == ("new_site", "warning", FEBRUARY, 3)
    assert alert.message == ("Site Sa is new: seen 2024-02-01, not there on 2024-01-01; 3 ponds, 1,000 m² of liquid.")


def test_a_site_on_ground_that_was_hidden_is_new_to_the_census_only():
    now = census(site(look(FEBRUARY)), ponds=[pond("Pa", first_seen=FEBRUARY)])
    assert rules_of(census(looks=[JANUARY]), now) == [("found_site", "Sa", FEBRUARY)]


def test_a_site_known_by_an_alias_is_not_new():
    before = census(site(look(FEBRUARY), site_id="Sold"), ponds=[pond("Pold", site_id="Sold", first_seen=FEBRUARY)])
    now = census(
        site(look(JANUARY), look(FEBRUARY), not_seen_before=None),
        ponds=[pond("Pa")],
        aliases={"Sold": "Sa", "Pold": "Pa"},
    )
    assert rules_of(before, now) == []


def test_a_pond_under_another_name_at_its_place_is_not_new():
    before = census(site(look(JANUARY)), ponds=[pond("Pa")])
    moved = pond("Pb", 98.00005, first_seen=FEBRUARY, not_seen_before=JANUARY)
    assert rules_of(before, census(site(look(JANUARY), look(FEBRUARY)), ponds=[moved])) == []


def test_new_ponds_need_a_clear_look_without_them():
    before = census(site(look(JANUARY)), ponds=[pond("Pa")])
    now = census(
        site(look(JANUARY), look(FEBRUARY)),
        ponds=[
            pond("Pa"),
            pond("Pseen", 98.001, first_seen=FEBRUARY, not_seen_before=JANUARY),
            pond("Punder_cloud", 98.002, first_seen=FEBRUARY),
        ],
    )
    (alert,) = compare(Snapshot.of(before), now, RULES)
    assert (alert.rule, alert.n_ponds, alert.area_m2) == ("new_ponds", 1, 110.0)


def test_a_site_that_falls_in_two_is_not_new():
    before = census(site(look(JANUARY)), ponds=[pond("Pa"), pond("Pb", 98.001)])
    halves = [site(look(JANUARY), look(FEBRUARY)), site(look(JANUARY), look(FEBRUARY), site_id="Sb")]
    now = census(*halves, ponds=[pond("Pa"), pond("Pb", 98.001, site_id="Sb")])
    assert rules_of(before, now) == []


@pytest.mark.parametrize(
    ("was", "statuses", "rule", "at"),
    [
        ("present", ["gone"], "abandonment", FEBRUARY),
        ("covered", ["gone"], "abandonment", FEBRUARY),
        ("gone", ["present"], "reactivation", FEBRUARY),
        ("present", ["covered"], "covered", FEBRUARY),
        ("present", ["gone", "unobserved"], "abandonment", FEBRUARY),
        ("present", ["unobserved", "gone"], "abandonment", MARCH),
        ("present", ["gone", "gone"], "abandonment", FEBRUARY),
    ],
)
def test_turns_are_told_at_the_look_that_established_them(was, statuses, rule, at):
    before = census(site(look(JANUARY, status=was)))
    later = [look(when, None, status=status) for when, status in zip((FEBRUARY, MARCH), statuses, strict=False)]
    assert rules_of(before, census(site(look(JANUARY, status=was), *later))) == [(rule, "Sa", at)]


@pytest.mark.parametrize("status", ["unobserved", ""])
def test_what_no_look_established_is_no_turn(status):
    before = census(site(look(JANUARY)))
    assert rules_of(before, census(site(look(JANUARY), look(FEBRUARY, None, status=status, fraction=0.0)))) == []


def test_a_turn_that_was_told_is_not_told_again_when_a_late_look_moves_it():
    before = census(site(look(JANUARY), look(MARCH, 0.0, status="gone")))
    now = census(site(look(JANUARY), look(FEBRUARY, 0.0, status="gone"), look(MARCH, 0.0, status="gone")))
    assert rules_of(before, now) == []


def test_growth_is_a_rate_in_thirty_days():
    before = census(site(look(JANUARY)))
    (alert,) = compare(Snapshot.of(before), census(site(look(JANUARY), look(FEBRUARY, 1310.0))), RULES)
    assert (alert.rule, alert.growth_percent_per_30_days) == ("growth", 30.0)  # 31 % in 31 days


@pytest.mark.parametrize(
    "newest",
    [
        look(FEBRUARY, 1250.0),  # 24.2 % in 30 days
        look(FEBRUARY, 2000.0, fraction=0.8),
        look(FEBRUARY, 2000.0, sensor="sentinel-2"),
        look(FEBRUARY, 1310.0, sigma=400.0),
        look("2024-01-05T04:00:00Z", 2000.0),
        look(FEBRUARY, None, status="unobserved"),
    ],
    ids=["slow", "partly seen", "another sensor", "uncertain", "too soon", "unseen"],
)
def test_no_growth_where_looks_cannot_tell(newest):
    before = census(site(look(JANUARY)))
    assert rules_of(before, census(site(look(JANUARY), newest))) == []


def test_what_both_looks_leave_out_is_no_doubt_about_growth():
    # 300 m² more with a sigma of 500 m² each, nearly all of it ponds too small for the pixels: the same ones both times
    def grown(bias, bias_then):
        before = look(JANUARY, sigma=500.0, bias=bias_then)
        now = census(site(before, look(FEBRUARY, 1310.0, sigma=500.0, bias=bias)))
        return rules_of(census(site(before)), now)

    assert grown(0.0, 0.0) == []
    assert grown(490.0, 490.0) == [("growth", "Sa", FEBRUARY)]
    assert grown(490.0, 100.0) == []  # what one look left out the other may have shown


def test_a_rule_that_is_off_raises_nothing():
    off = RULES.model_copy(update={"growth": RULES.growth.model_copy(update={"tier": "off"})})
    before = census(site(look(JANUARY)))
    assert rules_of(before, census(site(look(JANUARY), look(FEBRUARY, 1310.0))), off) == []


def test_without_a_new_look_nothing_happened_on_the_ground():
    before = census(site(look(JANUARY)), looks=[FEBRUARY])
    other = site(look(JANUARY), site_id="Sb", not_seen_before=JANUARY)
    assert rules_of(before, census(other)) == []


def test_an_alert_is_named_by_rule_site_and_look():
    (one,) = compare(
        Snapshot.of(census(site(look(JANUARY)))), census(site(look(JANUARY), look(FEBRUARY, 1400.0))), RULES
    )
    assert one.alert_id == replace(one, message="other words", area_m2=7.0).alert_id
    assert one.alert_id != replace(one, datetime=MARCH).alert_id


def test_a_snapshot_survives_json():
    snapshot = Snapshot.of(census(site(look(JANUARY)), ponds=[pond("Pa")]))
    assert Snapshot.from_json(snapshot.to_json()) == snapshot
