"""What marketers do is kept before they are answered; every route of the document is tried."""

from typing import Any

import pytest

from shared.kernel.principal import Role
from shared.registrations.store import DynamoAuditStore
from tests.deployment import POOL, Answer, Deployment
from tests.functional.tenants import OPERATIONS, Operation, Tenant, call

AUDITED = [
    operation
    for operation in OPERATIONS
    if operation.method != "GET" and (operation.role or operation.is_for_operators)
]
OF_AN_APP = [operation for operation in AUDITED if "app_id" in operation.names]
MADE_BY_THE_OPERATOR = {
    "POST /v1/apps/{app_id}/messages",
    "POST /v1/apps/{app_id}/inbox-messages",
    "POST /v1/apps/{app_id}/in-app-messages",
    "POST /v1/apps/{app_id}/webhook-secrets",
    "POST /v1/apps/{app_id}/write-keys",
    "POST /v1/apps/{app_id}/subscriptions",
    "POST /v1/apps/{app_id}/subscriptions/{subscription_id}/replay",
    "POST /v1/apps/{app_id}/contact-decisions",
    "POST /v1/apps/{app_id}/contacts/{contact_id}/cases",
    "POST /v1/apps/{app_id}/contacts/{contact_id}/preference-links",
    "POST /v1/apps/{app_id}/templates",
    "POST /v1/apps/{app_id}/segments",
    "POST /v1/apps/{app_id}/imports",
    "POST /v1/apps/{app_id}/triggers",
    "POST /v1/apps/{app_id}/campaigns",
    "POST /v1/apps/{app_id}/campaigns/{campaign_id}/rehearse",
    "POST /v1/apps/{app_id}/coupons",
    "POST /v1/apps/{app_id}/coupons/{coupon_id}/codes",
    "POST /v1/apps/{app_id}/coupons/{coupon_id}/codes/assignments",
    "POST /v1/apps/{app_id}/coupons/{coupon_id}/activate",
    "POST /v1/apps/{app_id}/coupons/{coupon_id}/publications",
    "POST /v1/apps/{app_id}/stores/{store_id}/keys",
    "POST /v1/apps/{app_id}/placements",
    "POST /v1/apps/{app_id}/ad-templates",
    "POST /v1/apps/{app_id}/advertisers",
    "POST /v1/apps/{app_id}/ad-campaigns",
    "POST /v1/apps/{app_id}/flights",
    "POST /v1/apps/{app_id}/flights/{flight_id}/activate",
    "POST /v1/apps/{app_id}/creatives",
    "POST /v1/apps/{app_id}/ads",
}
"""What fills an app of these tests."""


def read(deployed: Deployment, path: str, **query: str) -> Answer:
    answer = deployed.request(
        f"GET {path}", query={"limit": "200", **query}, bearer=deployed.operator()
    )
    assert answer.status == 200, answer.body
    return answer


def log_of(deployed: Deployment, tenant: Tenant, **query: str) -> list[dict[str, Any]]:
    """Return the entries of an app, the oldest first."""
    found = read(deployed, f"/v1/apps/{tenant.ids['app_id']}/audit-log", **query)
    return list(reversed(found.body["items"]))


def test_what_was_done_leaves_one_entry_each(deployed: Deployment, tenant: Tenant) -> None:
    found = log_of(deployed, tenant)
    assert {entry["route"] for entry in found} == MADE_BY_THE_OPERATOR
    assert len(found) == len(MADE_BY_THE_OPERATOR)
    assert {entry["by"] for entry in found} == {f"{POOL}#operator"}
    assert all(entry["status"] < 300 and entry["code"] is None for entry in found)


@pytest.mark.parametrize("role", ["viewer", "editor", "sender", "admin"])
def test_every_call_of_a_marketer_that_changes_something_leaves_exactly_one_entry(
    deployed: Deployment, tenant: Tenant, role: str
) -> None:
    """What a role refuses leaves one, too; what is invalid changed nothing and leaves none."""
    told, expected = {}, {}
    for operation in OF_AN_APP:
        before = len(log_of(deployed, tenant))
        path = tenant.path(operation)
        answer = call(deployed, operation, path, tenant.bearers[role])
        told[str(operation)] = [_gist(entry) for entry in log_of(deployed, tenant)[before:]]
        expected[str(operation)] = _entries_for(operation, tenant, role, answer)
        if operation.method == "DELETE" and answer.status < 300:
            tenant = Tenant.in_(deployed, "shop")  # what it took away is needed by the next
    assert told == expected
    assert any(expected.values()), "nothing was done, and nothing refused"


