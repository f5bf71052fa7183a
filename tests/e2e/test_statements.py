"""The emulator holds statements in PartiQL to AWS's rights, and tells streams of them."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.aws import ACCOUNT, REGION, Cloud
from tests.tables import definition

BY_LAMBDA = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
TOLD = "the batch is of "
READER = f"""
def lambda_handler(event, context):
    print("{TOLD}" + event["shardId"])
    return {{"state": {{}}, "batchItemFailures": []}}
"""


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


@pytest.fixture
def reader(cloud: Cloud) -> Iterator[str]:
    """A function that writes into its log which shard a batch is of."""
    lambda_, iam, name = cloud.client("lambda"), cloud.client("iam"), f"reader-{uuid4().hex}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=BY_LAMBDA)["Role"]["Arn"]
    code = BytesIO()
    with ZipFile(code, "w") as packed:
        packed.writestr("reader.py", READER)
    lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="reader.lambda_handler",
        Code={"ZipFile": code.getvalue()},
    )
    yield name
    lambda_.delete_function(FunctionName=name)
    iam.delete_role(RoleName=name)


def heard(cloud: Cloud, function: str) -> str:
    """Return the shard that a function wrote into its log."""
    logs, until = cloud.client("logs"), time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(logs.exceptions.ResourceNotFoundException):  # nothing was logged yet
            for line in logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]:
                if line["message"].startswith(TOLD):
                    return str(line["message"]).removeprefix(TOLD).strip()
        time.sleep(1)
    pytest.fail(f"{function} heard nothing of a stream")


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


def test_a_batch_of_a_stream_that_has_a_window_names_its_shard(
    cloud: Cloud, tables: tuple[str, str], reader: str
) -> None:
    table, _ = tables
    streams, lambda_ = cloud.client("dynamodbstreams"), cloud.client("lambda")
    (stream,) = streams.list_streams(TableName=table)["Streams"]
    arn = stream["StreamArn"]
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    mapping = lambda_.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName=reader,
        StartingPosition="TRIM_HORIZON",
        TumblingWindowInSeconds=30,
    )
    try:
        assert codes_of(cloud.client("dynamodb"), insertion(table, "a")) == [None]
        assert heard(cloud, reader) in {shard["ShardId"] for shard in described["Shards"]}
    finally:
        lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
