import pytest

from preread.db.tables.access import ApiKeyRow, BrowserSessionRow
from preread.errors import InvalidRequest, NotAuthenticated
from preread.keys import (
    Role,
    caller_of_key,
    caller_of_session,
    create_key,
    list_keys,
    revoke_key,
    sign_in,
    sign_out,
)


def test_a_key_tells_who_calls_and_its_secret_is_nowhere_kept(resources):
    key = create_key(resources, Role.SENDER, label="gateway", sites=["north"])
    caller = caller_of_key(resources, key)
    assert (caller.role, caller.sites) == (Role.SENDER, {"north"})
    secret = key.split("_", 2)[2]
    with resources.reading() as work:
        row = work.session.get(ApiKeyRow, caller.key_id)
        kept = [getattr(row, column.key) for column in ApiKeyRow.__table__.columns]
    assert not any(secret in str(value) for value in kept)


@pytest.mark.parametrize("wrong", ["", "pr_", "pr_00000000_" + "A" * 43, "Bearer x", "pr_x_y" * 40])
def test_a_key_that_is_not_ours_is_refused(resources, wrong):
    with pytest.raises(NotAuthenticated):
        caller_of_key(resources, wrong)


def test_a_key_with_one_wrong_letter_is_refused(resources):
    key = create_key(resources, Role.READER, label="x")
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    with pytest.raises(NotAuthenticated):
        caller_of_key(resources, wrong)


def test_a_revoked_key_and_its_sessions_end_at_once(resources):
    key = create_key(resources, Role.READER, label="x")
    caller, token = sign_in(resources, key)
    assert caller_of_session(resources, token) == caller
    assert revoke_key(resources, caller.key_id)
    for refused in (lambda: caller_of_key(resources, key), lambda: sign_in(resources, key)):
        with pytest.raises(NotAuthenticated):
            refused()
    with pytest.raises(NotAuthenticated):
        caller_of_session(resources, token)
    assert not revoke_key(resources, "00000000")


def test_a_key_expires(resources, clock):
    key = create_key(resources, Role.READER, label="x", valid_days=1)
    clock.forward(86_399)
    caller_of_key(resources, key)
    clock.forward(1)
    with pytest.raises(NotAuthenticated):
        caller_of_key(resources, key)


def test_a_session_ends_with_its_time_and_with_the_sign_out(resources, clock):
    key = create_key(resources, Role.READER, label="x")
    _, token = sign_in(resources, key)
    with resources.reading() as work:
        assert work.session.get(BrowserSessionRow, token) is None  # only its hash is kept
    sign_out(resources, token)
    with pytest.raises(NotAuthenticated):
        caller_of_session(resources, token)
    _, token = sign_in(resources, key)
    clock.forward(resources.settings.session_hours * 3600)
    with pytest.raises(NotAuthenticated):
        caller_of_session(resources, token)


def test_keys_are_listed_without_their_secrets(resources):
    key = create_key(resources, Role.ADMIN, label="console")
    (summary,) = list_keys(resources)
    assert (summary.label, summary.role, summary.sites) == ("console", Role.ADMIN, None)
    assert key.split("_", 2)[2] not in repr(summary)


@pytest.mark.parametrize(
    "said",
    [{"sites": ["north", "../north"]}, {"sites": []}, {"licenses": ["tx"]}],
    ids=["site", "no site", "license"],
)
def test_a_key_of_no_plain_site_or_license_is_refused(resources, said):
    with pytest.raises(InvalidRequest):
        create_key(resources, Role.READER, label="x", **said)
