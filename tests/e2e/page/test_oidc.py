"""The sign-in through a provider of another site, in a browser that keeps strict cookies strictly."""

import pytest
from pydantic import SecretStr

from tests.support.chromium import WAIT_MS, violations
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, providing
from tests.support.web import server_of, with_settings

pytest.importorskip("jwt", reason="the extra oidc is not installed")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")

pytestmark = pytest.mark.browser


@pytest.fixture
def provider():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    # Another site than 127.0.0.1, so that what comes back from it comes across sites.
    with providing(key, host="localhost") as provider:
        provider.claims = {"roles": "radiologists"}
        yield provider


def test_a_person_comes_back_from_the_provider_to_the_page_that_was_wanted(
    browser, resources, provider
):
    linked = with_settings(
        resources,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=SecretStr(CLIENT_SECRET),
        oidc_roles="radiologists=reader",
        reconcile_interval_s=3600.0,
    )
    with server_of(linked) as (url, _):
        context = browser.new_context(viewport={"width": 390, "height": 800})
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.goto(f"{url}/?level=critical")
        assert page.url.startswith(f"{url}/sign-in")
        assert violations(page) == []
        page.click("text=Sign in with your organization")
        page.wait_for_selector("#live")
        assert page.url == f"{url}/?level=critical"
        (cookie,) = [one for one in context.cookies() if one["name"] == "preread_session"]
        assert (cookie["sameSite"], cookie["httpOnly"]) == ("Strict", True)
        context.close()
