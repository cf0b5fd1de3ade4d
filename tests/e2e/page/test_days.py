"""A reader's and a coordinator's day in short, by keys where a person would use keys."""

import pytest

from preread.keys import Role
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import send_study
from tests.support.chromium import eventually
from tests.support.seed import failed, pre_read_of

pytestmark = pytest.mark.browser


@pytest.fixture
def bleeding(served, clock):
    """A study with slices that is critical and stands on top, and one that failed."""
    resources, _ = served
    send_study(resources, 1, order_class=OrderClass.ROUTINE)
    failing = failed(resources)
    clock.forward(1)
    study_id = send_study(resources, 2, slices=5, order_class=OrderClass.STAT)
    pre_read_of(resources, Level.CRITICAL, (HemorrhageType.SDH,), slices=True)
    return study_id, failing


def test_a_reader_takes_looks_and_reports_by_keys(visit, served, bleeding):
    resources, _ = served
    study_id, _ = bleeding
    page = visit(Role.READER, name="Dr. Vogt")
    page.keyboard.press("n")
    page.wait_for_selector(f'#study[data-study="{study_id}"] .viewer[data-ready]')
    page.wait_for_selector(f'.row[data-study="{study_id}"]', state="detached")
    assert "you" in page.inner_text(".taken")

    picture = page.locator(".viewer img")
    at = page.locator(".viewer input[type=range]")
    eventually(page, "/overlay=true/.test(document.querySelector('.viewer img').src)")
    page.keyboard.press("o")
    eventually(page, "!/overlay=true/.test(document.querySelector('.viewer img').src)")
    page.keyboard.press("w")
    eventually(page, "/window=subdural/.test(document.querySelector('.viewer img').src)")
    before = int(at.input_value())
    page.keyboard.press("v")
    page.keyboard.press("ArrowDown")
    eventually(page, f"/slices.{before - 1}.png/.test(document.querySelector('.viewer img').src)")
    picture.hover()
    page.mouse.wheel(0, 80)
    eventually(page, f"document.querySelector('.viewer input').value === '{before - 3}'")
    page.click("[data-slice]")
    assert int(at.input_value()) == before

    page.keyboard.press("4")
    page.wait_for_selector("#feedback [data-score='4'][aria-pressed=true]")
    with resources.reading() as work:
        assert [one.judgment.score for one in work.feedback.of_study(study_id)] == [4]

    page.click("#study button[data-arm] >> nth=0")
    with resources.reading() as work:
        assert work.studies.get(study_id).read_state == "claimed"
    page.click("#study button[data-armed]")
    page.wait_for_selector("text=; final.")
    page.wait_for_selector(".taken", state="detached")
    assert [c["name"] for c in page.context.cookies()] == ["preread_session"]


def test_a_colleague_sees_who_has_a_study_and_gets_it_back(visit, bleeding):
    study_id, _ = bleeding
    first, second = visit(Role.READER, name="Dr. Vogt"), visit(Role.READER, name="Dr. Rao")
    first.keyboard.press("j")
    first.keyboard.press("c")
    second.wait_for_selector(".taken >> text=Dr. Vogt")
    assert second.locator(f'.row[data-study="{study_id}"]').count() == 0
    first.click(".taken a")
    first.wait_for_selector("#study [data-key=c]")
    first.keyboard.press("c")
    second.wait_for_selector(f'.row:first-child[data-study="{study_id}"]')


def test_a_critical_study_sounds_once_until_somebody_heard_it(visit, bleeding):
    del bleeding
    page = visit(Role.READER)
    assert page.locator(".calls li").count() == 1
    page.keyboard.press("j")
    eventually(page, "document.body.dataset.rang === '1'")
    page.reload()
    page.keyboard.press("j")
    page.wait_for_selector("#sound[aria-pressed=true]")
    page.keyboard.press("m")
    page.wait_for_selector("#sound[aria-pressed=false]")
    assert page.evaluate("document.body.dataset.rang") is None
    page.click(".calls >> text=Heard")
    page.wait_for_selector(".calls", state="detached")


def test_a_coordinator_holds_pins_retries_and_searches(visit, bleeding):
    study_id, failing = bleeding
    page = visit(Role.COORDINATOR)
    page.click(f'.row[data-study="{failing}"] a.open')
    page.click("#decide summary")
    page.fill("#pin-reason", "called by the ward")
    page.click("#decide button:text-is('Pin')")
    page.wait_for_selector(f'.row:first-child[data-study="{failing}"] .badge.pin')
    page.fill("#hold-reason", "prior study missing")
    page.click("#decide button:text-is('Hold')")
    page.wait_for_selector(f'.row[data-study="{failing}"]', state="detached")
    page.click("#study >> text=Back on the list")
    page.wait_for_selector(f'.row[data-study="{failing}"]')
    page.click(f'.row[data-study="{failing}"] >> text=Retry AI')
    page.wait_for_selector(f'.row[data-study="{failing}"] >> text=AI pending')
    page.keyboard.press("/")
    page.keyboard.type("acc2")
    eventually(page, "document.querySelectorAll('.row').length === 1")
    assert page.locator(".row").get_attribute("data-study") == study_id
    assert "accession=acc2" in page.url
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.is_visible("#help >> text=claim or release")
    page.uncheck("#single-keys")
    page.click("#help >> text=Close")
    page.keyboard.press("?")
    assert not page.is_visible("#help")


def test_light_and_dark_are_the_persons_choice_and_stay(visit):
    page = visit(Role.READER, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.click("#theme")
    dark = page.evaluate(ground)
    page.reload()
    assert page.evaluate(ground) == dark != light
