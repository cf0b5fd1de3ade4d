"""Places in the words of a report: «right frontoparietal», «in both lateral ventricles»."""

from collections.abc import Iterable, Sequence
from typing import Final

from ml.assessment import Place
from preread.regions import UNPAIRED, names_with_side
from preread.terms import LATERALITY_NAME, HemorrhageType, Laterality, Region

MOST_NAMED: Final = 3
"""More places of one side than this are not named in a sentence; the findings have them all."""

_LOBES: Final = ("frontal", "temporal", "parietal", "occipital")
_LOBE_OF: Final = {
    Region(f"{lobe}_{kind}"): lobe for lobe in _LOBES for kind in ("lobe", "sulci", "convexity")
}
_PREFIX: Final = {"frontal": "fronto", "temporal": "temporo", "parietal": "parieto"}
_NOT_ADJACENT: Final = frozenset({"frontal", "occipital"})

_ADJECTIVE: Final = {
    Region.INSULA: "insular",
    Region.CAUDATE: "caudate",
    Region.PUTAMEN: "putaminal",
    Region.PALLIDUM: "pallidal",
    Region.THALAMUS: "thalamic",
    Region.INTERNAL_CAPSULE: "capsular",
    Region.CORPUS_CALLOSUM: "callosal",
    Region.CEREBELLAR_HEMISPHERE: "cerebellar",
    Region.VERMIS: "vermian",
    Region.MIDBRAIN: "midbrain",
    Region.PONS: "pontine",
    Region.MEDULLA: "medullary",
    Region.FRONTAL_HORN: "frontal horn",
    Region.VENTRICULAR_BODY: "ventricular body",
    Region.ATRIUM: "atrial",
    Region.OCCIPITAL_HORN: "occipital horn",
    Region.TEMPORAL_HORN: "temporal horn",
    Region.THIRD_VENTRICLE: "third ventricular",
    Region.FOURTH_VENTRICLE: "fourth ventricular",
    Region.SYLVIAN_FISSURE: "Sylvian",
    Region.INTERHEMISPHERIC_FISSURE: "interhemispheric",
    Region.SUPRASELLAR_CISTERN: "suprasellar",
    Region.AMBIENT_CISTERN: "ambient",
    Region.QUADRIGEMINAL_CISTERN: "quadrigeminal",
    Region.PREPONTINE_CISTERN: "prepontine",
    Region.CISTERNA_MAGNA: "cisterna magna",
    Region.PARAFALCINE: "parafalcine",
    Region.TENTORIAL: "tentorial",
    Region.ANTERIOR_FOSSA: "anterior fossa",
    Region.MIDDLE_FOSSA: "middle fossa",
    Region.POSTERIOR_FOSSA: "posterior fossa",
    Region.DEEP_HEMISPHERE: "deep",
    Region.CEREBELLUM: "cerebellar",
    Region.BRAIN_STEM: "brain stem",
    Region.LATERAL_VENTRICLE: "lateral ventricular",
    Region.SUBARACHNOID_CONVEXITY: "convexity",
    Region.BASAL_CISTERNS: "basal cistern",
}
_GANGLIA: Final = frozenset({Region.CAUDATE, Region.PUTAMEN, Region.PALLIDUM})
_THIRD_AND_FOURTH: Final = {Region.THIRD_VENTRICLE: "third", Region.FOURTH_VENTRICLE: "fourth"}


def place_name(where: Place) -> str:
    """Return the words for one place, as everything that shows a single one has them.

    Examples
    --------
    >>> place_name(Place(Region.FRONTAL_LOBE, Laterality.LEFT, 1.0))
    'left frontal lobe'
    """
    return names_with_side([where.region], where.laterality)


def first_place(places: Sequence[Place]) -> str | None:
    """Return the words for the first place; None without places."""
    return place_name(places[0]) if places else None


def outline_place(places: Sequence[Place], lesions: int) -> str | None:
    """Return what stands beside an outline: the first place of a finding of one lesion.

    Of several lesions the one on a picture may lie elsewhere, even on the other side.

    Examples
    --------
    >>> outline_place([Place(Region.PONS, Laterality.MIDLINE, 1.0)], 1)
    'midline pons'
    >>> outline_place([Place(Region.PONS, Laterality.MIDLINE, 1.0)], 2) is None
    True
    """
    return first_place(places) if lesions == 1 else None


def side_of(places: Iterable[Place]) -> Laterality | None:
    """Return the side of all places together; None if there are none.

    A place at the midline does not change the side that the others have.
    """
    sides = {where.laterality for where in places}
    if not sides:
        return None
    aside = sides - {Laterality.MIDLINE}
    if not aside:
        return Laterality.MIDLINE
    return aside.pop() if len(aside) == 1 else Laterality.BILATERAL


def side_words(places: Sequence[Place]) -> str:
    """Return the side alone, as little as a sentence can say of places.

    Examples
    --------
    >>> side_words([Place(Region.PONS, Laterality.MIDLINE, 1.0)])
    ''
    >>> side_words([Place(Region.FRONTAL_LOBE, Laterality.LEFT, 1.0)])
    'left'
    """
    side = side_of(places)
    return "" if side is None else _side_word(side, [where.region for where in places])


