"""Whatever is sent, the answer is a problem document of our own, and nothing is stored."""

import json
from base64 import b64encode
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

from shared.kernel.paging import cursor_of
from tests.deployment import Answer, Deployment
from tests.functional.tenants import (
    FORM,
    GUESS,
    OPERATIONS,
    Operation,
    Tenant,
    call,
    is_problem,
    stored,
)

WITH_FORM = [operation for operation in OPERATIONS if operation.takes_form]
WITH_BODY = [found for found in OPERATIONS if found.takes_body and not found.takes_form]
WITHOUT_BODY = [
    operation for operation in OPERATIONS if not (operation.takes_body or operation.takes_content)
]
WITH_PARAMETERS = [operation for operation in OPERATIONS if operation.names]
DIGITS = "9" * 10_000
LONG = 300 * 1024


@dataclass(frozen=True)
class Hostile:
    """A body, and the status and code that it gets wherever a body is read."""

    body: str | bytes | None
    status: int
    code: str
    headers: dict[str, str] = field(default_factory=dict)
    event: dict[str, Any] = field(default_factory=dict)


def malformed(body: str | bytes, **event: Any) -> Hostile:
    return Hostile(body, 400, "malformed_body", event=event)


def wrong_type(media: str) -> Hostile:
    return Hostile("{}", 415, "unsupported_media_type", headers={"content-type": media})


def no_object(body: str | None) -> Hostile:
    return Hostile(body, 422, "invalid_fields")


UNREADABLE = {
    "invalid UTF-8": malformed(b'{"name": "\xff\xfe"}'),
    "half of a UTF-8 letter": malformed(b'{"name": "\xc3'),
    "base64 of no whole bytes": malformed("e30", isBase64Encoded=True),
    "letters that are not base64's": malformed("e30=!?", isBase64Encoded=True),
    "letters that are not ASCII": malformed("eé0=", isBase64Encoded=True),
    "a lone surrogate": malformed('{"name": "\ud800"}'),
    "300 kB": Hostile(json.dumps({"name": "x" * LONG}), 413, "body_too_large"),
    "300 kB in base64": Hostile(b" " * LONG, 413, "body_too_large"),
}
HOSTILE = {
    **UNREADABLE,
    "100 kB of brackets": malformed("[" * 100_000),
    "100 kB of objects": malformed('{"a":' * 20_000),
    "33 levels": malformed('{"a":' * 33 + "1" + "}" * 33),
    "no JSON": malformed("{name: 1}"),
    "two values": malformed("{} {}"),
    "a byte order mark": malformed("\ufeff{}"),
    "a raw NUL": malformed('{"name": "a\0b"}'),
    "an escaped NUL": malformed('{"name": "a\\u0000b"}'),
    "an escaped NUL in a key": malformed('{"a\\u0000": 1}'),
    "an escaped lone surrogate": malformed('{"name": "\\ud800"}'),
    "an escaped lone surrogate in a key": malformed('{"\\udfff": 1}'),
    "a repeated key": malformed('{"name": "a", "name": "b"}'),
    "a repeated key further down": malformed('{"a": [{"name": 1, "name": 1}]}'),
    **{
        f"the number {number[:12]}": malformed(f'{{"client_seq": {number}}}')
        for number in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", DIGITS, f"0.{DIGITS}")
    },
    **{
        f"{name} instead of an object": no_object(text)
        for name, text in {
            "a list": "[]",
            "a list of lists": "[[]]",
            "a number": "1",
            "a text": '"x"',
            "a truth": "true",
            "null": "null",
            "an empty body": "",
            "no body": None,
        }.items()
    },
    "a form without boundary": wrong_type("multipart/form-data"),
    "a form": wrong_type("multipart/form-data; boundary=x"),
    "an old form": wrong_type("application/x-www-form-urlencoded"),
    "plain text": wrong_type("text/plain; charset=utf-8"),
    "XML": wrong_type("application/xml"),
    "what only looks like JSON": wrong_type("application/jsonp"),
    "another JSON": wrong_type("application/merge-patch+json"),
    "no type": wrong_type(" "),
}


NOTHING = {f"{name} instead of an object" for name in ("null", "an empty body", "no body")}
"""Where a body may be left out, these leave it out."""


def no_form(body: str | bytes) -> Hostile:
    return Hostile(body, 400, "malformed_body", headers={"content-type": FORM})


