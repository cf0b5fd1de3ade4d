"""Which series of a study is read, and why none is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preread.dicom.acceptance import choose_series
from preread.dicom.header import InstanceHeader
from preread.dicom.stack import QualityFlag
from preread.reasons import ReasonCode

CT, ENHANCED, MR = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "2.1", "4"))
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
EXPLICIT = "1.2.840.10008.1.2.1"


def header(series="1.2", number=1, **changes) -> InstanceHeader:
    """One axial 5 mm slice of a plain head CT."""
    plain = InstanceHeader(
        sop_instance_uid=f"{series}.{number}",
        sop_class_uid=CT,
        study_instance_uid="1.1",
        series_instance_uid=series,
        transfer_syntax_uid=EXPLICIT,
        modality="CT",
        accession_number=None,
        requested_priority=None,
        body_part="HEAD",
        image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
        instance_number=number,
        rows=512,
        columns=512,
        frames=1,
        pixel_spacing_mm=(0.45, 0.45),
        position_mm=(-115.0, -115.0, 5.0 * number),
        orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        slice_thickness_mm=5.0,
        gantry_tilt_deg=0.0,
        kernel="STANDARD",
        contrast_agent=None,
        series_description=None,
        study_description=None,
        protocol_name=None,
        patient_age_years=60,
        acquired_at=None,
        rescale_present=True,
        synthetic=False,
        patient_digest="a" * 64,
        series_number=2,
    )
    return replace(plain, **changes)


def series(uid="1.2", slices=30, **changes) -> list[InstanceHeader]:
    return [header(uid, number, **changes) for number in range(1, slices + 1)]


def localizers(uid="1.9", count=2) -> list[InstanceHeader]:
    return series(
        uid,
        count,
        image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"),
        orientation=None,
        series_number=1,
    )


def test_a_plain_head_series_is_chosen():
    choice = choose_series(series())

    assert choice.selected == "1.2"
    assert choice.reasons == ()
    assert choice.flags == ()
    assert len(choice.sop_instance_uids) == 30


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (series(modality="MR", sop_class_uid=MR), ReasonCode.MODALITY_NOT_CT),
        ([], ReasonCode.MODALITY_NOT_CT),
        (localizers(), ReasonCode.LOCALIZER_ONLY),
        (
            series(sop_class_uid=SECONDARY_CAPTURE, image_type=("DERIVED", "SECONDARY", "RESULTS")),
            ReasonCode.NO_ORIGINAL_SERIES,
        ),
        (series(image_type=("DERIVED", "PRIMARY", "MPR")), ReasonCode.NO_ORIGINAL_SERIES),
        (series(image_type=("DERIVED", "SECONDARY", "AXIAL")), ReasonCode.NO_ORIGINAL_SERIES),
        (series(has_pixels=False), ReasonCode.NO_ORIGINAL_SERIES),
        (
            series(transfer_syntax_uid="1.2.840.10008.1.2.4.100"),
            ReasonCode.UNSUPPORTED_TRANSFER_SYNTAX,
        ),
        (series(rows=16, columns=16), ReasonCode.IMAGE_SIZE_OUT_OF_RANGE),
        (series(rescale_present=False), ReasonCode.RESCALE_MISSING),
        (series(position_mm=None), ReasonCode.MISSING_GEOMETRY),
        (series(pixel_spacing_mm=None), ReasonCode.MISSING_GEOMETRY),
        (series(orientation=(1.0, 0.0, 0.0, 0.0, 0.0, -1.0)), ReasonCode.NOT_AXIAL),
        (series(body_part="ABDOMEN"), ReasonCode.NOT_HEAD),
        (series(body_part=None, series_description="C-SPINE 2MM"), ReasonCode.NOT_HEAD),
        (series(body_part=None, pixel_spacing_mm=(0.9, 0.9)), ReasonCode.NOT_HEAD),
        (series(body_part=None, slices=100), ReasonCode.NOT_HEAD),
        (series(contrast_agent=True), ReasonCode.CONTRAST),
        (series(series_description="CTA HEAD 1MM"), ReasonCode.CONTRAST),
        (series(slices=9), ReasonCode.TOO_FEW_SLICES),
        (series(slices=12), ReasonCode.COVERAGE_TOO_SHORT),
        (series()[:14] + series()[15:], ReasonCode.MISSING_SLICES),
        (
            [replace(h, position_mm=(0.0, 0.0, 12.0 * (h.instance_number or 0))) for h in series()],
            None,
        ),
        (series(slice_thickness_mm=12.0), ReasonCode.TOO_THICK),
        (
            [*series()[:29], header(number=30, patient_digest="b" * 64)],
            ReasonCode.TWO_PATIENTS,
        ),
    ],
    ids=[
        "mr", "nothing", "localizer", "exam summary", "reformat", "derived secondary", "no pixels",
        "mpeg", "thumbnails", "no rescale", "no position", "no spacing", "coronal", "abdomen",
        "spine by description", "wide view", "long", "contrast agent", "angiography", "few", "short",
        "hole", "apart but even", "thick", "two patients",
    ],
)  # fmt: skip
def test_a_series_that_cannot_be_read_has_its_reason(headers, reason):
    choice = choose_series(headers)

    assert choice.reasons[:1] == (() if reason is None else (reason,))
    assert (choice.selected is None) == (reason is not None)


def test_the_words_of_a_series_outweigh_its_body_part():
    spine = series("1.3", body_part="HEAD", series_description="C SPINE 2MM")
    head = series("1.4", body_part="CSPINE", series_description="BRAIN 5MM")

    assert choose_series(spine + head).selected == "1.4"


def test_a_head_named_by_nothing_but_its_size_is_read_with_a_flag():
    choice = choose_series(series(body_part=None))

    assert choice.selected == "1.2"
    assert QualityFlag.BODY_PART_UNKNOWN in choice.flags


def test_without_contrast_is_not_with_contrast():
    choice = choose_series(series(series_description="HEAD WITHOUT CONTRAST"))

    assert choice.selected is not None


def test_soft_five_millimeters_win_over_thin_and_bone():
    soft = series("1.3")
    thin = [
        replace(h, slice_thickness_mm=1.0, position_mm=(0.0, 0.0, float(h.instance_number or 0)))
        for h in series("1.4", slices=150)
    ]
    bone = series("1.5", kernel="BONE")

    assert choose_series(thin + bone + soft).selected == "1.3"
    assert choose_series(thin + bone).selected == "1.4"


def test_a_bone_kernel_alone_is_read_with_a_flag():
    choice = choose_series(series(kernel="H60s"))

    assert choice.selected is not None
    assert QualityFlag.BONE_KERNEL in choice.flags


def test_plain_images_are_read_when_others_have_contrast():
    plain, contrast = series("1.3"), series("1.4", contrast_agent=True)

    assert choose_series(contrast + plain).selected == "1.3"


def test_localizers_within_a_series_are_left_out():
    choice = choose_series(localizers("1.2") + series("1.2"))

    assert choice.selected == "1.2"
    assert len(choice.sop_instance_uids) == 30


def test_slices_sent_twice_count_once():
    doubled = series() + [replace(h, sop_instance_uid=f"9.{i}") for i, h in enumerate(series())]
    choice = choose_series(doubled)

    assert choice.series[0].slices == 30
    assert QualityFlag.DUPLICATE_SLICES in choice.flags


def test_uneven_spacing_that_follows_the_thickness_is_read_with_a_flag():
    """4 mm below and 7 mm above, as for the posterior fossa on older scanners."""
    heights = [4.0 * i for i in range(15)] + [56.0 + 7.0 * i for i in range(1, 14)]
    headers = [
        header(
            number=i + 1,
            position_mm=(0.0, 0.0, height),
            slice_thickness_mm=4.0 if height < 56 else 7.0,
        )
        for i, height in enumerate(heights)
    ]
    choice = choose_series(headers)

    assert choice.selected is not None
    assert choice.flags == (QualityFlag.UNEVEN_SPACING,)


def test_the_reason_of_the_series_that_came_farthest_is_the_first():
    choice = choose_series(localizers() + series("1.4", contrast_agent=True))

    assert choice.reasons == (ReasonCode.CONTRAST, ReasonCode.LOCALIZER_ONLY)


def test_an_enhanced_image_counts_its_frames():
    enhanced = header(
        sop_class_uid=ENHANCED, frames=30, position_mm=None, orientation=None, pixel_spacing_mm=None
    )

    assert choose_series([enhanced]).selected == "1.2"


@given(st.permutations(series("1.3", 12) + series("1.4", 24) + localizers()))
def test_the_order_in_which_instances_arrive_changes_nothing(headers):
    choice = choose_series(headers)

    assert choice.selected == "1.4"
    assert choice.series[-1].sop_instance_uids == tuple(f"1.4.{i}" for i in range(1, 25))


def test_of_two_equal_series_the_earlier_is_chosen():
    first, second = series("1.5", series_number=3), series("1.4", series_number=4)

    assert choose_series(second + first).selected == "1.5"
