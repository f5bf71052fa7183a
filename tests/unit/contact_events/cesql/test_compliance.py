"""The official compliance kit of CESQL, whole: github.com/cloudevents/spec, cesql/cesql_tck."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.contact_events.cesql import attributes_of, parse
from shared.contact_events.errors import CesqlSyntaxError
from tests.material import material

EVENT = {"specversion": "1.0", "id": "e1", "source": "/source", "type": "of.some.kind"}
CASES_OF_THE_KIT = 275


class WithoutTimes(yaml.SafeLoader):
    """YAML whose instants stay text, as they are in an event's JSON."""


WithoutTimes.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def cases() -> list[Any]:
    found = []
    for path in sorted(Path(material("cloudevents", "cesql_tck")).glob("*.yaml")):
        suite = yaml.load(path.read_text(), Loader=WithoutTimes)  # noqa: S506 - a safe loader
        found += [pytest.param(test, id=f"{path.stem}: {test['name']}") for test in suite["tests"]]
    return found


KIT = cases()


def test_the_kit_is_whole() -> None:
    assert len(KIT) == CASES_OF_THE_KIT


@pytest.mark.parametrize("case", KIT)
def test_an_expression_comes_to_what_the_kit_says(case: dict[str, Any]) -> None:
    if case.get("error") == "parse":
        with pytest.raises(CesqlSyntaxError):
            parse(case["expression"])
        return
    event = case.get("event", EVENT) | case.get("eventOverrides", {})
    evaluated = parse(str(case["expression"])).evaluate(attributes_of(event))
    assert [*evaluated.problems] == ([case["error"]] if "error" in case else [])
    assert evaluated.value == case["result"]
    assert type(evaluated.value) is type(case["result"])
