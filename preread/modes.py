"""What of a pre-read may be shown: all of it in research, no place in triage-only mode."""

from preread.findings import Mode, PreRead
from preread.phrases import summary_without_places


def for_mode(document: PreRead, mode: Mode) -> PreRead:
    """Return the document as it may be shown in ``mode``.

    Triage-only software notifies and ranks; it does not mark or name a place. So places,
    outlines and the side of a midline shift are absent there, with the reason said.
    """
    if mode is Mode.RESEARCH_PREREAD:
        return document
    reason = "not shown in triage-only mode"
    findings = tuple(
        finding.model_copy(update={"locations": (), "locations_reason": reason, "slices": None})
        for finding in document.findings
    )
    images = tuple(
        image.model_copy(update={"has_overlay": False, "finding_ids": ()})
        for image in document.key_images
    )
    measurements = document.measurements.model_copy(update={"midline_shift_toward": None})
    changed: dict[str, object] = {
        "mode": mode,
        "findings": findings,
        "key_images": images,
        "measurements": measurements,
        "input": document.input.model_copy(update={"slice_record": None}),
    }
    if document.findings:
        kinds = [finding.type for finding in document.findings]
        sentence = summary_without_places(document.assessment.level, kinds)
        changed["text"] = document.text.model_copy(update={"summary": sentence})
    return document.model_copy(update=changed)
