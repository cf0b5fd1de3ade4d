"""How good the pre-reads are where they are used: judged by readers, not by a test set.

Every figure is over studies that a reader judged, so it is a figure of those who answered; the
number of finalized studies stands beside it. A share of nothing is None, never 0.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import fmean
from typing import Final

from preread.feedback import FalsePositiveCause, Verdict, VolumeVerdict
from preread.ledger import percentile
from preread.proportions import Share, share_of
from preread.rubric import SCORE_WORDS, that_count
from preread.terms import FLAGGED, HemorrhageType, Level

BINS: Final = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """One judged study: what the pre-read said, what the reader found, how long it took.

    Attributes
    ----------
    scanner
        Manufacturer and model; None if the images did not say.
    probability
        Of any hemorrhage; None where the pre-read had none.
    named, found
        Types of the pre-read and of the reader.
    read_s
        From the claim to the first report; None without a claim.
    """

    study_id: str
    site: str
    scanner: str | None
    model_version: str | None
    level: Level
    probability: float | None
    named: frozenset[HemorrhageType]
    found: frozenset[HemorrhageType]
    verdict: Verdict
    score: int | None
    volume: VolumeVerdict | None
    cause: FalsePositiveCause | None
    read_s: float | None
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class ReadingTime:
    """How long readings took, in seconds; None where none was timed."""

    count: int
    mean_s: float | None
    p50_s: float | None
    p90_s: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of the reliability table: studies of like probability."""

    count: int
    mean_probability: float
    bleeding: Share


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether probabilities mean what they say; ``error`` is the expected calibration error."""

    count: int
    bins: tuple[Bin, ...]
    error: float | None


@dataclass(frozen=True, slots=True)
class TypeQuality:
    """How well one type is named, over all judged studies."""

    type: HemorrhageType
    ppv: Share
    sensitivity: Share


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of a group of judged studies.

    Attributes
    ----------
    agreement
        Shares of the scores 4 to 0, over the studies that bleed.
    volumes
        Shares of what readers said of outlined volumes, over those who said something.
    false_negatives
        IDs, newest first: what to look at again.
    """

    judged_count: int
    verdicts: dict[Verdict, int]
    flagged: Share
    ppv: Share
    npv: Share
    sensitivity: Share
    specificity: Share
    types: tuple[TypeQuality, ...]
    agreement: dict[int, Share]
    reading: dict[Verdict, ReadingTime]
    calibration: Calibration
    volumes: dict[VolumeVerdict, Share]
    causes: dict[FalsePositiveCause, int]
    false_negatives: tuple[str, ...]


def quality_of(judged: Sequence[Judged]) -> Quality:
    """Return the figures of some judged studies."""
    count = Counter(one.verdict for one in judged)
    tp, fp = count[Verdict.TRUE_POSITIVE], count[Verdict.FALSE_POSITIVE]
    fn, tn = count[Verdict.FALSE_NEGATIVE], count[Verdict.TRUE_NEGATIVE]
    causes = Counter(one.cause for one in judged if one.cause is not None)
    return Quality(
        judged_count=len(judged),
        verdicts={verdict: count[verdict] for verdict in Verdict},
        flagged=share_of(tp + fp, len(judged)),
        ppv=share_of(tp, tp + fp),
        npv=share_of(tn, tn + fn),
        sensitivity=share_of(tp, tp + fn),
        specificity=share_of(tn, tn + fp),
        types=tuple(_of_type(judged, kind) for kind in HemorrhageType),
        agreement=agreement_table(judged),
        reading={verdict: reading_time(judged, verdict) for verdict in Verdict},
        calibration=calibration(
            [(one.probability, bool(one.found)) for one in judged if one.probability is not None]
        ),
        volumes=_volumes([one.volume for one in judged if one.volume is not None]),
        causes={cause: causes[cause] for cause in FalsePositiveCause},
        false_negatives=_missed(judged),
    )


def by_group(judged: Iterable[Judged]) -> dict[tuple[str, str, str], list[Judged]]:
    """Return the judged studies by site, model version and scanner; "" where not known."""
    groups: defaultdict[tuple[str, str, str], list[Judged]] = defaultdict(list)
    for one in judged:
        groups[one.site, one.model_version or "", one.scanner or ""].append(one)
    return dict(sorted(groups.items()))


def agreement_table(judged: Iterable[Judged]) -> dict[int, Share]:
    """Return the share of each score, 4 to 0, of the studies with hemorrhage."""
    scores = that_count((one.score, bool(one.found)) for one in judged)
    return {score: share_of(scores.count(score), len(scores)) for score in SCORE_WORDS}


def reading_time(judged: Iterable[Judged], verdict: Verdict) -> ReadingTime:
    """Return how long the readings of one verdict took.

    A false positive that takes longer than a true negative is the harm that a triage software
    does even where nobody believes it.
    """
    seconds = sorted(
        one.read_s for one in judged if one.verdict is verdict and one.read_s is not None
    )
    return ReadingTime(
        count=len(seconds),
        mean_s=fmean(seconds) if seconds else None,
        p50_s=percentile(seconds, 0.5),
        p90_s=percentile(seconds, 0.9),
    )


def calibration(pairs: Iterable[tuple[float, bool]], bins: int = BINS) -> Calibration:
    """Return the reliability table over bins of equal size, and its mean gap.

    Parameters
    ----------
    pairs
        Probability that a study bleeds, and whether it does.
    bins
        How many; fewer where there are fewer studies.

    Examples
    --------
    >>> calibration([(0.5, True), (0.5, False)], bins=1).error
    0.0
    """
    ordered = sorted(pairs)
    edges = [round(number * len(ordered) / bins) for number in range(bins + 1)]
    parts = [ordered[low:high] for low, high in pairwise(edges) if high > low]
    table = tuple(
        Bin(
            count=len(part),
            mean_probability=fmean(probability for probability, _ in part),
            bleeding=share_of(sum(bleeds for _, bleeds in part), len(part)),
        )
        for part in parts
    )
    gaps = [one.count * abs(one.mean_probability - one.bleeding.count / one.count) for one in table]
    return Calibration(len(ordered), table, sum(gaps) / len(ordered) if ordered else None)


def _of_type(judged: Sequence[Judged], kind: HemorrhageType) -> TypeQuality:
    """Return how well a type is named.

    Only the findings of flagged studies count as named: nobody is alerted by the others.
    """
    named = [one for one in judged if one.level in FLAGGED and kind in one.named]
    found = sum(kind in one.found for one in judged)
    right = sum(kind in one.found for one in named)
    return TypeQuality(kind, ppv=share_of(right, len(named)), sensitivity=share_of(right, found))


def _volumes(said: Sequence[VolumeVerdict]) -> dict[VolumeVerdict, Share]:
    return {verdict: share_of(said.count(verdict), len(said)) for verdict in VolumeVerdict}


def _missed(judged: Iterable[Judged]) -> tuple[str, ...]:
    missed = [one for one in judged if one.verdict is Verdict.FALSE_NEGATIVE]
    return tuple(one.study_id for one in sorted(missed, key=lambda one: one.judged_at)[::-1])
