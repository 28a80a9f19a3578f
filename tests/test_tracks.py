from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from painted_scenes import circle
from scipy.optimize import linear_sum_assignment

from pondscan.follow.history import Evidence, State, confidence, dates, sources, states, there
from pondscan.follow.looks import days
from pondscan.follow.matching import Objects, assign, feasible_pairs, shift_of
from pondscan.follow.tracks import Tracks, follow


def objects(*rows: tuple[float, float, float, float], outlines=None) -> Objects:
    """Discs from (x, y, diameter, gsd)."""
    x, y, diameter, gsd = np.array(rows, dtype=float).reshape(-1, 4).T
    drawn = outlines or [circle(*row[:3]) for row in rows]
    return Objects(x, y, diameter, gsd, np.array(drawn, dtype=object))


def looks_of(*looks: list[tuple[float, float, float, float]], outlines=None) -> tuple[Objects, np.ndarray]:
    number = np.repeat(np.arange(len(looks)), [len(look) for look in looks])
    return objects(*[row for look in looks for row in look], outlines=outlines), number


def row_of(n: int, *, x: float = 0.0, y: float = 0.0, step: float = 14.0, diameter: float = 12.0, gsd: float = 3.0):
    return [(x + step * i, y, diameter, gsd) for i in range(n)]


class TestMatching:
    def test_reach_is_quarter_diameters_and_half_pixels(self):
        known = objects((0, 0, 8, 3))
        # 2 + 2 from the diameters, 2.5 + 2.5 from the registration: 9 m; and the outline's edge 4 m + 2.5 m off
        assert len(feasible_pairs(known, objects((8.9, 0, 8, 3))).known) == 1
        assert len(feasible_pairs(known, objects((9.1, 0, 8, 3))).known) == 0
        # 10 m pixels allow 2 + 2 + 2.5 + 5
        assert len(feasible_pairs(known, objects((11.4, 0, 8, 10))).known) == 1
        assert len(feasible_pairs(known, objects((11.6, 0, 8, 10))).known) == 0

    def test_overlap_makes_a_pair_of_distant_centres(self):
        long_strip = shapely.box(-40, -4, 40, 4)
        known = objects((0, 0, 28, 3), outlines=[long_strip])
        assert len(feasible_pairs(known, objects((35, 0, 8, 3))).known) == 1

    def test_misregistered_row_keeps_its_order(self):
        known, seen = objects(*row_of(6)), objects(*row_of(6, x=5.0))
        pairs = feasible_pairs(known, seen)
        assert assign(pairs, n_known=6, n_seen=6).tolist() == [0, 1, 2, 3, 4, 5]

    def test_row_that_lost_one_end_and_grew_at_the_other_does_not_slide(self):
        known = objects(*row_of(5))
        seen = objects(*row_of(5, x=14.0 + 2.0))
        partner = assign(feasible_pairs(known, seen), n_known=5, n_seen=5)
        assert partner.tolist() == [-1, 0, 1, 2, 3]

    def test_one_to_one_though_two_are_near(self):
        known, seen = objects((0, 0, 12, 10), (12, 0, 12, 10)), objects((5, 0, 12, 10))
        partner = assign(feasible_pairs(known, seen), n_known=2, n_seen=1)
        assert partner.tolist() == [0, -1]

    @pytest.mark.parametrize(("n_known", "n_seen"), [(0, 0), (0, 2), (2, 0)])
    def test_nothing_to_match(self, n_known, n_seen):
        known, seen = objects(*row_of(n_known)), objects(*row_of(n_seen))
        assert assign(feasible_pairs(known, seen), n_known=n_known, n_seen=n_seen).tolist() == [-1] * n_known

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def test_total_affinity_is_the_greatest(self, seed):
        rng = np.random.default_rng(seed)
        known = objects(*[(x, y, 12, 10) for x, y in rng.uniform(0, 60, (8, 2))])
        seen = objects(*[(x, y, 12, 10) for x, y in rng.uniform(0, 60, (9, 2))])
        pairs = feasible_pairs(known, seen)
        partner = assign(pairs, n_known=8, n_seen=9)
        table = np.zeros((8, 9))
        table[pairs.known, pairs.seen] = pairs.affinity
        rows, columns = linear_sum_assignment(table, maximize=True)
        is_matched = partner >= 0
        assert table[np.flatnonzero(is_matched), partner[is_matched]].sum() == pytest.approx(table[rows, columns].sum())
        assert len(set(partner[is_matched].tolist())) == is_matched.sum()


