"""Quality of the pre-reads as plots: shares, agreement, calibration and what false alarms cost."""

from collections.abc import Sequence
from typing import Final

from api.plots.drawing import (
    TABLE_BELOW,
    TEXT,
    WIDTH,
    Bar,
    Plot,
    Sign,
    Stroke,
    Words,
    axis_below,
    frame_for,
    legend,
    row_names,
    share_rows,
)
from api.plots.scales import Linear, duration_ticks, ticks
from api.wording import VERDICT_WORD, duration, short_duration
from preread.feedback import Verdict
from preread.proportions import Share
from preread.quality import Calibration, Quality, TypeQuality

_SQUARE: Final = 250
_LEFT: Final = 70
_SCORES_HEIGHT: Final = 130


def quality_plots(figures: Quality, groups: Sequence[tuple[str, Share]]) -> dict[str, Plot | None]:
    """Return the plots of the page by name; None where nothing was judged.

    Parameters
    ----------
    figures
        Of everything that was judged.
    groups
        Names of sites, models and scanners, with their positive predictive values.
    """
    return {
        "shares": share_rows(
            "shares",
            "Predictive values, sensitivity and specificity, with 95 % intervals",
            [
                ("flagged that bleed", figures.ppv),
                ("bleeds flagged", figures.sensitivity),
                ("no bleed, not flagged", figures.specificity),
                ("not flagged, no bleed", figures.npv),
                ("of all flagged", figures.flagged),
            ],
            f"Five shares of {figures.judged_count} judged studies. The figures above say the same.",
        ),
        "groups": share_rows(
            "groups",
            "Flagged studies that really bleed, by site, model and scanner",
            groups,
            f"One row for each group, with 95 % intervals. {TABLE_BELOW}",
        ),
        "types": share_rows(
            "types",
            "Types named and there, and there and named",
            _type_rows(figures.types),
            f"Two rows for each type of hemorrhage, with 95 % intervals. {TABLE_BELOW}",
        ),
        "agreement": agreement(figures.agreement),
        "calibration": calibration(figures.calibration),
        "reading": reading_times(figures),
    }


def agreement(shares: dict[int, Share]) -> Plot | None:
    """Return the share of each score as a bar with its 95 % interval."""
    known = {score: one for score, one in shares.items() if one.share is not None}
    if not known:
        return None
    top = ticks(max(one.high or 0 for one in known.values()))
    bottom = 8 + _SCORES_HEIGHT
    scale = Linear(0, top[-1], bottom, 8)
    step = (WIDTH - _LEFT - 14) / len(shares)
    bars, whiskers, words = [], [], []
    for place, (score, one) in enumerate(shares.items()):
        middle = _LEFT + (place + 0.5) * step
        words.append(Words(middle, bottom + TEXT + 4, str(score), "middle"))
        if one.share is None or one.low is None or one.high is None:
            continue
        height = bottom - scale.at(one.share)
        told = f"Score {score}: {one.count} of {one.of}"
        bars.append(Bar(middle - step / 4, bottom - height, step / 2, height, "bar", told))
        whiskers.append(Stroke(middle, scale.at(one.low), middle, scale.at(one.high), "range"))
    grid, tick_words = _left_axis(scale, top)
    best = max(known, key=lambda score: known[score].share or 0)
    scored = next(iter(known.values())).of
    return Plot(
        "agreement",
        "Agreement with the pre-reads, from 4, all right, to 0, wrong",
        f"Five bars over {scored} scores, with 95 % intervals; the most frequent score is {best}. "
        f"{TABLE_BELOW}",
        bottom + 2 * TEXT + 4,
        bars=tuple(bars),
        strokes=(*grid, *whiskers),
        words=(*words, *tick_words),
    )


