"""What changed between the census last told of and the census now: a pure function from two censuses to alerts.

Clouds raise nothing: states are those a look established, new ponds need an earlier clear look without them, areas are
compared between whole looks. Names raise nothing: a pond is known by its id, by an alias, or by its place.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pondscan.monitor.alerts import Alert, plural
from pondscan.monitor.census import Census, Pond, Site, SiteLook
from pondscan.monitor.settings import GrowthRule, Rules

SAME_PLACE_M = 10.0
"""OWN: centres nearer than this are one pond whatever it is called; half a diameter where that is more."""

METRES_PER_DEGREE = 111_320.0
CELL_DEGREES = 0.01
"""Side of the squares in which known ponds are looked up; larger than any reach."""

TURNS = {
    ("present", "gone"): "abandonment",
    ("covered", "gone"): "abandonment",
    ("gone", "present"): "reactivation",
    ("present", "covered"): "covered",
}
"""State before and now → rule."""

WORDS = {
    "abandonment": "is gone: enough clear looks without liquid",
    "reactivation": "holds liquid again after it was gone",
    "covered": "is covered: its ponds are under sheets",
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was told of a census, as plain JSON values."""

    sites: Mapping[str, str | None]
    """Site → its last state that a look established."""
    ponds: Mapping[str, Sequence[Any]]
    """Pond → site or None, longitude, latitude, diameter in metres."""
    looks: frozenset[str]

    @classmethod
    def of(cls, census: Census) -> Snapshot:
        """Take down what later changes are held against."""
        ponds = {
            one.pond_id: (one.site_id, round(one.lon, 6), round(one.lat, 6), one.diameter_m)
            for one in census.ponds.values()
        }
        return cls({one.site_id: one.status for one in census.sites.values()}, ponds, census.looks)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Snapshot:
        """Read what ``to_json`` gave."""
        return cls(document["sites"], document["ponds"], frozenset(document["looks"]))

    def to_json(self) -> dict[str, Any]:
        """Write as plain values."""
        return {"sites": dict(self.sites), "ponds": dict(self.ponds), "looks": sorted(self.looks)}


def compare(before: Snapshot, now: Census, rules: Rules) -> list[Alert]:
    """Alerts for what changed, sorted by look, site and rule.

    Without a look that is new nothing happened on the ground, whatever a scene forgotten or a verdict changed.
    """
    if now.looks <= before.looks:
        return []
    known = _known_ponds(before, now)
    earlier = _earlier_sites(before, now, known)
    alerts: list[Alert] = []
    for site in now.sites.values():
        was = earlier.get(site.site_id)
        if was is None:
            alerts += _first_told(site, rules)
            continue
        alerts += _turned(site, before.sites.get(was), rules)
        alerts += _new_ponds(site, before, now, known, rules)
        alerts += _grown(site, before, rules.growth)
    return sorted(alerts, key=lambda one: (one.datetime or "", one.site_id or "", one.rule))


def _known_ponds(before: Snapshot, now: Census) -> dict[str, str]:
    """Ponds of now that were known → the name they had: by id, by alias, or by place."""
    by_alias = {new: old for old, new in now.aliases.items() if old in before.ponds}
    cells: dict[tuple[int, int], list[str]] = {}
    for pond_id, (_, lon, lat, _) in before.ponds.items():
        cells.setdefault(_cell(lon, lat), []).append(pond_id)
    known: dict[str, str] = {}
    for pond_id, pond in now.ponds.items():
        by_id = pond_id if pond_id in before.ponds else by_alias.get(pond_id)
        name = by_id or _at_its_place(pond, before, cells)
        if name is not None:
            known[pond_id] = name
    return known


def _at_its_place(pond: Pond, before: Snapshot, cells: Mapping[tuple[int, int], Sequence[str]]) -> str | None:
    column, row = _cell(pond.lon, pond.lat)
    near = [name for dx in (-1, 0, 1) for dy in (-1, 0, 1) for name in cells.get((column + dx, row + dy), ())]
    for name in near:
        _, lon, lat, diameter_m = before.ponds[name]
        east_m = (pond.lon - lon) * METRES_PER_DEGREE * math.cos(math.radians(lat))
        north_m = (pond.lat - lat) * METRES_PER_DEGREE
        if math.hypot(east_m, north_m) < max(SAME_PLACE_M, diameter_m / 2, pond.diameter_m / 2):
            return name
    return None


def _cell(lon: float, lat: float) -> tuple[int, int]:
    return math.floor(lon / CELL_DEGREES), math.floor(lat / CELL_DEGREES)


def _earlier_sites(before: Snapshot, now: Census, known: Mapping[str, str]) -> dict[str, str]:
    """Sites of now that were known → the name they had: by id, by alias, or by the ponds they share."""
    by_alias = {new: old for old, new in now.aliases.items() if old in before.sites}
    shared: dict[str, Counter[str]] = {}
    for pond_id, name in known.items():
        site, old = now.ponds[pond_id].site_id, before.ponds[name][0]
        if site is not None and old is not None:
            shared.setdefault(site, Counter())[old] += 1
    named = {site_id: site_id if site_id in before.sites else by_alias.get(site_id) for site_id in now.sites}
    by_ponds = {site_id: max(sorted(counts), key=counts.__getitem__) for site_id, counts in shared.items()}
    return {site_id: was for site_id in now.sites if (was := named[site_id] or by_ponds.get(site_id)) is not None}


