"""Natural ponds of six dates in raw numbers, against places judged by eye (``tests/truth/naip_potholes.csv``).

The settings in ``configs/small_water.toml`` were tuned on these very scenes before the places were judged; the density
of ponds in it comes from the literature, and was put there after. The models that judge were fitted on simulated lakes
(``scripts/fit_natural_water``). Missed are lakes whose water is grey in the near infrared, and water under reeds.
"""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pondscan.follow import looks, products
from pondscan.store import Workspace
from pondscan.store.views import scene_views

ROOT = Path(__file__).resolve().parents[2]
TRUTH = ROOT / "tests" / "truth" / "naip_potholes.csv"
SAME_IOU = 0.3

pytestmark = [pytest.mark.scenes, pytest.mark.slow]


@pytest.fixture(scope="module")
def census(pondscan, scenes_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("potholes")
    config = ROOT / "configs" / "small_water.toml"
    assert pondscan("run", scenes_dir / "naip_potholes", "--config", config, "--out", out).exit_code == 0
    return out


def judged() -> gpd.GeoDataFrame:
    """Places that the judge was sure of."""
    lines = [line for line in TRUTH.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = [row for row in csv.DictReader(lines) if row["verdict"] != "unsure"]
    points = gpd.points_from_xy([float(row["x"]) for row in rows], [float(row["y"]) for row in rows])
    return gpd.GeoDataFrame(rows, geometry=points, crs="EPSG:26914")


def is_found(places: gpd.GeoDataFrame, observations: gpd.GeoDataFrame) -> np.ndarray:
    """Whether each place lies in a believed outline of its own date."""
    found = np.zeros(len(places), bool)
    for date in places["date"].unique():
        is_here = (places["date"] == date).to_numpy()
        is_then = observations["scene_id"].str.contains(date.replace("-", ""))
        outlines = observations[is_then & (observations["confidence"] >= 0.5)].geometry.union_all()
        found[is_here] = shapely.contains_xy(
            outlines, places.geometry.x.to_numpy()[is_here], places.geometry.y.to_numpy()[is_here]
        )
    return found


def test_what_the_eye_calls_water_is_water(census):
    places = judged()
    observations = gpd.read_file(census / "pondscan.gpkg", layer="observations").to_crs(places.crs)
    is_water = (places["verdict"] == "water").to_numpy()
    found = is_found(places, observations)
    assert (len(places), is_water.sum()) == (320, 88)
    assert (found == is_water).mean() >= 0.9
    assert found[is_water].mean() >= 0.6
    assert found[~is_water].mean() <= 0.02


def test_large_ponds_keep_their_identity_from_date_to_date(census):
    """Outlines of neighbouring dates that are each other's best fit are one pond."""
    views = scene_views(Workspace(census))
    counted, _ = products.take_census(views, looks.working_crs(views, None))
    seen, tracks = counted.seen, counted.tracks
    pond = np.full(len(seen), -1)
    pond[tracks.sighting[tracks.is_partner]] = tracks.track[tracks.is_partner]
    is_large = ((seen["confidence"] >= 0.5) & (seen["area_m2"] > 400)).to_numpy()
    kept = []
    for number in range(len(counted.looks) - 1):
        one, other = (np.flatnonzero(is_large & (seen["look"] == look).to_numpy()) for look in (number, number + 1))
        first, second = np.asarray(seen.geometry.array)[one], np.asarray(seen.geometry.array)[other]
        shared = shapely.area(shapely.intersection(first[:, None], second[None, :]))
        iou = shared / (shapely.area(first)[:, None] + shapely.area(second)[None, :] - shared)
        is_pair = (iou > SAME_IOU) & (iou == iou.max(axis=1, keepdims=True)) & (iou == iou.max(axis=0, keepdims=True))
        i, j = np.nonzero(is_pair)
        kept += (pond[one[i]] == pond[other[j]]).tolist()
    assert len(kept) >= 60
    assert np.mean(kept) >= 0.9
