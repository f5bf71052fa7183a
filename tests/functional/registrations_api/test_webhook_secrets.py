"""Other systems: they get a secret once, and what they sign with it comes through a door."""

import json
from base64 import b64encode
from http import HTTPStatus
from typing import Annotated, Any

import pytest
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.registrations_api.wiring import audit_log, registrations
from shared.kernel.principal import Role
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors, marketer, system
from shared.platform.http.api import Api
from shared.platform.http.request import caller
from shared.platform.http.routing import Router
from shared.platform.http.schemas import In, Out
from tests.deployment import Context, Deployment, http_event, signature

router = Router()


class SpokenIn(In):
    text: str


class HeardOut(Out):
    kind: str
    name: str
    app_id: str | None
    channels: tuple[str, ...]
    text: str


def _heard(body: SpokenIn) -> HeardOut:
    who = caller()
    return HeardOut(
        kind=who.kind,
        name=who.subject,
        app_id=who.app_id,
        channels=tuple(sorted(who.channels)),
        text=body.text,
    )


@router.on(
    "POST /v1/apps/<app_id>/system-words",
    summary="Speak",
    access=system(),
    success={HTTPStatus.OK: "Heard."},
)
def hear_system(app_id: str, body: Annotated[SpokenIn, Body()]) -> HeardOut:
    return _heard(body)


@router.on(
    "POST /v1/apps/<app_id>/words",
    summary="Speak",
    access=marketer(Role.EDITOR, or_system=True),
    success={HTTPStatus.OK: "Heard."},
)
def hear(app_id: str, body: Annotated[SpokenIn, Body()]) -> HeardOut:
    return _heard(body)


def doors() -> Doors:
    return deployment.doors(registrations().callers, systems=registrations().systems.systems_of)


def speak(
    app_id: str, headers: dict[str, str], body: str | bytes, *, at: str = "system-words"
) -> tuple[int, Any]:
    sent = {"content-type": "application/json", **headers}
    asked = http_event("POST", f"/v1/apps/{app_id}/{at}", headers=sent, body=body)
    answer = Api(router, doors=doors, audit_log=audit_log).answer(asked, Context())
    return answer["statusCode"], json.loads(answer["body"])


def a_secret(deployed: Deployment, app_id: str, **others: Any) -> dict[str, Any]:
    body = {"name": "suite", "channels": ["sms", "email"], **others}
    answer = deployed.request(
        f"POST /v1/apps/{app_id}/webhook-secrets", body, bearer=deployed.operator()
    )
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.body
    return made


def listed(deployed: Deployment, app_id: str) -> list[dict[str, Any]]:
    route = f"GET /v1/apps/{app_id}/webhook-secrets"
    items: list[dict[str, Any]] = deployed.request(route, bearer=deployed.operator()).body["items"]
    return items


def test_what_a_system_signs_comes_through(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    secret = a_secret(deployed, app_id)["secret"]
    body = '{"text": "Grüezi"}'
    for place in ("system-words", "words"):
        assert speak(app_id, signature(secret, body), body, at=place) == (
            200,
            {
                "kind": "system",
                "name": "suite",
                "app_id": app_id,
                "channels": ["email", "sms"],
                "text": "Grüezi",
            },
        )


def test_a_body_in_base64_is_verified_as_it_was_sent(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    secret = a_secret(deployed, app_id)["secret"]
    body = '{ "text":"Grüezi" }\n'.encode()
    assert speak(app_id, signature(secret, body), body)[0] == 200
    assert speak(app_id, signature(secret, b64encode(body)), body)[0] == 401


def test_what_was_changed_on_the_way_is_refused(deployed: Deployment) -> None:
    app_id, other = deployed.an_app(), deployed.an_app()
    headers = signature(a_secret(deployed, app_id)["secret"], '{"text": "yes"}')
    assert speak(app_id, headers, '{"text": "no"}')[0] == 401
    assert speak(other, headers, '{"text": "yes"}')[0] == 401
    assert speak(app_id, {**headers, "webhook-id": "msg_2"}, '{"text": "yes"}')[0] == 401
    assert speak(app_id, {}, '{"text": "yes"}')[0] == 401


def test_a_secret_is_shown_once_and_listed_without(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    made = a_secret(deployed, app_id)
    assert made["secret"].startswith("whsec_")
    assert listed(deployed, app_id) == [{k: v for k, v in made.items() if k != "secret"}]


def test_a_secret_lies_sealed_in_the_table(deployed: Deployment, dynamodb_client: Any) -> None:
    app_id = deployed.an_app()
    key = a_secret(deployed, app_id)["secret"].removeprefix("whsec_")
    rows = [
        row
        for table in deployed.tables.values()
        for row in dynamodb_client.scan(TableName=table)["Items"]
    ]
    (kept,) = [row for row in rows if row["pk"]["S"] == f"APP#{app_id}#SYSTEMS"]
    assert "sealed" in kept["secrets"]["S"]
    assert key not in json.dumps(rows, default=str)


def test_secrets_change_without_a_gap(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    old, new = a_secret(deployed, app_id), a_secret(deployed, app_id)
    assert [secret["ends_at"] is None for secret in listed(deployed, app_id)] == [False, True]
    for secret in (old, new):
        assert (
            speak(app_id, signature(secret["secret"], '{"text": "a"}'), '{"text": "a"}')[0] == 200
        )
    gone = f"DELETE /v1/apps/{app_id}/webhook-secrets/{old['secret_id']}"
    assert deployed.request(gone, bearer=deployed.operator()).status == 204
    assert deployed.request(gone, bearer=deployed.operator()).status == 404
    headers = signature(old["secret"], '{"text": "a"}')
    assert speak(app_id, headers, '{"text": "a"}')[0] == 401


def test_a_third_secret_of_a_system_is_refused(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    a_secret(deployed, app_id)
    a_secret(deployed, app_id)
    answer = deployed.request(
        f"POST /v1/apps/{app_id}/webhook-secrets",
        {"name": "suite", "channels": ["email"]},
        bearer=deployed.operator(),
    )
    assert (answer.status, answer.body["code"]) == (422, "system_rotating")


def test_a_lost_answer_can_be_asked_for_again(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    first, again = (
        deployed.request(
            f"POST /v1/apps/{app_id}/webhook-secrets",
            {"name": "suite", "channels": ["email"]},
            bearer=deployed.operator(),
            headers={"Idempotency-Key": "k"},
        )
        for _ in range(2)
    )
    assert again.body == first.body
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(listed(deployed, app_id)) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"name": "suite", "channels": []},
        {"name": "suite", "channels": ["pigeon"]},
        {"name": "A suite", "channels": ["email"]},
        {"name": "suite", "channels": ["email"], "secret": "whsec_mine"},
    ],
)
def test_a_system_has_a_plain_name_and_known_channels(
    deployed: Deployment, body: dict[str, Any]
) -> None:
    app_id = deployed.an_app()
    answer = deployed.request(
        f"POST /v1/apps/{app_id}/webhook-secrets", body, bearer=deployed.operator()
    )
    assert answer.status == 422
    assert listed(deployed, app_id) == []
