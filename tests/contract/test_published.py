"""The generated documents are those in the repository; ``pytest --publish`` writes them anew."""

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.published import ROOT, events, openapi, routes


@pytest.fixture
def hold(request: pytest.FixtureRequest) -> Any:
    """Return a check that a file says what the code says; writes it where asked to publish."""

    def check(path: Path, value: Any) -> None:
        text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
        if request.config.getoption("--publish"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"{path.relative_to(ROOT)} is missing: run pytest --publish"
        assert path.read_text() == text, f"{path.relative_to(ROOT)} is old: run pytest --publish"

    return check


def test_the_openapi_document_says_what_the_code_does(hold: Any) -> None:
    document = openapi()
    validate(document)
    hold(ROOT / "docs" / "openapi.json", document)


def test_the_list_of_routes_says_what_the_code_does(hold: Any) -> None:
    hold(ROOT / "functions" / "service_api" / "routes.json", routes(openapi()))


def test_the_schemas_of_events_say_what_the_code_does(hold: Any) -> None:
    for kind, schema in events():
        hold(ROOT / "docs" / "events" / f"{kind}.schema.json", schema)


def test_every_published_schema_belongs_to_an_event() -> None:
    published = {path.name for path in (ROOT / "docs" / "events").glob("*.json")}
    assert published == {f"{kind}.schema.json" for kind, _ in events()}


def test_every_refusal_is_documented_with_a_problem_document() -> None:
    for operations in openapi()["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"]
