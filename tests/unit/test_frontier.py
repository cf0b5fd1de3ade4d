"""Variants of the promotions side by side."""

import xml.etree.ElementTree as ET

import pytest

from preread.ranking import DEFAULT_POLICY
from preread.simulation.frontier import VARIANTS, frontier, frontier_text, main
from preread.terms import Level


def test_the_first_variant_is_what_is_shipped_and_no_other_promotes_less_than_flags():
    assert next(iter(VARIANTS.values())) == DEFAULT_POLICY.promotions
    assert all({Level.CRITICAL, Level.SUSPECTED} <= set(one) for one in VARIANTS.values())


def test_promoting_the_undecided_less_spares_the_bleeds_that_are_called_none():
    points = {p.name: p for p in frontier("ctich", range(4), studies=4000, delay_min=0.1)}
    shipped, without = points["shipped"], points["indeterminate not promoted"]
    assert without.said_none.mean < shipped.said_none.mean
    assert without.missed.mean > shipped.missed.mean
    assert all(point.past_bound == 0 for point in points.values())
    assert points["the same, head starts 120"].bound_min == 140
    assert frontier_text([shipped]).count("\n") == 2


def test_the_command_prints_tables_and_draws(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert main(["--seeds", "1", "--studies", "4000", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("| shipped |") == 2
    picture = (tmp_path / "frontier.svg").read_text()
    assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314 - drawn a moment ago
