"""``python -m worker``: the supervisor of this machine's worker children."""

import sys

from preread.logs import configure_logs
from preread.resources import open_resources
from preread.settings import Settings
from worker.supervisor import Supervisor


def main() -> int:
    """Supervise workers until told to stop; return the exit status."""
    settings = Settings()
    configure_logs(settings.log_level)
    with open_resources(settings) as resources:
        return 0 if Supervisor(resources).run() else 1


if __name__ == "__main__":
    sys.exit(main())