class TestShift:
    grid = tuple((14.0 * i, 14.0 * j, 12.0, 3.0) for i in range(6) for j in range(4))

    def moved(self, dx, dy, keep=slice(None)):
        return objects(*[(x + dx, y + dy, d, g) for x, y, d, g in self.grid[keep]])

    def test_common_displacement_is_found_though_some_are_missing(self):
        found = shift_of(self.moved(0, 0, slice(0, 20)), self.moved(5, -3, slice(4, 24)))
        assert found == pytest.approx((5, -3))

    @pytest.mark.parametrize(("dx", "keep"), [(0.0, slice(None)), (1.0, slice(None)), (5.0, slice(0, 5))])
    def test_left_alone_when_aligned_or_too_few(self, dx, keep):
        assert shift_of(self.moved(0, 0), self.moved(dx, 0, keep)) == (0, 0)

    def test_no_shift_without_agreement(self):
        rng = np.random.default_rng(3)
        scattered = objects(
            *[
                (x + a, y + b, d, g)
                for (x, y, d, g), a, b in zip(self.grid, rng.uniform(-6, 6, 24), rng.uniform(-6, 6, 24), strict=True)
            ]
        )
        assert shift_of(self.moved(0, 0), scattered) == (0, 0)
        assert shift_of(objects(), self.moved(0, 0)) == (0, 0)


def memberships(tracks: Tracks) -> list[tuple[int, int, bool]]:
    return list(zip(tracks.track.tolist(), tracks.sighting.tolist(), tracks.is_alone.tolist(), strict=True))


class TestFollow:
    def test_nothing_seen(self):
        tracks = follow(objects(), np.empty(0, np.int64))
        assert tracks.n_tracks == 0
        assert tracks.first.tolist() == []

    def test_misregistration_of_five_metres(self):
        shifts = [(0, 0), (5, 0), (0, 0), (-3.5, 3.5), (0, 0), (0, -5)]
        row = [[(x + dx, y + dy, d, g) for x, y, d, g in row_of(7)] for dx, dy in shifts]
        tracks = follow(*looks_of(*row))
        assert tracks.n_tracks == 7
        assert tracks.track.reshape(7, 6).tolist() == [[i] * 6 for i in range(7)]
        assert tracks.sighting.reshape(7, 6).tolist() == [[i + 7 * k for k in range(6)] for i in range(7)]

    def test_a_pond_comes_back_under_its_number(self):
        tracks = follow(*looks_of(row_of(3), row_of(2), row_of(3)))
        assert tracks.n_tracks == 3
        assert memberships(tracks)[-2:] == [(2, 2, True), (2, 7, True)]

    def test_coarse_blob_is_a_joint_sighting_of_the_fine_ponds(self):
        blob = shapely.union_all([circle(14 * i, 0, 14) for i in range(3)]).convex_hull
        fine, outlines = row_of(3), [circle(*row[:3]) for row in row_of(3)]
        everything, look = looks_of(fine, [(14, 0, 22, 10)], fine, outlines=[*outlines, blob, *outlines])
        tracks = follow(everything, look)
        assert tracks.n_tracks == 3
        # sighting 3 is the blob: of all three, alone of none
        assert [m for m in memberships(tracks) if m[1] == 3] == [(0, 3, False), (1, 3, False), (2, 3, False)]
        # only the pond it was matched to could have taken its id from it
        assert tracks.is_partner[tracks.sighting == 3].sum() == 1

    def test_fine_look_splits_a_coarse_blob(self):
        blob = shapely.union_all([circle(14 * i, 0, 14) for i in range(3)]).convex_hull
        outlines = [blob, *[circle(*row[:3]) for row in row_of(3)], blob]
        everything, look = looks_of([(14, 0, 22, 10)], row_of(3), [(14, 0, 22, 10)], outlines=outlines)
        tracks = follow(everything, look)
        assert tracks.n_tracks == 3
        # the blob's identity goes to the middle pond; the second blob is seen of all three
        assert tracks.first.tolist() == [0, 1, 3]
        assert (tracks.sighting == 4).sum() == 3
        assert tracks.reference.tolist() == [2, 1, 3]

    def test_coarse_fragment_beside_known_ponds_is_no_new_pond(self):
        fine = [(0, 0, 30, 3)]
        coarse = [(-2, 0, 20, 10), (13, 0, 10, 10)]
        tracks = follow(*looks_of(fine, coarse))
        assert tracks.n_tracks == 1
        assert tracks.sighting.tolist() == [0, 1, 2]
        assert tracks.is_alone.tolist() == [True, False, False]

    def test_pieces_of_a_lagoon_on_a_day_of_uneven_colour_are_no_new_ponds(self):
        whole, pieces = [(0, 0, 50, 3)], [(-14, 0, 12, 3), (0, 3, 14, 3), (13, -2, 10, 3), (40, 0, 12, 3)]
        tracks = follow(*looks_of(whole, pieces, whole))
        # three pieces are sightings of the lagoon, the pond beside it is new
        assert memberships(tracks) == [
            (0, 0, True),
            (0, 1, False),
            (0, 2, False),
            (0, 3, False),
            (0, 5, True),
            (1, 4, True),
        ]
        assert tracks.reference.tolist() == [5, 4]

    def test_ponds_that_coarse_pixels_ran_together_are_taken_apart(self):
        blob, ponds = [(0, 0, 30, 10)], [(-8, 0, 12, 10), (8, 0, 12, 10)]
        assert follow(*looks_of(blob, ponds)).n_tracks == 2
        assert follow(*looks_of(blob, [(x, y, d, 3) for x, y, d, _ in ponds])).n_tracks == 2

    def test_pieces_of_one_pond_become_one_when_a_finer_look_shows_it_whole(self):
        pieces = [(-9, 0, 14, 10), (9, 0, 14, 10)]
        tracks = follow(*looks_of(pieces, [(1, 0, 30, 3)], [(0, 0, 30, 3)]))
        assert tracks.n_tracks == 1
        assert sorted(tracks.sighting.tolist()) == [0, 1, 2, 3]

    def test_neighbours_are_not_merged_by_a_look_as_fine(self):
        tracks = follow(*looks_of(row_of(2), row_of(1)))
        assert tracks.n_tracks == 2
        assert memberships(tracks) == [(0, 0, True), (0, 2, True), (1, 1, True)]

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def test_every_sighting_belongs_and_tracks_are_numbered_by_first_sighting(self, seed):
        rng = np.random.default_rng(seed)
        look_rows = []
        for _ in range(4):
            gsd = float(rng.choice([3, 10]))
            n = int(rng.integers(0, 12))
            look_rows.append([(*rng.uniform(0, 80, 2), float(rng.uniform(5, 25)), gsd) for _ in range(n)])
        everything, look = looks_of(*look_rows)
        tracks = follow(everything, look)
        assert set(tracks.sighting.tolist()) == set(range(len(everything)))
        assert (np.diff(tracks.first) > 0).all()
        assert set(tracks.track.tolist()) == set(range(tracks.n_tracks))