def place_words(places: Sequence[Place]) -> str:
    """Return sides and places before the noun, in their order.

    Examples
    --------
    >>> place_words([Place(Region.FRONTAL_LOBE, Laterality.RIGHT, 0.6),
    ...     Place(Region.PARIETAL_LOBE, Laterality.RIGHT, 0.4)])
    'right frontoparietal'
    >>> place_words([Place(Region.FRONTAL_LOBE, Laterality.LEFT, 0.6),
    ...     Place(Region.TEMPORAL_LOBE, Laterality.RIGHT, 0.4)])
    'left frontal and right temporal'
    """
    sides = _by_side(places)
    groups = [f"{_side_word(side, found)} {_joined(found)}".strip() for side, found in sides]
    return _listed(groups)


def ventricle_words(places: Sequence[Place]) -> str:
    """Return where blood within the ventricles lies, after the noun.

    Examples
    --------
    >>> ventricle_words([Place(Region.ATRIUM, Laterality.BILATERAL, 0.8),
    ...     Place(Region.THIRD_VENTRICLE, Laterality.MIDLINE, 0.2)])
    'in both lateral ventricles and the third ventricle'
    """
    lateral = [where for where in places if where.region not in _THIRD_AND_FOURTH]
    single = [where.region for where in places if where.region in _THIRD_AND_FOURTH]
    parts = []
    if lateral:
        side = side_of(lateral)
        one = side in {Laterality.LEFT, Laterality.RIGHT}
        name = f"the {LATERALITY_NAME[side]} lateral ventricle" if side and one else ""
        parts.append(name or "both lateral ventricles")
    if single:
        names = [word for region, word in _THIRD_AND_FOURTH.items() if region in single]
        parts.append(f"the {' and '.join(names)} ventricle{'s' if len(names) > 1 else ''}")
    return f"in {' and '.join(parts)}" if parts else ""


def words_of(kind: HemorrhageType, places: Sequence[Place]) -> tuple[str, str]:
    """Return what stands before and after the noun of a type."""
    if kind is HemorrhageType.IVH:
        return "", ventricle_words(places)
    return place_words(places), ""


def _by_side(places: Sequence[Place]) -> list[tuple[Laterality, list[Region]]]:
    """Group regions by side, in their order; one that lies on both sides is bilateral."""
    sides: dict[Region, set[Laterality]] = {}
    for where in places:
        sides.setdefault(where.region, set()).add(where.laterality)
    groups: dict[Laterality, list[Region]] = {}
    for region, found in sides.items():
        side = found.pop() if len(found) == 1 else Laterality.BILATERAL
        groups.setdefault(side, []).append(region)
    return list(groups.items())


def _side_word(side: Laterality, regions: Iterable[Region]) -> str:
    paired = not UNPAIRED.issuperset(regions)
    if side in {Laterality.LEFT, Laterality.RIGHT} or paired:
        return LATERALITY_NAME[side]
    return ""


def _joined(regions: Sequence[Region]) -> str:
    """Return the adjectives of one side, neighboring lobes as one word."""
    words: list[str] = []
    lobes = list(dict.fromkeys(_LOBE_OF[region] for region in regions if region in _LOBE_OF))
    ganglia = len(_GANGLIA.intersection(regions)) > 1
    for region in regions:
        if region in _LOBE_OF:
            words += lobe_words(lobes)
        elif ganglia and region in _GANGLIA:
            words.append("basal ganglia")
        else:
            words.append(_ADJECTIVE[region])
    return _listed(list(dict.fromkeys(words))[:MOST_NAMED])


def lobe_words(lobes: Iterable[str]) -> list[str]:
    """Join neighboring lobes; the frontal and the occipital alone do not touch.

    Examples
    --------
    >>> lobe_words(["parietal", "frontal"]), lobe_words(["temporal", "occipital"])
    (['frontoparietal'], ['temporo-occipital'])
    >>> lobe_words(["frontal", "occipital"]), lobe_words(["occipital", "parietal", "temporal"])
    (['frontal', 'occipital'], ['temporoparieto-occipital'])
    >>> lobe_words(["frontal", "temporal", "parietal", "occipital"])
    ['hemispheric']
    """
    found: list[str] = [lobe for lobe in _LOBES if lobe in set(lobes)]
    if len(found) == len(_LOBES):
        return ["hemispheric"]
    if len(found) < 2 or _NOT_ADJACENT.issuperset(found):  # noqa: PLR2004 - nothing to join
        return found
    last = found[-1]
    hyphen = "-" if last == "occipital" else ""
    return ["".join(_PREFIX[lobe] for lobe in found[:-1]) + hyphen + last]


def _listed(words: Sequence[str]) -> str:
    """Return «a», «a and b» or «a, b and c».

    Examples
    --------
    >>> _listed(["a"]), _listed(["a", "b"]), _listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
