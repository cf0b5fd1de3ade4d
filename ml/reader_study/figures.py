"""The figures of a reading study, as JSON: shares with Wilson intervals, agreement, times."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Final

import numpy as np
from pydantic import JsonValue

from ml.evaluation.estimates import Figures, rounded, share
from ml.evaluation.figures import SEED_STUDIES
from ml.reader_study.kappa import kappa
from ml.reader_study.readings import Reading
from preread.rubric import BEST_SCORE, SCORE_WORDS, that_count
from preread.terms import KINDS, HemorrhageType

SCORES: Final = tuple(range(BEST_SCORE + 1))
# As the seed's poster prints them, in percent. They add up to 101.29, so no count of its 291
# studies gives all five; they stand beside ours for orientation, with that said.
SEED_PERCENT: Final = {0: 12.14, 1: 7.1, 2: 10.42, 3: 22.74, 4: 48.89}
SEED_CAVEAT: Final = (
    "The poster's five percentages add up to 101.29 %, so they cannot all be right; its rubric was "
    "not printed, its studies and its software were others."
)
NO_TYPE: Final = "none"


def study_figures(readings: Sequence[Reading]) -> Figures:
    """Compute every figure of a reading study.

    Parameters
    ----------
    readings
        All that are done.

    Returns
    -------
    dict
        JSON values.
    """
    return {
        "readings": len(readings),
        "readers": len({one.scored.reader for one in readings}),
        "cases": len({one.scored.case for one in readings}),
        "labeled_cases": len({one.scored.case for one in readings if one.labeled is not None}),
        "blinded_readings": sum(one.scored.blinded for one in readings),
        "revised_readings": sum(one.revised > 0 for one in readings),
        "scores": _scores(readings),
        "verdicts": dict(Counter(one.scored.verdict.value for one in readings)),
        "false_positive_causes": dict(
            Counter(one.scored.fp_cause.value for one in readings if one.scored.fp_cause)
        ),
        "types_against_truth": _types(_judged(readings)),
        "types_of_first_read_against_labels": _first_against_labels(readings),
        "combinations": _combinations(readings),
        "between_readers": _between_readers(readings),
        "computed_against_readers": _computed(readings, lambda one: one.computed),
        "computed_by_labels_against_readers": _computed(
            readings, lambda one: one.computed_by_labels
        ),
        "seconds": _times(readings),
    }


def combination(types: frozenset[HemorrhageType]) -> str:
    """Return the name of a set of types.

    Examples
    --------
    >>> combination(frozenset({HemorrhageType.SAH, HemorrhageType.IPH})), combination(frozenset())
    ('IPH+SAH', 'none')
    """
    return "+".join(kind.value for kind in KINDS if kind in types) or NO_TYPE


def _scores(readings: Sequence[Reading]) -> Figures:
    given = that_count((one.scored.score, bool(one.scored.types)) for one in readings)
    return {
        "scored": len(given),
        "no_hemorrhage": len(readings) - len(given),
        "shares": {str(score): share(given.count(score), len(given)) for score in SCORES},
        "words": {str(score): words for score, words in SCORE_WORDS.items()},
        "seed": {
            "studies": SEED_STUDIES,
            "percent": {str(score): SEED_PERCENT[score] for score in SCORES},
            "caveat": SEED_CAVEAT,
        },
    }


Pair = tuple[frozenset[HemorrhageType], frozenset[HemorrhageType]]


def _judged(readings: Sequence[Reading]) -> list[Pair]:
    """Return truth and pre-read: of a labeled case once, however many read it; else per reading."""
    labeled = {
        one.scored.case: (one.labeled, one.said) for one in readings if one.labeled is not None
    }
    unlabeled = [(one.scored.types, one.said) for one in readings if one.labeled is None]
    return [*labeled.values(), *unlabeled]


def _types(pairs: Sequence[Pair]) -> Figures:
    """Return how the second set of types of each pair agrees with the first, type by type."""
    return {kind.value: _type([(kind in t, kind in s) for t, s in pairs]) for kind in KINDS}


def _type(pairs: Sequence[tuple[bool, bool]]) -> Figures:
    both, missed = pairs.count((True, True)), pairs.count((True, False))
    extra, neither = pairs.count((False, True)), pairs.count((False, False))
    return {
        "sensitivity": share(both, both + missed),
        "specificity": share(neither, neither + extra),
        "ppv": share(both, both + extra),
        "agreement": share(both + neither, len(pairs)),
        "kappa": rounded(kappa([t for t, _ in pairs], [s for _, s in pairs], 2, power=0)),
    }


def _first_against_labels(readings: Sequence[Reading]) -> Figures | None:
    """Return how readers alone did against the labels; None where either is missing."""
    pairs = [
        (one.labeled, one.first_read.types)
        for one in readings
        if one.labeled is not None and one.first_read is not None
    ]
    return _types(pairs) if pairs else None


def _combinations(readings: Sequence[Reading]) -> Figures:
    counts = Counter((combination(true), combination(said)) for true, said in _judged(readings))
    rows = sorted({true for true, _ in counts}, key=_by_size)
    columns = sorted({said for _, said in counts}, key=_by_size)
    exact = sum(number for (true, said), number in counts.items() if true == said)
    table: list[JsonValue] = [[counts[true, said] for said in columns] for true in rows]
    return {
        "truth": list[JsonValue](rows),
        "pre_read": list[JsonValue](columns),
        "counts": table,
        "exact": share(exact, counts.total()),
    }


def _by_size(name: str) -> tuple[int, str]:
    return (0 if name == NO_TYPE else name.count("+") + 1), name


def _between_readers(readings: Sequence[Reading]) -> Figures:
    """Return how two readers agree on the cases that both scored; quadratic weights."""
    by_reader: dict[str, dict[int, int]] = {}
    for one in readings:
        scores = by_reader.setdefault(one.scored.reader, {})
        if one.scored.score is not None:
            scores[one.scored.case] = one.scored.score
    pairs: list[JsonValue] = []
    values = []
    for first, second in combinations(sorted(by_reader), 2):
        common = sorted(by_reader[first].keys() & by_reader[second].keys())
        pair = [(by_reader[first][case], by_reader[second][case]) for case in common]
        figures = _agreed(pair)
        pairs.append({"readers": [first, second], **figures})
        if isinstance(figures["weighted_kappa"], float):
            values.append(figures["weighted_kappa"])
    mean = float(np.mean(values)) if values else float("nan")
    return {"pairs": pairs, "mean_weighted_kappa": rounded(mean)}


def _computed(
    readings: Sequence[Reading], computed: Callable[[Reading], int | None]
) -> Figures | None:
    """Return how the rubric's score agrees with the reader's; None where there is none."""
    pairs = [
        (said, score)
        for one in readings
        if (said := computed(one)) is not None and (score := one.scored.score) is not None
    ]
    if not pairs:
        return None
    table: list[JsonValue] = [[pairs.count((row, column)) for column in SCORES] for row in SCORES]
    return {**_agreed(pairs), "counts": table}


def _agreed(pairs: Sequence[tuple[int, int]]) -> Figures:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    return {
        "rated_by_both": len(pairs),
        "exact": share(sum(a == b for a, b in pairs), len(pairs)),
        "within_one": share(sum(abs(a - b) <= 1 for a, b in pairs), len(pairs)),
        "weighted_kappa": rounded(kappa(first, second, len(SCORES))),
    }


def _times(readings: Sequence[Reading]) -> Figures:
    """Return the seconds of both steps, of all readings and by score."""
    by_score: Figures = {
        "no_hemorrhage" if score is None else str(score): _quartiles(
            [one.scored.read_ms for one in readings if one.scored.score == score]
        )
        for score in (*SCORES, None)
    }
    return {
        "first_read": _quartiles(
            [one.first_read.read_ms for one in readings if one.first_read is not None]
        ),
        "score": _quartiles([one.scored.read_ms for one in readings]),
        "score_by_score": by_score,
    }


def _quartiles(times_ms: Sequence[int]) -> Figures:
    if not times_ms:
        return {"readings": 0, "median": None, "quartiles": None}
    low, middle, high = np.percentile(np.array(times_ms) / 1000, [25, 50, 75])
    return {
        "readings": len(times_ms),
        "median": rounded(float(middle)),
        "quartiles": [rounded(float(low)), rounded(float(high))],
    }
