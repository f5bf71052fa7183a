import json
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from infra.local.aws import ACCOUNT, REGION, Cloud

FUNCTION = "registrations_api"


@pytest.fixture(scope="module")
def url(stack: dict[str, Any]) -> str:
    return str(stack["function_urls"][FUNCTION]) + "v1/apps"


def role(cloud: Cloud, *allowed: str) -> Credentials:
    """Make a role that may do ``allowed`` with any function, and assume it."""
    iam, name = cloud.client("iam"), f"caller-{uuid4().hex[:8]}"
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
    }
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
    rights = {"Effect": "Allow", "Action": [*allowed, "s3:ListBucket"], "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=_policy(rights))
    session = cloud.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="test"
    )["Credentials"]
    return Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])


def call(url: str, signer: Credentials | None = None) -> httpx.Response:
    """Call a function URL, whose name only some resolvers know, at the emulator's address."""
    parts = urlsplit(url)
    request = AWSRequest("GET", url, headers={"Host": parts.netloc})
    if signer:
        SigV4Auth(signer, "lambda", REGION).add_auth(request)
    return httpx.get(
        f"http://127.0.0.1:{parts.port}{parts.path}", headers=dict(request.headers), timeout=60
    )


def test_an_unsigned_call_of_a_function_url_is_refused(url: str) -> None:
    assert call(url).status_code == 403


def test_a_role_without_the_right_may_not_invoke(url: str, cloud: Cloud) -> None:
    assert call(url, role(cloud)).status_code == 403


def test_a_role_with_the_right_meets_our_own_door(url: str, cloud: Cloud) -> None:
    """The emulator passes no caller, so the door answers 401: there is no local way in."""
    answer = call(url, role(cloud, "lambda:InvokeFunctionUrl", "lambda:InvokeFunction"))
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthenticated"


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
