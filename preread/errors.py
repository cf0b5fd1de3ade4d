"""Everything that can go wrong, as one tree.

::

    PreReadError
    ├── InvalidRequest              bad_request      the caller sent something unusable
    │   ├── UrlNotAllowed                            a webhook may not go there
    │   ├── UnreadableDicom         (code)           one file cannot be accepted
    │   │   ├── NotDicom
    │   │   ├── DicomTruncated
    │   │   ├── DicomMalformed
    │   │   ├── DicomTooComplex
    │   │   ├── DicomTooLarge
    │   │   └── DicomMissingAttribute
    │   ├── UnsafeArchive
    │   ├── UploadTooLarge
    │   ├── NothingStored
    │   ├── IdempotencyKeyReused
    │   └── JudgmentContradicts     (member)         a reader's feedback excludes itself
    ├── Conflict
    │   ├── InstanceConflict
    │   ├── IllegalStep
    │   ├── PolicyReplaced          another policy is in force than the caller saw
    │   ├── ClaimNotHeld            a reader's token is not the current one
    │   └── SameReader              a second read by who reported before
    ├── NotFound
    │   ├── StudyNotFound
    │   ├── PreReadNotFound
    │   ├── AlertNotFound
    │   ├── PolicyNotFound
    │   ├── KeyNotFound
    │   ├── WebhookNotFound
    │   ├── KeyImageNotFound
    │   ├── SliceNotFound
    │   └── SegmentationNotFound
    ├── NotAuthenticated
    ├── NotAllowed
    ├── StorageFull
    ├── FormatMissing               an optional extra is not installed
    ├── StaleClaim                  a worker lost its lease; its result is dropped
    ├── UnreadableVolume            (reason)         the images give no volume
    ├── InvalidBundle               weights and manifest do not belong together
    ├── InvalidSource               a folder of labeled studies is not laid out as it must be
    ├── InvalidJournal              the answers of a reading study cannot be read
    ├── UnreadableStudy             one labeled study cannot be used; the others can
    └── SettingsInvalid

``code`` is stable and may be shown to callers. No message ever carries patient data:
messages name attributes, never values.
"""

from collections.abc import Sequence
from typing import ClassVar

from preread.reasons import ReasonCode


class PreReadError(Exception):
    """Base of all errors of this software."""

    code: ClassVar[str] = "internal-error"


class InvalidRequest(PreReadError):
    """The caller sent something that cannot be used."""

    code = "invalid-request"


class UnreadableDicom(InvalidRequest):
    """One file is not a DICOM instance that can be accepted."""

    code = "dicom-unreadable"


class NotDicom(UnreadableDicom):
    """The bytes are not a DICOM file (PS3.10)."""

    code = "not-dicom"


class DicomTruncated(UnreadableDicom):
    """The file ends before the data set does."""

    code = "dicom-truncated"


class DicomMalformed(UnreadableDicom):
    """The data set breaks the encoding rules of PS3.5."""

    code = "dicom-malformed"


class DicomTooComplex(UnreadableDicom):
    """The data set nests deeper or holds more elements than the limits allow."""

    code = "dicom-too-complex"


class DicomTooLarge(UnreadableDicom):
    """The file, or what it inflates to, is larger than the limits allow."""

    code = "dicom-too-large"


class DicomMissingAttribute(UnreadableDicom):
    """An attribute without which an instance cannot be filed is missing."""

    code = "dicom-missing-attribute"


class UnsafeArchive(InvalidRequest):
    """A ZIP is damaged, encrypted, nested or larger than the limits allow."""

    code = "archive-unsafe"


class UploadTooLarge(InvalidRequest):
    """The upload is larger than the limits allow."""

    code = "upload-too-large"


class NothingStored(InvalidRequest):
    """Not one file of the upload could be stored.

    Attributes
    ----------
    files
        One ``(number, code)`` per refused file, numbered from 1 in the order sent.
    """

    code = "nothing-stored"

    def __init__(self, message: str, files: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message)
        self.files = tuple(files)


class IdempotencyKeyReused(InvalidRequest):
    """The same Idempotency-Key came with another request."""

    code = "idempotency-key-reused"


class JudgmentContradicts(InvalidRequest):
    """Members of a reader's feedback exclude each other.

    Attributes
    ----------
    member
        Which one breaks a rule.
    """

    code = "validation-failed"

    def __init__(self, member: str, rule: str) -> None:
        super().__init__(rule)
        self.member = member


class Conflict(PreReadError):
    """The request contradicts the present state."""

    code = "conflict"


