"""The house: one word per domain everywhere, every domain under the dependency rule."""

import ast
import json
import tomllib
from pathlib import Path

from tests.benchmarks.starts import ASKED

ROOT = Path(__file__).parents[2]
FOUNDATION = {"kernel", "platform"}
ONE_MORE_ROOM = {"page", "wishes"}
"""What a function shows to people, where it does: kept apart from its routes."""


def folders(place: str) -> set[str]:
    found = (path for path in (ROOT / place).iterdir() if path.is_dir())
    return {path.name for path in found if not path.name.startswith((".", "_"))} - FOUNDATION


def contracts() -> list[dict[str, object]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[dict[str, object]] = settings["tool"]["importlinter"]["contracts"]
    return found


def test_every_domain_has_unit_tests_of_its_name() -> None:
    assert folders("shared") <= folders("tests/unit")


def test_every_domain_is_deployed_by_a_construct_of_its_name() -> None:
    constructs = {path.stem for path in (ROOT / "infra" / "domains").glob("[!_]*.py")}
    assert folders("shared") == constructs


def test_every_domain_is_under_the_dependency_rule() -> None:
    domains = {f"shared.{domain}" for domain in folders("shared")}
    by_name = {str(contract["name"]): contract for contract in contracts()}
    independent = next(c for name, c in by_name.items() if name.startswith("Domains never"))
    layered = next(c for name, c in by_name.items() if name.startswith("Inside a domain"))
    protected = next(c for name, c in by_name.items() if name.startswith("Only wiring"))
    assert set(independent["modules"]) == domains  # type: ignore[call-overload]
    assert set(layered["containers"]) == domains  # type: ignore[call-overload]
    assert {f"{domain}.store" for domain in domains} <= set(protected["protected_modules"])  # type: ignore[call-overload]


def test_every_function_has_the_same_rooms() -> None:
    handlers = sorted((ROOT / "functions").glob("*/handler.py"))
    for function in (handler.parent.name for handler in handlers):
        folder = ROOT / "functions" / function
        # A room is a module, or a package when it grows.
        modules = {path.stem for path in folder.glob("*.py")} | folders(f"functions/{function}")
        expected = {"__init__", "handler", "wiring"}
        if function.endswith("_api"):
            expected |= {"routes", "schemas"}
        assert modules - ONE_MORE_ROOM == expected, function


def test_the_cold_start_of_every_function_is_measured() -> None:
    assert {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")} == set(ASKED)


def test_whoever_joins_people_has_every_domain_follow() -> None:
    services = (ROOT / "shared").glob("*/service/*people.py")
    follow = {
        module(path)
        for path in services
        if "registrations" not in path.parts and "def unite(self, intent" in path.read_text()
    }
    assert follow
    modules = (ROOT / "functions").rglob("*.py")
    joining = [path for path in modules if "PeopleService(" in path.read_text()]
    assert joining
    for wiring in joining:
        assert follow <= imported(wiring), wiring


def imported(path: Path) -> set[str]:
    """Return the modules that a module names in its imports, wherever they stand."""
    found = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)
    ]
    return {str(node.module) for node in found} | {
        f"{node.module}.{name.name}" for node in found for name in node.names
    }


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_only_known_folders_stand_at_the_top() -> None:
    required = {"infra", "functions", "shared", "mobile_sdk_stub", "tests"}
    made_by_tools = {"cdk.out"}
    assert required <= folders(".") <= required | {"docs"} | made_by_tools


def test_every_route_of_the_api_has_a_traffic_class() -> None:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    classes = {
        operation["x-engage-traffic"]
        for operations in document["paths"].values()
        for operation in operations.values()
    }
    assert classes <= {"open", "device", "management"}
