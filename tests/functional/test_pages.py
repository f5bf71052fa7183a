"""Pages for people: a route may give HTML and take a form, and is documented so."""

import json
from http import HTTPStatus
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import Response

from shared.platform.auth.doors import anyone
from shared.platform.http.api import Api, shown
from shared.platform.http.bodies import FORM, LARGEST_FORM, MOST_FIELDS
from shared.platform.http.routing import HTML, Router
from shared.platform.http.schemas import FormFields
from tests.deployment import Context, http_event

router = Router()
PAGE = {HTTPStatus.OK: "The page."}


@router.on("GET /v1/page", summary="See", access=anyone(), success=PAGE, gives=HTML)
def see() -> Response[str]:
    return shown("<p>Grüezi</p>", headers={"Content-Security-Policy": "default-src 'none'"})


@router.on("POST /v1/page", summary="Say", access=anyone(), success=PAGE, gives=HTML)
def say(form: FormFields) -> Response[str]:
    return shown(json.dumps(form), headers={})


def ask(
    method: str = "POST", body: str | bytes | None = None, media: str | None = FORM
) -> dict[str, Any]:
    headers = {"content-type": media} if media else {}
    return Api(router).answer(http_event(method, "/v1/page", headers=headers, body=body), Context())


def said(body: str | bytes) -> Any:
    answer = ask(body=body)
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])


def refused(
    body: str | bytes | None, media: str | None = FORM, *, method: str = "POST"
) -> tuple[int, str]:
    answer = ask(method, body, media)
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    return answer["statusCode"], json.loads(answer["body"])["code"]


def test_a_page_is_html_with_the_headers_it_needs() -> None:
    answer = ask("GET")
    assert (answer["statusCode"], answer["body"]) == (200, "<p>Grüezi</p>")
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert answer["headers"]["Content-Security-Policy"] == "default-src 'none'"
    assert answer["isBase64Encoded"] is False


def test_a_form_is_read_as_browsers_send_it() -> None:
    sent = "topic=a%26b&topic=Gr%C3%BCezi+du&pause="
    read = {"topic": ["a&b", "Grüezi du"], "pause": [""]}
    assert said(sent) == read
    assert said(sent.encode()) == read, "API Gateway sends forms in base64"
    assert ask(body=sent, media=f"{FORM};charset=UTF-8")["statusCode"] == 200


@pytest.mark.parametrize("body", ["", None])
def test_a_form_without_a_field_is_a_form(body: str | None) -> None:
    answer = ask(body=body)
    assert (answer["statusCode"], answer["body"]) == (200, "{}")


@pytest.mark.parametrize(
    "body",
    [
        "topic",
        "a=1&&b=2",
        "a=%FF",
        "%ED%A0%80=1",
        "a=b%00",
        "%00=b",
        b"a=\xff",
        "&".join(["a=1"] * (MOST_FIELDS + 1)),
    ],
)
def test_a_form_that_can_be_read_in_two_ways_is_refused(body: str | bytes) -> None:
    assert refused(body) == (400, "malformed_body")


def test_a_form_has_at_most_64_kb() -> None:
    assert said("a=" + "x" * (LARGEST_FORM - 2))
    assert refused("a=" + "x" * (LARGEST_FORM - 1)) == (413, "body_too_large")


@pytest.mark.parametrize(
    "media", [None, "", "application/json", "text/plain", "multipart/form-data; boundary=x"]
)
def test_what_is_not_sent_as_a_form_is_refused(media: str | None) -> None:
    assert refused('{"topic": ["a"]}', media) == (415, "unsupported_media_type")


def test_a_page_and_a_form_are_documented_by_their_media_types() -> None:
    document = json.loads(Api(router).get_openapi_json_schema(title="Pages", version="1"))
    operations = document["paths"]["/v1/page"]
    for operation in operations.values():
        assert operation["responses"]["200"]["content"] == {HTML: {"schema": {"type": "string"}}}
        assert list(operation["responses"]["413"]["content"]) == ["application/problem+json"]
    (media,) = operations["post"]["requestBody"]["content"]
    assert media == FORM
    schema = operations["post"]["requestBody"]["content"][FORM]["schema"]
    assert schema["type"] == "object"
    assert schema["additionalProperties"] == {"type": "array", "items": {"type": "string"}}
