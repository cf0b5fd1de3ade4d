"""What each problem type means, in words that ``/problems/{code}`` can show (RFC 9457)."""

from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

PATH: Final = "/problems/"


@dataclass(frozen=True, slots=True)
class Meaning:
    """A kind of problem.

    Attributes
    ----------
    status
        The HTTP status that it is answered with.
    title
        The same for every occurrence.
    explanation
        What happened and what the caller can do.
    """

    status: HTTPStatus
    title: str
    explanation: str


MEANING: Final = MappingProxyType(
    {
        "invalid-request": Meaning(
            HTTPStatus.BAD_REQUEST,
            "The request cannot be used",
            "Something in the request contradicts itself or is out of range. Nothing was stored.",
        ),
        "validation-failed": Meaning(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "The request does not fit the contract",
            "`errors` names each place and rule. The values sent are never repeated.",
        ),
        "multipart-malformed": Meaning(
            HTTPStatus.BAD_REQUEST,
            "The multipart body is damaged",
            "The body ended early or its boundaries are wrong. Nothing was stored; send it again.",
        ),
        "nothing-stored": Meaning(
            HTTPStatus.BAD_REQUEST,
            "Not one file could be stored",
            "`files` says for each file, numbered from 1 in the order sent, why it was refused.",
        ),
        "archive-unsafe": Meaning(
            HTTPStatus.BAD_REQUEST,
            "The ZIP archive was refused",
            "It is damaged, encrypted, holds too many entries or inflates too far.",
        ),
        "webhook-not-found": Meaning(
            HTTPStatus.NOT_FOUND,
            "No such webhook",
            "There is no such webhook, or no such message of it, for this key.",
        ),
        "unauthenticated": Meaning(
            HTTPStatus.UNAUTHORIZED,
            "No valid API key",
            "Send `Authorization: Bearer <key>` or `X-API-Key: <key>`. The answer does not say "
            "whether the key is unknown, expired or revoked.",
        ),
        "forbidden": Meaning(
            HTTPStatus.FORBIDDEN,
            "The key does not cover this",
            "The role or the site of the key does not allow the request.",
        ),
        "not-found": Meaning(
            HTTPStatus.NOT_FOUND,
            "Nothing is here",
            "There is no such address.",
        ),
        "study-not-found": Meaning(
            HTTPStatus.NOT_FOUND,
            "No such study",
            "There is no study of this ID, or it belongs to a site that the key does not cover.",
        ),
        "pre-read-not-found": Meaning(
            HTTPStatus.NOT_FOUND,
            "No pre-read yet",
            "`ai_state` and `ai_reason` say how far the software got with the study.",
        ),
        "key-image-not-found": Meaning(
            HTTPStatus.NOT_FOUND,
            "No such key image",
            "The pre-read has no key image of this number, or none with an overlay.",
        ),
        "alert-not-found": Meaning(
            HTTPStatus.NOT_FOUND,
            "No such alert",
            "There is no alert of this number, or it belongs to a site that the key does not "
            "cover.",
        ),
        "slice-not-found": Meaning(
            HTTPStatus.NOT_FOUND,
            "No such slice",
            "The pre-read has no slice of this number, none with an overlay, or kept no slices.",
        ),
        "segmentation-not-found": Meaning(
            HTTPStatus.NOT_FOUND,
            "No segmentation",
            "The pre-read outlined nothing, or may not show it.",
        ),
        "method-not-allowed": Meaning(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "The method is not allowed here",
            "The Allow header names those that are.",
        ),
        "request-timeout": Meaning(
            HTTPStatus.REQUEST_TIMEOUT,
            "The request stopped coming",
            "No byte of the body came for too long. Nothing was stored; send it again.",
        ),
        "sop-instance-conflict": Meaning(
            HTTPStatus.CONFLICT,
            "Stored before with other bytes",
            "Every readable file came before under its SOP Instance UID with other bytes. The "
            "first is kept.",
        ),
        "illegal-step": Meaning(
            HTTPStatus.CONFLICT,
            "The study or policy cannot take this step",
            "`state` says where it is and `allowed` which steps it can take from there.",
        ),
        "policy-replaced": Meaning(
            HTTPStatus.CONFLICT,
            "Another policy is in force by now",
            "Somebody was faster. `active` is its number; look at what would change again.",
        ),
        "policy-not-found": Meaning(
            HTTPStatus.NOT_FOUND,
            "No such policy",
            "There is no policy of this number.",
        ),
        "key-not-found": Meaning(
            HTTPStatus.NOT_FOUND,
            "No such API key",
            "There is no key of this ID.",
        ),
        "claim-not-held": Meaning(
            HTTPStatus.CONFLICT,
            "The study is not claimed under this token",
            "Somebody else holds it, or the claim ran out or was taken over. `state` says where the "
            "study is and `allowed` what can be done from there; claim it anew to go on.",
        ),
        "same-reader": Meaning(
            HTTPStatus.CONFLICT,
            "A second read is another person's",
            "The key reported this study before, so it can neither claim it for a second read nor "
            "give that report. `allowed` says what it can do. Persons are told apart by their keys.",
        ),
        "conflict": Meaning(
            HTTPStatus.CONFLICT,
            "The request contradicts the present state",
            "Read the present state and decide again.",
        ),
        "upload-too-large": Meaning(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "The request is too large",
            "The body, the archive when inflated, or the number of files is over the limit of "
            "the settings. Nothing was stored.",
        ),
        "format-not-installed": Meaning(
            HTTPStatus.NOT_IMPLEMENTED,
            "The format cannot be written here",
            "It needs an optional extra that is not installed: `pip install preread[parquet]`. "
            "JSON and CSV are always there.",
        ),
        "unsupported-media-type": Meaning(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The content type is not accepted",
            "Send multipart/form-data, application/zip or application/dicom.",
        ),
        "idempotency-key-reused": Meaning(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "The Idempotency-Key was used before",
            "It came with another request. Use a new key for each new request.",
        ),
        "storage-full": Meaning(
            HTTPStatus.INSUFFICIENT_STORAGE,
            "The disk of the service is full",
            "Nothing of the upload was stored. Send it again when there is room.",
        ),
        "unavailable": Meaning(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The service cannot answer now",
            "The database or the store cannot be reached. Try again after Retry-After seconds.",
        ),
        "internal-error": Meaning(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "The software failed",
            "The request met an error in the software. The X-Request-ID finds it in the log.",
        ),
    }
)
"""Every code that an answer of this service may carry."""
