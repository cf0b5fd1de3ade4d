"""What the simulation says of the shipped detector is what its evaluation found."""

import json
from pathlib import Path

import pytest

from preread.simulation.scenario import SHIPPED
from preread.terms import Level

REPORT = Path(__file__).parents[2] / "ml" / "weights" / "ctich-mbv2-06" / "report.json"


@pytest.mark.parametrize(("bleeds", "group"), [(True, "positive"), (False, "negative")])
def test_the_scenario_of_the_shipped_bundle_draws_the_levels_of_its_report(bleeds, group):
    counted = {
        level: said[group] for level, said in json.loads(REPORT.read_text())["levels"].items()
    }
    shares = SHIPPED["ctich"].detector.level_shares(bleeds=bleeds)
    heads = sum(counted.values())
    assert {Level(level): round(count / heads, 9) for level, count in counted.items()} == {
        level: round(share, 9) for level, share in shares.items()
    }


def test_its_breaker_expects_the_share_of_heads_that_it_flags():
    scenario = SHIPPED["ctich"]
    bleeding = sum(
        share * scenario.prevalence[order] for order, share in scenario.order_shares().items()
    )
    hit, spared = scenario.detector.sensitivity, scenario.detector.specificity
    flagged = bleeding * hit + (1 - bleeding) * (1 - spared)
    assert scenario.expected_flagged_share == pytest.approx(flagged, abs=0.005)
