"""An administrator's path: a site, a key, a webhook, a policy from draft to in force and back."""

import re

import pytest

from preread.keys import Role, caller_of_key
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import key_for, send_study
from tests.support.chromium import WAIT_MS, violations
from tests.support.processes import wait_until
from tests.support.receiver import receiving
from tests.support.seed import pre_read_of
from tests.support.web import server_of, with_settings

# Together more than ten seconds.
pytestmark = [pytest.mark.browser, pytest.mark.slow]


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


def test_an_administrator_makes_a_webhook_and_has_a_lost_message_tried_anew(browser, resources):
    """On a service whose webhooks may go to this machine, and which gives up at once."""
    eager = with_settings(
        resources,
        webhook_allow_http=True,
        webhook_allow_private=True,
        webhook_attempts=1,
        reconcile_interval_s=0.2,
    )
    with receiving(statuses=[503, 204]) as receiver, server_of(eager) as (url, _):
        context = browser.new_context(viewport={"width": 390, "height": 844})
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.goto(f"{url}/sign-in?next=/sites#key={key_for(resources, Role.ADMIN)}")
        page.click("button[type=submit]")
        page.click("text=New webhook")
        page.fill("input[name=url]", receiver.url)
        page.check("text=alert escalated")
        assert violations(page) == []
        page.click("text=Make a webhook")
        assert "whsec_" in page.inner_text(".made")
        page.click("text=Send a test message")
        for _ in range(50):
            if page.locator("text=given up").count():
                break
            page.wait_for_timeout(100)
            page.goto(page.url)
        assert "refused: status 503" in page.inner_text("tr:has-text('given up')")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.click("text=All webhooks")
        page.wait_for_selector("tr:has-text('refused: status 503')")
        assert violations(page) == []
        page.click(f"a:text-is('{receiver.url}')")
        page.click("text=Try anew")
        wait_until(lambda: len(receiver.heard) > 1, timeout_s=10)
        page.click("text=Delete it")
        page.click("button[data-armed]")
        page.wait_for_selector("text=nobody is told")
        context.close()


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
