"""The worker supervisor, with children that look at no pixels."""

import sys
from pathlib import Path

from preread.logs import configure_logs
from preread.resources import open_resources
from preread.settings import Settings
from worker.supervisor import Supervisor

CHILD = (sys.executable, str(Path(__file__).with_name("fast_child.py")))

if __name__ == "__main__":
    settings = Settings()
    configure_logs(settings.log_level)
    with open_resources(settings) as resources:
        sys.exit(0 if Supervisor(resources, CHILD).run() else 1)
