"""IAM callers come through a function URL, by the event that AWS documents.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html: with AWS_IAM, the caller stands
in ``requestContext.authorizer.iam``; the other fields of the example are filled likewise.
"""

from typing import Any

import pytest

from tests.deployment import OPERATOR_ROLE, Answer, Deployment
from tests.functional.tenants import OPERATIONS, Tenant, is_problem

ACCOUNT = "123456789012"
OPERATOR = f"arn:aws:sts::{ACCOUNT}:assumed-role/Operator/session-1"
MARKETING = f"arn:aws:sts::{ACCOUNT}:assumed-role/Marketing/nightly-job"


def signed_by(arn: str) -> dict[str, Any]:
    """Return the authorizer's part of an event whose request this principal signed."""
    return {
        "iam": {
            "accessKey": "AKIAIOSFODNN7EXAMPLE",
            "accountId": ACCOUNT,
            "callerId": "AIDACKCEVSQ6C2EXAMPLE",
            "cognitoIdentity": None,
            "principalOrgId": "aws:PrincipalOrgID",
            "userArn": arn,
            "userId": "AIDACOSFODNN7EXAMPLE2",
        }
    }


def ask(
    deployed: Deployment,
    route: str,
    body: Any = None,
    *,
    authorizer: Any,
    function: str = "registrations_api",
) -> Answer:
    return deployed.request(
        route, body, function=function, requestContext={"authorizer": authorizer}
    )


def grant(deployed: Deployment, principal: str, app_id: str, role: str) -> Answer:
    body = {"principal": principal, "app_id": app_id, "role": role}
    return deployed.request("PUT /v1/grants", body, bearer=deployed.operator())


@pytest.mark.parametrize(
    "arn",
    [
        OPERATOR,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Operator/another session",
        f"arn:aws:iam::{ACCOUNT}:role/Operator",
        OPERATOR_ROLE,
    ],
)
def test_the_first_operator_needs_no_grant(deployed: Deployment, arn: str) -> None:
    assert "/ops/" in OPERATOR_ROLE, "the role has a path, which its sessions do not tell"
    body = {"name": "Shop", "org": "com.example", "platforms": ["android"]}
    made = ask(deployed, "POST /v1/apps", body, authorizer=signed_by(arn))
    assert made.status == 201
    assert ask(deployed, "GET /v1/grants", authorizer=signed_by(arn)).status == 200


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sts::210987654321:assumed-role/Operator/session-1",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/operator/session-1",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Operators/Operator",
        f"arn:aws:sts::{ACCOUNT}:federated-user/Operator",
        f"arn:aws:iam::{ACCOUNT}:user/Operator",
        f"arn:aws:iam::{ACCOUNT}:root",
        "arn:aws-cn:sts::123456789012:assumed-role/Operator/session-1",
    ],
)
def test_nobody_else_is_taken_for_the_operator(deployed: Deployment, arn: str) -> None:
    answer = ask(deployed, "GET /v1/grants", authorizer=signed_by(arn))
    assert is_problem(answer)
    assert (answer.status, answer.body["code"]) == (403, "forbidden")


def test_a_role_has_what_it_was_granted_and_no_more(deployed: Deployment) -> None:
    app_id, other = deployed.an_app(), deployed.an_app()
    before = ask(deployed, f"GET /v1/apps/{app_id}", authorizer=signed_by(MARKETING))
    assert (before.status, before.body["code"]) == (404, "not_found")
    assert ask(deployed, "GET /v1/apps", authorizer=signed_by(MARKETING)).body["items"] == []
    assert grant(deployed, f"arn:aws:iam::{ACCOUNT}:role/Marketing", app_id, "viewer").status == 200
    read = ask(deployed, f"GET /v1/apps/{app_id}", authorizer=signed_by(MARKETING))
    assert (read.status, read.body["app_id"]) == (200, app_id)
    listed = ask(deployed, "GET /v1/apps", authorizer=signed_by(MARKETING)).body["items"]
    assert [app["app_id"] for app in listed] == [app_id]
    changed = ask(
        deployed, f"PATCH /v1/apps/{app_id}", {"name": "x"}, authorizer=signed_by(MARKETING)
    )
    assert (changed.status, changed.body["code"]) == (403, "forbidden")
    assert ask(deployed, f"GET /v1/apps/{other}", authorizer=signed_by(MARKETING)).status == 404


@pytest.mark.parametrize(
    "principal",
    [
        f"arn:aws:iam::{ACCOUNT}:role/teams/mobile/Marketing",
        f"arn:aws:iam::{ACCOUNT}:role/Marketing",
        MARKETING,
    ],
)
def test_a_grant_finds_its_role_however_the_operator_names_it(
    deployed: Deployment, principal: str
) -> None:
    app_id = deployed.an_app()
    given = grant(deployed, principal, app_id, "viewer")
    assert given.body["principal"] == f"arn:aws:iam::{ACCOUNT}:role/Marketing"
    path = f"GET /v1/apps/{app_id}"
    assert ask(deployed, path, authorizer=signed_by(MARKETING)).status == 200
    taken = deployed.request(
        "DELETE /v1/grants",
        query={"principal": principal, "app_id": app_id},
        bearer=deployed.operator(),
    )
    assert taken.status == 204
    assert ask(deployed, path, authorizer=signed_by(MARKETING)).status == 404


def test_an_iam_user_is_granted_by_its_own_arn(deployed: Deployment) -> None:
    app_id, ada = deployed.an_app(), f"arn:aws:iam::{ACCOUNT}:user/people/ada"
    assert grant(deployed, ada, app_id, "admin").status == 200
    answer = ask(deployed, f"PATCH /v1/apps/{app_id}", {"name": "Store"}, authorizer=signed_by(ada))
    assert (answer.status, answer.body["name"]) == (200, "Store")


def test_an_iam_role_sends_a_push(deployed: Deployment, tenant: Tenant) -> None:
    """The second door: a script or another Lambda needs nothing but its role."""
    grant(deployed, f"arn:aws:iam::{ACCOUNT}:role/Marketing", tenant.ids["app_id"], "sender")
    message = {
        "recipients": [{"device_id": tenant.ids["device_id"]}],
        "content": {"title": "Hello"},
    }
    sent = ask(
        deployed,
        f"POST /v1/apps/{tenant.ids['app_id']}/messages",
        message,
        authorizer=signed_by(MARKETING),
        function="push_api",
    )
    assert sent.status == 202


def test_an_iam_caller_is_no_device(deployed: Deployment, tenant: Tenant) -> None:
    for operation in OPERATIONS:
        if operation.is_for_devices and operation.role is None:
            answer = deployed.request(
                f"{operation.method} {tenant.path(operation)}",
                requestContext={"authorizer": signed_by(OPERATOR)},
            )
            assert (answer.status, answer.body["code"]) == (403, "forbidden"), operation


@pytest.mark.parametrize("authorizer", [None, {}, {"iam": None}, {"iam": {}}, {"jwt": {}}], ids=str)
def test_without_a_caller_the_door_stays_shut(
    deployed: Deployment, authorizer: dict[str, Any] | None
) -> None:
    """So it is behind the local stack's function URLs: the emulator passes no caller."""
    answer = ask(deployed, "GET /v1/grants", authorizer=authorizer)
    assert is_problem(answer)
    assert (answer.status, answer.body["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
