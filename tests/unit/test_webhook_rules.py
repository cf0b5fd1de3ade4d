import ipaddress
import json
from datetime import UTC, datetime

import pytest

from preread.db.events import EventKind
from preread.webhooks.addresses import UrlNotAllowed, check_url, is_public
from preread.webhooks.attempts import FIRST_PAUSE_S, LONGEST_PAUSE_S, pause_s
from preread.webhooks.signing import new_secret, signed_headers
from preread.webhooks.types import _OF_EVENT, body_of, types_of

DAY_S = 86_400


def test_a_message_is_signed_as_in_the_example_of_standard_webhooks():
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_secrets_are_long_and_never_the_same():
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in secrets)


def test_every_event_that_is_told_exists():
    assert set(_OF_EVENT) <= {kind.value for kind in EventKind}


@pytest.mark.parametrize("level", ["none", "indeterminate", "not_assessed"])
def test_only_a_flag_is_told_as_a_flag(level):
    assert [one.value for one in types_of("pre_read_succeeded", {"level": level})] == [
        "pre_read.ready"
    ]


def test_a_message_holds_type_ids_and_links_and_nothing_else():
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    study_id = "3f2b8c1e-0000-4000-8000-000000000001"
    body = body_of("breaker.tripped", at, site="north", study_id=study_id, seq=7, base="https://p")
    assert json.loads(body) == {
        "type": "breaker.tripped",
        "timestamp": "2026-01-01T12:00:00.000Z",
        "data": {
            "site": "north",
            "study_id": study_id,
            "event_seq": 7,
            "links": {
                "study": f"https://p/v1/studies/{study_id}",
                "page": f"https://p/studies/{study_id}",
                "breaker": "https://p/v1/sites/north/breaker",
            },
        },
    }


def test_eighteen_attempts_reach_over_a_day_whatever_the_jitter():
    shortest = sum(pause_s(number, lambda: 0.0) for number in range(1, 18))
    longest = sum(pause_s(number, lambda: 1.0) for number in range(1, 18))
    assert DAY_S < shortest < longest < 2 * DAY_S
    assert pause_s(1, lambda: 0.0) == 0.75 * FIRST_PAUSE_S
    assert pause_s(1000, lambda: 1.0) == 1.25 * LONGEST_PAUSE_S


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.1.2.3"),
        *("100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "255.255.255.255", "192.88.99.1"),
        *("::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
        *("2001::1", "fe80::1", "fec0::1", "fc00::1", "ff02::1", "64:ff9b:1::1", "2001:db8::1"),
    ],
)
def test_an_address_that_leads_inside_or_nowhere_is_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9"])
def test_an_address_of_the_open_internet_is_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        *("http://ris.example/", "ftp://ris.example/", "//ris.example/", "https://", "https:///x"),
        *("https://user@ris.example/", "https://u:p@ris.example/", "https://ris.example/#x"),
        *(
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://[fe80::1%25eth0]/",
            "https://127.0.0.1:1/",
        ),
        *("https://ris.example:0/", "https://ris.example:99999/", "https://ris.example/a b"),
        *("https://ris.example\\@evil.example/", "https://r\u00eds.example/", "https://[::1"),
        "https://ris.example/" + "a" * 500,
    ],
)
def test_a_url_that_could_lead_astray_is_refused(url):
    with pytest.raises(UrlNotAllowed):
        check_url(url, allow_http=False, allow_private=False)


def test_a_url_within_the_house_needs_the_settings():
    url = "http://10.0.0.1:8042/hook?from=preread"
    with pytest.raises(UrlNotAllowed):
        check_url(url, allow_http=True, allow_private=False)
    assert check_url(url, allow_http=True, allow_private=True) == url
    assert check_url("https://ris.example/hook", allow_http=False, allow_private=False)
