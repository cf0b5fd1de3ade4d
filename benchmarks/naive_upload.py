"""The peer of ``ingest``: the upload as one writes it first, with FastAPI's ``UploadFile``.

It has the same duty to the bytes (stored, hashed, synced one by one) and none of the others:
no header is read, no database is written, nothing is bounded.
"""

import hashlib
import os
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, UploadFile


def create_app(folder: Path) -> FastAPI:
    """Return an application that stores files in a folder and answers their digests."""
    app = FastAPI()

    @app.post("/studies")
    def submit(files: list[UploadFile]) -> list[str]:
        return [_keep(folder, file.file.read()) for file in files]

    @app.get("/health/live")
    async def live() -> str:
        return "ok"

    return app


def _keep(folder: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    with (folder / digest).open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return digest


if __name__ == "__main__":
    port, target = sys.argv[1:]
    uvicorn.run(create_app(Path(target)), port=int(port), access_log=False, log_level="warning")
