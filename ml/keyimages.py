"""Key images: a slice of a volume drawn for a person, with the outlines of an assessment."""

from collections.abc import Sequence

from ml.assessment import Assessment
from ml.place_words import outline_place
from preread.dicom.picture import KIND_RGB, WINDOW, Outline, Plane, WindowName, draw_slice
from preread.dicom.volume import Volume, to_radiological
from preread.phrases import outline_label
from preread.terms import KINDS

KEY_WINDOW = WINDOW[WindowName.BRAIN]


def render_slice(
    volume: Volume, slice_index: int, outlines: Sequence[Outline], *, synthetic: bool
) -> bytes:
    """Render a slice in the brain window.

    Parameters
    ----------
    volume
        Any orientation; the picture is in radiological convention, the patient's right on
        the left.
    slice_index
        From 0, feet to head.
    outlines
        On the grid of ``to_radiological(volume)``; the last lies on top.
    synthetic
        Burn the word SYNTHETIC in: the picture shows no patient.

    Returns
    -------
    bytes
        PNG, as :func:`preread.dicom.picture.draw_slice` makes it.
    """
    turned = to_radiological(volume)
    plane = Plane(turned.hu[slice_index], turned.pixel_spacing_mm)
    return draw_slice(plane, outlines, window=KEY_WINDOW, synthetic=synthetic)


def outlines_of(assessment: Assessment, slice_index: int) -> tuple[Outline, ...]:
    """Return the outlines of a slice, one for each type on it, labeled with type, volume and place."""
    kinds = assessment.mask_kinds[slice_index]
    return tuple(
        Outline(
            mask=kinds == 1 + KINDS.index(finding.kind),
            rgb=KIND_RGB[finding.kind],
            label=outline_label(
                finding.kind,
                finding.volume_ml,
                outline_place(finding.places, len(finding.lesion_indices)),
            ),
        )
        for finding in assessment.findings
        if (kinds == 1 + KINDS.index(finding.kind)).any()
    )