HOSTILE_FORMS = {
    "invalid UTF-8": no_form(b"topic=\xff"),
    "an escape that is no UTF-8": no_form("topic=%ff"),
    "a NUL": no_form("topic=%00"),
    "a field without a value": no_form("topic"),
    "1,001 fields": no_form("&".join(["topic=x"] * 1_001)),
    "65 kB": Hostile(f"topic={'x' * 65 * 1024}", 413, "body_too_large", {"content-type": FORM}),
    "300 kB": Hostile(f"topic={'x' * LONG}", 413, "body_too_large", {"content-type": FORM}),
    "an unknown field": Hostile("evil=1", 422, "invalid_fields", {"content-type": FORM}),
    "an empty form": Hostile("", 422, "invalid_fields", {"content-type": FORM}),
    "JSON": wrong_type("application/json"),
    "a form in parts": wrong_type("multipart/form-data; boundary=x"),
    "no type": wrong_type(" "),
}


def bearer_for(deployed: Deployment, tenant: Tenant, operation: Operation) -> str | None:
    """Return a token that opens the door, so that the rest is looked at."""
    if operation.is_for_anyone:
        return None
    return tenant.bearers["device"] if operation.is_for_devices else deployed.operator()


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_hostile_body_is_refused_and_nothing_is_stored(
    deployed: Deployment, tenant: Tenant, dynamodb_client: Any, operation: Operation
) -> None:
    bearer = bearer_for(deployed, tenant, operation)
    route = f"{operation.method} {tenant.path(operation)}"
    before = stored(deployed, dynamodb_client)
    got = {}
    bodies = {
        name: HOSTILE[name] for name in HOSTILE if operation.needs_body or name not in NOTHING
    }
    for name, hostile in bodies.items():
        answer = deployed.request(
            route, hostile.body, bearer=bearer, headers=hostile.headers, **hostile.event
        )
        assert is_problem(answer), (name, answer)
        got[name] = (answer.status, answer.body["code"])
    assert got == {name: (found.status, found.code) for name, found in bodies.items()}
    assert stored(deployed, dynamodb_client) == before


@pytest.mark.parametrize("operation", WITH_FORM, ids=str)
def test_a_hostile_form_is_refused_and_nothing_is_stored(
    deployed: Deployment, tenant: Tenant, dynamodb_client: Any, operation: Operation
) -> None:
    route = f"{operation.method} {tenant.path(operation)}"
    before = stored(deployed, dynamodb_client)
    got = {}
    for name, hostile in HOSTILE_FORMS.items():
        answer = deployed.request(route, hostile.body, headers=hostile.headers, **hostile.event)
        assert is_problem(answer), (name, answer)
        got[name] = (answer.status, answer.body["code"])
    assert got == {name: (found.status, found.code) for name, found in HOSTILE_FORMS.items()}
    assert stored(deployed, dynamodb_client) == before


def test_a_body_that_cannot_be_read_is_refused_also_where_none_is_expected(
    deployed: Deployment, tenant: Tenant, dynamodb_client: Any
) -> None:
    before = stored(deployed, dynamodb_client)
    for operation in WITHOUT_BODY:
        bearer = bearer_for(deployed, tenant, operation)
        for name, hostile in UNREADABLE.items():
            answer = deployed.request(
                f"{operation.method} {tenant.path(operation)}",
                hostile.body,
                bearer=bearer,
                **hostile.event,
            )
            assert is_problem(answer), (operation, name, answer)
            got = (answer.status, answer.body["code"])
            assert got == (hostile.status, hostile.code), (operation, name)
    assert stored(deployed, dynamodb_client) == before


def test_a_request_without_a_route_is_refused_whatever_its_body(deployed: Deployment) -> None:
    for name, hostile in HOSTILE.items():
        answer = deployed.request(
            "POST /v1/nothing", hostile.body, headers=hostile.headers, **hostile.event
        )
        assert is_problem(answer), (name, answer)


ODD = (
    "a\0b",
    "a\ud800b",
    "приложение",
    "a\nb",
    "%00%ff%2e%2e",
    "<script>alert(1)</script>",
    "APP#x#APP",
    "..",
    "   ",
    "x" * 8_192,
)


