import threading

import pytest
from sqlalchemy import func, select

from preread.claims import claim_first
from preread.coordination import take_with_reason
from preread.db.events import EventKind
from preread.db.tables.pre_reads import InstanceRow
from preread.db.worklist import NextQuery
from preread.errors import IdempotencyKeyReused, InstanceConflict, NothingStored
from preread.keys import Role
from preread.reading import ReadStep
from preread.report import report_study
from preread.study import AiState
from preread.terms import OrderClass
from preread.webhooks.types import WebhookType, types_of
from tests.builders import caller_for, incoming, instance_bytes, send, send_study
from tests.support.stored import events_of, study_of
from tests.support.web import left_in_incoming

KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
DOSE_REPORT = "1.2.840.10008.5.1.4.1.1.88.67"
NO_PIXELS = dict.fromkeys(["PixelData", "Rows", "Columns"])


def instance_count(resources):
    with resources.reading() as work:
        return work.session.scalar(select(func.count()).select_from(InstanceRow))


def test_a_sent_study_is_stored_and_waits_to_be_complete(resources):
    receipt = send(resources, instance_bytes(number=1), instance_bytes(number=2))
    study = study_of(resources, receipt.studies[0].study_id)
    assert (study.instance_count, study.ai_state, study.ranked) == (2, AiState.RECEIVING, False)
    assert [outcome.status for outcome in receipt.files] == ["stored", "stored"]
    assert left_in_incoming(resources) == []


def test_a_study_sent_as_complete_is_on_the_list_at_once(resources, clock):
    study = study_of(resources, send_study(resources, order_class=OrderClass.ER))
    assert (study.ranked, study.revision, study.ai_state) == (True, 1, AiState.QUEUED)
    assert study.completed_at == clock()


def test_the_same_bytes_again_change_nothing(resources, clock):
    first = send_study(resources)
    before = study_of(resources, first)
    clock.forward(500)
    again = send(resources, instance_bytes(), complete=True)
    assert again.studies[0].study_id == first
    assert [outcome.status for outcome in again.files] == ["duplicate"]
    assert study_of(resources, first) == before


def test_the_good_files_of_a_bad_upload_are_kept(resources):
    receipt = send(resources, b"no DICOM at all", instance_bytes(), instance_bytes()[:200], b"")
    assert [(one.status, one.code) for one in receipt.files] == [
        ("refused", "not-dicom"),
        ("stored", None),
        ("refused", "dicom-truncated"),
        ("refused", "not-dicom"),
    ]
    assert study_of(resources, receipt.studies[0].study_id).instance_count == 1
    assert left_in_incoming(resources) == []


def test_an_upload_without_one_good_file_is_refused_with_reasons(resources):
    with pytest.raises(NothingStored) as caught:
        send(resources, b"nothing", b"")
    assert caught.value.files == ((1, "not-dicom"), (2, "not-dicom"))
    assert left_in_incoming(resources) == []


def test_other_bytes_under_a_known_uid_never_replace_the_first(resources):
    study_id = send_study(resources)
    other = instance_bytes(PatientID="SOMEBODY ELSE")
    with pytest.raises(InstanceConflict):
        send(resources, other)
    receipt = send(resources, other, instance_bytes(number=2))
    assert [one.status for one in receipt.files] == ["conflict", "stored"]
    with resources.reading() as work:
        digests = {one.sop_instance_uid: one.sha256 for one in work.studies.instances(study_id)}
    assert digests[min(digests)] == incoming(resources, instance_bytes()).sha256


def test_two_instances_of_one_upload_with_one_uid_are_a_conflict(resources):
    receipt = send(resources, instance_bytes(), instance_bytes(PatientID="SOMEBODY ELSE"))
    assert [one.status for one in receipt.files] == ["stored", "conflict"]


def test_files_of_two_studies_become_two_studies(resources):
    receipt = send(resources, instance_bytes(study=1), instance_bytes(study=2))
    assert len({study.study_id for study in receipt.studies}) == 2


def test_the_same_study_of_two_sites_is_two_studies(resources):
    north = send_study(resources, site="north")
    south = send_study(resources, site="south")
    assert north != south
    assert instance_count(resources) == 2


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        ("STAT", OrderClass.STAT),
        ("HIGH", OrderClass.ER),
        ("stat ", OrderClass.STAT),
        ("MEDIUM", OrderClass.INPATIENT),
        ("LOW", OrderClass.ROUTINE),
        ("SOON", OrderClass.ROUTINE),
        (None, OrderClass.ROUTINE),
    ],
)
def test_the_order_class_comes_from_the_dicom_when_nobody_gives_one(resources, priority, expected):
    attributes = {} if priority is None else {"RequestedProcedurePriority": priority}
    study_id = send(resources, instance_bytes(**attributes)).studies[0].study_id
    assert study_of(resources, study_id).order_class is expected


