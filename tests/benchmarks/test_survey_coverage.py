"""A small share of ``benchmarks/survey``: whether 95 % intervals of simulated surveys hold the truth."""

from __future__ import annotations


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
