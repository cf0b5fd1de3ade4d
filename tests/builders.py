"""Small studies, uploads and pre-reads in one line each, with sensible defaults."""

from io import BytesIO
from uuid import uuid4

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from preread.findings import (
    SCHEMA_VERSION,
    AnyHemorrhage,
    Assessment,
    CodedTerm,
    Density,
    Eligibility,
    Finding,
    InputSummary,
    KeyImage,
    Location,
    Measurements,
    Mode,
    Model,
    PreRead,
    PreReadStatus,
    SliceRange,
    StudyReference,
    Text,
    Timing,
    TriageEffect,
    TypeProbability,
)
from preread.keys import Role, caller_of_key, create_key
from preread.notice import NOTICE
from preread.policy import DEFAULT_POLICY
from preread.reasons import ReasonCode
from preread.receive import receive
from preread.study import FindingSummary
from preread.submission import Submission
from preread.terms import HEMORRHAGE, HemorrhageType, Laterality, Level, Region
from preread.work import KeyImageFiles, Result

UID_ROOT = "1.2.826.0.1.3680043.10.1462"


def instance_bytes(study=1, series=1, number=1, **attributes):
    """Return a DICOM file of one small CT slice; attributes by keyword, None removes one."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"{UID_ROOT}.{study}.{series}.{number}"
    dataset.StudyInstanceUID = f"{UID_ROOT}.{study}"
    dataset.SeriesInstanceUID = f"{UID_ROOT}.{study}.{series}"
    dataset.Modality = "CT"
    dataset.PatientName = "SYNTHETIC^BUILDER"
    dataset.PatientID = "SYNTHETIC"
    dataset.AccessionNumber = f"ACC{study}"
    dataset.BodyPartExamined = "HEAD"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.InstanceNumber = number
    dataset.ImagePositionPatient = [-120.0, -120.0, 5.0 * number]
    dataset.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    dataset.PixelSpacing = [15.0, 15.0]
    dataset.SliceThickness = 5.0
    dataset.RescaleSlope = 1.0
    dataset.RescaleIntercept = -1024.0
    dataset.Rows = dataset.Columns = 16
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = np.full((16, 16), 1064, np.uint16).tobytes()
    for keyword, value in attributes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def incoming(resources, content):
    """Return bytes as a file that was just received."""
    writer = resources.store.incoming()
    writer.write(content)
    return writer.close()


def submission(**changes):
    """Return what a sender says, with plain defaults."""
    said = {
        "site": "north",
        "order_class": None,
        "accession_number": None,
        "complete": False,
        "actor": "sender",
        "idempotency_key": None,
    }
    return Submission(**{**said, **changes})


def send(resources, *contents, **said):
    """Receive files as the API does and return the receipt."""
    files = [incoming(resources, content) for content in contents]
    return receive(resources, files, submission(**said))


def send_study(resources, study=1, slices=1, **said):
    """Receive a small complete study and return its ID."""
    contents = [instance_bytes(study, number=number + 1) for number in range(slices)]
    return send(resources, *contents, **{"complete": True, **said}).studies[0].study_id


def caller_for(resources, role=Role.READER, site=None, label="Dr. Test"):
    """Return who calls with a new key."""
    return caller_of_key(resources, create_key(resources, role, label=label, sites=_only(site)))


def key_for(resources, role=Role.COORDINATOR, site=None) -> str:
    """Return a new API key."""
    return create_key(resources, role, label="test", sites=_only(site))


def _only(site):
    """Return the sites of a key: one, or all."""
    return None if site is None else [site]


def finding(kind=HemorrhageType.SDH, **changes):
    """Return one finding."""
    is_extra_axial = kind in {HemorrhageType.SDH, HemorrhageType.EDH}
    said = {
        "finding_id": f"F-{kind.value}",
        "type": kind,
        "name": "subdural hemorrhage",
        "code": CodedTerm(
            scheme=HEMORRHAGE.scheme, value=HEMORRHAGE.value, meaning=HEMORRHAGE.meaning
        ),
        "probability": 0.9,
        "threshold": 0.5,
        "volume_ml": 12.5,
        "volume_ml_reason": None,
        "max_thickness_mm": 9.4 if is_extra_axial else None,
        "max_thickness_mm_reason": None if is_extra_axial else "not outside the brain",
        "density_hu": Density(mean=62.0, p95=71.0),
        "density_hu_reason": None,
        "locations": (
            Location(
                region=Region.FRONTAL_CONVEXITY,
                name="frontal convexity",
                code=None,
                laterality=Laterality.RIGHT,
                share_of_volume=1.0,
                probability=None,
            ),
        ),
        "locations_reason": None,
        "slices": SliceRange(
            first=10, last=14, peak=12, peak_sop_instance_uid=f"{UID_ROOT}.1.1.12"
        ),
        "lesion_count": 1,
    }
    return Finding(**{**said, **changes})


def pre_read(claim, level=Level.NONE, kinds=(), reason=ReasonCode.NOT_HEAD):
    """Return a valid pre-read of a claimed task."""
    study = claim.study
    assessed = level is not Level.NOT_ASSESSED
    promotion = DEFAULT_POLICY.promotions.get(level)
    return PreRead(
        schema_version=SCHEMA_VERSION,
        pre_read_id=str(uuid4()),
        revision=claim.revision,
        supersedes=claim.supersedes,
        status=PreReadStatus.PRELIMINARY,
        created_at=claim.started_at,
        mode=Mode.RESEARCH_PREREAD,
        study=StudyReference(
            study_id=study.id,
            study_instance_uid=study.study_instance_uid,
            accession_number=study.accession_number,
            site=study.site,
            order_class=study.order_class,
            modality=study.modality,
            body_part=study.body_part,
            patient_age_years=study.patient_age_years,
            acquired_at=study.acquired_at,
            completed_at=study.completed_at,
            synthetic=study.synthetic,
        ),
        input=InputSummary(
            series=(), slice_count=1, gantry_tilt_deg=0.0, coverage_mm=5.0, flags=()
        ),
        eligibility=Eligibility(eligible=assessed, reasons=() if assessed else (reason,)),
        assessment=Assessment(
            level=level,
            any_hemorrhage=AnyHemorrhage(
                probability=0.9 if promotion else 0.1,
                calibrated=True,
                threshold=0.5,
                operating_point_id="test",
                interval95=None,
                interval95_reason="not estimated by this version",
                ood_score=None,
                ood_score_reason="not estimated by this version",
            )
            if assessed
            else None,
            any_hemorrhage_reason=None if assessed else "not eligible",
        ),
        type_probabilities=tuple(
            TypeProbability(
                type=kind,
                probability=0.9 if kind in kinds else 0.1,
                threshold=0.5,
                present=kind in kinds,
            )
            for kind in HemorrhageType
        )
        if assessed
        else (),
        findings=tuple(finding(kind) for kind in kinds),
        measurements=Measurements(
            total_volume_ml=12.5 if kinds else None,
            total_volume_ml_reason=None if kinds else "nothing was outlined",
            midline_shift_mm=6.2 if kinds else None,
            midline_shift_mm_reason=None if kinds else "the ventricles were not found",
            midline_shift_toward=Laterality.RIGHT if kinds else None,
            ventricles_involved=HemorrhageType.IVH in kinds if assessed else None,
            ventricles_involved_reason=None if assessed else "not eligible",
        ),
        key_images=(
            KeyImage(
                number=1,
                sop_instance_uid=f"{UID_ROOT}.1.1.12",
                instance_number=12,
                slice=12,
                window_center_hu=40.0,
                window_width_hu=80.0,
                finding_ids=tuple(f"F-{kind.value}" for kind in kinds),
                url=f"/v1/studies/{study.id}/key-images/1.png",
                has_overlay=bool(kinds),
            ),
        )
        if assessed
        else (),
        text=Text(summary=f"Test pre-read, level {level.value}.", limitations=()),
        triage_effect=TriageEffect(
            target_min=promotion.target_min if promotion else 1440,
            head_start_min=promotion.head_start_min if promotion else 0,
            policy_version=DEFAULT_POLICY.version,
            applied=promotion is not None,
            suppressed_by=None,
        ),
        model=Model(
            name="test",
            version="0",
            weights_sha256="0" * 64,
            code_version="0",
            calibration_id=None,
            device="cpu",
            precision="float32",
            deterministic=True,
            demonstrator=True,
            trained_on="nothing",
        )
        if assessed
        else None,
        model_reason=None if assessed else "not eligible",
        timing_ms=Timing(queue=1, load=1, classify_and_segment=1, measure=1, total=4),
        digest="0" * 64,
        notice=NOTICE,
    )


def result(claim, level=Level.NONE, kinds=(), images=()):
    """Return what a worker brings home; images are (plain digest, overlay digest) pairs."""
    return Result(
        document=pre_read(claim, level, kinds),
        key_images=tuple(KeyImageFiles(plain, overlay) for plain, overlay in images),
        summaries=tuple(
            FindingSummary(
                type=kind, probability=0.9, volume_ml=12.5, place="right frontal convexity"
            )
            for kind in kinds
        ),
    )