def _first_told(site: Site, rules: Rules) -> Iterator[Alert]:
    """A site that nothing was told of; one that is gone, or not seen any more, is no news."""
    if site.status not in {"present", "covered"}:
        return
    is_new = site.not_seen_before is not None
    rule, name = (rules.new_site, "new_site") if is_new else (rules.found_site, "found_site")
    if is_new:
        words = f"is new: seen {_day(site.first_seen)}, not there on {_day(site.not_seen_before)}"
    else:
        words = f"is new to the census: seen {_day(site.first_seen)}, no earlier look saw its ground clear"
    if rule.tier != "off":
        yield _about(site, name, rule.tier, f"{words}; {_holds(site)}", when=site.first_seen)


def _turned(site: Site, was: str | None, rules: Rules) -> Iterator[Alert]:
    name = TURNS.get((was or "", site.status or ""))
    if name is None or site.turned is None:
        return
    tier = getattr(rules, name).tier
    if tier != "off":
        yield _about(site, name, tier, f"{WORDS[name]}, since {_day(site.turned.datetime)}", look=site.turned)


def _new_ponds(site: Site, before: Snapshot, now: Census, known: Mapping[str, str], rules: Rules) -> Iterator[Alert]:
    """New ponds by the look that first saw them, where an earlier look saw the ground clear without them."""
    rule = rules.new_ponds
    by_look: dict[str, list[Pond]] = {}
    for pond in now.ponds.values():
        is_new = pond.site_id == site.site_id and pond.pond_id not in known and pond.not_seen_before is not None
        if is_new and pond.first_seen is not None and pond.first_seen not in before.looks:
            by_look.setdefault(pond.first_seen, []).append(pond)
    for when, ponds in sorted(by_look.items()):
        if rule.tier != "off" and len(ponds) >= rule.min_ponds:
            area_m2 = round(sum(pond.area_m2 for pond in ponds), 2)
            words = f"has {plural(len(ponds), 'pond')} more ({area_m2:,.0f} m²), seen {_day(when)}"
            yield _about(site, "new_ponds", rule.tier, words, when=when, n_ponds=len(ponds), area_m2=area_m2)


def _grown(site: Site, before: Snapshot, rule: GrowthRule) -> Iterator[Alert]:
    """Growth up to the newest whole look, if that is news."""
    whole = [
        look for look in site.looks if look.area_m2 is not None and look.observed_fraction >= rule.min_observed_fraction
    ]
    if rule.tier == "off" or not whole or whole[-1].datetime in before.looks:
        return
    newest = whole[-1]
    earlier = [one for one in whole if one.sensor == newest.sensor and _days(one, newest) >= rule.min_days]
    if not earlier or not earlier[-1].area_m2 or newest.area_m2 is None:
        return
    start_m2 = earlier[-1].area_m2
    gain_m2, days = newest.area_m2 - start_m2, _days(earlier[-1], newest)
    sigma_m2 = _sigma_of_change(earlier[-1], newest)
    rate = 100 * gain_m2 / start_m2 * 30 / days
    if gain_m2 > 0 and rate >= rule.percent_per_30_days and gain_m2 >= rule.min_sigmas * sigma_m2:
        words = f"grows by {rate:.0f} % in 30 days: {start_m2:,.0f} m² on {_day(earlier[-1].datetime)}, "
        words += f"{newest.area_m2:,.0f} m² on {_day(newest.datetime)}"
        yield _about(site, "growth", rule.tier, words, look=newest, growth_percent_per_30_days=round(rate, 1))


def _sigma_of_change(earlier: SiteLook, newest: SiteLook) -> float:
    """Standard deviation of the difference of two looks of one sensor, square metres.

    What both leave out, and what both count with doubt, is no change: only how far the looks differ in it counts.
    """
    own = sum(max(look.area_sigma_m2**2 - look.area_bias_m2**2, 0.0) for look in (earlier, newest))
    return math.hypot(math.sqrt(own), newest.area_bias_m2 - earlier.area_bias_m2)


def _about(
    site: Site, rule: str, tier: str, words: str, *, when: str | None = None, look: SiteLook | None = None, **more: Any
) -> Alert:
    """Put an alert about a site together, at a look given as such or by its time."""
    at = look or next((one for one in site.looks if one.datetime == when), None)
    numbers = {"n_ponds": at.n_ponds if at else site.n_ponds, "area_m2": at.area_m2 if at else site.area_m2, **more}
    return Alert(
        rule=rule,
        tier=tier,
        message=f"Site {site.site_id} {words}.",
        site_id=site.site_id,
        datetime=at.datetime if at else when,
        scene_id=at.scene_id if at else None,
        geometry=site.geometry,
        **numbers,
    )


def _holds(site: Site) -> str:
    if site.n_ponds is None or site.area_m2 is None:
        return "its ponds are hidden at the newest look"
    return f"{plural(site.n_ponds, 'pond')}, {site.area_m2:,.0f} m² of liquid"


def _day(when: str | None) -> str:
    return (when or "at an unknown time")[:10]


def _days(one: SiteLook, other: SiteLook) -> float:
    return (datetime.fromisoformat(other.datetime) - datetime.fromisoformat(one.datetime)).total_seconds() / 86400
