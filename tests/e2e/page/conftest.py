"""A real browser on the page; any error of a script or of the content policy fails the test."""

import pytest

from preread.keys import Role, create_key
from preread.resources import utc_now
from preread.terms import OrderClass
from tests.builders import send_study
from tests.support.chromium import WAIT_MS
from tests.support.seed import pre_read_of
from tests.support.web import server_of, with_settings

OFFLINE = ("ERR_INTERNET_DISCONNECTED", "Failed to fetch", "status of 401")
"""What a browser says of a connection or session that the test itself ended."""


@pytest.fixture
def database_url(sqlite_url):
    """One kind of database is enough: the page sees none of it."""
    return sqlite_url


@pytest.fixture
def served(resources, clock):
    clock.now = utc_now()
    fast = with_settings(resources, events_poll_s=0.05, reconcile_interval_s=3600.0)
    with server_of(fast) as (url, _):
        yield fast, url


@pytest.fixture
def studies(served, clock):
    """Three studies; the first two are assessed and show nothing, the last is queued."""
    resources, _ = served
    made = []
    for number in (1, 2, 3):
        made.append(send_study(resources, number, order_class=OrderClass.ROUTINE))
        clock.forward(1)
    for _ in made[:2]:
        pre_read_of(resources)
    return made


@pytest.fixture
def visit(browser, served):
    """Opens the page for a new person in a browser of their own."""
    resources, url = served
    contexts, problems = [], []

    def open_page(role=Role.COORDINATOR, path="/", *, name="test", **options):
        said = {"viewport": {"width": 1400, "height": 900}, **options}
        context = browser.new_context(**said)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: problems.append(message.text) if message.type == "error" else None,
        )
        key = create_key(resources, role, label=name)
        page.goto(f"{url}/sign-in?next={path}#key={key}")
        page.click("button[type=submit]")
        page.wait_for_selector('#live[data-state="live"]' if path == "/" else "#main")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [text for text in problems if not any(word in text for word in OFFLINE)] == []


@pytest.fixture
def page(visit, studies):
    del studies
    return visit()
