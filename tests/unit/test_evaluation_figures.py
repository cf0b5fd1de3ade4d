"""The figures of a report, beside sums by hand."""

import json

import numpy as np
import pytest

from ml.evaluation.curves import average_precision, free_response_points, roc_points
from ml.evaluation.figures import report_figures
from ml.evaluation.goals import GOALS, Goal, figure_at, goal_table
from ml.evaluation.metrics import auc
from ml.evaluation.results import (
    Basis,
    Overlap,
    SaidLesion,
    SliceCounts,
    TrueLesion,
    UnreadStudy,
)
from ml.evaluation.weaknesses import weaknesses
from preread.terms import HemorrhageType, Level
from tests.support.evaluated import result

IPH, SDH, IVH, SAH, EDH = (HemorrhageType(name) for name in ("IPH", "SDH", "IVH", "SAH", "EDH"))
NO_KINDS = ((0.0,) * 6,) * 5


def slice_counts(number, blood, outlined, shared):
    return SliceCounts(
        slice=number, blood=blood, outlined=outlined, shared=shared, floor=10, floor_shared=1
    )


def overlap(*slices, true=(), said=(), kind_ml=NO_KINDS, outlined_beside=0):
    return Overlap(
        slices=slices,
        outlined=sum(one.outlined for one in slices) + outlined_beside,
        blood=sum(one.blood for one in slices),
        shared=sum(one.shared for one in slices),
        true_lesions=tuple(TrueLesion(volume_ml=ml, score=score) for ml, score in true),
        said_lesions=tuple(SaidLesion(volume_ml=1, score=score, hit=hit) for score, hit in said),
        kind_ml=kind_ml,
    )


IPH_TAKEN_FOR_EDH = ((2.0, 0.0, 0.0, 0.0, 6.0, 4.0), *NO_KINDS[1:])
FOUR = [
    result(
        "a",
        kinds=[IPH],
        probability=0.9,
        level=Level.CRITICAL,
        named=[IPH],
        true_ml=40.0,
        said_ml=30.0,
        overlap=overlap(
            slice_counts(3, 10, 10, 5),
            true=[(40.0, 0.9), (0.1, None)],
            said=[(0.9, True), (0.4, False)],
            kind_ml=IPH_TAKEN_FOR_EDH,
            outlined_beside=10,
        ),
        agreement=4,
        fold=1,
        slices=[(0, 0.2), (1, 0.9)],
    ),
    result(
        "b",
        kinds=[IPH, IVH],
        probability=0.3,
        level=Level.INDETERMINATE,
        named=[IVH],
        true_ml=4.0,
        said_ml=0.0,
        overlap=overlap(slice_counts(5, 10, 0, 0), true=[(4.0, None)]),
        agreement=1,
        fold=2,
        slices=[(1, 0.3), (-1, 0.9)],
    ),
    result(
        "c",
        probability=0.6,
        level=Level.SUSPECTED,
        named=[SDH],
        true_ml=0.0,
        said_ml=2.0,
        overlap=overlap(said=[(0.6, False)], outlined_beside=20),
        fold=1,
        slices=[(0, 0.6)],
    ),
    result("d", probability=0.1, true_ml=0.0, overlap=overlap(), fold=2, slices=[(0, 0.1)]),
]


@pytest.fixture(scope="module")
def figures():
    return report_figures(FOUR, rounds=50)


