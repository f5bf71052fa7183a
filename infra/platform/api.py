"""The HTTP API: the routes of ``docs/openapi.json``, each to its function at its own pace."""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk.aws_apigatewayv2 import (
    CfnIntegration,
    CfnRoute,
    CfnStage,
    CorsHttpMethod,
    CorsPreflightOptions,
    HttpApi,
    HttpMethod,
)
from aws_cdk.aws_lambda import CfnPermission
from aws_cdk.aws_logs import LogGroup
from constructs import Construct

from infra.context import Context, Throttle
from infra.errors import DeploymentError
from infra.platform.alarms import EngageAlarm
from infra.platform.function import ApiFunction
from infra.platform.nag import accept

_ACCESS_LOG = {
    "request_id": "$context.requestId",
    "requested_at": "$context.requestTimeEpoch",
    "caller_ip": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "function_latency_ms": "$context.integrationLatency",
    "function_status": "$context.integrationStatus",
    "error": "$context.error.message",
    "function_error": "$context.integrationErrorMessage",
}
"""The route, not the path: paths carry the ids of contacts, and links that are keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An operation of the OpenAPI document, and which function answers it."""

    method: str
    path: str
    function: str
    traffic: str

    @property
    def key(self) -> str:
        """Return API Gateway's name of the route."""
        return f"{self.method} {self.path}"


class EngageApi(HttpApi):
    """The API. Its ``$default`` route, and every route that names no other, is ``fallback``'s.

    There is no authorizer: each function first asks ``shared.platform.auth`` who calls, so that a
    refusal is a problem document like any other.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        routes: Sequence[Route],
        functions: Sequence[ApiFunction],
        fallback: ApiFunction,
    ) -> None:
        context = Context.of(scope)
        super().__init__(
            scope,
            id_,
            create_default_stage=False,
            cors_preflight=_cors(context.cors_origins) if context.cors_origins else None,
        )
        targets = {function.package: self._target(function) for function in (*functions, fallback)}
        added = [
            *(self._route(route.key, targets[_known(route, targets)]) for route in routes),
            self._route("$default", targets[fallback.package]),
        ]
        # A stage may only name routes that are there.
        self._serve(routes, context.throttling).node.add_dependency(*added)
        accept(
            self,
            "AwsSolutions-APIG4",
            because="Every function asks shared.platform.auth who calls before anything else.",
        )
        EngageAlarm(
            self,
            "ServerErrors",
            metric=self.metric_server_error(period=Duration.minutes(5), statistic="Sum"),
            above=0,
            meaning="A caller got a 5xx. The access log names the route and the request.",
            runbook="operations.md#callers-get-a-5xx",
        )

    def _target(self, function: ApiFunction) -> str:
        """Let the API invoke ``function``, and return the target for routes.

        One permission serves all routes, since a function's policy holds 20 kB. Its pattern is
        wider than CDK's, which leaves out ``$default``. It stands beside the API: the function's
        stack is deployed before there is one.
        """
        CfnPermission(
            self,
            f"{function.package}Permission",
            action="lambda:InvokeFunction",
            function_name=function.entry.function_arn,
            principal="apigateway.amazonaws.com",
            source_arn=Stack.of(self).format_arn(
                service="execute-api", resource=self.api_id, resource_name="*"
            ),
        )
        integration = CfnIntegration(
            self,
            function.package,
            api_id=self.api_id,
            integration_type="AWS_PROXY",
            integration_uri=function.entry.function_arn,
            payload_format_version="2.0",
        )
        return f"integrations/{integration.ref}"

    def _route(self, key: str, target: str) -> CfnRoute:
        return CfnRoute(
            self,
            key,
            api_id=self.api_id,
            route_key=key,
            target=target,
            authorization_type="NONE",
        )

    def _serve(self, routes: Sequence[Route], throttling: Mapping[str, Throttle]) -> CfnStage:
        """Add the stage that serves the routes, each throttled by its traffic."""
        logs = LogGroup(
            self,
            "AccessLogs",
            retention=Context.of(self).log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        return CfnStage(
            self,
            "Stage",
            api_id=self.api_id,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=CfnStage.AccessLogSettingsProperty(
                # Put together, since the group's own ARN ends with ":*", which is no group.
                destination_arn=Stack.of(self).format_arn(
                    service="logs",
                    resource="log-group",
                    resource_name=logs.log_group_name,
                    arn_format=ArnFormat.COLON_RESOURCE_NAME,
                ),
                format=json.dumps(_ACCESS_LOG),
            ),
            default_route_settings=CfnStage.RouteSettingsProperty(
                throttling_rate_limit=throttling["open"].rate,
                throttling_burst_limit=throttling["open"].burst,
                detailed_metrics_enabled=True,
            ),
            # CDK passes this map through as it is, so its keys are CloudFormation's.
            route_settings={
                route.key: {
                    "ThrottlingRateLimit": throttle.rate,
                    "ThrottlingBurstLimit": throttle.burst,
                    "DetailedMetricsEnabled": True,
                }
                for route in routes
                for throttle in [_throttle(throttling, route)]
            },
        )


def routes(document: Path) -> list[Route]:
    """Return the routes of the OpenAPI document, sorted.

    Raises:
        DeploymentError: the document is missing, or an operation does not say which function
            answers it (``x-engage-function``) or what traffic it takes (``x-engage-traffic``).
    """
    if not document.is_file():
        raise DeploymentError(
            f"{document} is missing: it is generated from the code and names the API's routes."
            " Bring it back by `git checkout docs/openapi.json`."
        )
    return sorted(_routes(json.loads(document.read_text())), key=lambda route: route.key)


def _routes(document: Mapping[str, Any]) -> Iterator[Route]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method.upper() not in HttpMethod.__members__:
                continue
            try:
                yield Route(
                    method=method.upper(),
                    path=path,
                    function=operation["x-engage-function"],
                    traffic=operation["x-engage-traffic"],
                )
            except KeyError as error:
                raise DeploymentError(f"{method.upper()} {path} lacks {error}.") from error


def _known(route: Route, functions: Container[str]) -> str:
    if route.function in functions:
        return route.function
    raise DeploymentError(f"{route.key} names the function {route.function}, which no domain has.")


def _throttle(throttling: Mapping[str, Throttle], route: Route) -> Throttle:
    if route.traffic in throttling:
        return throttling[route.traffic]
    raise DeploymentError(
        f"{route.key} takes `{route.traffic}` traffic, which context `throttling` does not know."
    )


def _cors(origins: Sequence[str]) -> CorsPreflightOptions:
    return CorsPreflightOptions(
        allow_origins=list(origins),
        allow_methods=[CorsHttpMethod.ANY],
        allow_headers=["authorization", "content-type", "idempotency-key", "x-firebase-appcheck"],
        expose_headers=["idempotent-replayed", "retry-after"],
        max_age=Duration.hours(1),
    )