def calibration(table: Calibration) -> Plot | None:
    """Return how often it really bled against the probability that was said."""
    if not table.count:
        return None
    across = Linear(0, 1, _LEFT, _LEFT + _SQUARE)
    up = Linear(0, 1, 8 + _SQUARE, 8)
    marks = (0, 0.25, 0.5, 0.75, 1)
    grid, tick_words = _left_axis(up, marks, right=_LEFT + _SQUARE)
    strokes, signs = list(grid), []
    strokes.append(Stroke(across.at(0), up.at(0), across.at(1), up.at(1), "ideal"))
    for one in table.bins:
        x, share = across.at(one.mean_probability), one.bleeding
        if share.share is None or share.low is None or share.high is None:
            continue
        strokes.append(Stroke(x, up.at(share.low), x, up.at(share.high), "range"))
        told = f"said {one.mean_probability:.2f}, bled {share.count} of {share.of}"
        signs.append(Sign(x, up.at(share.share), "dot", told))
    words = [
        Words(across.at(mark), 8 + _SQUARE + TEXT + 4, f"{mark:g}", "middle", "tick")
        for mark in marks
    ]
    error = "" if table.error is None else f" The mean gap is {table.error:.2f}."
    return Plot(
        "calibration",
        "Whether a probability of hemorrhage means what it says",
        f"Dots for groups of studies of like probability: across what the software said, up how "
        f"many really bled, with 95 % intervals. On the dotted line both are equal.{error} {TABLE_BELOW}",
        8 + _SQUARE + 3 * TEXT,
        strokes=tuple(strokes),
        signs=tuple(signs),
        words=(
            *tick_words,
            *words,
            Words(_LEFT + _SQUARE / 2, 8 + _SQUARE + 2 * TEXT + 8, "said", "middle"),
            Words(6, 8 + _SQUARE / 2, "bled"),
        ),
    )


def reading_times(figures: Quality) -> Plot | None:
    """Return how long readings took, by what the flag was worth: the price of false alarms."""
    timed = {verdict: one for verdict, one in figures.reading.items() if one.count}
    if not timed:
        return None
    names = [VERDICT_WORD[verdict] for verdict in figures.reading]
    frame = frame_for(names, legend=True)
    marks = duration_ticks(max(one.p90_s or 0 for one in timed.values()))
    scale = Linear(marks[0], marks[-1], frame.left, frame.right)
    grid, tick_words = axis_below(frame, scale, marks, short_duration)
    ranges, signs = [], []
    for row, (verdict, one) in enumerate(figures.reading.items()):
        if one.p50_s is None or one.p90_s is None:
            continue
        y, name = frame.middle(row), VERDICT_WORD[verdict]
        ranges.append(Stroke(scale.at(one.p50_s), y, scale.at(one.p90_s), y, "range"))
        signs.append(Sign(scale.at(one.p90_s), y, "diamond", f"{name}: {duration(one.p90_s)}"))
        signs.append(Sign(scale.at(one.p50_s), y, "dot", f"{name}: {duration(one.p50_s)}"))
    keys, key_words = legend([("dot", "median"), ("diamond", "90 % within")], frame.left)
    false, true = (
        figures.reading[verdict].p50_s
        for verdict in (Verdict.FALSE_POSITIVE, Verdict.TRUE_NEGATIVE)
    )
    return Plot(
        "reading",
        "How long readings took, by what the flag was worth",
        f"The median of false alarms is {duration(false)}, that of studies rightly not flagged "
        f"{duration(true)}. {TABLE_BELOW}",
        frame.height,
        strokes=(*grid, *ranges),
        signs=(*signs, *keys),
        words=(*row_names(frame, names), *tick_words, *key_words),
    )


def _type_rows(types: Sequence[TypeQuality]) -> list[tuple[str, Share]]:
    rows = []
    for one in types:
        rows.append((f"{one.type.value} named, is there", one.ppv))
        rows.append((f"{one.type.value} there, is named", one.sensitivity))
    return rows


def _left_axis(
    scale: Linear, marks: Sequence[float], *, right: float = WIDTH - 14
) -> tuple[list[Stroke], list[Words]]:
    strokes = [Stroke(_LEFT, scale.at(mark), right, scale.at(mark), "grid") for mark in marks]
    words = [
        Words(
            _LEFT - 6,
            scale.at(mark) + TEXT / 3,
            f"{mark * 100:.0f}\N{NO-BREAK SPACE}%",
            "end",
            "tick",
        )
        for mark in marks
    ]
    return strokes, words
