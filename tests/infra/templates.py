"""Reads synthesised templates: resources by type, and what each function may do to what."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_HASHED = re.compile(r"^(?P<name>.+?)[0-9A-F]{8}$")
_OUTPUT = re.compile(r"^PublishOutput(?:Ref|FnGetAtt)(?P<name>.+?)[0-9A-F]{8}\w*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A stack's template."""

    body: Json

    @classmethod
    def read(cls, folder: Path, stack: str) -> "Template":
        return cls(body=json.loads((folder / f"{stack}.template.json").read_text()))

    @property
    def types(self) -> set[str]:
        return {resource["Type"] for resource in self.body["Resources"].values()}

    def all(self, type_: str) -> dict[str, Json]:
        """Return the properties of the resources of a type, by their name without its hash."""
        return {
            _plain(id_): resource.get("Properties", {})
            for id_, resource in self.body["Resources"].items()
            if resource["Type"] == type_
        }

    def one(self, type_: str, **wanted: Any) -> Json:
        """Return the properties of the one resource of a type that has the wanted ones."""
        found = [
            properties
            for properties in self.all(type_).values()
            if wanted.items() <= properties.items()
        ]
        assert len(found) == 1, f"{len(found)} {type_} with {wanted}"
        return found[0]

    def function(self, package: str) -> Json:
        """Return the properties of a function, by its folder's name."""
        return self.one(
            "AWS::Lambda::Function", Handler=f"functions.{package}.handler.lambda_handler"
        )

    def source_of(self, function: str) -> Json:
        """Return the event source mapping that feeds a function."""
        mappings = self.all("AWS::Lambda::EventSourceMapping").values()
        (found,) = [one for one in mappings if shown(one["FunctionName"]) == function]
        return found

    def rights(self, package: str) -> dict[str, set[str]]:
        """Return what a function may do, by resource, besides its log and its traces."""
        role = shown(self.function(package)["Role"])
        granted: dict[str, set[str]] = {}
        for policy in self.all("AWS::IAM::Policy").values():
            if role in map(shown, policy["Roles"]):
                for action, resource in _allowed(policy["PolicyDocument"]["Statement"]):
                    if not action.startswith(("logs:", "xray:")):
                        granted.setdefault(resource, set()).add(action)
        return granted

    def alarms_of(self, name: str) -> set[str]:
        """Return the metrics that are watched of a function, queue or API, by its name."""
        return {
            alarm["MetricName"]
            for alarm in self.all("AWS::CloudWatch::Alarm").values()
            if name in [shown(one["Value"]) for one in alarm.get("Dimensions", ())]
        }


def shown(value: Any) -> str:
    """Return a reference, an ARN or a text as a person would call it."""
    match value:
        case str():
            return value
        case {"Ref": str(id_)}:
            return _plain(id_)
        case {"Fn::GetAtt": [str(id_), _]}:
            return _plain(id_)
        case {"Fn::GetStackOutput": {"OutputName": str(output)}}:
            match = _OUTPUT.match(output)
            assert match, output
            return match["name"]
        case {"Fn::Join": [_, parts]}:
            return "".join(map(shown, parts))
    raise AssertionError(f"not a reference: {value}")


def _allowed(statements: list[Json]) -> Iterator[tuple[str, str]]:
    for statement in statements:
        assert statement["Effect"] == "Allow"
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                yield action, shown(resource)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _plain(id_: str) -> str:
    match = _HASHED.match(id_)
    return match["name"] if match else id_


def without(value: Any, *keys: str) -> Any:
    """Return a copy without some keys, at any depth."""
    match value:
        case dict():
            return {key: without(of, *keys) for key, of in value.items() if key not in keys}
        case list():
            return [without(entry, *keys) for entry in value]
    return value
