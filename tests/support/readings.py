"""What a reader says of a case, with everything but what a test is about filled in."""

from ml.reader_study.readings import Reading
from preread.feedback import verdict_of_flag
from preread.reader_study.answers import NamedBleed, Scored
from preread.terms import HemorrhageType, Laterality, Region
from tests.support.reading_study import NOON, golden

IPH, SDH, IVH, SAH, EDH = HemorrhageType
LEFT, RIGHT, BOTH = Laterality.LEFT, Laterality.RIGHT, Laterality.BILATERAL
FRONTAL, PARIETAL = Region.FRONTAL_CONVEXITY, Region.PARIETAL_CONVEXITY
# What the golden positive pre-read says: of ml.reader_study's rules the whole input.
POSITIVE = golden("positive")
SAID = frozenset(one.type for one in POSITIVE.findings)


def bleed(kind, side=RIGHT, region=FRONTAL):
    return NamedBleed(type=kind, laterality=side, region=region)


def scored(reader="R1", case=1, score=4, kinds=(SDH,), **changes):
    said = {
        "at": NOON,
        "reader": reader,
        "case": case,
        "named": tuple(map(bleed, kinds)),
        "server_ms": 9000,
        "visible_ms": 8000,
        "pre_read_id": "p",
        "revision": 1,
        "digest": "d",
        "blinded": True,
        "score": score,
        "verdict": verdict_of_flag(flagged=True, bleeds=bool(kinds)),
        "fp_cause": None,
        "comment": "",
    }
    return Scored(**{**said, **changes})


def reading(said=(SDH,), labeled=None, computed=None, **answer):
    return Reading(
        scored=scored(**answer),
        first_read=None,
        revised=0,
        said=frozenset(said),
        labeled=None if labeled is None else frozenset(labeled),
        computed=computed,
        computed_by_labels=None,
    )
