"""WCAG 2.2 A and AA by axe-core, in both color schemes and on a narrow screen."""

import pytest

from preread.claims import claim_study
from preread.feedback import Judgment
from preread.judging import give_feedback
from preread.keys import Role
from preread.reading import ReadStep
from preread.report import report_study
from preread.terms import HemorrhageType, Level
from tests.builders import caller_for, send_study
from tests.support.chromium import violations
from tests.support.seed import every_state, pre_read_of

# Together more than ten seconds.
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_list_and_study_break_no_rule_of_accessibility(visit, served, scheme):
    resources, _ = served
    every_state(resources)
    send_study(resources, 9, slices=3)
    study_id = pre_read_of(resources, Level.CRITICAL, (HemorrhageType.SDH,), slices=True)
    page = visit(color_scheme=scheme, reduced_motion="reduce")
    page.click(f'[data-study="{study_id}"] a.open')
    page.wait_for_selector(".viewer[data-ready]")
    page.keyboard.press("f")
    assert violations(page) == []


def test_the_other_pages_break_no_rule_of_accessibility(visit, served, clock):
    resources, _ = served
    send_study(resources)
    study_id = pre_read_of(resources, Level.CRITICAL, (HemorrhageType.SDH,))
    by = caller_for(resources)
    lease = claim_study(resources, study_id, by=by)
    report_study(resources, study_id, ReadStep.FINAL_REPORT, by=by, token=lease.token)
    said = Judgment(1, 4, (HemorrhageType.SDH,), (), None, None)
    give_feedback(resources, study_id, said, reader=by.key_id, sites=None)
    clock.forward(1)
    page = visit(Role.ADMIN, "/keys", viewport={"width": 390, "height": 844})
    for path in ("/turnaround", "/quality", "/sign-in"):
        assert violations(page) == []
        page.goto(served[1] + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("nav").evaluate_all("all => all.every(nav => nav.scrollWidth <= 390)")
        assert (page.locator("svg[role=img]").count() > 2) == (path != "/sign-in")
    assert violations(page) == []
    page.evaluate("document.documentElement.removeAttribute('lang')")
    assert any(found.startswith("html-has-lang:") for found in violations(page))
