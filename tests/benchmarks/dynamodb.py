"""DynamoDB Local for D1 and U1: the process under test reaches it, and nothing else of AWS."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

from shared.platform import dynamodb
from tests.dynamodb_local import running_dynamodb_local
from tests.tables import REGION


@contextmanager
def local_dynamodb() -> Iterator[Any]:
    """Start the engine, lead our stores to it, and yield boto3's client of it."""
    with running_dynamodb_local() as url:
        os.environ.update(  # noqa: TID251 - botocore reads its settings there
            AWS_ACCESS_KEY_ID="bench",
            AWS_SECRET_ACCESS_KEY="bench",
            AWS_DEFAULT_REGION=REGION,
            AWS_ENDPOINT_URL_DYNAMODB=url,
        )
        dynamodb.connection.cache_clear()
        yield boto3.client("dynamodb", region_name=REGION, endpoint_url=url)
        dynamodb.connection.cache_clear()
