"""The report of a few heads: whole in one file, stable in its keys, honest in its first lines."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from ml.bundle import DEFAULT_BUNDLE, load_bundle
from ml.evaluation.adopt import NoEvidence, adopt_report
from ml.evaluation.card import write_card
from ml.evaluation.command import Doors, main
from ml.evaluation.figures import report_figures
from ml.evaluation.gallery import exhibits
from ml.evaluation.report import REPORT_FILE, make_report, render_page, write_report
from ml.evaluation.session import PICTURES, Plan, evaluate_all
from ml.evaluation.study import Judge
from preread.errors import InvalidBundle
from preread.notice import NOTICE
from preread.terms import HemorrhageType
from tests.support.evaluated import Oracle, bundle_folder, labeled, result
from tests.support.heads import Ball, bundle, head

IPH, EDH = HemorrhageType.IPH, HemorrhageType.EDH
GOLDEN = Path(__file__).parent / "golden" / "evaluation_report_keys.json"
ROOT = Path(__file__).parents[2]
SMALL = {"slices": 32, "size": 80, "spacing_mm": 2.8}
BLEED, OTHER, QUIET = (
    head(Ball((10, 0, 25), 18, IPH), **SMALL),
    head(Ball((10, 30, -25), 15, EDH), **SMALL),
    head(**SMALL),
)
# Name, what is true, what is seen: one right, one missed, one false alarm.
HEADS = [("right", BLEED, BLEED), ("missed", OTHER, QUIET), ("alarm", QUIET, BLEED)]
SMALL_BUNDLE = bundle(size=128)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Return the outcomes of three heads and the folder of their pictures."""
    folder = tmp_path_factory.mktemp("evaluated")
    oracle = Oracle(SMALL_BUNDLE)
    outcomes = evaluate_all(
        oracle.studies((labeled(name, true), seen) for name, true, seen in HEADS),
        Judge(SMALL_BUNDLE, lambda _: oracle, "phantoms"),
        Plan(folder),
        lambda _number, _outcome, **_known: None,
    )
    return outcomes, folder / PICTURES


@pytest.fixture(scope="module")
def report(evaluated):
    return make_report(
        evaluated[0], SMALL_BUNDLE, source="phantoms", day=date(2026, 1, 1), rounds=20
    )


@pytest.fixture(scope="module")
def page(evaluated, report):
    outcomes, pictures = evaluated
    return render_page(report, outcomes, exhibits(outcomes, pictures))


def keys_of(value, path=""):
    """Every path of keys, lists by their first element."""
    if isinstance(value, dict):
        return [
            p
            for key, one in value.items()
            for p in (f"{path}/{key}", *keys_of(one, f"{path}/{key}"))
        ]
    return keys_of(value[0], f"{path}[]") if isinstance(value, list) and value else []


def test_the_keys_of_the_report_are_those_that_others_rely_on(report):
    """Adding a key is right, with the golden file; taking one away needs a new schema_version."""
    assert sorted(keys_of(report)) == json.loads(GOLDEN.read_text())


def test_the_page_needs_nothing_beside_it(page):
    assert re.findall(r"https?://|//www|@import|url\((?!#)", page) == []
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert [one for one in sources if not one.startswith(("data:", "#"))] == []
    assert "<script" not in page


def test_the_page_begins_with_the_notice_and_with_what_the_figures_rest_on(page):
    body = page.partition("<body>")[2]
    assert body.lstrip().startswith(f'<p class="notice"><strong>{NOTICE}')
    assert body.index("studies the model never saw") < body.index("<h2>")


def test_the_page_tells_the_rubric_the_goals_and_the_weaknesses(page, report):
    assert "neither the types nor the place" in page
    assert page.count("not reached") >= 1
    for sentence in report["weaknesses"]:
        assert sentence.replace("&", "&amp;") in page


def test_each_plot_is_drawn_once_and_repeats(page, evaluated, report):
    assert page.count("<svg") == 8
    again = render_page(report, evaluated[0])
    assert re.findall(r"<svg.*?</svg>", again, re.DOTALL) == re.findall(
        r"<svg.*?</svg>", page, re.DOTALL
    )


def test_the_gallery_shows_what_went_wrong_and_warns(page):
    shown = re.findall(r'<img alt="([^"]+)"', page)
    assert shown == ["missed, missed", "false alarm, alarm"]
    assert "show patients" in page


def test_without_pictures_the_page_has_no_gallery(evaluated, report):
    assert "<img" not in render_page(report, evaluated[0])


def test_names_are_escaped():
    odd = result("<b>odd</b>", kinds=[IPH])
    report = make_report([odd], SMALL_BUNDLE, source="x", day=date(2026, 1, 1), rounds=2)
    assert "<b>odd" not in render_page(report, [odd])


def test_an_empty_report_renders_with_dashes():
    report = make_report([], SMALL_BUNDLE, source="x", day=date(2026, 1, 1), rounds=2)
    page = render_page(report, [])
    assert "no study was assessed" in page
    assert "No blood is outlined in this source" in page
    assert page.count("<svg") == 4  # none of the four that would show an empty outline


@pytest.fixture
def weights(tmp_path):
    """A bundle to judge and to change."""
    return bundle_folder(tmp_path / "bundle", SMALL_BUNDLE)


