"""One study through the pipeline and beside its truth, by the network that never saw it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ml.bundle import Bundle
from ml.evaluation.contact_sheets import TILE_PX, NoTiles, write_sheets
from ml.evaluation.journal import Journal
from ml.evaluation.results import Basis, StudyResult, UnreadStudy
from ml.evaluation.session import JOURNAL, PICTURES, Plan, ResultsExist, SameName, evaluate_all
from ml.evaluation.study import Judge, bundle_for, evaluate_study
from ml.labeled import BLOOD_OF_UNKNOWN_KIND, UNKNOWN
from preread.terms import HemorrhageType, Level
from tests.support.evaluated import Oracle, labeled
from tests.support.heads import Ball, bundle, head, volume_of

IPH, SDH, IVH, SAH, EDH = (HemorrhageType(name) for name in ("IPH", "SDH", "IVH", "SAH", "EDH"))
BUNDLE = bundle(size=128)
SMALL = {"slices": 32, "size": 80, "spacing_mm": 2.8}
BLEED = head(Ball((10, 0, 25), 18, IPH), **SMALL)
QUIET = head(**SMALL)


def trained_on(words, *folds, sha256="a" * 64):
    """The bundle with a member for each fold that it holds out."""
    manifest = BUNDLE.manifest
    (one,) = manifest.members
    members = [one.model_copy(update={"held_out_fold": fold, "sha256": sha256}) for fold in folds]
    changed = {"trained_on": words, "members": tuple(members)}
    return Bundle(manifest.model_copy(update=changed), BUNDLE.weights_paths * len(folds))


def evaluate(study, seen, *, source="phantoms", chosen=BUNDLE):
    oracle = Oracle(BUNDLE)
    (study,) = oracle.studies([(study, seen)])
    return evaluate_study(study, Judge(chosen, lambda _: oracle, source))


def test_a_bleed_that_is_seen_exactly_agrees_in_everything():
    outcome = evaluate(labeled("a", BLEED), BLEED).outcome
    assert isinstance(outcome, StudyResult)
    assert outcome.said.level is Level.CRITICAL
    assert outcome.said.named == (IPH,)
    assert outcome.agreement == 4
    assert outcome.said.volume_ml == pytest.approx(outcome.truth.volume_ml, rel=0.05)
    assert outcome.truth.mean_hu == pytest.approx(65)
    (true,), (said,) = outcome.overlap.true_lesions, outcome.overlap.said_lesions
    assert said.hit
    assert true.score == said.score == pytest.approx(0.95, abs=0.01)
    assert outcome.overlap.kind_ml[0][0] == pytest.approx(outcome.truth.volume_ml, rel=0.05)
    assert 2 * outcome.overlap.shared / (
        outcome.overlap.blood + outcome.overlap.outlined
    ) == pytest.approx(1, abs=0.05)
    # The density floor sees it too: inside the skull nothing else has 65 HU.
    assert sum(one.floor_shared for one in outcome.overlap.slices) > 0.8 * outcome.overlap.blood


def test_a_quiet_head_that_is_read_as_bleeding_has_no_agreement_but_a_false_lesion():
    outcome = evaluate(labeled("a", QUIET), BLEED).outcome
    assert outcome.agreement is None
    assert outcome.bleeds is False
    assert [one.hit for one in outcome.overlap.said_lesions] == [False]
    assert outcome.overlap.slices == ()


def test_a_bleed_that_is_not_seen_is_a_0_and_wholly_not_outlined():
    outcome = evaluate(labeled("a", BLEED), QUIET).outcome
    assert outcome.agreement == 0
    assert outcome.overlap.kind_ml[0][5] == pytest.approx(outcome.truth.volume_ml, abs=0.1)
    assert outcome.overlap.true_lesions[0].score is None


def test_a_bleed_named_right_on_the_wrong_side_is_a_2():
    other_side = head(Ball((10, 0, -25), 18, IPH), **SMALL)
    assert evaluate(labeled("a", BLEED), other_side).outcome.agreement == 2


def test_the_main_type_is_that_with_most_blood():
    both = head(Ball((10, -30, 25), 20, IPH), Ball((10, 40, -25), 12, SAH), **SMALL)
    only_small = head(Ball((10, 40, -25), 12, SAH), **SMALL)
    only_large = head(Ball((10, -30, 25), 20, IPH), **SMALL)
    assert evaluate(labeled("a", both), only_large).outcome.agreement == 3
    assert evaluate(labeled("a", both), only_small).outcome.agreement == 2


def test_without_a_true_outline_the_types_alone_agree():
    outcome = evaluate(labeled("a", BLEED, outlined=False), BLEED).outcome
    assert outcome.overlap is None
    assert outcome.truth.volume_ml is None
    assert outcome.agreement == 4


def test_with_a_type_unknown_there_is_no_agreement():
    study = labeled("a", BLEED)
    study = replace(study, study_kinds=np.where([0, 1, 0, 0, 0], UNKNOWN, study.study_kinds))
    assert evaluate(study, BLEED).outcome.agreement is None


def test_blood_of_unknown_kind_is_blood_but_in_no_row_of_types():
    study = labeled("a", BLEED)
    mask = np.where(study.mask > 0, BLOOD_OF_UNKNOWN_KIND, 0).astype(np.uint8)
    outcome = evaluate(replace(study, mask=mask), BLEED).outcome
    assert outcome.truth.volume_ml == pytest.approx(outcome.said.volume_ml, rel=0.05)
    assert np.array(outcome.overlap.kind_ml).sum() == 0
    assert outcome.agreement == 4


def test_a_mask_turns_with_its_volume():
    """The same head stored mirrored, left to right, with a matching affine."""
    volume = BLEED.volume
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (volume.hu.shape[2] - 1)
    affine[:3, 2] *= -1
    study = replace(
        labeled("a", BLEED),
        volume=replace(volume, hu=np.ascontiguousarray(volume.hu[:, :, ::-1]), affine=affine),
        mask=np.ascontiguousarray(BLEED.kinds[:, :, ::-1]),
    )
    outcome = evaluate(study, BLEED).outcome
    assert outcome.agreement == 4
    assert outcome.truth.mean_hu == pytest.approx(65)


def test_what_the_worker_would_not_assess_is_not_judged():
    soft = replace(BLEED.volume, hu=np.minimum(BLEED.volume.hu, 80.0))
    outcome = evaluate(replace(labeled("a", BLEED), volume=soft), BLEED).outcome
    assert isinstance(outcome, UnreadStudy)
    assert (outcome.refused, outcome.reason, outcome.study_any) == (True, "NOT_HEAD", 1)


def test_a_volume_that_is_unfit_is_not_read_at_all():
    few = volume_of(BLEED.volume.hu[:4], 2.8, np.full(4, 5.0))
    study = labeled("a", head(slices=4, size=80, spacing_mm=2.8))
    outcome = evaluate_study(
        replace(study, volume=few), Judge(BUNDLE, lambda _: pytest.fail("loaded"), "phantoms")
    ).outcome
    assert isinstance(outcome, UnreadStudy)
    assert outcome.refused


def test_a_reading_that_fails_is_an_outcome_with_its_words():
    class Broken:
        device = precision = "none"

        def predict(self, slices):
            message = f"no room for {len(slices)} slices"
            raise RuntimeError(message)

    outcome = evaluate_study(
        labeled("a", BLEED), Judge(BUNDLE, lambda _: Broken(), "phantoms")
    ).outcome
    assert isinstance(outcome, UnreadStudy)
    assert (outcome.refused, outcome.reason) == (False, "RuntimeError: no room for 32 slices")


@pytest.mark.parametrize(
    ("source", "fold", "in_sample", "basis"),
    [
        pytest.param("ct-ich", 2, False, Basis.OUT_OF_FOLD, id="a member never saw it"),
        pytest.param("ct-ich", 2, True, Basis.IN_SAMPLE, id="asked to"),
        pytest.param("ct-ich", 3, False, Basis.IN_SAMPLE, id="no such member"),
        pytest.param("ct-ich", None, False, Basis.IN_SAMPLE, id="trained on, fold unknown"),
        pytest.param("cq500", None, False, Basis.UNSEEN, id="another source"),
        pytest.param("folder", 2, False, Basis.UNSEEN, id="another source with folds of its own"),
    ],
)
def test_the_training_set_is_judged_out_of_fold_or_not_believed(source, fold, in_sample, basis):
    whole = trained_on("CT-ICH v1.0.0: 82 patients", 1, 2)
    study = labeled("a", QUIET, fold=fold)
    chosen, found = bundle_for(whole, study, source=source, in_sample=in_sample)
    assert found is basis
    assert (chosen is not whole) == (basis is Basis.OUT_OF_FOLD)


def test_each_member_is_loaded_once():
    loads = []
    oracle = Oracle(BUNDLE)
    judge = Judge(trained_on("CT-ICH", 1, 2), lambda part: loads.append(part) or oracle, "ct-ich")
    folds = [1, 2, 1, 2, 1]
    heads = [(labeled(str(n), QUIET, fold=fold), QUIET) for n, fold in enumerate(folds)]
    for study in oracle.studies(heads):
        evaluate_study(study, judge)
    assert len(loads) == 2


@pytest.fixture
def session(tmp_path):
    """Evaluate three heads, counting those that were read."""
    oracle = Oracle(BUNDLE)
    judge = Judge(BUNDLE, lambda _: oracle, "phantoms")
    heads = [("bleeds", BLEED, BLEED), ("missed", BLEED, QUIET), ("alarms", QUIET, BLEED)]

    def run(*, chosen=judge, names=heads, **how):
        told = []
        outcomes = evaluate_all(
            oracle.studies((labeled(name, true), seen) for name, true, seen in names),
            chosen,
            Plan(tmp_path, **how),
            lambda _number, _outcome, *, is_known: told.append(is_known),
        )
        return outcomes, told

    run.folder, run.judge, run.heads = tmp_path, judge, heads
    return run


def test_a_second_start_reads_nothing_again_and_ends_alike(session):
    first, told = session()
    assert told == [False] * 3
    second, told = session(resume=True)
    assert told == [True] * 3
    assert second == first


def test_a_cut_run_goes_on_after_the_last_whole_line(session):
    first, _ = session()
    path = session.folder / JOURNAL
    text = path.read_text()
    path.write_text(text[: text.index("\n") + 40])
    again, told = session(resume=True)
    assert told == [True, False, False]
    assert [one.agreement for one in again] == [one.agreement for one in first]
    assert set(Journal(path).read()) == {one.identity for one in again}


def test_results_of_other_weights_are_not_taken_over(session):
    session()
    other = Judge(trained_on("CT-ICH", 1), session.judge.load, "phantoms")
    _, told = session(chosen=other, resume=True)
    assert told == [False] * 3


def test_results_are_not_overwritten_unasked(session):
    session()
    with pytest.raises(ResultsExist, match="--resume"):
        session()


def test_no_more_studies_than_asked_for(session):
    assert len(session(limit=2)[0]) == 2


def test_two_studies_of_one_name_are_refused(session):
    with pytest.raises(SameName, match="two studies"):
        session(names=[session.heads[0]] * 2)


def test_pictures_are_kept_of_failures_only_and_only_if_wanted(session):
    session()
    assert len(list((session.folder / PICTURES).iterdir())) == 2
    assert all(path.stat().st_size < 60_000 for path in (session.folder / PICTURES).iterdir())


def test_without_a_gallery_no_picture_is_written(session):
    session(gallery=False)
    assert not (session.folder / PICTURES).exists()
    with pytest.raises(NoTiles, match="--no-gallery"):
        write_sheets(session.folder)


def test_a_contact_sheet_shows_each_finding_of_its_type_with_outline_and_sentence(session):
    session()
    (sheet,) = write_sheets(session.folder)
    assert sheet.name == "contact-sheet-IPH.png"
    pixels = np.asarray(Image.open(sheet).convert("RGB")).astype(int)
    # Two findings, «bleeds» and «alarms», side by side: an outline in each, and words below.
    for column in (slice(0, TILE_PX), slice(TILE_PX, 2 * TILE_PX)):
        red = (pixels[30 : 30 + TILE_PX, column] * [1, -1, -1]).sum(axis=2) > 60
        assert red.sum() > 50
        assert (pixels[30 + TILE_PX + 5 :, column] > 150).any()
    assert not pixels[30:, 2 * TILE_PX :].any()


def test_a_line_of_the_journal_is_small_and_holds_no_image(session):
    session(limit=1)
    (line,) = (session.folder / JOURNAL).read_text().splitlines()
    assert len(line) < 6000
    assert json.loads(line)["identity"]["name"] == "bleeds"
