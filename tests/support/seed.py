"""A worklist in every state, made through the same functions as the real one."""

import struct
import zlib
from dataclasses import replace

from preread.breaker import Window
from preread.dicom.slice_record import OutlinedFinding, RecordedSlice, SliceRecord, encode_record
from preread.findings import SliceRecordFile
from preread.giving_back import fail_claim
from preread.reasons import ReasonCode
from preread.terms import HemorrhageType, Level, OrderClass
from preread.work import claim_next, finish_claim
from tests.builders import instance_bytes, result, send, send_study


def png(gray=90, size=8):
    """Return a small PNG of one gray."""
    rows = b"".join(b"\0" + bytes([gray]) * size for _ in range(size))

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def pre_read_of(resources, level=Level.NONE, kinds=(), images=1, summary=None, *, slices=False):
    """Claim the next task and finish it, with its slices kept if asked; return the study's ID."""
    claim = claim_next(resources, "w1")
    stored = tuple(
        (
            resources.store.keep_bytes(png(60 + number)),
            resources.store.keep_bytes(png(160 + number)) if kinds else None,
        )
        for number in range(images)
    )
    brought = result(claim, level, kinds, stored)
    if summary is not None:
        text = brought.document.text.model_copy(update={"summary": summary})
        brought = replace(brought, document=brought.document.model_copy(update={"text": text}))
    if slices:
        brought = with_slices(resources, claim, brought)
    finish_claim(resources, claim, brought, worker="w1")
    return claim.study.id


def with_slices(resources, claim, brought):
    """Keep the small slices of a claim; the second shows F1, three pixels on the patient's left."""
    record = SliceRecord(
        series_instance_uid=claim.instances[0].series_instance_uid,
        rows=16,
        columns=16,
        pixel_spacing_mm=(15.0, 15.0),
        orientation=(1, 0, 0, 0, 1, 0),
        synthetic=True,
        findings=(OutlinedFinding(finding_id="F1", type=HemorrhageType.SDH, volume_ml=12.5),),
        slices=tuple(
            RecordedSlice(
                sha256=one.sha256,
                frame=0,
                sop_instance_uid=one.sop_instance_uid,
                instance_number=number,
                position_mm=(-120.0, -120.0, 5.0 * number),
                runs=(6 * 16 + 10, 3, 1) if number == 2 else (),
            )
            for number, one in enumerate(claim.instances, start=1)
        ),
    )
    kept = resources.store.keep_bytes(encode_record(record))
    where = SliceRecordFile(sha256=kept, url=f"/v1/studies/{claim.study.id}/slices")
    told = brought.document.input.model_copy(update={"slice_record": where})
    return replace(brought, document=brought.document.model_copy(update={"input": told}))


def failed(resources):
    """Claim the next task and fail it for good; return the study's ID."""
    claim = claim_next(resources, "w1")
    fail_claim(resources, claim, ReasonCode.TIMED_OUT, worker="w1", retry=False)
    return claim.study.id


def without_pre_read(resources, state):
    """Send a study that is receiving, queued or failed; return its ID."""
    if state == "receiving":
        return send(resources, instance_bytes()).studies[0].study_id
    study_id = send_study(resources)
    if state == "failed":
        failed(resources)
    return study_id


def flagged_before(resources, count, site="north"):
    """Let the last studies of a site all have been flagged, without making them."""
    with resources.unit_of_work() as work:
        breaker = work.breakers.locked(site)
        work.breakers.store(replace(breaker, window=Window((True,) * count)))
        work.commit()


def every_state(resources):
    """Fill a worklist; return the study IDs by state."""
    made = {}
    for study, (name, level, kinds) in enumerate(
        (
            ("critical", Level.CRITICAL, (HemorrhageType.IPH, HemorrhageType.IVH)),
            ("suspected", Level.SUSPECTED, (HemorrhageType.SDH,)),
            ("indeterminate", Level.INDETERMINATE, (HemorrhageType.SAH,)),
            ("none", Level.NONE, ()),
            ("not_assessed", Level.NOT_ASSESSED, ()),
        ),
        start=1,
    ):
        send_study(resources, study, order_class=OrderClass.INPATIENT)
        made[name] = pre_read_of(
            resources, level, kinds, images=0 if level is Level.NOT_ASSESSED else 1
        )
    send_study(resources, 6, site="south", order_class=OrderClass.ER)
    made["failed"] = failed(resources)
    made["queued"] = send_study(resources, 7, order_class=OrderClass.ROUTINE)
    receipt = send(resources, instance_bytes(8), complete=False)
    made["receiving"] = receipt.studies[0].study_id
    return made
