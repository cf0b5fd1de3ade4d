"""A worker child whose reader looks at no pixels: what it does stands in the accession number.

``KILL`` ends the process, ``ERROR`` raises with a patient's name, ``SLOW`` takes a second;
at the first attempt ``HANG`` never returns and ``FREEZE`` stops the whole process; anything
else is quick.
"""

import os
import signal
import sys
import time

from preread.terms import Level
from tests.builders import result
from worker.child import main


class FastReader:
    device = "cpu"

    def read(self, claim):
        match claim.study.accession_number, claim.attempt:
            case "KILL", _:
                os.kill(os.getpid(), signal.SIGKILL)
            case "HANG", 1:
                time.sleep(3600)
            case "FREEZE", 1:
                os.kill(os.getpid(), signal.SIGSTOP)
            case "ERROR", _:
                raise ValueError("CANARY^PATIENT could not be read")
            case "SLOW", _:
                time.sleep(1.0)
            case _:
                time.sleep(0.02)
        return result(claim, Level.NONE)


if __name__ == "__main__":
    main(sys.argv[1:], lambda _: FastReader())