def evidence(seen: str, *, covered: str = "", clear: str = "", tells: str = "", chance: float = 0.9) -> Evidence:
    """One pond; ``x`` marks true, clear and tells default to everywhere; what is seen is sure by itself."""
    marks = [np.array([[c == "x" for c in (text or "x" * len(seen))]]) for text in (clear, tells)]
    is_seen = np.array([[c == "x" for c in seen]])
    is_covered = np.array([[c == "x" for c in (covered or "." * len(seen))]])
    is_clear, is_told = marks[0], marks[1] | is_seen
    even = np.full(is_seen.shape, chance)
    is_empty = is_clear & ~is_seen
    return Evidence(is_seen, is_covered, is_clear, is_empty, is_empty & is_told, is_told, even, 5.0 * is_seen)


def told(evidence: Evidence, day: np.ndarray) -> str:
    """States of one pond, a letter for each look."""
    state = states(evidence, there(evidence, day) >= 0.5, day)
    return "".join({1: "P", 2: "C", 3: "U", 4: "G", 9: "-"}[code] for code in state[0].tolist())


class TestStates:
    @pytest.mark.parametrize(
        ("seen", "marks", "days", "expected"),
        [
            ("x", {}, [0], "P"),
            ("..x", {}, [0, 10, 20], "--P"),
            # two misses are not enough, nor are three within 30 days
            ("x..", {}, [0, 100, 200], "PPP"),
            ("x...", {}, [0, 10, 20, 30], "PPPP"),
            ("x...", {}, [0, 10, 20, 40], "PPPG"),
            # cloud is no miss: unobserved, and the misses on both sides count together
            ("x.....", {"clear": "x.x.xx"}, [0, 10, 20, 30, 40, 60], "PUPUPG"),
            # gone stays gone under cloud, and until seen again
            ("x....x", {"clear": "xxxx.x"}, [0, 40, 80, 120, 160, 200], "PPPGGP"),
            # a look too coarse for the pond changes nothing
            ("x...", {"tells": "x..."}, [0, 40, 80, 120], "PPPP"),
            ("x.......", {"tells": "x.x.x.x.", "clear": "xx.xxxxx"}, [0, 40, 80, 120, 160, 200, 240, 280], "PPUUPPPP"),
            # one look alone between misses is a flash: it shows a pond then, and the pond stays gone
            ("xx...x...", {}, [0, 20, 40, 60, 80, 100, 120, 140, 160], "PPPPGPGGG"),
            # two looks bring it back
            ("xx...xx", {}, [0, 20, 40, 60, 80, 100, 120], "PPPPGPP"),
            # covered is held like present
            ("xx.", {"covered": ".x."}, [0, 10, 20], "PCC"),
            ("xx..", {"covered": ".x..", "clear": "xx.x"}, [0, 10, 20, 30], "PCUC"),
        ],
    )
    def test_by_hand(self, seen, marks, days, expected):
        assert told(evidence(seen, **marks), np.array(days, dtype=float)) == expected

    def test_never_gone_without_clear_misses(self):
        under_cloud = evidence("x" + "." * 50, clear="x" + "." * 50)
        assert told(under_cloud, np.arange(51) * 30.0) == "P" + "U" * 50

    def test_undated_look_cannot_close_a_pond(self):
        assert told(evidence("x"), np.array([np.nan])) == "P"

    def test_no_looks(self):
        nothing, none = np.zeros((0, 0), bool), np.zeros((0, 0))
        unseen = Evidence(nothing, nothing, nothing, nothing, nothing, nothing, none, none)
        assert states(unseen, nothing, np.empty(0)).shape == (0, 0)