def test_a_later_upload_may_raise_the_order_and_never_lowers_it(resources):
    study_id = send_study(resources, order_class=OrderClass.ER)
    send(resources, instance_bytes(), order_class=OrderClass.ROUTINE)
    assert study_of(resources, study_id).order_class is OrderClass.ER
    before = study_of(resources, study_id).key_ms
    send(resources, instance_bytes(), order_class=OrderClass.STAT)
    raised = study_of(resources, study_id)
    assert raised.order_class is OrderClass.STAT
    assert raised.key_ms < before


def test_a_study_that_begins_with_a_dose_report_is_filed_as_what_its_images_are(resources):
    report = instance_bytes(series=9, Modality="SR", SOPClassUID=DOSE_REPORT, AccessionNumber=None,
                            BodyPartExamined=None, **NO_PIXELS)  # fmt: skip
    study_id = send(resources, report).studies[0].study_id
    assert study_of(resources, study_id).modality == "SR"
    send(resources, instance_bytes(RequestedProcedurePriority="STAT"), complete=True)
    study = study_of(resources, study_id)
    assert (study.modality, study.body_part, study.accession_number) == ("CT", "HEAD", "ACC1")
    assert study.order_class is OrderClass.STAT
    reader = caller_for(resources, Role.READER)
    lease = claim_first(resources, NextQuery(modality="CT"), by=reader)
    assert lease is not None
    assert lease.study.id == study_id


def test_images_tell_of_their_study_wherever_they_stand_in_the_upload(resources):
    form = instance_bytes(series=9, number=7, Modality="OT", AccessionNumber=None)
    study_id = send(resources, form, instance_bytes()).studies[0].study_id
    send(resources, instance_bytes(series=8, number=8, Modality="SR", BodyPartExamined="CHEST"))
    study = study_of(resources, study_id)
    assert (study.modality, study.body_part, study.accession_number) == ("CT", "HEAD", "ACC1")


@pytest.mark.parametrize("step", [ReadStep.FINAL_REPORT, ReadStep.CANCEL])
def test_images_that_come_when_nobody_looks_any_more_are_told(resources, step):
    study_id, by = send_study(resources), caller_for(resources, Role.COORDINATOR)
    send(resources, instance_bytes(number=2))
    if step is ReadStep.CANCEL:
        take_with_reason(resources, study_id, step, by=by, reason="wrong order")
    else:
        report_study(resources, study_id, step, by=by, token=None)
    # A key object note that the reader saved is nothing to be read.
    send(resources, instance_bytes(series=9, Modality="KO", SOPClassUID=KEY_OBJECTS, **NO_PIXELS))
    assert events_of(resources, study_id, EventKind.IMAGES_UNSEEN) == []
    state = study_of(resources, study_id).read_state
    send(resources, instance_bytes(number=3), instance_bytes(number=4))
    told = [{"new_images": 2, "read_state": state.value}]
    events = events_of(resources, study_id, EventKind.IMAGES_UNSEEN)
    assert [event.detail for event in events] == told
    assert types_of(EventKind.IMAGES_UNSEEN, told[0]) == (WebhookType.STUDY_IMAGES_UNSEEN,)


@pytest.mark.filterwarnings("ignore:The value length")
def test_values_longer_than_their_columns_lose_no_study(resources):
    long = instance_bytes(AccessionNumber="9" * 80, BodyPartExamined="HEAD" * 40,
                          Modality="C" * 40)  # fmt: skip
    study = study_of(resources, send(resources, long).studies[0].study_id)
    assert study.accession_number is None  # a part of it could be another order's number
    assert study.body_part == ("HEAD" * 40)[:64]


def test_an_idempotency_key_gives_the_same_answer_again(resources, clock):
    first = send(resources, instance_bytes(), idempotency_key="one")
    clock.forward(60)
    assert send(resources, instance_bytes(), idempotency_key="one") == first


def test_an_idempotency_key_for_something_else_is_refused(resources):
    send(resources, instance_bytes(), idempotency_key="one")
    with pytest.raises(IdempotencyKeyReused):
        send(resources, instance_bytes(number=2), idempotency_key="one")
    with pytest.raises(IdempotencyKeyReused):
        send(resources, instance_bytes(), idempotency_key="one", complete=True)
    assert left_in_incoming(resources) == []


def test_many_uploads_of_one_study_at_once_become_one_study(resources):
    receipts = []
    barrier = threading.Barrier(8)

    def upload(number):
        barrier.wait()
        receipts.append(
            send(resources, instance_bytes(number=number % 4), idempotency_key=f"key {number % 4}")
        )

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receipts) == 8
    assert len({receipt.studies[0].study_id for receipt in receipts}) == 1
    assert instance_count(resources) == 4


def test_no_patient_data_reaches_the_receipt(resources):
    receipt = send(resources, instance_bytes(PatientName="CANARY^NAME"), b"CANARY")
    assert "CANARY" not in receipt.model_dump_json()
