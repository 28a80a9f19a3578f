from __future__ import annotations

import numpy as np
import pytest

from pondscan.detect import score

ENDMEMBERS = {
    # blue, green, red, near infrared of modelled liquids
    "turquoise": (0.1745, 0.1755, 0.058, 0.010),
    "milky": (0.387, 0.435, 0.305, 0.060),
    "white": (0.422, 0.481, 0.486, 0.230),
    "dark": (0.027, 0.025, 0.010, 0.004),
    "algal": (0.028, 0.074, 0.023, 0.007),
    "brown": (0.081, 0.155, 0.237, 0.072),
    "yellow_green": (0.075, 0.126, 0.081, 0.014),
}


@pytest.mark.parametrize("name", ENDMEMBERS)
def test_modelled_liquids_are_called_by_their_name(name: str) -> None:
    assert score.kind(np.array([ENDMEMBERS[name]]))[0] == name


def test_log_odds_add_up_and_missing_evidence_is_neutral() -> None:
    model = {"intercept": -1.0, "terms": {"snr": {"knots": [2, 4], "values": [0.0, 2.0]}}}
    logit = score.log_odds({"snr": np.array([1.0, 3.0, 9.0, np.nan])}, model)
    assert logit.tolist() == [-1.0, 0.0, 1.0, -1.0]


def test_prevalence_reweights_the_odds() -> None:
    same = score.confidence(np.array([0.0]), assumed_ponds_per_km2=2.0, expected_ponds_per_km2=None)
    rarer = score.confidence(np.array([0.0]), assumed_ponds_per_km2=2.0, expected_ponds_per_km2=0.5)
    assert same[0] == pytest.approx(0.5)
    assert rarer[0] == pytest.approx(0.2)  # odds 1 : 4


def test_every_scene_has_a_model() -> None:
    for target in ("leach_pond", "small_water"):
        for gsd_m in (0.5, 1.0, 3.0, 5.0, 10.0, 30.0):
            for has_swir in (True, False):
                for calibrated in ("reflectance", "toa", "dn"):
                    name = score.model_name(target=target, gsd_m=gsd_m, has_swir=has_swir, calibrated=calibrated)
                    assert score.models()["models"][name]["terms"]


def test_models_are_text_with_knots_in_order() -> None:
    for model in score.models()["models"].values():
        steps = [model, model["first"]] if "first" in model else [model]
        for term in (term for step in steps for term in step["terms"].values()):
            assert np.all(np.diff(term["knots"]) > 0)
            assert len(term["values"]) == len(term["knots"])
        assert model["assumed_ponds_per_km2"] > 0


def test_the_first_reason_that_holds_is_given() -> None:
    fine = {
        "diameter_m": 12.0,
        "elongation": 1.2,
        "peak_fraction": 0.8,
        "snr": 9.0,
        "visible": 0.15,
        "ndwi_contrast": 0.9,
        "masked_fraction": 0.0,
        "ring_masked_fraction": 0.0,
    }
    changed = [
        ({}, ""),
        ({"snr": 1.0}, "too faint"),
        ({"diameter_m": 2.0}, "too small"),
        ({"diameter_m": 300.0}, "too large"),
        ({"elongation": 8.0}, "channel"),
        ({"visible": 0.005}, "too dark"),
        ({"ndwi_contrast": 0.01}, "not water"),
        ({"masked_fraction": 0.9, "ring_masked_fraction": 0.8}, "under cloud"),
        ({"masked_fraction": 0.9, "ring_masked_fraction": 0.1}, ""),  # a cloud no larger than the pond is the pond
    ]
    for change, reason in changed:
        features = {name: np.array([value]) for name, value in (fine | change).items()}
        found = score.rejection(
            **features, min_diameter_m=4.0, max_diameter_m=90.0, max_elongation=5.0, min_visible=0.012
        )
        assert found[0] == reason


def test_only_natural_water_in_raw_numbers_may_be_black() -> None:
    asked = ("small_water/3m_dn", "small_water/3m", "leach_pond/3m_dn")
    assert [score.least_visible(one) for one in asked] == [0.0, 0.012, 0.012]
    assert [score.black_share(one) for one in asked] == [0.85, np.inf, np.inf]


def test_other_models_are_another_number(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = score.models_sha256()
    score.models_sha256.cache_clear()
    monkeypatch.setattr(score, "models", lambda: {"models": {}})
    assert score.models_sha256() != usual
    score.models_sha256.cache_clear()