def at(figures, *path):
    return figure_at(figures, path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        # a above c and d, b above d only: 3 of 4 pairs.
        ("study_any auc", 0.75),
        # Order a c b d: half of 1/1 and half of 2/3.
        ("study_any average_precision", 0.833),
        # (0.1² + 0.7² + 0.6² + 0.1²) / 4.
        ("study_any brier", 0.217),
        ("study_any suspected sensitivity_count", "1/2"),
        ("study_any suspected specificity_count", "1/2"),
        ("study_any indeterminate sensitivity_count", "2/2"),
        ("study_any critical specificity_count", "2/2"),
        # At 0.80 of two quiet studies none may alarm: above 0.6 there is a.
        ("study_any at_specificity_80 sensitivity_count", "1/2"),
        # Labeled slices: .2− .9+ .3+ .6− .1−; .3 loses one pair of six.
        ("slice_any slices", 5),
        ("slice_any auc", 0.833),
        ("kinds IPH positive_studies", 2),
        ("kinds IPH positive_slices", 2),
        ("kinds IPH named sensitivity_count", "1/2"),
        ("kinds SDH named specificity_count", "3/4"),
        ("kinds EDH study auc", None),
        ("mean_kind_slice_auc auc", None),
        # 2·5/20 and 0.
        ("mask slice_dice", 0.25),
        ("mask slice_dice_median", 0.25),
        # 2·5 / (20 of blood, 20 + 0 + 20 outlined).
        ("mask pooled_dice_all_slices", 0.167),
        ("floors hu_threshold_slice_dice", 0.1),
        # Gaps −10 and −4: mean −7, standard deviation √18.
        ("volume bias_ml", -7.0),
        ("volume limits_ml", [round(-7 - 1.96 * 18**0.5, 3), round(-7 + 1.96 * 18**0.5, 3)]),
        ("volume error_ml_median", 7.0),
        ("volume false_ml_median", 1.0),
        ("lesions smaller_left_out", 1),
        ("lesions found count", "1/2"),
        ("lesions false", 2),
        ("lesions false_per_study", 0.5),
        ("lesions free_response", [[0.0, 0.5], [0.25, 0.5], [0.5, 0.5]]),
        ("kind_confusion_ml IPH EDH", 6.0),
        ("levels suspected", {"positive": 0, "negative": 1}),
        ("by_volume small studies", 1),
        ("by_volume large suspected count", "1/1"),
        ("by_fold 1 study_auc", 1.0),
        ("by_fold 2 slice_dice", 0.0),
        ("agreement scored", 2),
        ("agreement shares 4 count", "1/2"),
        ("agreement shares 0 share", 0.0),
        ("agreement seed shares 4", 0.4889),
        ("cpu_s median", 2.0),
        ("studies_by_basis out_of_fold", 4),
    ],
)
def test_figures_are_those_by_hand(figures, path, value):
    assert at(figures, *path.split()) == value


def test_no_name_is_in_the_figures(figures):
    named = [result("mueller-hans", kinds=[IPH], fold=1)]
    assert "mueller" not in json.dumps(report_figures(named, rounds=5))
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_studies_of_unknown_truth_are_counted_and_judge_nothing(figures):
    more = [*FOUR, result("e", bleeds=-1, probability=0.99, level=Level.CRITICAL)]
    again = report_figures(more, rounds=5)
    assert again["unlabeled_studies"] == 1
    assert at(again, "study_any", "auc") == at(figures, "study_any", "auc")


def test_studies_without_an_outline_leave_the_outline_alone(figures):
    more = [*FOUR, result("e", kinds=[IPH], said_ml=50.0, overlap=None)]
    again = report_figures(more, rounds=5)
    for part in ("mask", "volume", "lesions"):
        assert {k: v for k, v in again[part].items() if "interval" not in k and k != "found"} == {
            k: v for k, v in figures[part].items() if "interval" not in k and k != "found"
        }


def test_what_was_not_assessed_is_told_with_its_reason():
    unread = [
        UnreadStudy(identity=result("e").identity, study_any=1, refused=True, reason="NOT_HEAD"),
        UnreadStudy(
            identity=result("f").identity,
            study_any=0,
            refused=False,
            reason="ValueError: /data/mueller.dcm is odd",
        ),
    ]
    told = report_figures([*FOUR, *unread], rounds=5)
    assert told["unread"] == {
        "refused": {"NOT_HEAD": 1},
        "failed": {"ValueError": 1},
        "positive": 1,
    }
    assert (told["studies"], told["assessed"]) == (6, 4)
    assert any("2 studies not assessed" in one for one in told["weaknesses"])


