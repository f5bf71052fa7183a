"""One person on two phones, over HTTP on the deployed stack: joined, read as one, parted."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from infra.local.aws import REGION
from tests.e2e.calls import PATIENCE, register


class Admin:
    """What an app's admin may ask, on the app's paths."""

    def __init__(self, http: httpx.Client, stack: dict[str, Any]) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {stack['role_tokens']['admin']}"}
        self.app = f"/v1/apps/{stack['app_id']}"

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self._http.request(method, f"{self.app}{path}", json=body, headers=self._headers)


@pytest.fixture
def admin(http: httpx.Client, stack: dict[str, Any]) -> Admin:
    """An admin of an app that trusts the pool's users: any of its tokens names a person."""
    found = Admin(http, stack)
    pool = stack["user_pool"]
    issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{pool['id']}"
    trusted = {"issuer": issuer, "audiences": [pool["client_id"]]}
    assert found.ask("PATCH", "", {"issuers": [trusted]}).status_code == 200
    return found


def test_two_contacts_become_one_person_and_two_again(
    http: httpx.Client, stack: dict[str, Any], admin: Admin
) -> None:
    people = [logged_in(http, stack, stack["role_tokens"][name]) for name in ("viewer", "editor")]
    one, other = people
    added = {"add_identifiers": [{"namespace": "email", "value": f"{one[-8:]}@example.com"}]}
    assert admin.ask("PATCH", f"/contacts/{one}", added).status_code == 200
    assert admin.ask("PATCH", f"/contacts/{other}", {"add_tags": ["vip"]}).status_code == 200

    edge = admin.ask("POST", f"/contacts/{one}/merges", {"other_contact_id": other})
    assert edge.status_code == 201, edge.text
    profile = admin.ask("GET", f"/contacts/{other}").json()
    assert (profile["contact_id"], profile["tags"]) == (one, ["vip"])
    assert registrations_on(admin, other) == 2

    removed = admin.ask("DELETE", f"/contacts/{one}/merges/{edge.json()['edge_id']}")
    assert removed.status_code == 204, removed.text
    assert admin.ask("GET", f"/contacts/{other}").json()["contact_id"] == other
    assert registrations_on(admin, other) == 1

    apart = admin.ask("POST", f"/contacts/{one}/keep-apart", {"other_contact_id": other})
    assert apart.status_code == 204, apart.text
    refused = admin.ask("POST", f"/contacts/{one}/merges", {"other_contact_id": other})
    assert refused.json()["code"] == "kept_apart"


def test_a_person_is_given_out_and_erased(
    http: httpx.Client, stack: dict[str, Any], admin: Admin
) -> None:
    person = logged_in(http, stack, stack["role_tokens"]["sender"])
    email = f"{person[-8:].lower()}@example.com"
    assert admin.ask("PATCH", "", {"kept_identifiers": ["email"]}).status_code == 200
    added = {"add_identifiers": [{"namespace": "email", "value": email}]}
    assert admin.ask("PATCH", f"/contacts/{person}", added).status_code == 200

    export = admin.ask("GET", f"/contacts/{person}/export?limit=200").json()
    (contact,) = [
        item["data"]
        for item in export["items"]
        if item["kind"] == "contact" and item["data"]["contact_id"] == person
    ]
    assert email in [one["value"] for one in contact["identifiers"]]

    asked = admin.ask("DELETE", f"/contacts/{person}")
    assert asked.status_code == 202, asked.text
    assert admin.ask("GET", f"/contacts/{person}").json()["code"] == "contact_erased"
    assert eventually(
        lambda: admin.ask("GET", f"/contacts/{person}/erasure").json()["state"], "settling"
    )
    again = logged_in(http, stack, stack["role_tokens"]["sender"])
    assert again != person


def eventually(read: Callable[[], str], wanted: str) -> bool:
    """Say whether something is read before patience ends."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if read() == wanted:
            return True
    return False


def logged_in(http: httpx.Client, stack: dict[str, Any], user_token: str) -> str:
    """Register a phone, log its person in, and return the contact."""
    phone = register(http, stack["app_id"])
    answer = http.put(
        f"/v1/apps/{stack['app_id']}/devices/{phone['device_id']}/contact",
        json={"user_token": user_token},
        headers={"Authorization": f"Bearer {phone['device_token']}"},
    )
    assert answer.status_code == 200, answer.text
    contact: str = answer.json()["contact_id"]
    return contact


def registrations_on(admin: Admin, contact: str) -> int:
    """Return how many phones a contact's timeline saw registering."""
    timeline = admin.ask("GET", f"/contacts/{contact}/timeline?type=device.registered.v1").json()
    return len(timeline["items"])
