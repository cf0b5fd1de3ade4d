"""``python -m worker``: the supervisor of this machine's worker children."""

from preread.logs import configure_logs
from preread.resources import open_resources
from preread.settings import Settings
from worker.supervisor import Supervisor


def main() -> None:
    """Supervise workers until told to stop."""
    settings = Settings()
    configure_logs(settings.log_level)
    with open_resources(settings) as resources:
        Supervisor(resources).run()


if __name__ == "__main__":
    main()
