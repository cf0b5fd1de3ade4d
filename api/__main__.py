"""``python -m api``: the web process, configured by the environment alone."""

from api.main import create_app
from api.server import Server
from preread.logs import configure_logs
from preread.settings import Settings


def main() -> None:
    """Serve until a signal says stop."""
    settings = Settings()
    configure_logs(settings.log_level)
    Server(create_app(settings), settings).run()


if __name__ == "__main__":
    main()
