"""One tenant never reaches another's things; every route of the document is tried."""

import json
from typing import Any

import pytest

from tests.deployment import Answer, Deployment
from tests.functional.furnishing import Furnisher
from tests.functional.tenants import (
    GUESS,
    LOG,
    OPERATIONS,
    REMINDER,
    ROLES,
    Operation,
    Tenant,
    call,
    is_problem,
    stored,
)

OF_AN_APP = [operation for operation in OPERATIONS if "app_id" in operation.names]
RELEASE = "POST /v1/apps/{app_id}/contact-decisions/{reservation_id}/release"
"""Again changes nothing: of what is not there it says the same, whoever's it was."""

OF_A_THING = [found for found in OF_AN_APP if len({*found.names} - {"store_id"}) > 1]
"""A store's name is free in each app: of one that nobody told of, there are no keys."""

BOOKED = {
    *("placements", "ad-templates", "advertisers", "ad-campaigns", "flights", "creatives", "ads"),
}
"""What marketers book, by the word of its path."""

CALLERS = ("device", "contact", "system", "till", *ROLES)


@pytest.fixture
def one(deployed: Deployment, furnisher: Furnisher) -> Tenant:
    return furnisher.tenant(deployed, "one")


@pytest.fixture
def other(deployed: Deployment, furnisher: Furnisher) -> Tenant:
    return furnisher.tenant(deployed, "other")


def in_the_others_app(operation: Operation, caller: str) -> int:
    """Return the status that a caller of one app gets on another app's path."""
    if operation.is_for_anyone or operation.proves_itself:
        return 401
    if caller in {"contact", "system", "till"}:
        return 401  # neither token nor secret is of that app, its devices, stores or issuers
    if caller in ROLES and operation.role:
        return 404
    if (caller == "device") != operation.is_for_devices:
        return 403  # such callers have no business on this route, whatever the app
    return 404


def in_its_own_app(operation: Operation, caller: str) -> int:
    """Return the status that a caller gets on the own app's path, about another app's thing."""
    if operation.proves_itself or (caller == "system" and not operation.is_for_systems):
        return 401
    if caller == "till" and not operation.is_for_tills:
        return 401
    if operation.is_for_devices:
        return _of_devices(operation, caller)
    if caller == "device":
        return 403
    if caller in ROLES and not operation.admits(caller):
        return 403
    return 204 if str(operation) == RELEASE and caller != "contact" else 404


def _of_devices(operation: Operation, caller: str) -> int:
    """Return the status that a caller gets on a route of devices, about another app's thing."""
    if caller in ROLES:
        return 404 if operation.admits(caller) else 403
    return 404 if caller in {"device", "till"} or "contact" in operation.access else 403


def leaks(answer: Answer, other: Tenant, *, sent: str) -> list[str]:
    """Return which ids of the other tenant an answer tells that the request did not hold."""
    text = json.dumps(answer.body)
    return [found for found in other.ids.values() if found in text and found not in sent]


@pytest.mark.parametrize("caller", CALLERS)
def test_nobody_reaches_into_another_app(
    deployed: Deployment, one: Tenant, other: Tenant, dynamodb_client: Any, caller: str
) -> None:
    before = stored(deployed, dynamodb_client, about=other.ids["app_id"])
    statuses, told = {}, {}
    for operation in OF_AN_APP:
        path = other.path(operation)
        answer = call(deployed, operation, path, one.bearers[caller], body_of(operation))
        assert is_problem(answer), (operation, answer)
        statuses[str(operation)] = answer.status
        told[str(operation)] = leaks(answer, other, sent=path)
    assert statuses == {str(found): in_the_others_app(found, caller) for found in OF_AN_APP}
    assert not any(told.values()), told
    assert stored(deployed, dynamodb_client, about=other.ids["app_id"]) == before


@pytest.mark.parametrize("caller", CALLERS)
def test_nobody_finds_another_apps_things_in_the_own_app(
    deployed: Deployment, one: Tenant, other: Tenant, dynamodb_client: Any, caller: str
) -> None:
    before = stored(deployed, dynamodb_client, but_for=(LOG, GUESS))
    tried = [operation for operation in OF_A_THING if not operation.is_for_anyone]
    statuses, told = {}, {}
    for operation in tried:
        path = other.path(operation, app_id=one.ids["app_id"])
        answer = call(deployed, operation, path, one.bearers[caller], body_of(operation))
        assert is_problem(answer) or answer.body is None, (operation, answer)
        statuses[str(operation)] = answer.status
        told[str(operation)] = leaks(answer, other, sent=path)
    assert statuses == {str(found): in_its_own_app(found, caller) for found in tried}
    assert not any(told.values()), told
    assert stored(deployed, dynamodb_client, but_for=(LOG, GUESS)) == before


