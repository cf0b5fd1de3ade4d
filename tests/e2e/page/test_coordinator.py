"""What a coordinator decides on the page, and what readers see of it."""

import pytest

from preread.db.events import EventKind
from preread.keys import Role
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import send_study
from tests.support.seed import flagged_before, pre_read_of
from tests.support.stored import kinds_of_reports

pytestmark = pytest.mark.browser

WHY = "said in a test"


@pytest.fixture
def waiting(served, clock):
    """A STAT study on top, and one that is read without hurry."""
    resources, _ = served
    first = send_study(resources, 1, order_class=OrderClass.STAT)
    clock.forward(1)
    return first, send_study(resources, 2, order_class=OrderClass.ROUTINE)


def settled(page):
    """Wait for the scripts of a page that was just loaded; before them forms work, but otherwise."""
    page.wait_for_selector('#live[data-state="live"]')


def show(page, study_id):
    page.click(f'.row[data-study="{study_id}"] a.open')
    page.wait_for_selector(f'#study[data-study="{study_id}"]')


def decide(page, step, why=WHY):
    """Fill in why and press the button beside."""
    page.evaluate("document.querySelector('#decide').open = true")
    page.fill(f"#{step}-reason", why)
    page.click(f"#decide form[action$='/{step}'] button")


def events_of(resources, study_id, kind):
    with resources.reading() as work:
        return [one.detail for one in work.events.of_study(study_id) if one.kind is kind]


def test_a_tripped_breaker_has_a_banner_until_somebody_resets_it_with_a_reason(visit, served):
    resources, _ = served
    flagged_before(resources, 19)
    send_study(resources, 1, order_class=OrderClass.ROUTINE)
    coordinator, reader = visit(), visit(Role.READER)
    pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,), images=0)
    for page in (coordinator, reader):
        page.wait_for_selector(".banner >> text=north")
    assert reader.locator(".banner form").count() == 0
    assert "circuit breaker" in reader.inner_text(".row .why")
    coordinator.click(".banner summary")
    coordinator.fill("#reset-north", "the scanner was repaired")
    coordinator.click(".banner button")
    assert coordinator.inner_text(".banner button") == "Press again to confirm"
    coordinator.click(".banner button")
    for page in (coordinator, reader):
        page.wait_for_selector(".banner", state="detached")
    with resources.reading() as work:
        assert work.breakers.tripped("north") == ()


def test_a_study_is_taken_over_with_a_reason_and_its_reader_learns_of_it(visit, served, waiting):
    resources, _ = served
    first, _ = waiting
    reader, colleague = visit(Role.READER, name="Dr. Vogt"), visit(Role.READER, name="Dr. Rao")
    reader.keyboard.press("n")
    reader.wait_for_selector("#study[data-study] [data-key=c] >> text=Release")
    colleague.click(".taken >> text=ACC1")
    colleague.wait_for_selector("#study")
    assert "In the hands of Dr. Vogt" in colleague.inner_text("#study .reading")
    decide(colleague, "take-over", "Dr. Vogt went home")
    colleague.wait_for_selector("#study [data-key=c] >> text=Release")
    reader.wait_for_selector("#study >> text=In the hands of Dr. Rao")
    assert "Dr. Rao took this study over: Dr. Vogt went home" in reader.inner_text("#toast")
    assert reader.locator("#study .reading button:visible").count() == 0
    assert events_of(resources, first, EventKind.TAKEN_OVER)[0]["reason"] == "Dr. Vogt went home"


def test_a_study_is_given_to_one_reader_and_offered_to_no_other(visit, waiting):
    first, second = waiting
    page = visit()
    other, given = visit(Role.READER, name="Dr. Rao"), visit(Role.READER, name="Dr. Vogt")
    show(page, first)
    page.click("#decide summary")
    key_id = page.locator("#assign-reader option", has_text="Dr. Vogt").get_attribute("value")
    page.select_option("#assign-reader", key_id)
    page.click("#decide form[action$='/assign'] button")
    given.wait_for_selector(f'.row[data-study="{first}"] >> text=Given to you')
    other.wait_for_selector(f'.row[data-study="{first}"] >> text=For Dr. Vogt')
    other.keyboard.press("n")
    other.wait_for_selector(f'#study[data-study="{second}"]')
    given.keyboard.press("n")
    given.wait_for_selector(f'#study[data-study="{first}"]')


@pytest.mark.slow
def test_pin_hold_and_cancel_say_why_and_are_taken_back(visit, served, waiting):
    resources, _ = served
    first, second = waiting
    page = visit()
    show(page, second)
    decide(page, "pin", "the surgeon waits")
    page.wait_for_selector(f'.row:first-child[data-study="{second}"] .badge.pin')
    assert "the surgeon waits" in page.inner_text("#study .reading")
    page.click("#study >> text=Unpin")
    page.wait_for_selector(f'.row:first-child[data-study="{first}"]')
    decide(page, "hold", "prior study missing")
    page.wait_for_selector(f'.row[data-study="{second}"]', state="detached")
    page.click(".counts >> text=On hold")
    settled(page)
    page.wait_for_selector(f'.row[data-study="{second}"] >> text=prior study missing')
    assert "read_state=on_hold" in page.url
    page.click(".row >> text=Resume")
    page.wait_for_selector("#list >> text=No study matches")
    page.click("#list >> text=Show all waiting")
    settled(page)
    show(page, second)
    decide(page, "cancel", "sent twice")
    page.wait_for_selector(f'.row[data-study="{second}"]', state="detached")
    page.wait_for_selector("#study >> text=Cancelled")
    assert page.inner_text("#study .reading summary") == "Reopen"
    assert events_of(resources, second, EventKind.CANCELLED)[0]["reason"] == "sent twice"
    decide(page, "reopen", "it was the other one")
    page.wait_for_selector(f'.row[data-study="{second}"]')


@pytest.mark.slow
def test_a_report_is_reopened_and_its_second_read_is_another_persons(visit, served, waiting):
    resources, url = served
    first, _ = waiting
    vogt, rao = visit(Role.READER, name="Dr. Vogt"), visit(Role.READER, name="Dr. Rao")
    vogt.keyboard.press("n")
    for step in ("report", "reopen", "report", "second-read"):
        if step == "report":
            vogt.click("#study button >> text=Final report given")
            vogt.click("#study button[data-armed]")
            vogt.wait_for_selector("#study >> text=; final.")
        else:
            decide(vogt, step)
            vogt.wait_for_selector("#study >> text=/; (reopened|second read wanted)/")
    assert "second read is given by somebody else" in vogt.inner_text("#study .reading")
    assert vogt.locator("#study [data-key=c]").count() == 0
    vogt.goto(f"{url}/?list=second_requested")
    assert "another reader is wanted" in vogt.inner_text(".row .reader")
    rao.goto(f"{url}/?list=second_requested")
    settled(rao)
    rao.click(".row >> text=Claim")
    rao.wait_for_selector(f'#study[data-study="{first}"] >> text=Release')
    rao.click("#study button >> text=Final report given")
    rao.click("#study button[data-armed]")
    rao.wait_for_selector("#study >> text=; final.")
    assert kinds_of_reports(resources, first) == ["final", "final", "second"]

    decide(rao, "second-read")
    rao.wait_for_selector("#study >> text=; second read wanted.")
    rao.evaluate("document.querySelector('#decide').open = true")
    rao.fill("#second-read-withdraw-reason", "agreed by phone")
    rao.click("#study button >> text=Withdraw the second read")
    rao.wait_for_selector("#study >> text=; final.")
