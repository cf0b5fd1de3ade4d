"""Variants of the promotions side by side."""

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import pytest

from preread.errors import SettingsInvalid
from preread.policy import DEFAULT_POLICY, Policy, Promotion
from preread.policy_steps import refusal
from preread.ranking import place
from preread.simulation.frontier import VARIANTS, frontier, frontier_text, main
from preread.simulation.scenario import SHIPPED, Targets, answering_after
from preread.terms import Level, OrderClass

PAGE = Path(__file__).parents[2] / "docs" / "simulation.md"


def test_the_first_variant_is_what_is_shipped_and_no_other_promotes_less_than_flags():
    assert next(iter(VARIANTS.values())) == DEFAULT_POLICY.promotions
    assert all({Level.CRITICAL, Level.SUSPECTED} <= set(one) for one in VARIANTS.values())


def test_promoting_the_undecided_less_spares_the_bleeds_that_are_called_none():
    points = {p.name: p for p in frontier("ctich", range(4), studies=4000, delay_min=0.1)}
    shipped, without = points["shipped"], points["indeterminate not promoted"]
    assert without.said_none.mean < shipped.said_none.mean
    assert all(point.past_bound == 0 for point in points.values())
    assert points["the same, head starts 120"].bound_min == 140
    assert frontier_text([shipped]).count("\n") == 2


def test_not_promoting_the_undecided_costs_the_bleeds_among_them():
    # Of four missed bleeds in ten «busy» is undecided, of one in four «ctich».
    points = {p.name: p for p in frontier("busy", range(4), studies=4000, delay_min=0.1)}
    assert points["indeterminate not promoted"].missed.mean > points["shipped"].missed.mean


def test_the_command_prints_tables_and_draws(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert main(["--seeds", "1", "--studies", "4000", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("| shipped |") == 2
    picture = (tmp_path / "frontier.svg").read_text()
    assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314 - drawn a moment ago


def test_the_draft_of_the_documentation_can_be_put_in_force_and_promotes_no_undecided_study():
    said = json.loads(PAGE.read_text("utf-8").split("```json\n")[1].split("```")[0])
    promotions = {Level(name): Promotion(**one) for name, one in said["promotions"].items()}
    draft = Policy(
        "draft", DEFAULT_POLICY.order_target_min, {**DEFAULT_POLICY.promotions, **promotions}
    )
    assert refusal(draft) is None
    variant = Targets(promotions=dict(VARIANTS["indeterminate not promoted"])).policy()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for order in OrderClass:
        keys = {
            place(at, order, level, policy=policy, promise=DEFAULT_POLICY).key_ms
            for policy in (draft, variant)
            for level in (Level.INDETERMINATE, Level.NONE)
        }
        assert len(keys) == 1


def test_another_delay_changes_nothing_else_of_a_scenario():
    later = answering_after(SHIPPED["ctich"], 7)
    assert later.detector.delay_min == 7
    assert answering_after(later, SHIPPED["ctich"].detector.delay_min) == SHIPPED["ctich"]
    with pytest.raises(SettingsInvalid, match="at least 0"):
        answering_after(later, -1)
