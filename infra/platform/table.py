"""A DynamoDB table of this project: keys ``pk`` and ``sk``, on demand, recoverable."""

from typing import Literal

from aws_cdk import RemovalPolicy
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    Billing,
    GlobalSecondaryIndexPropsV2,
    PointInTimeRecoverySpecification,
    ProjectionType,
    StreamViewType,
    TableEncryptionV2,
    TableV2,
    WarmThroughput,
)
from constructs import Construct

from infra.context import Context
from infra.platform.function import EngageFunction


class EngageTable(TableV2):
    """A domain's table. Items with ``expires_at`` (seconds since 1970) vanish after it.

    Its indexes hold keys only, and are fixed in the table's first commit: the emulator replaces a
    table that gains one. Functions get single actions, never a scan. ``warm_writes`` are the write
    units a second that it takes at once, before it has grown with its traffic
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html).
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        indexes: tuple[GlobalSecondaryIndexPropsV2, ...] = (),
        stream: StreamViewType | None = None,
        warm_writes: int | None = None,
    ) -> None:
        protected = Context.of(scope).deletion_protection
        super().__init__(
            scope,
            id_,
            partition_key=_text("pk"),
            sort_key=_text("sk"),
            billing=Billing.on_demand(),
            encryption=TableEncryptionV2.aws_managed_key(),
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires_at",
            global_secondary_indexes=list(indexes),
            dynamo_stream=stream,
            warm_throughput=(
                WarmThroughput(write_units_per_second=warm_writes) if warm_writes else None
            ),
            deletion_protection=protected,
            removal_policy=RemovalPolicy.RETAIN if protected else RemovalPolicy.DESTROY,
        )

    def allow_reading(self, function: EngageFunction, *, index: str | None = None) -> None:
        """Let ``function`` get and query items, of ``index`` too."""
        self.allow(function, "GetItem", "BatchGetItem", "Query")
        if index:
            function.allow("dynamodb:Query", on=[f"{self.table_arn}/index/{index}"])

    def allow_writing(self, function: EngageFunction) -> None:
        """Let ``function`` write items, one by one and in transactions."""
        self.allow(function, "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")

    def allow_batches(self, function: EngageFunction, *kinds: Literal["Insert", "Update"]) -> None:
        """Let ``function`` write items each on its own, many to a request: such statements only."""
        self.allow(function, *(f"PartiQL{kind}" for kind in kinds))

    def allow(self, function: EngageFunction, *actions: str) -> None:
        """Let ``function`` do DynamoDB's ``actions`` on the items of this table."""
        function.allow(*(f"dynamodb:{action}" for action in actions), on=[self.table_arn])


def keys_index(
    name: str, *, partition_key: str, sort_key: str | None = None
) -> GlobalSecondaryIndexPropsV2:
    """Return an index that leads from other attributes to keys, at the price of keys."""
    return GlobalSecondaryIndexPropsV2(
        index_name=name,
        partition_key=_text(partition_key),
        sort_key=_text(sort_key) if sort_key else None,
        projection_type=ProjectionType.KEYS_ONLY,
    )


def _text(name: str) -> Attribute:
    return Attribute(name=name, type=AttributeType.STRING)
