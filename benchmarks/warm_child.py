"""A worker child as the service runs it, whose reader only tells when it was asked to read.

``python -m benchmarks.warm_child NAME PIPE``; lines go to standard output.
"""

import sys
import time
from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from preread.dicom.acceptance import choose_series
from preread.findings import Timing
from preread.reasons import ReasonCode
from preread.resources import Resources
from preread.work import Claim, Result
from worker.child import main
from worker.document import Known, Reading, write_document

STARTED: Final = "started"
_NO_TIME: Final = Timing(queue=0, load=0, classify_and_segment=0, measure=0, total=0)


class StartReader:
    """Says «not assessed» at once."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self.device = "cpu"

    def read(self, claim: Claim) -> Result:
        """Tell the time, and return a pre-read without a look at the files."""
        reading_at = time.time()
        print(STARTED, claim.study.id, claim.started_at.timestamp(), reading_at, flush=True)
        known = Known(claim, (), choose_series(()))
        reading = Reading(
            pre_read_id=str(uuid4()),
            created_at=self._resources.clock(),
            mode=self._resources.settings.mode,
            known=known,
            reasons=(ReasonCode.MODALITY_NOT_CT,),
            volume=None,
            assessment=None,
            model=None,
            timing=_NO_TIME,
        )
        return Result(write_document(reading), (), ())


def serve(arguments: Sequence[str]) -> None:
    """Read studies until told to stop."""
    main(arguments, StartReader)


if __name__ == "__main__":
    serve(sys.argv[1:])