def body_of(operation: Operation) -> dict[str, Any] | None:
    """Return a body with which an operation gets as far as its ids."""
    app, contact = "/v1/apps/{app_id}", "/v1/apps/{app_id}/contacts/{contact_id}"
    coupon = "/v1/apps/{app_id}/coupons/{coupon_id}"
    another = {"other_contact_id": f"con_{'0' * 26}"}
    bodies: dict[str, dict[str, Any]] = {
        f"PUT {app}/devices/{{device_id}}": {"platform": "android", "client_seq": 9},
        f"POST {contact}/merges": another,
        f"POST {contact}/keep-apart": another,
        f"PUT {app}/templates/{{template_id}}": {
            "name": "t",
            "default_locale": "en",
            "contents": {"en": {"title": "Hello"}},
            "version": 1,
        },
        f"PATCH {app}/devices/{{device_id}}/inbox/{{message_id}}": {"state": "read"},
        f"PUT {app}/in-app-messages/{{in_app_id}}": {
            "name": "hello",
            "content": {"layout": "banner", "title": "Hello"},
            "version": 1,
        },
        f"POST {app}/in-app-messages/{{in_app_id}}/activate": {"version": 1},
        f"POST {app}/in-app-messages/{{in_app_id}}/pause": {"version": 1},
        f"PUT {app}/segments/{{segment_id}}": {"name": "s", "rule": {"tag": "vip"}, "version": 1},
        f"PUT {contact}/consents": {"status": "granted", "obtained_by": "a form"},
        f"PUT {app}/triggers/{{trigger_id}}": {
            "version": 1,
            "document": {**REMINDER, "name": "t"},
        },
        f"POST {app}/triggers/{{trigger_id}}/approve": {"version": 1},
        f"PATCH {app}/subscriptions/{{subscription_id}}": {"version": 1},
        f"POST {app}/subscriptions/{{subscription_id}}/replay": {"from": "2026-11-20T00:00:00Z"},
        f"PATCH {app}/campaigns/{{campaign_id}}": {"version": 1},
        f"POST {app}/campaigns/{{campaign_id}}/approve": {"name": "Spring"},
        f"POST {app}/campaigns/{{campaign_id}}/test": {"device_ids": ["phone-001"]},
        f"POST {app}/ad-counters/rebuild": {"day": "2026-11-20"},
        f"PATCH {coupon}": {"version": 1},
        f"POST {coupon}/codes": {"code": "SUMMER"},
        f"POST {coupon}/codes/assignments": {
            "code": "SPRING",
            "contact_id": another["other_contact_id"],
        },
        f"POST {coupon}/publications": {
            "source_id": "mail",
            "contacts": [another["other_contact_id"]],
        },
    }
    if operation.method == "PATCH" and BOOKED.intersection(operation.path.split("/")):
        return {"version": 1}
    return bodies.get(str(operation))


def test_no_list_names_another_apps_things(
    deployed: Deployment, one: Tenant, other: Tenant
) -> None:
    for operation in OPERATIONS:
        if operation in OF_A_THING or operation.is_for_anyone:
            continue
        for caller in CALLERS:
            answer = call(deployed, operation, one.path(operation), one.bearers[caller])
            assert answer.status < 500
            assert not leaks(answer, other, sent=""), (operation, caller)


def test_a_device_id_of_another_app_is_free_in_this_one(
    deployed: Deployment, one: Tenant, other: Tenant
) -> None:
    made = deployed.a_device(one.ids["app_id"], other.ids["device_id"])
    assert made["app_id"] == one.ids["app_id"]
    assert made["contact_id"] != other.ids["contact_id"]
    read = deployed.request(
        f"GET /v1/apps/{other.ids['app_id']}/devices/{other.ids['device_id']}",
        bearer=other.bearers["device"],
    )
    assert (read.status, read.body["contact_id"]) == (200, other.ids["contact_id"])


def test_a_message_reaches_no_recipient_of_another_app(
    deployed: Deployment, one: Tenant, other: Tenant
) -> None:
    """The answer is the same as for ids that nobody has."""

    def send(recipient: dict[str, str]) -> tuple[int, str, Any]:
        answer = deployed.request(
            f"POST /v1/apps/{one.ids['app_id']}/messages",
            {"recipients": [recipient], "content": {"title": "Hello"}},
            bearer=one.bearers["sender"],
        )
        return answer.status, answer.body["code"], answer.body["errors"]

    nobody = send({"device_id": "phone-of-nobody"})
    assert nobody[:2] == (422, "nobody_to_tell")
    assert send({"device_id": other.ids["device_id"]}) == nobody
    assert send({"contact_id": other.ids["contact_id"]}) == nobody


def test_a_receipt_for_another_apps_message_is_rejected(
    deployed: Deployment, one: Tenant, other: Tenant
) -> None:
    def hear(message_id: str) -> tuple[int, Any]:
        receipt = {"message_id": message_id, "type": "opened", "at": "2026-03-01T12:00:00Z"}
        answer = deployed.request(
            f"POST /v1/apps/{one.ids['app_id']}/receipts",
            {"receipts": [receipt]},
            bearer=one.bearers["device"],
        )
        return answer.status, answer.body

    assert hear(other.ids["message_id"]) == hear(f"msg_{'0' * 26}_0")
    assert hear(other.ids["message_id"])[1]["accepted"] == 0


def test_a_user_token_for_another_app_binds_nobody(
    deployed: Deployment, one: Tenant, other: Tenant
) -> None:
    answer = deployed.request(
        f"PUT /v1/apps/{one.ids['app_id']}/devices/{one.ids['device_id']}/contact",
        {"user_token": other.bearers["contact"]},
        bearer=one.bearers["device"],
    )
    assert (answer.status, answer.body["code"]) == (401, "unauthenticated")
