"""The list in a real browser: live re-ranking, focus, filters, a narrow screen, a lost line."""

import time

import pytest

from preread.keys import sign_out
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import key_for, send_study
from tests.support.chromium import eventually
from tests.support.seed import pre_read_of

pytestmark = pytest.mark.browser

REFRESH_LIMIT_S = 2.0
"""A reader sees a new place so long after it was committed, at the latest."""


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
    began = time.monotonic()

    page.wait_for_selector(first_row(studies[2]))
    assert time.monotonic() - began < REFRESH_LIMIT_S
    eventually(
        page, f"document.querySelector('#row-{studies[2]} .position').dataset.shift === '▲ 2'"
    )
    assert "Critical" in page.inner_text(first_row(studies[2]))
    assert page.evaluate("window.sameDocument")
    assert page.evaluate("document.activeElement.closest('.row').dataset.study") == studies[0]
    eventually(page, "document.title.startsWith('(1)')")


def test_nothing_of_a_row_lies_over_its_neighbor_on_a_middling_screen(visit, served, clock):
    resources, _ = served
    send_study(resources, 1, site=f"{'a' * 40}-very-long", order_class=OrderClass.STAT)
    pre_read_of(resources, Level.INDETERMINATE, (HemorrhageType.EDH,))
    clock.forward(31 * 60)
    page = visit(viewport={"width": 1024, "height": 700})
    page.wait_for_selector(".hurry >> text=1 past its time")
    gaps = page.evaluate("""() => {
        const box = (name) => document.querySelector(`.row ${name}`).getBoundingClientRect();
        const words = document.createRange();
        words.selectNodeContents(document.querySelector(".row .study"));
        return [box("img").left - box(".badge").right, box(".due").left - words.getBoundingClientRect().right];
    }""")
    assert min(gaps) >= 0, gaps


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


def test_a_line_that_died_without_a_word_is_not_called_live(page):
    page.context.set_offline(True)
    page.clock.install()
    page.clock.fast_forward(
        30_000
    )  # two signs of life are missing, as after a pause of the browser
    page.wait_for_timeout(1_500)
    assert page.get_attribute("#live", "data-state") == "live"
    page.clock.fast_forward(60_000)
    page.wait_for_selector("#stale:visible >> text=not live for 1 min")
    assert page.get_attribute("#live", "data-state") == "away"
    page.context.set_offline(False)
    page.wait_for_selector('#live[data-state="live"]')
    page.wait_for_selector("#stale", state="hidden")


def test_the_page_hears_signs_of_life_of_the_service(visit, monkeypatch):
    monkeypatch.setattr("api.live.HEARTBEAT_S", 0.05)
    page = visit()
    page.evaluate("document.addEventListener('heartbeat', () => { window.heard = true; })")
    eventually(page, "window.heard === true")


def test_a_session_that_is_over_leads_to_the_sign_in(page, served):
    resources, url = served
    token = next(c["value"] for c in page.context.cookies() if c["name"] == "preread_session")
    sign_out(resources, token)
    page.evaluate("document.body.dispatchEvent(new Event('refresh'))")
    page.wait_for_url(f"{url}/sign-in")


def test_a_row_says_its_priority_by_sign_word_and_color_and_counts_down(page, served, studies):
    resources, _ = served
    pre_read_of(resources, Level.CRITICAL, (HemorrhageType.IPH,))
    page.wait_for_selector(first_row(studies[2]))
    assert page.inner_text(".row:first-child .badge").split() == ["▲", "Critical"]
    edges = page.evaluate(
        "[...document.querySelectorAll('.row')].map(r => getComputedStyle(r).borderLeftColor)"
    )
    assert edges[0] != edges[1]
    due = ".row:first-child .due time"
    before = page.inner_text(due)
    assert before.endswith(" left")
    eventually(page, f"document.querySelector('{due}').textContent !== '{before}'")
    image = page.locator(".row:first-child .thumb img")
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_a_study_is_opened_and_left_by_keys_and_the_focus_comes_back_to_its_row(page, studies):
    for key in ("j", "j", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector(f'#study[data-study="{studies[1]}"]')
    page.keyboard.press("Escape")
    page.wait_for_selector("#study", state="detached")
    assert page.url.endswith("/")
    assert page.evaluate("document.activeElement.closest('.row').dataset.study") == studies[1]
    page.keyboard.press("k")
    page.keyboard.press("c")  # what is claimed from the list is opened, and has the focus then
    page.wait_for_selector(f'#study[data-study="{studies[0]}"]')
    eventually(page, "document.activeElement.id === 'study-name'")


def test_next_is_of_the_site_that_is_shown_and_keeps_the_filter(page, served):
    resources, url = served
    south = send_study(resources, 4, site="south")
    page.goto(f"{url}/?site=south")
    page.wait_for_selector('#live[data-state="live"]')
    page.keyboard.press("n")
    page.wait_for_selector(f'#study[data-study="{south}"]')
    assert page.url == f"{url}/studies/{south}?site=south"
