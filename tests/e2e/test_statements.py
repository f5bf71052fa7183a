"""The emulator holds statements in PartiQL to AWS's rights, and tells streams of them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.aws import ACCOUNT, REGION, Cloud
from tests.tables import definition


@pytest.fixture
def tables(cloud: Cloud) -> Iterator[tuple[str, str]]:
    """Two tables with a stream each."""
    dynamodb, names = cloud.client("dynamodb"), (f"one-{uuid4().hex}", f"two-{uuid4().hex}")
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    for name in names:
        dynamodb.create_table(**definition("push", table=name), StreamSpecification=stream)
    yield names
    for name in names:
        dynamodb.delete_table(TableName=name)


def client_of(cloud: Cloud, *, table: str) -> Any:
    """Return DynamoDB as somebody has it who may insert into one table, and nothing else."""
    iam, user = cloud.client("iam"), f"user-{uuid4().hex}"
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    right = {"Effect": "Allow", "Action": "dynamodb:PartiQLInsert", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [right]})
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="insert", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    return session.client("dynamodb", endpoint_url=cloud.endpoint)


def insertion(table: str, key: str) -> Mapping[str, Any]:
    text = f"INSERT INTO \"{table}\" VALUE {{'pk': ?, 'sk': ?, 'version': ?}}"
    return {"Statement": text, "Parameters": [{"S": key}, {"S": "s"}, {"N": "1"}]}


def exchange(table: str, key: str, *, before: int) -> Mapping[str, Any]:
    text = f'UPDATE "{table}" SET "version" = ? WHERE "pk" = ? AND "sk" = ? AND "version" = ?'  # noqa: S608
    values = [{"N": str(before + 1)}, {"S": key}, {"S": "s"}, {"N": str(before)}]
    return {"Statement": text, "Parameters": values}


def codes_of(client: Any, *statements: Mapping[str, Any]) -> list[str | None]:
    responses = client.batch_execute_statement(Statements=statements)["Responses"]
    return [one["Error"]["Code"] if "Error" in one else None for one in responses]


def told(cloud: Cloud, table: str) -> list[str]:
    """Return what a table's stream has told so far."""
    streams = cloud.client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName=table)["Streams"]
    arn = stream["StreamArn"]
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    records = []
    for shard in shards:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records += streams.get_records(ShardIterator=iterator)["Records"]
    return [f"{one['eventName']} {one['dynamodb']['Keys']['pk']['S']}" for one in records]


def test_statements_that_were_done_are_told_and_refused_ones_are_not(
    cloud: Cloud, tables: tuple[str, str]
) -> None:
    table, _ = tables
    root = cloud.client("dynamodb")
    assert codes_of(root, insertion(table, "a"), insertion(table, "b")) == [None, None]
    again = [insertion(table, "a"), exchange(table, "b", before=1), exchange(table, "c", before=1)]
    assert codes_of(root, *again) == ["DuplicateItem", None, "ConditionalCheckFailed"]
    assert told(cloud, table) == ["INSERT a", "INSERT b", "MODIFY b"]


def test_each_statement_needs_its_own_right_on_its_own_table(
    cloud: Cloud, tables: tuple[str, str]
) -> None:
    table, other = tables
    client = client_of(cloud, table=table)
    assert codes_of(client, insertion(table, "a")) == [None]
    for forbidden in (exchange(table, "a", before=1), insertion(other, "a")):
        with pytest.raises(ClientError, match="AccessDenied"):
            client.batch_execute_statement(Statements=[insertion(table, "b"), forbidden])
    assert told(cloud, table) == ["INSERT a"]