class InstanceConflict(Conflict):
    """A stored SOP Instance UID came again with other bytes; the first is kept."""

    code = "sop-instance-conflict"


class IllegalStep(Conflict):
    """A study, or a policy, cannot take this step from where it is.

    Attributes
    ----------
    state
        Where it is.
    allowed
        The steps that it can take from there.
    """

    code = "illegal-step"

    def __init__(self, state: str, step: str, allowed: Sequence[str], what: str = "study") -> None:
        super().__init__(f"A {what} that is {state} cannot take the step {step}.")
        self.state = state
        self.allowed = tuple(allowed)


class PolicyReplaced(Conflict):
    """Another policy is in force than the one that the caller wants to replace.

    Attributes
    ----------
    active
        The number of the one that is.
    """

    code = "policy-replaced"

    def __init__(self, active: int) -> None:
        super().__init__(f"Policy {active} is in force now; look at what would change again.")
        self.active = active


class ClaimNotHeld(Conflict):
    """The step needs the token under which the study is claimed now.

    Attributes
    ----------
    state
        Where the study is.
    allowed
        The steps that can be taken from there, some only with the token.
    """

    code = "claim-not-held"

    def __init__(self, state: str, allowed: Sequence[str]) -> None:
        super().__init__(f"The study is {state}, and not claimed under the token of the request.")
        self.state = state
        self.allowed = tuple(allowed)


class SameReader(Conflict):
    """A second read is that of another person than who reported the study before.

    Attributes
    ----------
    state
        Where the study is.
    allowed
        The steps that this person, too, can take from there.
    """

    code = "same-reader"

    def __init__(self, state: str, allowed: Sequence[str]) -> None:
        super().__init__(
            "Who reported a study does not give its second read. Somebody else reads it, or the "
            "request is withdrawn."
        )
        self.state = state
        self.allowed = tuple(allowed)


class NotFound(PreReadError):
    """What was asked for does not exist, or not for this caller."""

    code = "not-found"


class StudyNotFound(NotFound):
    """No such study for this caller."""

    code = "study-not-found"


class PreReadNotFound(NotFound):
    """The study has no pre-read yet."""

    code = "pre-read-not-found"


class AlertNotFound(NotFound):
    """No such alert for this caller."""

    code = "alert-not-found"


class KeyNotFound(NotFound):
    """There is no such API key."""

    code = "key-not-found"


class PolicyNotFound(NotFound):
    """There is no such policy."""

    code = "policy-not-found"


class WebhookNotFound(NotFound):
    """No such subscription, or no such message of it, for this caller."""

    code = "webhook-not-found"


class KeyImageNotFound(NotFound):
    """The pre-read has no key image of this number."""

    code = "key-image-not-found"


class SliceNotFound(NotFound):
    """The pre-read has no slice of this number, or kept none."""

    code = "slice-not-found"


class SegmentationNotFound(NotFound):
    """The pre-read outlined nothing, or nothing that a segmentation can be made of."""

    code = "segmentation-not-found"


class NotAuthenticated(PreReadError):
    """No key, or one that is not known."""

    code = "unauthenticated"


class NotAllowed(PreReadError):
    """The key's role or site does not cover the request."""

    code = "forbidden"


class StorageFull(PreReadError):
    """There is no room left to store the upload durably."""

    code = "storage-full"


class FormatMissing(PreReadError):
    """The answer was asked for in a format whose optional extra is not installed."""

    code = "format-not-installed"


class StaleClaim(PreReadError):
    """The worker no longer holds the lease of this task; its result is dropped."""

    code = "stale-claim"


class UnreadableVolume(PreReadError):
    """The images of a series do not make a volume that can be assessed.

    Attributes
    ----------
    reason
        Why, as shown on the worklist.
    """

    code = "volume-unreadable"

    def __init__(self, reason: ReasonCode, message: str = "") -> None:
        super().__init__(message or reason.value)
        self.reason = reason


class InvalidBundle(PreReadError):
    """Weights and manifest do not belong together, or are not what the manifest says."""

    code = "bundle-invalid"


class InvalidSource(PreReadError):
    """A folder of labeled studies is not laid out, or not labeled, as its source is described."""

    code = "source-invalid"


class InvalidJournal(PreReadError):
    """The answers of a reading study are damaged."""

    code = "journal-invalid"


class UnreadableStudy(PreReadError):
    """One study of a labeled source cannot be used; the message says why."""

    code = "study-unreadable"


class SettingsInvalid(PreReadError):
    """The settings contradict each other or would be unsafe."""

    code = "settings-invalid"
