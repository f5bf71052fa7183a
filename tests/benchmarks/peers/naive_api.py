"""An API function as tutorials build it: every library for every need, loaded at once."""

import json
import os
from http import HTTPStatus
from typing import Any

import boto3
import jwt
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.serialization.pydantic import PydanticSerializer
from pydantic import BaseModel, Field
from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

logger = Logger()
tracer = Tracer()
metrics = Metrics()
app = APIGatewayHttpResolver(enable_validation=True)

secrets = boto3.client("secretsmanager")
queue = boto3.client("sqs")
events = boto3.client("events")
seen = DynamoDBPersistenceLayer(table_name="idempotency")


class App(Model):
    """A row."""

    class Meta:
        """Where it lies."""

        table_name = "registrations"
        host = os.environ["AWS_ENDPOINT_URL"]  # noqa: TID251 - as tutorials do

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    name = UnicodeAttribute(null=True)
    org = UnicodeAttribute(null=True)


class AppIn(BaseModel):
    """A body."""

    name: str = Field(min_length=1, max_length=128)
    org: str = Field(pattern=r"^[a-z0-9.-]+$")
    platforms: list[str]


class AppOut(AppIn):
    """An answer."""

    app_id: str


@idempotent_function(  # type: ignore[untyped-decorator]
    data_keyword_argument="body",
    persistence_store=seen,
    config=IdempotencyConfig(),
    output_serializer=PydanticSerializer(AppOut),
)
def create(*, body: AppIn) -> AppOut:
    """Store an app."""
    App("APP#1", "APP", name=body.name, org=body.org).save()
    return AppOut(app_id="1", **body.model_dump())


@app.post("/v1/apps")
@tracer.capture_method
def create_app(body: AppIn) -> Response[AppOut]:
    """Create an app, for whoever proves to be its marketer."""
    bearer = app.current_event.headers["authorization"].removeprefix("Bearer ")
    key = json.loads(secrets.get_secret_value(SecretId="tokens")["SecretString"])["current"]
    jwt.decode(bearer, key.ljust(32, "."), algorithms=["HS256"])
    metrics.add_metric(name="apps", unit="Count", value=1)
    return Response(status_code=HTTPStatus.CREATED, body=create(body=body))


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one HTTP request."""
    return app.resolve(event, context)