def test_nothing_to_judge_is_null_and_no_error():
    empty = report_figures([], rounds=5)
    assert at(empty, "study_any", "auc") is None
    assert at(empty, "mask", "slice_dice") is None
    assert {row["reached"] for row in empty["goals"]} == {None}


def test_one_study_in_sample_is_said_before_all_others():
    seen = FOUR[0].model_copy(
        update={"identity": FOUR[0].identity.model_copy(update={"basis": Basis.IN_SAMPLE})}
    )
    words = report_figures([seen, *FOUR[1:]], rounds=5)["basis"]
    assert words.startswith("1 of 4 studies IN SAMPLE: no evidence")
    assert "3 of 4 studies out of fold" in words
    assert report_figures([seen], rounds=5)["basis"].startswith("IN SAMPLE: no evidence")


def test_goals_are_judged_in_their_direction():
    assert Goal("more", (), 0.9, "").reached(0.9)
    assert not Goal("more", (), 0.9, "").reached(0.89)
    assert Goal("less", (), 0.1, "", falls=True).reached(0.1)
    assert not Goal("less", (), 0.1, "", falls=True).reached(0.11)


def test_every_goal_names_a_figure_of_the_report():
    whole = report_figures(
        [
            result(
                f"{kind}{number}",
                kinds=[kind],
                probability=0.9,
                agreement=4,
                true_ml=5.0,
                overlap=overlap(slice_counts(0, 10, 10, 10)),
            )
            for kind in (IPH, SDH, IVH, SAH, EDH)
            for number in range(2)
        ]
        + FOUR[2:],
        rounds=5,
    )
    missing = [row["goal"] for row in goal_table(whole) if row["value"] is None]
    # By hand only IPH has labeled slices, and here it has none.
    assert missing == [
        goal.name for goal in GOALS if goal.path[0] in {"slice_any", "mean_kind_slice_auc"}
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "2 studies with hemorrhage: even where all are found, a sensitivity of 0.34 is possible;",
        "Goal not reached: any hemorrhage, study AUC is 0.750, to be at least 0.95.",
        "Goal not measured on this source: mean slice AUC of the five types.",
        "1 study without hemorrhage flagged, 0 of them as critical.",
        "SDH: 0 studies have it; its figures are an anecdote.",
        "IPH is named in 1/2 of the studies that have it.",
        "Outlined IPH is called EDH more often than IPH: 6 ml of 8 ml.",
        "Of true lesions of 0.5 ml or more the outline touches 1/2.",
        "Between the folds the study AUC",
    ],
)
def test_each_weakness_that_the_figures_show_is_named(figures, sentence):
    if sentence.startswith("Between"):
        figures = {
            **figures,
            "by_fold": {"1": {"study_auc": 0.9}, "2": {"study_auc": 0.8}},
        }
    assert [one for one in weaknesses(figures) if one.startswith(sentence)]


def test_a_missed_study_and_a_demonstrator_are_weaknesses(figures):
    missed = report_figures([*FOUR[1:], result("z", kinds=[EDH], probability=0.05)], rounds=5)
    told = "\n".join(missed["weaknesses"])
    assert "1 study with hemorrhage got the level «none»." in told
    assert "does not clear a linear probe" in told
    assert "does not clear a linear probe" not in "\n".join(figures["weaknesses"])


def test_the_area_over_the_curve_is_the_share_of_pairs_in_order():
    random = np.random.default_rng(0)
    scores = random.integers(0, 20, 200).astype(float)
    truth = random.random(200) < scores / 20
    across, up = np.array(roc_points(scores, truth)).T
    assert np.trapezoid(up, across) == pytest.approx(auc(scores, truth), abs=1e-3)


def test_ties_are_one_step_of_precision():
    assert average_precision(np.full(4, 0.5), np.array([True, False, False, False])) == 0.25
    assert np.isnan(average_precision(np.array([0.5]), np.array([False])))


def test_a_source_without_lesions_has_no_free_response():
    assert free_response_points(np.array([]), np.array([0.5]), 3) == []