DAYS = np.array(["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"], dtype="datetime64[us]")


def dated(told: Evidence, start: np.ndarray):
    return dates(told, there(told, days(start)), start)


class TestDates:
    def test_a_flash_dates_nothing_where_the_pond_came_later(self):
        start = np.datetime64("2024-01-01", "us") + np.arange(10) * np.timedelta64(20, "D")
        first, before, last = dated(evidence("..x....xxx"), start)
        assert (first[0], before[0], last[0]) == (start[7], start[6], start[9])
        # a pond of which nothing but a flash is known was seen then
        assert dated(evidence("...x......"), start)[0][0] == start[3]

    def test_a_miss_that_may_be_a_mistake_dates_nothing(self):
        start = np.datetime64("2024-01-01", "us") + np.arange(4) * np.timedelta64(20, "D")
        # a look that overlooks every fifth such pond says little of the days just before the first sighting
        first, before, _ = dated(evidence("...x", chance=0.8), start)
        assert (first[0], before[0]) == (start[3], start[1])
        # but it says something where it is all there is
        assert dated(evidence(".xxx", chance=0.67), start)[1][0] == start[0]
        assert dated(evidence("...x", chance=0.95), start)[1][0] == start[2]

    def test_bracketed_by_clear_looks(self):
        first, before, last = dated(evidence("..x.", clear="x.xx"), DAYS)
        assert (first[0], before[0], last[0]) == (DAYS[2], DAYS[0], DAYS[2])

    def test_null_when_never_missed_before(self):
        first, before, last = dated(evidence("x..x"), DAYS)
        assert (first[0], last[0]) == (DAYS[0], DAYS[3])
        assert np.isnat(before[0])

    def test_undated_look_gives_no_date(self):
        start = np.array(["NaT", "2024-02-01", "2024-03-01", "2024-04-01"], dtype="datetime64[us]")
        first, before, last = dated(evidence("x..x"), start)
        assert (first[0], last[0]) == (DAYS[3], DAYS[3])
        assert np.isnat(before[0])
        assert np.isnat(dated(evidence("x"), start[:1])[0][0])

    def test_counts(self):
        told = evidence("..x.x", clear="x.xxx", tells="xxxxx")
        assert told.n_seen.tolist() == [2]
        assert told.n_clear.tolist() == [4]


def one_track(n_seen: int) -> Tracks:
    everyone = np.ones(n_seen, bool)
    still = np.zeros((n_seen, 2))
    return Tracks(np.zeros(n_seen, np.int64), np.arange(n_seen), everyone, everyone, np.array([0]), still)


def alone(n_looks: int) -> dict:
    """One pond by itself, of a kind without a model of what looks say together."""
    here = np.zeros(1)
    return {"first_x": here, "first_y": here, "gsd_m": np.full(n_looks, 3.0), "target": "small_water"}


