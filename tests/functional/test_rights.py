"""What functions ask of DynamoDB in these tests is held against the rights of their roles."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.conftest import Deployment
from tests.rights import asked


def test_a_call_that_the_role_does_not_allow_is_refused(
    deployed: Deployment, dynamodb_client: Any
) -> None:
    wanted = {
        "TableName": deployed.tables["registrations"],
        "IndexName": "anonymous",
        "KeyConditionExpression": "anonymous = :it",
        "ExpressionAttributeValues": {":it": {"S": "x"}},
    }

    with deployed.roles.of("send_push"):
        dynamodb_client.query(**wanted)
    with (
        deployed.roles.of("plan_campaign"),
        pytest.raises(ClientError, match="may not dynamodb:Query on Registrations/index/anonymous"),
    ):
        dynamodb_client.query(**wanted)


def test_a_transaction_needs_the_rights_of_its_parts() -> None:
    parts = [{"Put": {"TableName": "a"}}, {"ConditionCheck": {"TableName": "b"}}]

    needed = asked("TransactWriteItems", {"TransactItems": parts})

    assert list(needed) == [("PutItem", "a"), ("ConditionCheckItem", "b")]


def test_statements_need_rights_of_their_own() -> None:
    statements = [
        {"Statement": "INSERT INTO \"a\" VALUE {'pk': ?}"},
        {"Statement": 'UPDATE "b" SET x = ? WHERE pk = ? AND sk = ?'},
    ]

    needed = asked("BatchExecuteStatement", {"Statements": statements})

    assert list(needed) == [("PartiQLInsert", "a"), ("PartiQLUpdate", "b")]
