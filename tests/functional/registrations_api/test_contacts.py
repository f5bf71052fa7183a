"""Contacts over HTTP: profiles, identifiers, merges."""

from typing import Any

import pytest

from tests.functional.conftest import POOL, Deployment

EMAIL = {"namespace": "email", "value": "Ada@Example.com"}


@pytest.fixture
def app_id(deployed: Deployment) -> str:
    return deployed.an_app(issuers=[{"issuer": POOL, "audiences": ["the-app"]}])


def logged_in(deployed: Deployment, app_id: str, subject: str) -> str:
    """Register a phone, log somebody in on it, and return the contact's path."""
    device = deployed.a_device(app_id, f"phone-of-{subject}")
    known = deployed.log_in(device, subject, audience="the-app")
    return f"/v1/apps/{app_id}/contacts/{known['contact_id']}"


def ask(deployed: Deployment, route: str, body: Any = None) -> Any:
    return deployed.request(route, body, bearer=deployed.operator())


def test_a_marketer_adds_an_identifier_that_is_shown_masked(
    deployed: Deployment, app_id: str
) -> None:
    ada = logged_in(deployed, app_id, "ada")
    answer = ask(deployed, f"PATCH {ada}", {"add_identifiers": [EMAIL]})
    assert {"namespace": "email", "masked": "a…@e….com"} in answer.body["identifiers"]
    grace = logged_in(deployed, app_id, "grace")
    taken = ask(deployed, f"PATCH {grace}", {"add_identifiers": [EMAIL]})
    assert (taken.status, taken.body["code"]) == (409, "identifier_taken")


def test_a_contact_adds_no_identifier_unproven(deployed: Deployment, app_id: str) -> None:
    from tests.fakes.issuer import OidcIssuer  # noqa: PLC0415

    ada = logged_in(deployed, app_id, "ada")
    own = OidcIssuer(POOL, audience="the-app").token("ada")
    answer = deployed.request(f"PATCH {ada}", {"add_identifiers": [EMAIL]}, bearer=own)
    assert (answer.status, answer.body["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("value", "code"), [("null", "blocked_identifier"), ("ada", "invalid_identifier")]
)
def test_what_is_no_identifier_is_refused(
    deployed: Deployment, app_id: str, value: str, code: str
) -> None:
    ada = logged_in(deployed, app_id, "ada")
    body = {"add_identifiers": [{"namespace": "email", "value": value}]}
    answer = ask(deployed, f"PATCH {ada}", body)
    assert (answer.status, answer.body["code"]) == (422, code)


def test_two_contacts_are_merged_and_parted(deployed: Deployment, app_id: str) -> None:
    ada, grace = (logged_in(deployed, app_id, name) for name in ("ada", "grace"))
    graces_id = grace.rpartition("/")[2]
    ask(deployed, f"PATCH {grace}", {"add_tags": ["vip"]})
    edge = ask(deployed, f"POST {ada}/merges", {"other_contact_id": graces_id})
    assert (edge.status, edge.body["cause"]) == (201, "hand")
    profile = ask(deployed, f"GET {grace}")
    assert profile.body["contact_id"] == ada.rpartition("/")[2]
    assert profile.body["tags"] == ["vip"]
    assert len(profile.body["devices"]) == 2
    timeline = ask(deployed, f"GET {ada}/timeline")
    assert len([e for e in timeline.body["items"] if "device.registered" in e["type"]]) == 2
    again = ask(deployed, f"POST {grace}/merges", {"other_contact_id": ada.rpartition("/")[2]})
    assert (again.status, again.body["code"]) == (409, "same_person")

    removed = f"DELETE {ada}/merges/{edge.body['edge_id']}"
    assert ask(deployed, removed).status == 204
    assert ask(deployed, removed).body["code"] == "merge_not_found"
    assert ask(deployed, f"GET {grace}").body["contact_id"] == graces_id
    edges = ask(deployed, f"GET {ada}/merges").body["items"]
    assert [one["removed_at"] is None for one in edges] == [True, False]


def test_contacts_that_are_kept_apart_are_not_merged(deployed: Deployment, app_id: str) -> None:
    ada, grace = (logged_in(deployed, app_id, name) for name in ("ada", "grace"))
    other = {"other_contact_id": grace.rpartition("/")[2]}
    assert ask(deployed, f"POST {ada}/keep-apart", other).status == 204
    answer = ask(deployed, f"POST {ada}/merges", other)
    assert (answer.status, answer.body["code"]) == (422, "kept_apart")


def test_a_viewer_sees_which_attributes_there_are_and_not_their_values(
    deployed: Deployment, app_id: str
) -> None:
    ada = logged_in(deployed, app_id, "ada")
    ask(deployed, f"PATCH {ada}", {"attributes": {"city": "London"}})
    shown = {
        role: deployed.request(f"GET {ada}", bearer=deployed.marketer(app_id, role)).body
        for role in ("viewer", "editor")
    }
    assert shown["viewer"]["attributes"] == {"city": "…"}
    assert shown["editor"]["attributes"] == {"city": "London"}


def test_an_app_keeps_only_what_may_be_kept(deployed: Deployment) -> None:
    body = {"name": "Shop", "org": "com.example", "platforms": ["ios"]}
    for kept, status in ((["email", "customer"], 201), (["oidc"], 422)):
        answer = deployed.request(
            "POST /v1/apps", {**body, "kept_identifiers": kept}, bearer=deployed.operator()
        )
        assert answer.status == status, answer.body