def combined(seen: str, p: list[float], size_px: float = 5.0, *, apart_days: float = 0.0, **marks: str) -> float:
    look = np.array([i for i, c in enumerate(seen) if c == "x"])
    found = confidence(
        evidence(seen, chance=0.5, **marks),
        one_track(len(look)),
        look=look,
        probability=np.array(p),
        size_px=np.full(len(look), size_px),
        **alone(len(seen)),
        day=apart_days * np.arange(len(seen)),
    )
    return float(found[0, -1])


class TestConfidence:
    def test_one_look_is_taken_as_it_is(self):
        assert combined("x", [0.8]) == pytest.approx(0.8)
        assert combined("x", [0.8], size_px=0.5) == pytest.approx(0.8)

    def test_looks_are_averaged_not_added(self):
        assert combined("xxx", [0.8, 0.8, 0.8]) == pytest.approx(0.8)
        # log-odds ln 4 and ln 9: their mean is ln 6
        assert combined("xx", [0.8, 0.9]) == pytest.approx(6 / 7)

    def test_misses_between_sightings_count_those_of_building_and_closing_do_not(self):
        assert combined("..xx..", [0.8, 0.8]) == pytest.approx(0.8)
        # one miss shared by two sightings: ln 4 - ln 2 / 2
        assert combined("x.x", [0.8, 0.8]) == pytest.approx(1 / (1 + np.exp(-(np.log(4) - np.log(2) / 2))))

    def test_a_flash_loses_confidence_up_to_a_limit(self):
        assert combined(".x.", [0.8]) == pytest.approx(1 / (1 + np.exp(-np.log(2))))
        assert combined("....x....", [0.8]) == combined("........x........", [0.8])
        assert combined(".x.", [0.8], clear=".xx") == pytest.approx(0.8)

    def test_what_was_not_there_long_ago_says_less_against_a_flash(self):
        # one miss a year away on either side: ln 2 fades to ln 2 / e
        fading = np.log(4) - np.log(2) * np.exp(-1)
        assert combined(".x.", [0.8], apart_days=365.0) == pytest.approx(1 / (1 + np.exp(-fading)))
        assert combined(".x.", [0.8], apart_days=np.nan) == combined(".x.", [0.8])

    def test_a_clouded_look_says_nothing(self):
        assert combined("x.x", [0.8, 0.8], clear="x.x") == pytest.approx(0.8)

    def test_the_look_that_resolves_it_speaks_louder(self):
        told = evidence("xx")
        tracks, look = one_track(2), np.array([0, 1])
        p, size = np.array([0.5, 0.9]), np.array([1.0, 3.0])
        # weights 1/3 and 1: (0/3 + ln 9) / (4/3)
        found = confidence(told, tracks, look=look, probability=p, size_px=size, day=np.zeros(2), **alone(2))
        assert found[0].tolist() == pytest.approx([0.5, 1 / (1 + np.exp(-np.log(9) * 0.75))])

    def test_as_it_stood_after_every_look(self):
        found = confidence(
            evidence(".x..", chance=0.5),
            one_track(1),
            look=np.array([1]),
            probability=np.array([0.8]),
            size_px=np.array([5.0]),
            day=np.zeros(4),
            **alone(4),
        )
        flash = 1 / (1 + np.exp(-np.log(2)))
        assert found[0].tolist() == pytest.approx([np.nan, 0.8, flash, flash], nan_ok=True)


def test_source_is_the_latest_clear_sighting_on_its_own():
    tracks = Tracks(
        track=np.array([0, 0, 0, 0, 1]),
        sighting=np.array([0, 1, 2, 3, 4]),
        is_alone=np.array([True, True, True, False, True]),
        is_partner=np.ones(5, bool),
        reference=np.array([0, 4]),
        shift_m=np.zeros((4, 2)),
    )
    seen = np.array([[True, True, True, True], [False, False, True, False]])
    clear = np.array([[True, True, False, True], [False, False, False, False]])
    empty = clear & ~seen
    told = Evidence(seen, np.zeros_like(seen), clear, empty, empty, seen, np.ones(seen.shape), 1.0 * seen)
    # sighting 3 is joint, 2 was under cloud, 1 is the latest clear one; pond 1 has only a clouded one
    assert sources(told, tracks, look=np.array([0, 1, 2, 3, 2]), area_m2=np.ones(5)).tolist() == [1, 4]


def test_the_order_of_states_is_how_well_they_are_known():
    assert State.PRESENT < State.COVERED < State.UNOBSERVED < State.GONE < State.NOT_YET
