"""A Lambda function of this project, the same everywhere."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import cast

from aws_cdk import AssetHashType, Duration, RemovalPolicy, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda_destinations import SqsDestination
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_logs import LogGroup
from aws_cdk.aws_sqs import IQueue
from constructs import Construct

from infra.context import Context, Target
from infra.platform.alarms import EngageAlarm
from infra.platform.bundle import Bundler, Group, Platform, machine
from infra.platform.canary import try_first
from infra.platform.nag import accept

ROOT = Path(__file__).resolve().parents[2]

LIVE = "live"
"""The alias that callers invoke, where there is one."""


class EngageFunction(lambda_.Function):
    """A function packaged from ``functions/<package>`` and ``shared``, over dependency layers.

    It has a role of its own that may only write its log and its traces: whoever hands it a
    resource grants the actions it needs. Context sets its log's retention and level, and its
    reserved concurrency.

    Attributes:
        package: its folder in ``functions``, its name in logs and metrics.
        entry: what callers invoke: the function, or its alias where it starts from snapshots, or
            where new versions are tried first.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        package: str,
        environment: Mapping[str, str] | None = None,
        layers: Sequence[Group] = ("core",),
        timeout: Duration | None = None,
        on_failure: IQueue | None = None,
        snap_start: bool = False,
    ) -> None:
        context = Context.of(scope)
        logs = LogGroup(
            scope,
            f"{id_}Logs",
            retention=context.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = Role(scope, f"{id_}Role", assumed_by=ServicePrincipal("lambda.amazonaws.com"))
        logs.grant_write(role)
        super().__init__(
            scope,
            id_,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=_architecture(context.target),
            code=_code(scope, package, lambda bundler: bundler.function(package)),
            handler=f"functions.{package}.handler.lambda_handler",
            layers=[_layer(scope, group) for group in layers],
            environment={
                "SERVICE_VERSION": _version(),
                "POWERTOOLS_SERVICE_NAME": package,
                "POWERTOOLS_METRICS_NAMESPACE": "Engage",
                "POWERTOOLS_LOG_LEVEL": context.log_level,
                # Its look for plugins reads the metadata of every distribution at a cold start.
                "PYDANTIC_DISABLE_PLUGINS": "__all__",
                **(environment or {}),
            },
            # Above 1 GB a cold start hardly gains; below, it waits for its share of a processor.
            memory_size=1024,
            timeout=timeout or Duration.seconds(10),
            role=role,
            log_group=logs,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel[context.log_level],
            # The service records the traces; no SDK of X-Ray is loaded.
            tracing=lambda_.Tracing.ACTIVE,
            reserved_concurrent_executions=context.reserved_concurrency.get(package),
            on_failure=SqsDestination(on_failure) if on_failure else None,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
        )
        self.package = package
        self.entry: lambda_.IFunction = self.add_alias(LIVE) if snap_start else self
        accept(
            self,
            "@aws-cdk/aws-lambda:snapStartRequirePublish",
            because="Where it starts from snapshots, its callers invoke a published version.",
        )
        self._watch()
        accept(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            because="X-Ray's two puts know no resources; every other right names its own.",
        )
        accept(
            self,
            "AwsSolutions-L1",
            "Serverless-LambdaLatestVersion",
            because="All parts move to a new Python together, with the compiled bundles.",
        )
        accept(
            self,
            "Serverless-LambdaDLQ",
            because="Callers wait for the answer, or `on_failure` or the queue keeps what failed.",
        )

    def allow(self, *actions: str, on: Sequence[str]) -> None:
        """Let the function do ``actions`` on the resources with the ARNs ``on``."""
        self.add_to_role_policy(PolicyStatement(actions=list(actions), resources=list(on)))

    def work_off(
        self,
        queue: IQueue,
        *,
        batch_size: int = 1,
        window: Duration | None = None,
        at_once: int | None = None,
    ) -> None:
        """Have the function work off a queue; what fails of a batch comes again alone.

        ``window`` is how long a batch is waited for, ``at_once`` how many calls run at a time,
        unless context says another number.
        """
        said = Context.of(self).queue_concurrency.get(self.package, at_once)
        self.add_event_source(
            SqsEventSource(
                queue,
                batch_size=batch_size,
                max_batching_window=window,
                report_batch_item_failures=True,
                max_concurrency=said,
            )
        )
        accept(
            self,
            "Serverless-LambdaEventSourceMappingDestination",
            because="A queue has no such destination: its redrive policy is the way out.",
        )

    def may_call_itself(self) -> None:
        """Let the function put its own next job into its queue until its work is done.

        Lambda would take that for a loop, and stop it after sixteen times
        (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html).
        """
        cast("lambda_.CfnFunction", self.node.default_child).recursive_loop = "Allow"

    def _watch(self) -> None:
        period = Duration.minutes(5)
        EngageAlarm(
            self,
            "Errors",
            metric=self.metric_errors(period=period, statistic="Sum"),
            above=0,
            meaning=f"{self.package} failed or timed out. Its log has the exception.",
            runbook="operations.md#a-function-fails",
        )
        EngageAlarm(
            self,
            "Throttles",
            metric=self.metric_throttles(period=period, statistic="Sum"),
            above=0,
            meaning=(
                f"{self.package} was refused a place to run: raise its reserved concurrency, or"
                " the account's."
            ),
            runbook="operations.md#a-function-is-throttled",
        )


class ApiFunction(EngageFunction):
    """A function that answers HTTP requests.

    Context ``snap_start`` gives it snapshots, ``canary`` has its new versions tried first.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        package: str,
        environment: Mapping[str, str] | None = None,
        timeout: Duration | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            package=package,
            environment=environment,
            timeout=timeout,
            snap_start=Context.of(scope).snap_start,
        )
        if Context.of(scope).canary:
            alias = self.entry if isinstance(self.entry, lambda_.Alias) else self.add_alias(LIVE)
            try_first(alias, package=package)
            self.entry = alias


def _architecture(target: Target) -> lambda_.Architecture:
    arm = machine(target) in {"aarch64", "arm64"}
    return lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64


def _layer(scope: Construct, group: Group) -> lambda_.ILayerVersion:
    """Return the stack's layer of a dependency group; its functions share it."""
    stack = Stack.of(scope)
    id_ = f"{group.capitalize()}Layer"
    if layer := stack.node.try_find_child(id_):
        return cast("lambda_.LayerVersion", layer)
    build = Bundler.way_to_layer if Context.of(scope).target == "local" else Bundler.layer
    return lambda_.LayerVersion(
        stack,
        id_,
        description=f"Dependency group {group} of uv.lock.",
        code=_code(stack, group, lambda bundler: build(bundler, group)),
    )


def _code(scope: Construct, name: str, build: Callable[[Bundler], Path]) -> lambda_.AssetCode:
    """Return a bundle, or an empty one for a command that needs no code, such as ``cdk list``."""
    if Stack.of(scope).bundling_required:
        folder = build(_bundler(Context.of(scope).target))
        return _asset(folder, key="/".join(folder.parts[-3:]))
    empty = ROOT / ".engage" / "bundles" / "none"
    empty.mkdir(parents=True, exist_ok=True)
    return _asset(empty, key=f"none/{name}")


def _asset(folder: Path, *, key: str) -> lambda_.AssetCode:
    return lambda_.Code.from_asset(
        str(folder), asset_hash_type=AssetHashType.CUSTOM, asset_hash=key
    )


@cache
def _bundler(target: Target) -> Bundler:
    return Bundler(root=ROOT, platform=Platform.of(target))


@cache
def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])
