"""The parts of the OpenAPI document that FastAPI cannot find out by itself.

Also what FastAPI writes and tools cannot read: its own form of a validation error, which we
do not send, and ``contentMediaType`` without ``format: binary`` for files.
"""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problem_bodies import Problem

_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_REF: Final = "#/components/schemas/{model}"
_BINARY: Final = {
    "type": "string",
    "format": "binary",
    "contentMediaType": "application/octet-stream",
}

_STOW: Final = {"type": "object", "additionalProperties": {"type": "object"}}

UPLOAD_BODY: Final[dict[str, Any]] = {
    "required": True,
    "description": "DICOM files in a form, one ZIP of them, or a single DICOM file.",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {
                    "files": {
                        "type": "array",
                        "items": _BINARY,
                        "description": "DICOM files or ZIPs of them. File names are not read.",
                    },
                    "site": {"type": "string"},
                    "order_class": {"$ref": "#/components/schemas/OrderClass"},
                    "accession_number": {"type": "string"},
                    "complete": {"type": "boolean"},
                },
            },
        },
        "application/zip": {"schema": _BINARY},
        "application/dicom": {"schema": _BINARY},
    },
}
"""The body of an upload; its fields may as well stand in the query."""

STOW_BODY: Final[dict[str, Any]] = {
    "required": True,
    "description": "DICOM instances, a part each (PS3.18 10.5.1).",
    "content": {'multipart/related; type="application/dicom"': {"schema": _BINARY}},
}
STOW_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": said, "content": {"application/dicom+json": {"schema": _STOW}}}
    for status, said in (
        (200, "All instances are durable."),
        (202, "Some are; the others stand in the failed or other failures sequence."),
        (409, "None is, for the reasons in these sequences."),
    )
}
"""The store instances response module of PS3.18 I.1 in the DICOM JSON model."""

NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "Nothing changed since the answer that If-None-Match names."}
}

EVENT_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events for as long as both sides like; `data` is an EventView as JSON.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "x-item-schema": {"$ref": "#/components/schemas/EventView"},
            }
        },
    }
}

_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "preread_session",
        "description": "The page's sign-in.",
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of error answers."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": _PROBLEM}},
        }
        for status in statuses
    }


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of an app."""
    made: dict[str, Any] = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        license_info=app.license_info,
        tags=app.openapi_tags,
    )
    schemas = made["components"]["schemas"]
    problem_schema = Problem.model_json_schema(ref_template=_REF)
    for name, schema in problem_schema.pop("$defs", {}).items():
        schemas.setdefault(name, schema)
    schemas["Problem"] = problem_schema
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    made["components"]["securitySchemes"] = _SECURITY
    made["security"] = [{name: []} for name in _SECURITY]
    for path, steps in made["paths"].items():
        for step in steps.values():
            _correct(path, step)
    made["components"]["schemas"] = dict(sorted(schemas.items()))
    return made


def _correct(path: str, step: dict[str, Any]) -> None:
    if path.startswith("/health/"):
        step["security"] = []
    answers: dict[str, Any] = step["responses"]
    refused = answers.get("422", {}).get("content", {}).get("application/json")
    if refused is not None:
        answers["422"] = problems(422)[422]
    step["responses"] = dict(sorted(answers.items()))
