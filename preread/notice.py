"""The sentence that stands wherever a result of this software is shown."""

from typing import Final

NOTICE: Final = (
    "Research software. Not a medical device; not for clinical use, diagnosis, triage or "
    "treatment decisions. Not FDA-cleared, CE-marked or CDSCO-licensed. "
    "A qualified radiologist must read every study."
)

SHORT_NOTICE: Final = "RESEARCH SOFTWARE - NOT FOR DIAGNOSIS"
