"""What a reader says of a pre-read, by keys: a score alone, or with what is really there."""

import pytest

from preread.feedback import FalsePositiveCause, MarkedPlace, VolumeVerdict
from preread.keys import Role
from preread.terms import HemorrhageType, Laterality, Level, Region
from tests.builders import send_study
from tests.support.chromium import eventually
from tests.support.seed import pre_read_of

pytestmark = pytest.mark.browser

AI = MarkedPlace(Region.FRONTAL_CONVEXITY, Laterality.RIGHT)


@pytest.fixture
def open_study(visit, served):
    """Opens a study of a level before a reader; gives the page and the judgments."""
    resources, _ = served

    def open_one(level, types):
        send_study(resources)
        study_id = pre_read_of(resources, level, types)

        def judgments():
            with resources.reading() as work:
                return [one.judgment for one in work.feedback.of_study(study_id)]

        page = visit(Role.READER)
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_selector("#feedback")
        return page, judgments

    return open_one


@pytest.fixture
def opened(open_study):
    return open_study(Level.SUSPECTED, (HemorrhageType.SDH,))


def saved(page, score):
    page.wait_for_selector(f"#feedback [data-score='{score}'][aria-pressed=true]")


def test_corrections_are_made_by_keys_and_one_key_alone_says_nothing_of_places(opened):
    page, judgments = opened
    page.keyboard.press("3")
    saved(page, 3)
    assert judgments()[0].types == (HemorrhageType.SDH,)
    assert judgments()[0].places == ()

    page.keyboard.press("f")
    eventually(page, "document.activeElement.name === 'types'")
    assert page.locator("#places input:checked").get_attribute("value") == "frontal_convexity:R"
    page.keyboard.press("Space")  # IPH is there as well
    page.focus("[name=side]")
    page.keyboard.type("left")
    page.focus("[name=region]")
    page.keyboard.type("ins")
    page.keyboard.press("Enter")
    assert page.locator("#places label").count() == 2
    page.check("[name=volume][value=too_small]", force=True)
    page.evaluate("document.querySelector('#study').dispatchEvent(new Event('refresh'))")
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")
    eventually(page, "document.querySelector('#toast').textContent.includes('with 2 places')")
    said = judgments()[-1]
    assert said.score == 3
    assert said.types == (HemorrhageType.IPH, HemorrhageType.SDH)
    assert said.places == (AI, MarkedPlace(Region.INSULA, Laterality.LEFT))
    assert said.volume is VolumeVerdict.TOO_SMALL
    page.reload()
    assert page.locator("#places input[checked]").count() == 2


def test_a_false_alarm_and_its_cause_are_one_press_and_take_nothing_along(opened):
    page, judgments = opened
    page.keyboard.press("f")
    page.keyboard.press("Enter")  # gives no score that nobody chose
    page.keyboard.press("Escape")  # leaves the form and not the study
    page.uncheck("[name=types][value=SDH]")
    page.click("[data-score='3']")
    eventually(page, "document.querySelector('#toast').textContent.includes('false alarm: 0')")
    page.check("[name=types][value=SDH]")
    page.check("[name=volume][value=too_large]", force=True)
    page.click("[data-cause] >> text=vessel")
    saved(page, 0)
    (said,) = judgments()
    assert (said.score, said.types, said.places, said.volume) == (0, (), (), None)
    assert said.cause is FalsePositiveCause.VESSEL
    assert page.locator("#feedback [name=types]:checked").count() == 0


def test_4_says_of_a_study_without_flag_that_nothing_is_there_and_gives_no_score(open_study):
    page, judgments = open_study(Level.NONE, ())
    page.keyboard.press("3")
    eventually(page, "document.querySelector('#toast').textContent.includes('Tick first')")
    page.keyboard.press("4")
    page.wait_for_selector("#no-bleed[aria-pressed=true]")
    (said,) = judgments()
    assert (said.score, said.types) == (None, ())