def _entries_for(
    operation: Operation, tenant: Tenant, role: str, answer: Answer
) -> list[tuple[Any, ...]]:
    if not operation.admits(role):
        assert answer.status == 403
    if answer.status >= 400 and answer.status != 403:
        return []
    parameters = {name: tenant.ids[name] for name in operation.names}
    code = answer.body["code"] if answer.status == 403 else None
    by = f"{POOL}#{role}-{tenant.ids['app_id']}"
    return [(str(operation), parameters, by, answer.status, code)]


def _gist(entry: dict[str, Any]) -> tuple[Any, ...]:
    names = ("route", "parameters", "by", "status", "code")
    return tuple(entry[name] for name in names)


def test_nobody_else_leaves_an_entry(deployed: Deployment, tenant: Tenant) -> None:
    """Devices, contacts and systems act for themselves, and strangers not at all."""
    before = log_of(deployed, tenant)
    stranger = deployed.pool.token("stranger")
    for bearer in (*(tenant.bearers[who] for who in ("device", "contact", "system")), stranger):
        for operation in OF_AN_APP:
            if operation.method != "DELETE":
                call(deployed, operation, tenant.path(operation), bearer)
    assert log_of(deployed, tenant) == before


def test_what_operators_do_above_apps_is_kept_apart(deployed: Deployment, tenant: Tenant) -> None:
    app_id = tenant.ids["app_id"]
    query = {"principal": f"{POOL}#ada", "app_id": app_id}
    deployed.request("DELETE /v1/grants", query=query, bearer=deployed.operator())
    refused = deployed.request(
        "PUT /v1/grants",
        {"principal": f"{POOL}#ada", "app_id": app_id, "role": "admin"},
        bearer=tenant.bearers["admin"],
    )
    assert refused.status == 403
    found = [
        (entry["route"], entry["by"], entry["status"], entry["parameters"])
        for entry in reversed(read(deployed, "/v1/audit-log").body["items"])
    ]
    operator = f"{POOL}#operator"
    assert found == [
        ("POST /v1/apps", operator, 201, {}),
        *[("PUT /v1/grants", operator, 200, {})] * len(Role),
        ("DELETE /v1/grants", operator, 204, {}),
        ("PUT /v1/grants", f"{POOL}#admin-{app_id}", 403, {}),
    ]


def test_an_entry_names_the_request_and_nothing_of_its_body(
    deployed: Deployment, tenant: Tenant, dynamodb_client: Any
) -> None:
    changed = deployed.request(
        f"PATCH /v1/apps/{tenant.ids['app_id']}",
        {"name": "A name that nobody notes"},
        bearer=tenant.bearers["admin"],
        requestContext={"http": {"method": "PATCH", "path": "/"}, "requestId": "request-17"},
    )
    assert changed.status == 200
    (*_, last) = log_of(deployed, tenant)
    assert (last["route"], last["request_id"]) == ("PATCH /v1/apps/{app_id}", "request-17")
    items = dynamodb_client.scan(TableName=deployed.tables["registrations"])["Items"]
    noted = [str(item) for item in items if "AUDIT#" in item["pk"]["S"]]
    assert noted
    assert not any("nobody notes" in item for item in noted)


def test_a_log_is_read_by_instants_by_principal_and_page_by_page(
    deployed: Deployment, tenant: Tenant
) -> None:
    path = f"/v1/apps/{tenant.ids['app_id']}/audit-log"
    whole = read(deployed, path).body["items"]
    second = whole[1]["at"]
    assert all(
        entry["at"] >= second for entry in read(deployed, path, **{"from": second}).body["items"]
    )
    assert all(entry["at"] < second for entry in read(deployed, path, to=second).body["items"])
    assert read(deployed, path, by="nobody").body["items"] == []
    assert read(deployed, path, by=f"{POOL}#operator").body["items"] == whole
    first = read(deployed, path, limit="4").body
    rest = read(deployed, path, cursor=first["next_cursor"]).body
    assert (len(first["items"]), first["items"] + rest["items"]) == (4, whole)
    assert rest["next_cursor"] is None


def test_what_cannot_be_noted_is_not_acknowledged_and_tried_again_is_done_once(
    deployed: Deployment, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send() -> Answer:
        return deployed.request(
            f"POST /v1/apps/{tenant.ids['app_id']}/messages",
            {"recipients": [{"device_id": tenant.ids["device_id"]}], "content": {"title": "Hi"}},
            bearer=tenant.bearers["sender"],
            headers={"Idempotency-Key": "once"},
        )

    def fail(*_: object) -> None:
        raise RuntimeError("the table does not answer")

    before = len(log_of(deployed, tenant))
    with monkeypatch.context() as broken:
        broken.setattr(DynamoAuditStore, "add_entry", fail)
        assert (send().status, send().body["code"]) == (500, "internal")
    again = send()
    assert (again.status, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert len(log_of(deployed, tenant)) == before + 1
