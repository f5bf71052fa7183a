import json
from pathlib import Path
from typing import Any

import pytest

from infra.errors import DeploymentError
from infra.platform.api import Route, routes
from infra.platform.function import ROOT
from tests.infra.templates import Template, shown

DOCUMENT = ROOT / "docs" / "openapi.json"
PACKAGES = {
    "registrations_api": "RegistrationsApi",
    "contact_events_api": "ContactEventsApi",
    "contact_policy_api": "ContactPolicyApi",
    "push_api": "PushApi",
    "coupons_api": "CouponsApi",
    "placements_api": "PlacementsApi",
    "ad_decisions_api": "PlacementsDecisions",
    "service_api": "Fallback",
}


def test_routes_are_those_of_the_openapi_document_and_a_fallback(gateway: Template) -> None:
    integrations = {
        name: shown(integration["IntegrationUri"])
        for name, integration in gateway.all("AWS::ApiGatewayV2::Integration").items()
    }
    deployed = {
        route["RouteKey"]: integrations[shown(route["Target"]).removeprefix("integrations/")]
        for route in gateway.all("AWS::ApiGatewayV2::Route").values()
    }

    assert deployed == {route.key: PACKAGES[route.function] for route in routes(DOCUMENT)} | {
        "$default": "Fallback"
    }


def test_every_route_is_throttled_by_its_traffic(gateway: Template) -> None:
    stage = gateway.one("AWS::ApiGatewayV2::Stage")
    rates = {"device": (2000, 4000), "management": (50, 100), "open": (100, 200)}

    assert stage["StageName"] == "$default"
    assert stage["AutoDeploy"] is True
    assert _limits(stage["DefaultRouteSettings"]) == rates["open"]
    assert {key: _limits(limit) for key, limit in stage["RouteSettings"].items()} == {
        route.key: rates[route.traffic] for route in routes(DOCUMENT)
    }


def test_the_stage_waits_for_the_routes_that_it_throttles(gateway: Template) -> None:
    (stage,) = (
        resource
        for resource in gateway.body["Resources"].values()
        if resource["Type"] == "AWS::ApiGatewayV2::Stage"
    )
    waited = {
        gateway.body["Resources"][id_]["Properties"]["RouteKey"] for id_ in stage["DependsOn"]
    }
    assert waited >= set(stage["Properties"]["RouteSettings"])


def test_requests_are_logged_without_the_ids_in_their_paths(gateway: Template) -> None:
    logged = gateway.one("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]
    line = json.loads(logged["Format"])

    assert shown(logged["DestinationArn"]).endswith(":log-group:ApiAccessLogs")
    assert line["route"] == "$context.routeKey"
    assert not any("path" in value.lower() for value in line.values())


def test_each_function_has_one_permission_for_all_its_routes(gateway: Template) -> None:
    permissions = [
        permission
        for permission in gateway.all("AWS::Lambda::Permission").values()
        if permission["Principal"] == "apigateway.amazonaws.com"
    ]
    assert sorted(shown(each["FunctionName"]) for each in permissions) == sorted(PACKAGES.values())
    for permission in permissions:
        # One segment more would leave out `$default`, which has no method and path.
        assert shown(permission["SourceArn"]).endswith(":Api/*")


def test_browsers_of_the_origins_in_context_may_call(gateway: Template) -> None:
    cors = gateway.one("AWS::ApiGatewayV2::Api")["CorsConfiguration"]

    assert cors["AllowOrigins"] == ["https://shop.example", "https://www.shop.example"]
    assert "idempotency-key" in cors["AllowHeaders"]
    assert cors["ExposeHeaders"] == ["idempotent-replayed", "retry-after"]


def test_every_domain_has_a_second_door_for_iam(service: Template) -> None:
    urls = service.all("AWS::Lambda::Url").values()

    assert {shown(url["TargetFunctionArn"]) for url in urls} == set(PACKAGES.values()) - {
        "Fallback",
        # Devices alone ask for ads.
        "PlacementsDecisions",
    }
    assert {url["AuthType"] for url in urls} == {"AWS_IAM"}


def test_the_fallback_may_do_nothing(service: Template) -> None:
    assert service.rights("service_api") == {}


def test_server_errors_ring(gateway: Template) -> None:
    assert gateway.alarms_of("Api") == {"5xx"}


def test_the_stacks_say_where_their_doors_are(service: Template, gateway: Template) -> None:
    assert {name for name in gateway.body["Outputs"] if not name.startswith("Publish")} == {
        "ApiId",
        "ApiUrl",
    }
    assert {name for name in service.body["Outputs"] if not name.startswith("Publish")} == {
        "PushQueueUrl",
        "RegistrationsApiUrl",
        "ContactEventsApiUrl",
        "ContactPolicyApiUrl",
        "PushApiUrl",
        "CouponsApiUrl",
        "PlacementsApiUrl",
        "Settler",
        "Compactor",
        "Rebuilder",
    }


def test_a_document_is_read_into_routes(tmp_path: Path) -> None:
    operation = {"x-engage-function": "push_api", "x-engage-traffic": "device"}
    document = _document(tmp_path, {"/v1/x": {"parameters": [], "get": operation}})

    assert routes(document) == [
        Route(method="GET", path="/v1/x", function="push_api", traffic="device")
    ]


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"openapi\.json is missing"):
        routes(tmp_path / "openapi.json")


def test_an_operation_without_a_function_is_named(tmp_path: Path) -> None:
    document = _document(tmp_path, {"/v1/x": {"get": {"x-engage-traffic": "device"}}})

    with pytest.raises(DeploymentError, match="GET /v1/x lacks 'x-engage-function'"):
        routes(document)


def _document(folder: Path, paths: dict[str, Any]) -> Path:
    document = folder / "openapi.json"
    document.write_text(json.dumps({"paths": paths}))
    return document


def _limits(settings: dict[str, Any]) -> tuple[int, int]:
    return settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]
