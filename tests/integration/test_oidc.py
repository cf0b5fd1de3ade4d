"""Signing in through an identity provider on a real socket, with tokens that are really signed."""

import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from api import oidc_provider
from preread.keys import list_keys, revoke_key
from preread.people import id_of
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, providing
from tests.support.web import client_of, with_settings

jwt = pytest.importorskip("jwt", reason="the extra oidc is not installed")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def provider(key):
    with providing(key) as provider:
        provider.claims = {"realm": {"roles": ["radiologists", "canteen"]}, "sites": ["NH"]}
        yield provider


@pytest.fixture
def database_url(sqlite_url):
    """SQLite alone: nothing here depends on the database."""
    return sqlite_url


@pytest.fixture
def client(resources, provider):
    linked = with_settings(
        resources,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=SecretStr(CLIENT_SECRET),
        oidc_role_claim="realm.roles",
        oidc_roles="radiologists=reader, leads=coordinator",
        oidc_site_claim="sites",
        oidc_sites="NH=north, SH=south, HQ=*",
    )
    with client_of(linked) as client:
        yield client


def at_provider(client, next_path="/"):
    """Go to the provider and return the address that it sends the browser back to."""
    began = client.get("/sign-in/oidc", params={"next": next_path})
    assert began.status_code == 303, began.text
    answer = httpx.get(began.headers["location"])
    return answer.headers["location"].removeprefix("http://testserver")


def signed_in(client, next_path="/"):
    return client.get(at_provider(client, next_path))


def test_a_person_signs_in_with_role_and_site_of_the_token_and_out_again(client, resources):
    page = client.get("/sign-in?next=/quality").text
    assert "/sign-in/oidc?next=/quality" in page
    answer = signed_in(client, "/?level=critical")
    assert answer.status_code == 200
    assert 'content="0;url=/?level=critical"' in answer.text
    cookie = next(one for one in answer.headers.get_list("set-cookie") if "session" in one)
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get("/").status_code == 200
    assert client.get("/v1/worklist?site=south").status_code == 403
    assert client.get("/v1/quality").status_code == 403
    (person,) = list_keys(resources)
    assert (person.label, person.role, person.sites) == ("Dr. Anna", "reader", frozenset({"north"}))
    out = client.post("/sign-out", headers={"Sec-Fetch-Site": "same-origin"})
    assert out.headers["location"] == "/sign-in"
    assert client.get("/v1/worklist").status_code == 401


def test_the_request_asks_for_a_code_with_pkce_and_fresh_secrets(client, provider):
    asked = []
    for _ in range(2):
        url = client.get("/sign-in/oidc").headers["location"]
        assert url.startswith(f"{provider.issuer}/authorize?")
        asked.append({k: v[0] for k, v in parse_qs(urlsplit(url).query).items()})
    assert asked[0]["response_type"] == "code"
    assert asked[0]["code_challenge_method"] == "S256"
    assert asked[0]["redirect_uri"] == "http://testserver/sign-in/oidc/return"
    for secret in ("state", "nonce", "code_challenge"):
        assert asked[0][secret] != asked[1][secret]


BAD_CLAIMS = [
    {"nonce": "another"},
    {"nonce": None},
    {"aud": "another"},
    {"aud": [CLIENT_ID, "another"], "azp": "another"},
    {"iss": "https://another.example"},
    {"exp": int(time.time()) - 3600},
    {"exp": None},
    {"iat": int(time.time()) + 3600},
    {"sub": None},
    {"realm": {"roles": ["canteen"]}},
    {"realm": None},
    {"realm": "radiologists"},
    {"sites": []},
    {"sites": ["elsewhere"]},
]


def test_a_token_that_is_not_good_or_gives_no_role_or_site_opens_nothing(client, provider):
    good = provider.claims
    for claims in BAD_CLAIMS:
        provider.claims = {**good, **claims}
        assert signed_in(client).status_code == 401, claims
        assert client.get("/v1/worklist").status_code == 401, claims
    provider.claims = good
    assert signed_in(client).status_code == 200


def test_a_person_of_two_sites_sees_both_and_no_third(client, resources, provider):
    provider.claims |= {"sites": ["NH", "SH"]}
    signed_in(client)
    (person,) = list_keys(resources)
    assert person.sites == frozenset({"north", "south"})
    assert client.get("/v1/worklist?site=south").status_code == 200
    assert client.get("/v1/worklist?site=elsewhere").status_code == 403


def test_a_token_signed_by_another_key_or_by_a_shared_word_opens_nothing(client, provider):
    provider.signed_by = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert signed_in(client).status_code == 401
    provider.signed_by, provider.algorithm = CLIENT_SECRET * 2, "HS256"
    assert signed_in(client).status_code == 401
    provider.signed_by, provider.algorithm = "", "none"
    assert signed_in(client).status_code == 401


def test_only_the_browser_that_began_can_end_a_sign_in_and_only_once(client):
    back = at_provider(client)
    cookies = dict(client.cookies)
    client.cookies.clear()
    assert client.get(back).status_code == 401  # a link that somebody sent
    client.get("/sign-in/oidc")
    assert client.get(back).status_code == 401  # the state of another attempt
    client.cookies.clear()
    for name, value in cookies.items():
        client.cookies.set(name, value, path="/sign-in/oidc")
    assert client.get(back).status_code == 200
    assert client.get(back).status_code == 401
    assert client.get("/sign-in/oidc/return?error=access_denied&state=x").status_code == 401


def test_a_new_sign_in_changes_the_role_and_a_revoked_person_stays_out(client, resources, provider):
    signed_in(client)
    provider.claims |= {"realm": {"roles": ["radiologists", "leads"]}, "sites": "HQ"}
    signed_in(client)
    assert client.get("/v1/quality").status_code == 200
    (person,) = list_keys(resources)
    assert (person.role, person.sites) == ("coordinator", None)
    assert person.key_id == id_of(provider.issuer, "anna")
    revoke_key(resources, person.key_id)
    assert client.get("/v1/worklist").status_code == 401
    assert "revoked" in signed_in(client).text


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_a_sign_in_leads_nowhere_else(client, target):
    assert 'content="0;url=/"' in signed_in(client, target).text


def test_a_provider_that_is_not_the_one_of_the_settings_is_refused(client, provider):
    provider.issuer += "/"
    assert client.get("/sign-in/oidc").status_code == 401


@pytest.mark.parametrize("why", ["not installed", "not configured"])
def test_without_extra_or_provider_there_is_no_button_and_every_page_works(
    client, resources, monkeypatch, why
):
    if why == "not configured":
        with client_of(resources) as plain:
            assert "oidc" not in plain.get("/sign-in").text
            assert plain.get("/sign-in/oidc").status_code == 404
        return
    monkeypatch.setattr(oidc_provider, "find_spec", lambda _: None)
    shown = client.get("/sign-in")
    assert (shown.status_code, "oidc" in shown.text) == (200, False)
    assert client.get("/sign-in/oidc/return?code=x&state=y").status_code == 404
