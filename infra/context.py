"""What an operator may say about a deployment: ``cdk.json``, or ``-c key=value``."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, cast, get_args

from aws_cdk.aws_logs import RetentionDays
from constructs import Construct

from infra.errors import DeploymentError

Target = Literal["aws", "local"]

_RETENTION = {
    1: RetentionDays.ONE_DAY,
    7: RetentionDays.ONE_WEEK,
    14: RetentionDays.TWO_WEEKS,
    30: RetentionDays.ONE_MONTH,
    90: RetentionDays.THREE_MONTHS,
    180: RetentionDays.SIX_MONTHS,
    365: RetentionDays.ONE_YEAR,
    731: RetentionDays.TWO_YEARS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """How much traffic a route takes: requests per second, and how many at once."""

    rate: int
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The context of a deployment, checked; ``cdk.json`` holds the defaults.

    Attributes:
        target: ``aws``, or ``local``, which changes only the platform of the bundles and whether
            EngageOps exists (the emulator does not know its types).
        stage: tells deployments in one account apart, by a suffix of the stacks' names.
        operator_role_arn: the IAM role that is admin of every app from the start.
        deletion_protection: keep tables, users and secrets, whatever is done to the stacks; unless
            said, yes on AWS and no on a laptop.
        cors_origins: the web origins that may call the API.
        public_url: where people reach the API, for links in messages, such as
            ``https://api.example.com``; unless said, by the host that was asked for a link.
        webhook_local_hosts: the hosts on this machine that subscriptions may send to; a laptop's
            alone, since on AWS a function's own runtime listens there.
        canary: give a new version of a function behind the API a tenth of its calls for five
            minutes first, and take it back when they fail; on AWS alone.
        snap_start: answer the API from snapshots of initialised functions.
        log_retention: how long logs are kept.
        log_level: of the functions' own log lines.
        alarm_topic_arn: the SNS topic that is told of alarms.
        cost_alerts: who is told when a service costs more than is usual: an e-mail address, daily,
            or an SNS topic, at once; nobody unless said.
        cost_monitor_arn: the account's own monitor of costs by service, of which AWS allows one;
            unless said, one is made.
        cost_alert_usd: US dollars above what is usual from which they are told.
        reserved_concurrency: by function; none is reserved unless said, since a new account has
            little to reserve from.
        queue_concurrency: by function that works off a queue, how many of it run at once, 2 to
            1,000; unless said, what its construct says.
        push_concurrency: how many ``send_push`` run at once, 2 to 1,000.
        coupons_warm_writes: write units that the coupons' table takes a second from the start,
            4,000 to 1,000,000; unless said, those of a new table, 4,000. It never takes fewer.
        throttling: by traffic, the words of ``x-engage-traffic`` in ``docs/openapi.json``.
        archive_days: how long the bus's archive is kept.
        nag: check the templates by cdk-nag while they are synthesised.
    """

    target: Target
    stage: str
    operator_role_arn: str
    deletion_protection: bool
    cors_origins: tuple[str, ...]
    public_url: str
    webhook_local_hosts: tuple[str, ...]
    canary: bool
    snap_start: bool
    log_retention: RetentionDays
    log_level: str
    alarm_topic_arn: str
    cost_alerts: str
    cost_monitor_arn: str
    cost_alert_usd: int
    reserved_concurrency: Mapping[str, int]
    queue_concurrency: Mapping[str, int]
    push_concurrency: int
    coupons_warm_writes: int | None
    throttling: Mapping[str, Throttle]
    archive_days: int
    nag: bool

    @classmethod
    def of(cls, scope: Construct) -> Self:
        """Read the context that ``scope`` sees.

        Raises:
            DeploymentError: a value is missing or makes no sense.
        """
        said = _Said(scope)
        target = said.one_of("target", *get_args(Target))
        return cls(
            target=cast("Target", target),
            stage=said.text("stage"),
            operator_role_arn=said.text("operator_role_arn"),
            deletion_protection=said.flag("deletion_protection", unless_said=target == "aws"),
            cors_origins=said.words("cors_origins"),
            public_url=said.text("public_url"),
            webhook_local_hosts=said.of_a_laptop("webhook_local_hosts", target=target),
            canary=said.on_aws_alone("canary", target=target),
            snap_start=said.flag("snap_start"),
            log_retention=_RETENTION[int(said.one_of("log_retention_days", *map(str, _RETENTION)))],
            log_level=said.one_of("log_level", "DEBUG", "INFO", "WARN", "ERROR"),
            alarm_topic_arn=said.text("alarm_topic_arn"),
            cost_alerts=said.text("cost_alerts"),
            cost_monitor_arn=said.text("cost_monitor_arn"),
            cost_alert_usd=said.number("cost_alert_usd", at_least=1, at_most=1_000_000),
            reserved_concurrency={
                function: int(count)
                for function, count in said.table("reserved_concurrency").items()
            },
            queue_concurrency={
                function: int(count) for function, count in said.table("queue_concurrency").items()
            },
            push_concurrency=said.number("push_concurrency", at_least=2, at_most=1000),
            coupons_warm_writes=(
                said.number("coupons_warm_writes", at_least=4000, at_most=1_000_000)
                if said.text("coupons_warm_writes")
                else None
            ),
            throttling={
                traffic: Throttle(rate=limits["rate"], burst=limits["burst"])
                for traffic, limits in said.table("throttling").items()
            },
            archive_days=said.number("archive_days", at_least=1, at_most=3650),
            nag=said.flag("nag"),
        )


class _Said:
    """Context values as they were said: typed in ``cdk.json``, always text after ``-c``."""

    def __init__(self, scope: Construct) -> None:
        self._scope = scope

    def text(self, key: str) -> str:
        return str(self._scope.node.try_get_context(key) or "")

    def one_of(self, key: str, *choices: str) -> str:
        if (value := self.text(key)) in choices:
            return value
        raise _refused(key, value, f"one of {', '.join(choices)}")

    def flag(self, key: str, *, unless_said: bool = False) -> bool:
        value = self._scope.node.try_get_context(key)
        if value is None:
            return unless_said
        match str(value).lower():
            case "true":
                return True
            case "false":
                return False
        raise _refused(key, value, "true or false")

    def number(self, key: str, *, at_least: int, at_most: int) -> int:
        value = self.text(key)
        if value.isdecimal() and at_least <= int(value) <= at_most:
            return int(value)
        raise _refused(key, value, f"a number from {at_least} to {at_most}")

    def words(self, key: str) -> tuple[str, ...]:
        value = self._scope.node.try_get_context(key) or []
        return tuple(value.split(",") if isinstance(value, str) else value)

    def of_a_laptop(self, key: str, *, target: str) -> tuple[str, ...]:
        found = self.words(key)
        if found and target == "aws":
            raise _refused(key, ",".join(found), "empty on AWS")
        return found

    def on_aws_alone(self, key: str, *, target: str) -> bool:
        if (found := self.flag(key)) and target != "aws":
            raise _refused(key, self.text(key), "false on a laptop")
        return found

    def table(self, key: str) -> Mapping[str, Any]:
        value = self._scope.node.try_get_context(key)
        try:
            parsed = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            parsed = None
        if isinstance(parsed, dict):
            return parsed
        raise _refused(key, value, "a JSON object")


def _refused(key: str, value: object, wanted: str) -> DeploymentError:
    return DeploymentError(
        f"Context `{key}` is {value!r} and should be {wanted}:"
        f" say `-c {key}=...`, or edit cdk.json."
    )