def test_an_odd_path_is_refused_and_nothing_is_stored(
    deployed: Deployment, tenant: Tenant, dynamodb_client: Any
) -> None:
    # An odd code is a guess, and is counted as one.
    before = stored(deployed, dynamodb_client, but_for=(GUESS,))
    for operation in WITH_PARAMETERS:
        bearer = bearer_for(deployed, tenant, operation)
        for parameter, odd in product(operation.names, ODD):
            path = tenant.path(operation, **{parameter: odd})
            answer = call(deployed, operation, path, bearer)
            assert is_problem(answer), (operation, parameter, odd, answer)
            assert answer.status in {404, 422}, (operation, parameter, odd, answer)
    assert stored(deployed, dynamodb_client, but_for=(GUESS,)) == before


ODD_BEARERS = (
    *("", " ", ".", "..", "\0.\0", "é.é", "é.é.é", "\ud800.\ud800", "a.b.\ud800"),
    *("x" * 20_000, f"{'x' * 20_000}.y", f"{'x' * 20_000}.y.z", ".".join("abcde")),
)


def test_an_odd_proof_is_no_proof(deployed: Deployment, tenant: Tenant) -> None:
    guarded = [operation for operation in OPERATIONS if not operation.is_for_anyone]
    for operation, bearer in product(guarded, ODD_BEARERS):
        answer = deployed.request(
            f"{operation.method} {tenant.path(operation)}",
            headers={"Authorization": f"Bearer {bearer}"},
        )
        assert is_problem(answer), (operation, bearer, answer)
        assert answer.status == 401, (operation, bearer, answer)


def test_an_odd_idempotency_key_is_refused_and_nothing_is_stored(
    deployed: Deployment, tenant: Tenant, dynamodb_client: Any
) -> None:
    before = stored(deployed, dynamodb_client)
    recipients = [{"device_id": tenant.ids["device_id"]}]
    creating = {
        "POST /v1/apps": {"name": "Shop", "org": "com.example", "platforms": ["web"]},
        f"POST /v1/apps/{tenant.ids['app_id']}/messages": {
            "recipients": recipients,
            "content": {"title": "Hello"},
        },
        f"POST /v1/apps/{tenant.ids['app_id']}/contact-decisions": {
            "identifiers": [{"namespace": "customer", "value": "nobody-yet"}],
            "channel": "push",
            "reserve": True,
        },
    }
    for route, key in product(creating, ("", "x" * 256, "x" * 100_000, "a\0", "ключ", "\ud800")):
        answer = deployed.request(
            route, creating[route], bearer=deployed.operator(), headers={"Idempotency-Key": key}
        )
        assert is_problem(answer), (route, key, answer)
        (problem,) = answer.body["errors"]
        assert (answer.status, problem["pointer"]) == (422, "header/Idempotency-Key")
    assert stored(deployed, dynamodb_client) == before


TIMELINE = "/v1/apps/{app_id}/contacts/{contact_id}/timeline"
CONSENTS = "/v1/apps/{app_id}/contacts/{contact_id}/consents"
VERSIONS = "/v1/apps/{app_id}/policy/versions"


def asked(deployed: Deployment, tenant: Tenant, path: str, **query: str) -> Answer:
    return deployed.request(
        f"GET {path.format_map(tenant.ids)}", bearer=deployed.operator(), query=query
    )


def test_a_cursor_that_no_answer_gave_is_refused(deployed: Deployment, tenant: Tenant) -> None:
    cursors = ("x" * 513, "x" * 100_000, "!", "é", "\0", "_w", "AA=", "A")
    lists = ("/v1/apps", "/v1/grants", TIMELINE, VERSIONS, CONSENTS)
    for path, cursor in product(lists, cursors):
        answer = asked(deployed, tenant, path, cursor=cursor)
        assert is_problem(answer), (path, cursor, answer)
        (problem,) = answer.body["errors"]
        assert (answer.status, problem["pointer"]) == (422, "query/cursor")


def refuses_place(deployed: Deployment, tenant: Tenant, place: str, order: str) -> bool:
    answer = asked(deployed, tenant, TIMELINE, cursor=cursor_of(place), order=order)
    return is_problem(answer) and answer.status == 422


def test_a_cursor_of_another_list_leads_nowhere_in_a_timeline(
    deployed: Deployment, tenant: Tenant
) -> None:
    places = (
        "x",
        "2026-03-01 01J",
        "2026-03-01T12:00:00 01J",
        "2026-02-30T12:00:00Z 01J",
    )
    for place, order in product(places, ("oldest", "newest")):
        assert refuses_place(deployed, tenant, place, order), place