def kept(report, weights, folder, **changes):
    """Write a report of these weights and return its folder."""
    folder.mkdir(exist_ok=True)
    judged = {**report["bundle"], "identity": load_bundle(weights).manifest.identity}
    write_report({**report, "bundle": judged, **changes}, folder / REPORT_FILE)
    return folder


def test_the_card_tells_the_reports_figures_and_every_weakness(weights, report, tmp_path):
    manifest = load_bundle(kept(report, weights, weights)).manifest
    write_card(weights, tmp_path / "card.md")
    card = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert NOTICE in card
    assert manifest.identity in card
    assert all(member.sha256 in card for member in manifest.members)
    assert "studies the model never saw" in card.partition("## Facts")[0]
    for sentence in report["weaknesses"]:
        assert f"- {sentence}\n" in card
    assert f"{report['study_any']['auc']:.3f}" in card
    assert "\n\n\n" not in card


def test_a_report_of_other_weights_makes_no_card(weights, report, tmp_path):
    write_report(report, weights / REPORT_FILE)
    with pytest.raises(InvalidBundle, match="other weights"):
        write_card(weights, tmp_path / "card.md")


@pytest.mark.parametrize("text", [None, "{", "[]", '{"bundle": 1}'], ids=str)
def test_a_missing_or_malformed_report_makes_no_card(weights, tmp_path, text):
    if text is not None:
        (weights / REPORT_FILE).write_text(text)
    with pytest.raises(InvalidBundle):
        write_card(weights, tmp_path / "card.md")


def test_the_committed_card_is_what_the_shipped_report_makes(tmp_path):
    write_card(DEFAULT_BUNDLE, tmp_path / "card.md")
    committed = ROOT / "docs" / "model-card.md"
    assert committed.read_text(encoding="utf-8") == (tmp_path / "card.md").read_text(
        encoding="utf-8"
    ), "run: python -m ml.evaluation card"


@pytest.mark.parametrize(("area", "demonstrator"), [(0.749, True), (0.75, False), (None, True)])
def test_an_adopted_report_decides_whether_the_weights_are_a_demonstrator(
    weights, report, tmp_path, area, demonstrator
):
    before = load_bundle(weights).manifest.identity
    study = {**report["study_any"], "auc": area}
    adopt_report(kept(report, weights, tmp_path / "out", study_any=study), weights)
    adopted = load_bundle(weights).manifest
    assert adopted.demonstrator is demonstrator
    assert adopted.evaluation["study_any"]["auc"] == area
    assert adopted.identity == before
    write_card(weights, tmp_path / "card.md")
    assert ("**demonstrator**" in (tmp_path / "card.md").read_text()) is demonstrator


def test_a_report_in_sample_is_not_adopted(weights, report, tmp_path):
    bases = {"out_of_fold": 2, "unseen": 0, "in_sample": 1}
    folder = kept(report, weights, tmp_path / "out", studies_by_basis=bases)
    with pytest.raises(NoEvidence):
        adopt_report(folder, weights)
    assert not (weights / REPORT_FILE).exists()


@pytest.fixture
def doors():
    """A folder of three heads, whose reader leaves one more study out."""
    oracle = Oracle(SMALL_BUNDLE)

    def read(folder, source, left_out):
        assert (folder.name, source) == ("heads", "phantoms")
        yield from oracle.studies((labeled(name, true), seen) for name, true, seen in HEADS)
        left_out(type("LeftOut", (), {"name": "torn", "reason": "the file is torn"}))

    return Doors(read, lambda _: "phantoms", lambda *_: oracle)


def test_the_command_writes_report_page_and_journal_and_goes_on(doors, weights, tmp_path, capsys):
    words = ["run", str(tmp_path / "heads"), "--out", str(tmp_path / "out"), "--rounds", "5"]
    words += ["--bundle", str(weights)]
    assert main(words, doors) == 0
    printed = capsys.readouterr().out
    assert NOTICE in printed
    assert "missed: bleeds, none" in printed
    assert "studies the model never saw." in printed
    out = tmp_path / "out"
    written = json.loads((out / "report.json").read_text())
    assert (written["studies"], written["assessed"]) == (4, 3)
    assert written["unread"]["failed"] == {"unreadable": 1}
    assert "the file is torn" in (out / "report.html").read_text()
    assert main(words, doors) == 1
    assert "--resume" in capsys.readouterr().err
    assert main([*words, "--resume"], doors) == 0
    assert capsys.readouterr().out.count("(known)") == 3
    assert main(["adopt", str(out), "--bundle", str(weights)], doors) == 0
    card = tmp_path / "card.md"
    assert main(["card", "--bundle", str(weights), "--out", str(card)], doors) == 0
    assert "# Model card: `test`" in card.read_text()


def test_the_command_refuses_a_bundle_that_is_none(doors, tmp_path, capsys):
    words = ["run", str(tmp_path), "--bundle", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(words, doors) == 1
    assert "manifest.json" in capsys.readouterr().err


def test_figures_of_one_basis_only_are_named_by_it():
    unseen = replace_basis(result("a", kinds=[IPH]))
    assert report_figures([unseen], rounds=2)["basis"] == "studies the model never saw"


def replace_basis(one):
    return one.model_copy(update={"identity": one.identity.model_copy(update={"basis": "unseen"})})
