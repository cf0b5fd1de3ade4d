"""A pre-read's outlines as a DICOM segmentation (PS3.3 A.51): one binary segment for each finding.

Made from what the worker kept of the slices and the headers of their files, so pixels are never
decoded; any viewer that shows segmentations lays it over the images. The object, its identifiers
included, is the same each time: it is the one of its pre-read, and a second copy in an archive is
no second result.
"""

import io
import warnings
from collections.abc import Sequence
from typing import BinaryIO, Final
from uuid import NAMESPACE_OID, uuid5

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.sr.coding import Code

from preread import __version__
from preread.dicom.picture import KIND_RGB
from preread.dicom.slice_record import RecordedSlice, SliceRecord
from preread.errors import SegmentationNotFound
from preread.findings import CodedTerm, Finding, PreRead
from preread.phrases import outline_label
from preread.terms import Laterality

NAME: Final = "PreRead"
NOTHING: Final = "The pre-read outlined nothing."
SERIES_NUMBER: Final = 9001
SERIES_DESCRIPTION: Final = "PreRead outlines, not for diagnosis"
_ABNORMAL: Final = Code("49755003", "SCT", "Morphologically Abnormal Structure")  # CID 7150
_ARTIFICIAL: Final = Code("123110", "DCM", "Artificial Intelligence")  # CID 7162
_SIDE: Final = {  # CID 244; what lies at the midline has no code there
    Laterality.LEFT: Code("7771000", "SCT", "Left"),
    Laterality.RIGHT: Code("24028007", "SCT", "Right"),
    Laterality.BILATERAL: Code("51440002", "SCT", "Bilateral"),
}
# Type 2 attributes of patient, study and frame of reference that senders leave out all the same.
_MAY_BE_EMPTY: Final = (
    "AccessionNumber", "PatientBirthDate", "PatientID", "PatientName", "PatientSex",
    "PositionReferenceIndicator", "ReferringPhysicianName", "StudyDate", "StudyID", "StudyTime",
)  # fmt: skip
# highdicom looks into names and quotes the unlikely ones, so they are put in after it.
_PERSONS: Final = ("PatientName", "ReferringPhysicianName")
_MOST_LABEL: Final = 64  # a long string, PS3.5 6.2


