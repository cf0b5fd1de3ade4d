"""An administrator's path: a site, a key, a policy from draft to in force and back."""

import re

import pytest

from preread.keys import Role, caller_of_key
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import send_study
from tests.support.chromium import violations
from tests.support.seed import pre_read_of

pytestmark = pytest.mark.browser


def positions(page, url):
    page.goto(url)
    page.wait_for_selector(".row")
    return page.locator(".row").evaluate_all("rows => rows.map(row => row.dataset.study)")


def test_an_administrator_describes_a_site_and_makes_a_key_for_it(visit, served):
    resources, _ = served
    page = visit(Role.ADMIN, "/sites")
    page.fill("input[name=site]", "west")
    page.fill("input[name=title]", "West Hospital")
    page.click("text=Add a site")
    page.wait_for_selector("h2:has-text('Site west')")
    page.fill("input[name=license]", "us-tx")
    page.fill("input[name=viewer_url]", "https://viewer.example/?study={study_instance_uid}")
    page.click("button:text-is('Save')")
    page.wait_for_selector("text=Said by")
    page.fill("input[name=stat]", "15")
    page.click("button:text-is('Promise this')")
    page.click("button[data-armed]")
    page.wait_for_selector("th:has-text('1, now')")
    assert page.input_value("input[name=license]") == "US-TX"
    assert violations(page) == []
    page.click("nav >> text=Sites")
    page.wait_for_selector("tr:has-text('West Hospital') >> text=US-TX")
    assert violations(page) == []

    page.click("nav >> text=Keys")
    page.wait_for_selector("h2:has-text('API keys')")
    page.fill("input[name=label]", "Dr. Rao")
    page.select_option("select[name=role]", "reader")
    page.fill("input[name=sites]", "north, west")
    page.fill("input[name=licenses]", "US-TX")
    page.click("button:text-is('Make a key')")
    secret = re.search(r"pr_[0-9a-f]{8}_[\w-]{43}", page.inner_text(".made"))[0]
    caller = caller_of_key(resources, secret)
    assert (caller.sites, caller.licenses) == ({"north", "west"}, {"US-TX"})
    assert violations(page) == []


def test_an_administrator_puts_a_policy_in_force_and_takes_it_back(visit, served, clock):
    resources, url = served
    stat = send_study(resources, 1, order_class=OrderClass.STAT)
    pre_read_of(resources)
    clock.forward(20 * 60)
    bleed = send_study(resources, 2, order_class=OrderClass.ROUTINE)
    pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,))
    page = visit(Role.ADMIN, "/policies")
    assert violations(page) == []
    page.fill("input[name=name]", "no head start for suspected")
    page.fill("input[name=suspected_head_start]", "0")
    page.click("text=Store the draft")
    page.wait_for_selector("h3:has-text('2 of 2 waiting studies would stand elsewhere')")
    assert violations(page) == []
    assert positions(page, url) == [bleed, stat]
    page.goto(f"{url}/policies/1")
    page.fill("form[action$=activate] input[name=reason]", "tried for a week")
    page.click("text=Put it in force")
    page.click("button[data-armed]")
    page.wait_for_selector("h3:has-text('it is in force')")
    assert "tried for a week" in page.inner_text("#record ~ .scroll")
    assert positions(page, url) == [stat, bleed]

    page.goto(f"{url}/policies/0")
    page.fill("form[action$=revert] input[name=reason]", "bleeds wait too long")
    page.click("text=Put it in force again")
    page.click("button[data-armed]")
    page.wait_for_selector("h3:has-text('it is in force')")
    assert positions(page, url) == [bleed, stat]
