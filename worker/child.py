"""``python -m worker.child NAME PIPE``: one worker process with one warm model.

Started by the supervisor only, which hears of it through the pipe.
"""

import sys
import threading
from collections.abc import Callable, Sequence

from preread.logs import configure_logs
from preread.resources import Resources, open_resources
from preread.settings import Settings
from worker.jobs import Desk, StudyReader
from worker.runner import serve
from worker.signs import SignWriter


def main(arguments: Sequence[str], load_reader: Callable[[Resources], StudyReader]) -> None:
    """Load and warm the model, then read studies until told to stop.

    Parameters
    ----------
    arguments
        The worker's name and the descriptor of the pipe to the supervisor.
    load_reader
        Gives the model, warm.
    """
    name, descriptor = arguments
    settings = Settings()
    configure_logs(settings.log_level)
    with open_resources(settings) as resources:
        reader = load_reader(resources)  # before any study is claimed
        serve(Desk(resources, reader, name, SignWriter(int(descriptor)), threading.Event()))


if __name__ == "__main__":
    from worker.model import load_model_reader

    main(sys.argv[1:], load_model_reader)
