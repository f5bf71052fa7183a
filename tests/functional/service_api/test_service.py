"""The service's own routes, and requests that have none."""

from tests.functional.conftest import Deployment


def test_health_is_open(deployed: Deployment) -> None:
    assert deployed.request("GET /v1/health").body == {"status": "ok"}


def test_versions_are_open(deployed: Deployment) -> None:
    answer = deployed.request("GET /v1/meta")
    assert answer.body == {"service": "engage", "version": "1.2.3", "api_versions": ["v1"]}


def test_a_problem_says_what_it_means(deployed: Deployment) -> None:
    answer = deployed.request("GET /v1/problems/device_token_required")
    assert (answer.status, answer.body["status"]) == (200, 401)
    assert "device token" in answer.body["title"]


def test_an_unknown_path_is_a_problem(deployed: Deployment) -> None:
    answer = deployed.request("GET /v2/nothing", function="service_api")
    assert (answer.status, answer.body["code"]) == (404, "route_not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_wrong_method_is_told_the_right_ones(deployed: Deployment) -> None:
    answer = deployed.request("DELETE /v1/apps", function="service_api")
    assert (answer.status, answer.body["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, POST"
