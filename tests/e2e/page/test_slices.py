"""The slices of a study where the line is slow or an answer is damaged."""

import pytest

from preread.terms import HemorrhageType, Level
from tests.builders import send_study
from tests.support.seed import pre_read_of

pytestmark = pytest.mark.browser


def test_a_slice_that_has_not_come_is_not_taken_for_the_one_that_is_shown(visit, served):
    resources, _ = served
    send_study(resources, slices=5)
    study_id = pre_read_of(resources, Level.CRITICAL, (HemorrhageType.SDH,), slices=True)
    page = visit()
    held = []
    page.route("**/slices/*window=subdural*", lambda route: held.append(route))  # noqa: PLW0108 - a bare method is refused
    page.click(f'[data-study="{study_id}"] a.open')
    page.wait_for_selector('.viewer[data-picture="shown"]')
    before = page.get_attribute(".viewer img", "src")

    page.keyboard.press("w")
    page.wait_for_selector('.viewer[data-picture="late"] output >> text=loading')
    assert page.get_attribute(".viewer img", "src") == before
    for route in held:
        route.fulfill(status=200, content_type="image/png", body=b"no picture")
    page.wait_for_selector('.viewer[data-picture="missing"] output >> text=cannot be shown')
    assert not page.is_visible(".viewer .stage img")
    page.keyboard.press("w")
    page.wait_for_selector('.viewer[data-picture="shown"]')
    assert "window=bone" in page.get_attribute(".viewer img", "src")
    assert page.is_visible(".viewer .stage img")
