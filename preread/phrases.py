"""The phrases in which the numbers of a pre-read are told, wherever they are told."""

from collections.abc import Iterable
from typing import Final

from preread.findings import Measurements
from preread.terms import LATERALITY_NAME, TYPE_NAME, HemorrhageType, Laterality, Level


def volume_text(volume_ml: float) -> str:
    """Return a volume with no more digits than it deserves.

    Examples
    --------
    >>> volume_text(43.4), volume_text(4.26), volume_text(9.97), volume_text(0.3)
    ('43 ml', '4.3 ml', '10 ml', 'less than 1 ml')
    """
    if volume_ml < 1:
        return "less than 1 ml"
    exact = f"{volume_ml:.1f}"
    return f"{exact} ml" if float(exact) < 10 else f"{volume_ml:.0f} ml"  # noqa: PLR2004


def outline_label(kind: HemorrhageType, volume_ml: float | None, place: str | None = None) -> str:
    """Return what stands beside an outline, in one line or two.

    Examples
    --------
    >>> outline_label(HemorrhageType.SDH, 43.2), outline_label(HemorrhageType.SAH, 0.4)
    ('SDH 43 ml', 'SAH <1 ml')
    >>> outline_label(HemorrhageType.IPH, 8.0, "left frontal lobe").splitlines()
    ['IPH 8.0 ml', 'left frontal lobe']
    """
    size = "" if volume_ml is None else f" {volume_text(volume_ml).replace('less than ', '<')}"
    lines = [f"{kind.value}{size}", place]
    return "\n".join(line for line in lines if line)


def shift_phrase(shift_mm: float, toward: Laterality | None) -> str:
    """Return the words for a measured midline shift.

    Examples
    --------
    >>> shift_phrase(6.2, Laterality.RIGHT), shift_phrase(0.3, None)
    ('midline shift 6 mm to the right', 'midline shift less than 1 mm')
    """
    size = "less than 1 mm" if shift_mm < 1 else f"{shift_mm:.0f} mm"
    side = "" if toward is None else f" to the {LATERALITY_NAME[toward]}"
    return f"midline shift {size}{side}"


LEAST_TOLD_SHIFT_MM: Final = 3.0
"""Below this a measured midline shift says nothing: patients without any had up to 2.6 mm."""


def midline_text(measured: Measurements) -> str:
    """Return what is known of the midline, also that nothing is."""
    if measured.midline_shift_mm is None:
        return f"midline shift not measured: {measured.midline_shift_mm_reason}"
    if measured.midline_shift_mm < LEAST_TOLD_SHIFT_MM:
        return f"midline shift below {LEAST_TOLD_SHIFT_MM:.0f} mm, within its error of measurement"
    return shift_phrase(measured.midline_shift_mm, measured.midline_shift_toward)


def summary_without_places(level: Level, kinds: Iterable[HemorrhageType]) -> str:
    """Return the sentence of a pre-read with findings that names neither side nor place.

    Examples
    --------
    >>> summary_without_places(Level.SUSPECTED, [HemorrhageType.SDH])
    'Suspected subdural hemorrhage.'
    """
    return f"{hedge(level)} {', '.join(TYPE_NAME[kind] for kind in kinds)}."


def hedge(level: Level) -> str:
    """Return how a sentence begins that names a finding: never as a diagnosis.

    Examples
    --------
    >>> hedge(Level.CRITICAL), hedge(Level.INDETERMINATE)
    ('Suspected', 'Indeterminate: possible')
    """
    return "Indeterminate: possible" if level is Level.INDETERMINATE else "Suspected"
