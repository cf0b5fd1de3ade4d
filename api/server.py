"""Serves the application, and stops without waiting for those who only listen."""

import socket
from typing import Final

import uvicorn
from fastapi import FastAPI

from preread.settings import Settings

GRACE_S: Final = 5


class Server(uvicorn.Server):
    """uvicorn, which ends the event streams first: they would outlast any grace period."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.bind_host,
                port=settings.bind_port,
                log_config=None,  # everything goes through our own log
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
                timeout_keep_alive=30,
            )
        )
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End all streams, then everything else."""
        self._app.state.live.close()
        await super().shutdown(sockets)
