"""A small share of ``benchmarks/survey``: whether 95 % intervals of simulated surveys hold the truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from pondscan.detect import detection


def test_intervals_of_simulated_surveys_hold_the_truth(program):
    survey = program("benchmarks/survey")
    told = survey.coverage(survey.surveys(range(2000, 2040), ((3.0, 0.1),)), ["measure"]).set_index("measure")
    assert told["hits"].min() >= 34
    assert told.loc[["n_ponds", "pond_area_m2", "users_accuracy", "producers_accuracy"], "bias"].abs().max() < 0.02


def test_corrected_counts_of_simulated_places_hold_the_truth(program):
    survey = program("benchmarks/survey")
    told = survey.coverage(survey.corrections(range(2000, 2040)), ["measure"]).iloc[0]
    assert told["hits"] >= 33
    assert abs(told["bias"]) < 0.05


def test_what_finds_stand_for_is_held_against_ponds_and_sites(program):
    """Forty finds of 18 m at twenty places of two: the truth of both is told beside what is estimated."""
    scene = SimpleNamespace(
        ponds=detection.known_of_ponds(np.full(40, np.pi * 81), 10.0),
        probability=np.ones(40),
        sites=detection.known_of_places(np.full(20, 2)),
        n_ponds=50,
        n_sites=21,
    )
    told = {row[1]: row[2:] for row in program("benchmarks/survey").stood_for(scene)}
    assert told["n_ponds_corrected"][:2] == (50, 40 * np.exp(detection.stands_for("ponds").values[0]))
    assert told["n_sites_corrected"][0::4] == (21, 20)