def make_segmentation(document: PreRead, record: SliceRecord, sources: Sequence[Dataset]) -> bytes:
    """Return the file.

    Parameters
    ----------
    document
        The pre-read, with its places.
    record
        What it kept of the slices.
    sources
        The headers of the files of :func:`shown_slices`: one for each, or the one enhanced file
        that holds all slices.

    Raises
    ------
    SegmentationNotFound
        If nothing is outlined, or the slices lie in several files of several frames.
    """
    if not sources or document.model is None:
        raise SegmentationNotFound(NOTHING)
    labels = _labels_as_filed(record, sources)
    findings = {one.finding_id: one for one in document.findings}
    segments: list[hd.seg.SegmentDescription] = []
    pixels = np.zeros_like(labels)
    for number, kept in enumerate(record.findings, start=1):
        finding = findings.get(kept.finding_id)
        if finding is not None and (labels == number).any():
            pixels[labels == number] = 1 + len(segments)
            segments.append(_segment(1 + len(segments), finding, document))
    if not segments:
        raise SegmentationNotFound(NOTHING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of pydicom and highdicom quote values
        made = hd.seg.Segmentation(
            source_images=[_completed(one) for one in sources],
            pixel_array=pixels,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=segments,
            series_instance_uid=_uid(document, "series"),
            series_number=SERIES_NUMBER,
            sop_instance_uid=_uid(document, "segmentation"),
            instance_number=1,
            manufacturer=NAME,
            manufacturer_model_name=document.model.name,
            software_versions=__version__,
            device_serial_number=document.model.weights_sha256[:16],
            content_label="HEMORRHAGE",
            content_description=SERIES_DESCRIPTION,
            series_description=f"{SERIES_DESCRIPTION}{', SYNTHETIC' if record.synthetic else ''}",
        )
    for keyword in _PERSONS:
        if keyword in sources[0]:
            made[keyword] = sources[0][keyword]
    _settle(made, document)
    stream = io.BytesIO()
    made.save_as(stream)
    return stream.getvalue()


def read_source(content: BinaryIO) -> Dataset:
    """Return a file's header, for :func:`make_segmentation`."""
    return dcmread(content, stop_before_pixels=True)


def shown_slices(record: SliceRecord) -> tuple[RecordedSlice, ...]:
    """Return the slices on which something is outlined, feet to head."""
    return tuple(one for one in record.slices if one.runs)


def _labels_as_filed(record: SliceRecord, sources: Sequence[Dataset]) -> NDArray[np.uint8]:
    """Return (F, R, C) 1 + the index of the finding there, frames as the files have them."""
    shown = shown_slices(record)
    frames = int(sources[0].get("NumberOfFrames", 1)) if len(sources) == 1 else 1
    if frames == 1 and len(sources) != len(shown):
        message = (
            "The slices lie in several files of several frames; no segmentation is made of them."
        )
        raise SegmentationNotFound(message)
    labels = np.zeros((frames if frames > 1 else len(shown), record.rows, record.columns), np.uint8)
    for number, one in enumerate(shown):
        labels[one.frame if frames > 1 else number] = record.outline(record.slices.index(one))
    return labels


def _segment(number: int, finding: Finding, document: PreRead) -> hd.seg.SegmentDescription:
    model = document.model
    # Some regions share the narrowest code that is known for them.
    places = dict.fromkeys((one.code, one.laterality) for one in finding.locations if one.code)
    segment = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=outline_label(finding.type, finding.volume_ml)[:_MOST_LABEL],
        segmented_property_category=_ABNORMAL,
        segmented_property_type=_code(finding.code),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=f"{NAME} {'' if model is None else model.name}".strip(),
            family=_ARTIFICIAL,
            version=__version__ if model is None else model.version,
        ),
        tracking_id=finding.finding_id,
        tracking_uid=_uid(document, finding.finding_id),
        anatomic_regions=[_code(code) for code, _ in places] or None,
        display_color=hd.color.CIELabColor.from_rgb(*KIND_RGB[finding.type]),
    )
    for region, (_, where) in zip(segment.get("AnatomicRegionSequence", ()), places, strict=True):
        side = _SIDE.get(where)
        if side is not None:
            region.AnatomicRegionModifierSequence = [hd.sr.CodedConcept.from_code(side)]
    return segment


def _code(term: CodedTerm) -> Code:
    return Code(term.value, term.scheme, term.meaning)


def _completed(source: Dataset) -> Dataset:
    """Return a header with what has to be there, if only empty, and without names."""
    whole = Dataset()
    whole.update(source)
    whole.file_meta = source.file_meta
    for keyword in _MAY_BE_EMPTY:
        if keyword in _PERSONS or keyword not in whole:
            # A new element: the old one is the source's own.
            whole.add_new(keyword, dictionary_VR(keyword), "")
    return whole


def _uid(document: PreRead, of: str) -> str:
    """Return a UID (PS3.5 B.2) that is the same for the same part of the same pre-read."""
    return f"2.25.{uuid5(NAMESPACE_OID, f'{document.pre_read_id}/{of}').int}"


def _settle(made: Dataset, document: PreRead) -> None:
    """Leave nothing in the object that is another one each time that it is asked for."""
    day, time = document.created_at.strftime("%Y%m%d"), document.created_at.strftime("%H%M%S")
    for name in ("Content", "InstanceCreation", "Series"):
        setattr(made, f"{name}Date", day)
        setattr(made, f"{name}Time", time)
    for item in made.ContributingEquipmentSequence:
        item.ContributionDateTime = f"{day}{time}"
    organization = _uid(document, "dimensions")
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
