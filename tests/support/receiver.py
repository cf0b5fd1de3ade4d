"""A receiver of webhooks on a real socket, which behaves as badly as a test wants."""

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.support.loopback import listening


@dataclass
class Receiver:
    """What came, and what to answer: statuses in turn, the last one for ever.

    ``hang_s`` and ``drip_s`` are seconds before an answer, and between the lines of one.
    """

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [204])
    hang_s: float = 0.0
    drip_s: float = 0.0
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def bodies(self):
        return [body for _, body in self.heard]


def _handler_of(receiver):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
            receiver.closing.wait(receiver.hang_s)
            status = receiver.statuses[0]
            if len(receiver.statuses) > 1:
                receiver.statuses.pop(0)
            try:
                if receiver.drip_s:
                    self._drip()
                    return
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", receiver.url + "elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                self.close_connection = True  # nobody waited for it

        def _drip(self):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not receiver.closing.is_set():
                self.wfile.write(b"X-More: 1\r\n")
                self.wfile.flush()
                time.sleep(receiver.drip_s)

        def log_message(self, *words):
            """Say nothing."""

    return Handler


@contextmanager
def receiving(**behavior):
    """Run a receiver on a free port of the loopback."""
    receiver = Receiver(**behavior)
    with listening(_handler_of(receiver)) as port:
        receiver.url = f"http://127.0.0.1:{port}/"
        try:
            yield receiver
        finally:
            receiver.closing.set()
