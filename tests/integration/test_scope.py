"""Keys of several sites, licenses to read for a site, and what is said of sites."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from preread.claims import claim_first
from preread.db.worklist import NextQuery, WorklistQuery
from preread.keys import Role, caller_of_key, create_key
from preread.sites import describe_site
from preread.terms import HemorrhageType, Level, OrderClass
from tests.builders import caller_for, send_study
from tests.support.seed import pre_read_of
from tests.support.web import bearer, client_of

SITES = ("north", "south", "east")


@pytest.fixture
def client(resources):
    with client_of(resources) as client:
        client.headers.update(bearer(resources, Role.ADMIN))
        yield client


def key_of(resources, sites, *licenses, role=Role.READER):
    key = create_key(resources, role, label="Dr. Rao", sites=sites, licenses=licenses)
    return {"Authorization": f"Bearer {key}"}


def arrivals(resources, clock, count=6):
    """Studies of three sites in turn, each a minute after the one before."""
    made = []
    for number in range(count):
        made.append(send_study(resources, number + 1, site=SITES[number % 3]))
        clock.forward(60)
    return made


def test_a_key_of_two_sites_sees_these_in_one_order_page_by_page_and_nothing_else(
    client, resources, clock
):
    made = arrivals(resources, clock)
    urgent = send_study(resources, 9, site="south", order_class=OrderClass.STAT)
    own = [urgent, made[0], made[1], made[3], made[4]]
    headers = key_of(resources, ["north", "south"])
    found, path = [], "/v1/worklist?limit=2"
    while path:
        page = client.get(path, headers=headers).json()
        found += [row["study"]["study_id"] for row in page["studies"]]
        cursor = page["next_cursor"]
        path = cursor and f"/v1/worklist?limit=2&cursor={cursor}"
    assert found == own
    assert page["counts"]["waiting"] == len(own)
    assert client.get("/v1/worklist?site=south", headers=headers).json()["counts"]["waiting"] == 3
    assert client.get("/v1/worklist?site=east", headers=headers).status_code == 403
    assert client.get(f"/v1/studies/{made[2]}", headers=headers).status_code == 404
    assert client.post(f"/v1/studies/{made[2]}/claim", headers=headers).status_code == 404
    taken = [client.post("/v1/worklist/next", headers=headers) for _ in range(6)]
    assert [one.json()["study"]["study_id"] for one in taken[:5]] == own
    assert taken[5].status_code == 204
    upload = client.post("/v1/studies", headers=key_of(resources, SITES, role=Role.SENDER))
    assert upload.status_code in {400, 415, 422}


def test_next_passes_over_sites_whose_license_the_key_does_not_name(client, resources, clock):
    made = arrivals(resources, clock, count=3)
    for site, name in (("north", "US-TX"), ("south", "US-CA")):
        answer = client.put(f"/v1/sites/{site}", json={"title": site.title(), "license": name})
        assert (answer.status_code, answer.json()["license"]) == (200, name)
    texan, free = key_of(resources, None, "US-TX"), key_of(resources, None)
    refused = client.post(f"/v1/studies/{made[1]}/claim", headers=texan)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "US-CA" in refused.json()["detail"]
    only = client.post("/v1/worklist/next", headers=texan, json={"license": "US-CA"})
    assert only.status_code == 204
    found = [client.post("/v1/worklist/next", headers=texan) for _ in range(3)]
    assert [one.json()["study"]["study_id"] for one in found[:2]] == [made[0], made[2]]
    assert found[2].status_code == 204
    taken = client.post(f"/v1/studies/{made[0]}/take-over", headers=free, json={"reason": "late"})
    assert taken.status_code == 403
    reader = caller_for(resources).key_id
    given = client.post(f"/v1/studies/{made[1]}/assign", json={"reader": reader})
    assert given.status_code == 400
    client.put("/v1/sites/south", json={"title": "South"})
    assert client.post(f"/v1/studies/{made[1]}/claim", headers=free).status_code == 200


def test_readers_of_overlapping_sites_who_take_the_next_at_once_get_different_studies(
    resources, clock
):
    made = arrivals(resources, clock, count=9)
    readers = [
        caller_of_key(resources, create_key(resources, Role.READER, label="x", sites=sites))
        for sites in (["north", "south"], ["south", "east"], ["east", "north"]) * 3
    ]
    with ThreadPoolExecutor(9) as pool:
        leases = pool.map(
            lambda by: claim_first(resources, NextQuery(sites=by.sites), by=by), readers
        )
        taken = [lease.study.id for lease in leases if lease is not None]
    assert len(set(taken)) == len(taken)
    with resources.reading() as work:
        left = {one.id for one in work.worklist.page(WorklistQuery()).studies}
    assert left == set(made) - set(taken)


def test_keys_are_made_listed_and_revoked_and_the_secret_is_shown_once(client, resources):
    said = {"role": "reader", "label": "Dr. Rao", "sites": ["south", "north"], "licenses": ["TX"]}
    made = client.post("/v1/keys", json=said)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    secret, key = made.json()["secret"], made.json()["key"]
    assert (key["sites"], key["licenses"], key["role"]) == (["north", "south"], ["TX"], "reader")
    assert secret not in client.get("/v1/keys").text
    assert key in client.get("/v1/keys").json()["keys"]
    own = {"Authorization": f"Bearer {secret}"}
    assert client.get("/v1/worklist", headers=own).status_code == 200
    revoked = client.post(f"/v1/keys/{key['key_id']}/revoke").json()
    assert revoked["revoked_at"] is not None
    assert client.get("/v1/worklist", headers=own).status_code == 401
    assert client.post("/v1/keys/00000000/revoke").json()["code"] == "key-not-found"
    for wrong in ({"sites": []}, {"sites": ["../a"]}, {"licenses": ["tx"]}, {"role": "king"}):
        assert client.post("/v1/keys", json={**said, **wrong}).status_code == 422, wrong
    bound = bearer(resources, Role.ADMIN, "north")
    assert client.get("/v1/keys", headers=bound).status_code == 403


def test_a_site_is_known_by_its_trace_and_its_viewer_wins_over_that_of_the_settings(
    client, resources
):
    study_id = send_study(resources, 1, site="north")
    pre_read_of(resources, Level.CRITICAL, (HemorrhageType.SDH,))
    by = caller_for(resources, Role.ADMIN)
    link = "https://viewer.example/open?uid={study_instance_uid}"
    describe_site(resources, "west", title="", viewer_url="", license_name=None, by=by)
    answer = client.put("/v1/sites/north", json={"title": "North Hospital", "viewer_url": link})
    assert answer.json()["viewer_url"] == link
    listed = {one["site"]: one["title"] for one in client.get("/v1/sites").json()["sites"]}
    assert listed == {"north": "North Hospital", "west": ""}
    south = bearer(resources, Role.ADMIN, "south")
    assert client.get("/v1/sites", headers=south).json()["sites"] == [
        {
            "site": "south",
            "title": "",
            "viewer_url": "",
            "license": None,
            "changed_at": None,
            "changed_by": None,
        }
    ]
    assert client.put("/v1/sites/north", json={}, headers=south).status_code == 403
    assert "https://viewer.example/open?uid=1.2.826" in client.get(f"/studies/{study_id}").text
    for wrong in ("javascript:alert(1)", "viewer.example", 'https://a"b', "data:text/html,x"):
        refused = client.put("/v1/sites/north", json={"viewer_url": wrong})
        assert (refused.status_code, refused.json()["errors"][0]["location"]) == (
            422,
            "body.viewer_url",
        )
