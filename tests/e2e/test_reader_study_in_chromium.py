"""A reading study in a real browser: everything by keys, and the time of a hidden page does not count."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from api.reader_study.app import create_app
from preread.reader_study.answers import FirstRead, Scored
from preread.reader_study.journal import read_events
from preread.reader_study.order import reading_order
from preread.terms import HemorrhageType, Laterality, Region
from tests.support.reading_study import SEED, Case, prepared

pytestmark = pytest.mark.browser

# As a browser does when another tab comes in front.
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def page(browser):
    context = browser.new_context()
    yield context.new_page()
    context.close()


@contextmanager
def served(folder):
    """Serve a reading study on a free port of the loopback."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(folder), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def test_a_case_is_read_and_scored_by_keys_alone(page, tmp_path):
    folder = prepared(tmp_path, Case("positive"), Case("negative"))
    first_case = reading_order(SEED, "R1", (1, 2))[0]
    complaints = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with served(folder) as url:
        page.goto(url)
        page.wait_for_selector("input:focus")
        press(page, "r", "1", "Enter")
        arrive(page, "#next:focus")
        press(page, "Enter")
        arrive(page, "form[data-step=first_read]")

        # Slices and windows
        page.wait_for_selector("img[alt*='brain window']")
        at = page.locator("#where").inner_text()
        press(page, "k", "w")
        page.wait_for_selector("img[alt*='subdural window']")
        assert page.locator("#where").inner_text() != at

        # The time of a hidden page does not count
        page.evaluate(HIDE, arg=True)
        time.sleep(1.0)
        page.evaluate(HIDE, arg=False)

        # Types, sides and places; a form that lacks something is not sent
        press(page, "Enter")
        assert "Tick each type" in page.locator("#missing").inner_text()
        press(page, "d", "l", "Tab")
        # A browser forgets what was typed into a list after a second, and a busy machine is slower.
        page.locator(":focus").select_option("frontal_convexity")
        press(page, "Enter")
        arrive(page, "form[data-step=score]")
        press(page, "3", "Enter")  # the pre-read says «none»
        assert "the score is 0" in page.locator("#missing").inner_text()
        press(page, "0", "Enter")
        page.wait_for_selector("#next")
    first, last = (e for e in read_events(folder.answers_path) if isinstance(e, FirstRead | Scored))
    (named,) = first.named
    assert (first.case, last.case, last.score) == (first_case, first_case, 0)
    assert named.type is HemorrhageType.SDH
    assert (named.laterality, named.region) == (Laterality.LEFT, Region.FRONTAL_CONVEXITY)
    assert first.visible_ms <= first.server_ms - 900
    assert complaints == []


def arrive(page, selector):
    """Wait for a page and for the scripts that hear its keys."""
    page.wait_for_selector(selector)
    page.wait_for_load_state("load")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)
