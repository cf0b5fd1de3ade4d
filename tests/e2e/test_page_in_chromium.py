"""The page in a real browser: live re-ranking, focus, keys, outlines, reports."""

import shutil
import time

import pytest

from preread.keys import sign_out
from preread.resources import utc_now
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import key_for, send_study
from tests.support.seed import pre_read_of
from tests.support.web import server_of, with_settings

pytestmark = pytest.mark.browser

WAIT_MS = 10_000


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium on this machine")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def served(resources, clock):
    clock.now = utc_now()
    fast = with_settings(resources, events_poll_s=0.05, reconcile_interval_s=3600.0)
    with server_of(fast) as (url, _):
        yield fast, url


@pytest.fixture
def studies(served, clock):
    resources, _ = served
    made = []
    for number in (1, 2, 3):
        made.append(send_study(resources, number, order_class=OrderClass.ROUTINE))
        clock.forward(1)
    for _ in made[:2]:
        pre_read_of(resources)
    return made


@pytest.fixture
def page(browser, served, studies):
    del studies
    resources, url = served
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    page.goto(f"{url}/#key={key_for(resources)}")
    page.click("button[type=submit]")
    page.wait_for_selector('#live[data-state="live"]')
    yield page
    context.close()
    lost = ("ERR_INTERNET_DISCONNECTED", "Failed to fetch", "status of 401")
    assert [text for text in problems if not any(word in text for word in lost)] == []


def eventually(page, expression):
    """Wait for an expression; Playwright's own way needs eval, which the page forbids."""
    deadline = time.monotonic() + WAIT_MS / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(30)


def first_row(study_id):
    return f'.row:first-child[data-study="{study_id}"]'


def test_the_key_disappears_from_the_address(browser, served):
    resources, url = served
    key = key_for(resources)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/#key={key}")
    eventually(page, "document.querySelector('#key').value.length > 40")
    assert key not in page.url
    assert key not in page.evaluate("history.state + location.href")
    context.close()


def test_a_bleed_rises_without_a_reload_and_the_focus_stays(page, served, studies):
    resources, _ = served
    page.evaluate("window.sameDocument = true")
    page.focus(f'[data-study="{studies[0]}"] a.open')

    pre_read_of(resources, Level.CRITICAL, (HemorrhageType.IPH,))

    page.wait_for_selector(first_row(studies[2]))
    assert "Critical" in page.inner_text(first_row(studies[2]))
    assert page.evaluate("window.sameDocument")
    assert page.evaluate("document.activeElement.closest('.row').dataset.study") == studies[0]
    eventually(page, "document.title.startsWith('(1)')")


def test_a_study_opens_by_key_with_its_outline_and_closes_by_report(page, served, studies):
    resources, _ = served
    pre_read_of(resources, Level.CRITICAL, (HemorrhageType.IPH,))
    page.wait_for_selector(first_row(studies[2]))

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector(f'#study[data-study="{studies[2]}"]')
    image = page.locator("#study img").first
    assert page.url.endswith(f"/studies/{studies[2]}")
    assert "overlay=true" in image.get_attribute("src")
    page.keyboard.press("o")
    assert "overlay=true" not in image.get_attribute("src")
    assert page.locator(".row.selected").count() == 1

    page.click('[data-report="final"]')
    page.click('[data-report="final"]')

    page.wait_for_selector(f'.row[data-study="{studies[2]}"]', state="detached")
    page.wait_for_selector("text=Reported, final")
    with resources.reading() as work:
        assert work.studies.get(studies[2]).read_state == "final"


def test_filters_change_the_list_and_the_address(page, studies):
    page.select_option("[name=ai_state]", "queued")
    eventually(page, "document.querySelectorAll('.row').length === 1")
    assert "ai_state=queued" in page.url
    assert page.locator(".row").get_attribute("data-study") == studies[2]
    page.go_back()
    eventually(page, "document.querySelectorAll('.row').length === 3")


def test_a_narrow_screen_shows_list_or_study_without_sideways_scrolling(page, studies):
    page.set_viewport_size({"width": 360, "height": 740})
    page.click(f'[data-study="{studies[0]}"] a.open')
    page.wait_for_selector("#study")
    assert not page.is_visible("#list")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.click("a.back")
    page.wait_for_selector(".row")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_lost_connection_is_shown(page):
    page.context.set_offline(True)
    page.evaluate("document.querySelector('#events')._htmx.sse.reader.cancel()")
    page.wait_for_selector('#live[data-state="away"]')
    page.context.set_offline(False)
    page.wait_for_selector('#live[data-state="live"]')


def test_a_session_that_is_over_leads_to_the_sign_in(page, served):
    resources, url = served
    token = next(c["value"] for c in page.context.cookies() if c["name"] == "preread_session")
    sign_out(resources, token)
    page.evaluate("document.body.dispatchEvent(new Event('refresh'))")
    page.wait_for_url(f"{url}/sign-in")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page, scheme):
    """WCAG 2.2 AA, 1.4.3: 4.5 to 1 for every text on the list."""
    page.emulate_media(color_scheme=scheme)
    worst = page.evaluate(CONTRAST)
    assert worst["ratio"] >= 4.5, worst


CONTRAST = """() => {
  const light = (color) => {
    const parts = color.match(/[\\d.]+/g).slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ground = (element) => {
    for (let here = element; here; here = here.parentElement) {
      const color = getComputedStyle(here).backgroundColor;
      if (color !== "rgba(0, 0, 0, 0)") return color;
    }
    return "rgb(255, 255, 255)";
  };
  let worst = { ratio: 99 };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    const pair = [light(getComputedStyle(element).color), light(ground(element))].sort();
    const [low, high] = pair.map(Number).sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < worst.ratio) worst = { ratio, text: texts.currentNode.data.trim() };
  }
  return worst;
}"""