def test_a_cursor_of_another_list_leads_nowhere_among_policies(
    deployed: Deployment, tenant: Tenant
) -> None:
    for place in ("x", "01J", "1.5", "-1", "9" * 300, "²"):
        answer = asked(deployed, tenant, VERSIONS, cursor=cursor_of(place))
        assert is_problem(answer), (place, answer)
        assert (answer.status, answer.body["code"]) == (422, "invalid_fields"), place


def test_a_cursor_at_the_end_of_the_calendar_leads_nowhere(
    deployed: Deployment, tenant: Tenant
) -> None:
    places = ("0001-01-01T00:00:00+14:00 01J", "9999-12-31T23:59:59.999Z 01J")
    for place, order in product(places, ("oldest", "newest")):
        assert refuses_place(deployed, tenant, place, order), place


def test_an_impossible_range_of_a_timeline_is_refused(deployed: Deployment, tenant: Tenant) -> None:
    early, late = "2026-03-01T00:00:00.000Z", "2026-03-02T00:00:00.000Z"
    queries = (
        {"from": "0001-01-01T00:00:00+14:00"},
        {"from": "0586-12-22T15:36:09+10:17"},
        {"to": "9999-12-31T23:59:59-14:00"},
        {"as_of": "0001-01-01T00:00:00Z"},
        {"from": "1e400"},
        {"from": "now"},
        {"from": "2026-03-01T12:00:00"},
        {"from": late, "to": early},
        {"from": late, "to": late},
        {"from": late, "cursor": cursor_of(f"{early} 01J")},
        {"to": early, "cursor": cursor_of(f"{late} 01J")},
        {"limit": "0"},
        {"limit": "9" * 5_000},
        {"type": "x" * 129},
    )
    for query, order in product(queries, ("oldest", "newest")):
        answer = asked(deployed, tenant, TIMELINE, **query, order=order)
        assert is_problem(answer), (query, answer)
        assert answer.status == 422


def test_an_instant_at_the_end_of_the_calendar_is_refused(
    deployed: Deployment, tenant: Tenant, dynamodb_client: Any
) -> None:
    before = stored(deployed, dynamodb_client)
    app = f"/v1/apps/{tenant.ids['app_id']}"
    recipients = [{"device_id": tenant.ids["device_id"]}]
    for instant in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        message = {"recipients": recipients, "content": {"title": "Hi"}, "send_until": instant}
        receipt = {"message_id": tenant.ids["message_id"], "type": "opened", "at": instant}
        for answer in (
            deployed.request(f"POST {app}/messages", message, bearer=deployed.operator()),
            deployed.request(
                f"POST {app}/receipts", {"receipts": [receipt]}, bearer=tenant.bearers["device"]
            ),
        ):
            assert is_problem(answer), answer
            assert answer.status == 422
    assert stored(deployed, dynamodb_client) == before


def test_a_contact_that_grows_too_large_is_refused(deployed: Deployment, tenant: Tenant) -> None:
    contact = "/v1/apps/{app_id}/contacts/{contact_id}".format_map(tenant.ids)
    for turn in range(8):
        attributes = {f"attribute-{turn}-{place}": "語" * 256 for place in range(50)}
        answer = deployed.request(
            f"PATCH {contact}", {"attributes": attributes}, bearer=deployed.operator()
        )
        assert answer.status == 200 or is_problem(answer), (turn, answer)


def test_letters_that_need_escapes_are_kept(deployed: Deployment) -> None:
    """The refusals above leave alone what is well-formed: pairs, and backslashes before a u."""
    name = '{"name": "\\ud83d\\ude00 \\\\u0000", "org": "com.example", "platforms": ["web"]}'
    made = deployed.request("POST /v1/apps", name, bearer=deployed.operator())
    assert (made.status, made.body["name"]) == (201, "😀 \\u0000")


def test_a_base64_body_is_a_body(deployed: Deployment) -> None:
    text = b64encode(b'{"name": "Shop", "org": "com.example", "platforms": ["web"]}').decode()
    made = deployed.request("POST /v1/apps", text, bearer=deployed.operator(), isBase64Encoded=True)
    assert made.status == 201
