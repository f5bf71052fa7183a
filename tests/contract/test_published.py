"""The generated documents are those in the repository; ``pytest --publish`` writes them anew."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from shared.placements.model.targeting_documents import rule_of
from shared.placements.model.targeting_text import parse
from tests.published import ROOT, events, index_of_events, openapi, routes


@pytest.fixture
def hold(request: pytest.FixtureRequest) -> Any:
    """Return a check that a file says what the code says; writes it where asked to publish."""

    def check(path: Path, value: Any) -> None:
        is_page = path.suffix == ".md"
        text = value if is_page else json.dumps(value, indent=1, ensure_ascii=False) + "\n"
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


def test_the_page_of_events_lists_what_the_code_tells(hold: Any) -> None:
    hold(ROOT / "docs" / "events" / "README.md", index_of_events())


def test_every_published_schema_belongs_to_an_event() -> None:
    published = {path.name for path in (ROOT / "docs" / "events").glob("*.json")}
    assert published == {f"{kind}.schema.json" for kind, _ in events()}


def test_every_refusal_is_documented_with_a_problem_document() -> None:
    for operations in openapi()["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"]


def test_why_there_is_no_ad_is_told_in_one_form() -> None:
    schemas = openapi()["components"]["schemas"]
    told = [schemas[name]["required"] for name in ("NoAdOut", "NoAdReasonOut")]
    assert told == [["code", "reason"]] * 2


def test_every_example_of_a_targeting_can_be_read() -> None:
    examples = list(examples_of("targeting", openapi()["components"]["schemas"]))
    assert examples
    for example in examples:
        _ = parse(example) if isinstance(example, str) else rule_of(example)


def examples_of(field: str, schemas: dict[str, Any]) -> Iterator[Any]:
    """Yield the examples of the fields of a name."""
    for schema in schemas.values():
        yield from schema.get("properties", {}).get(field, {}).get("examples", ())
