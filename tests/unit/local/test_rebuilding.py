"""`engage rebuild` and `engage archive` ask functions by their names, until they are done."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from infra.local.cli import app
from infra.local.functions import Callee
from infra.local.rebuilding import Rebuilding
from shared.kernel.clock import rfc3339
from tests.fakes.clock import ManualClock

Answer = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class Functions:
    """Lambda: what its functions are asked, and what they answer."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    error: str | None = None

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's
        assert FunctionName == "the-function"
        ((what, about),) = json.loads(Payload).items()
        assert about["app_id"] == "app_1"
        self.asked.append((what, about))
        told = {"FunctionError": self.error} if self.error else {}
        body = json.dumps(self.answers[what](about))
        return {"Payload": BytesIO(body.encode()), **told}


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    made = Functions()
    monkeypatch.setattr(boto3, "client", lambda name, **_: {"lambda": made}[name])
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return made


def engage(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--state", str(folder), *arguments], env={"COLUMNS": "160"})


ON_AWS = ("--function", "the-function", "--app", "app_1")


def rebuild_of(projection: str, *, read: int, is_over: bool, **about: Any) -> dict[str, Any]:
    phase = "done" if is_over else "folding"
    told = {"projection": projection, "phase": phase, "read": read, "after": str(read)}
    return {**told, "is_over": is_over, "waits_until": None, **about}


def goes_on(*reads: int) -> Iterator[tuple[int, bool]]:
    yield from ((read, read == reads[-1]) for read in reads)


def serve(functions: Functions, *reads: int) -> None:
    """Have each projection take as many calls as there are numbers."""
    steps = {name: goes_on(*reads) for name in ("ad_counters", "audience")}

    def go_on(about: dict[str, Any]) -> dict[str, Any]:
        read, is_over = next(steps[about["projection"]])
        return rebuild_of(about["projection"], read=read, is_over=is_over)

    functions.answers = {
        "names": lambda _: {
            "items": [
                {"projection": "ad_counters", "is_forgettable": False},
                {"projection": "audience", "is_forgettable": True},
            ]
        },
        "begin": lambda about: rebuild_of(about["projection"], read=0, is_over=False),
        "go_on": go_on,
    }


def test_all_are_made_again_and_deleted_where_that_may_be(
    functions: Functions, tmp_path: Path
) -> None:
    serve(functions, 3, 5)
    told = engage(tmp_path, "rebuild", *ON_AWS, "--delete", "--json")
    assert told.exit_code == 0, told.output
    made = json.loads(told.stdout)["projections"]
    assert [(one["projection"], one["read"]) for one in made] == [
        ("ad_counters", 5),
        ("audience", 5),
    ]
    begun = [about for what, about in functions.asked if what == "begin"]
    assert [one["forgets"] for one in begun] == [False, True]
    assert [what for what, _ in functions.asked].count("go_on") == 4


def test_one_is_made_again_over_a_range_and_told_line_by_line(
    functions: Functions, tmp_path: Path
) -> None:
    serve(functions, 3, 5)
    span = ("--from", "2026-11-01T00:00:00Z", "--to", "2026-11-02T00:00:00Z")
    told = engage(tmp_path, "rebuild", "audience", *ON_AWS, *span, "--per-minute", "100")
    assert told.exit_code == 0, told.output
    assert "audience: folding, 3 events read" in told.stdout
    assert "audience: done, 5 events read" in told.stdout
    (what, about), *rest = functions.asked
    assert (what, about["from"], about["to"]) == ("begin", span[1], span[3])
    assert {about["limit"] for _, about in rest} == {100}


def test_a_dry_run_adds_up_slices_and_begins_nothing(functions: Functions, tmp_path: Path) -> None:
    slices = [
        {"read": 4, "after": "a", "is_over": False},
        {"read": 1, "after": "b", "is_over": True},
    ]
    functions.answers = {"look": lambda about: slices[about["after"] == "a"]}
    told = engage(tmp_path, "rebuild", "audience", *ON_AWS, "--dry-run", "--json")
    assert json.loads(told.stdout)["projections"] == [{"projection": "audience", "read": 5}]
    assert {what for what, _ in functions.asked} == {"look"}


def test_a_refusal_is_told_in_its_words(functions: Functions, tmp_path: Path) -> None:
    refused = {"refused": {"code": "records_kept", "detail": "ad_counters: it keeps records"}}
    functions.answers = {"begin": lambda _: refused}
    told = engage(tmp_path, "rebuild", "ad_counters", *ON_AWS, "--delete", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout) == {
        "error": "ad_counters: it keeps records",
        "fix": "The refusal is records_kept.",
    }


def test_a_function_that_failed_is_told(functions: Functions, tmp_path: Path) -> None:
    functions.answers = {"begin": lambda _: {"errorMessage": "boom"}}
    functions.error = "Unhandled"
    told = engage(tmp_path, "rebuild", "audience", *ON_AWS, "--json")
    assert told.exit_code == 1
    assert "boom" in json.loads(told.stdout)["error"]


@pytest.mark.parametrize("command", [["rebuild"], ["archive", "ls"]])
def test_without_a_stack_or_a_function_nobody_is_asked(tmp_path: Path, command: list[str]) -> None:
    assert engage(tmp_path, *command).exit_code == 1


def test_a_function_on_aws_is_asked_about_an_app(tmp_path: Path) -> None:
    told = engage(tmp_path, "rebuild", "--function", "the-function")
    assert (told.exit_code, "Of which app?" in told.output) == (1, True)


@dataclass
class Paced:
    """A rebuild that is asked by a clock of its own, each call taking one second."""

    clock: ManualClock = field(default_factory=ManualClock)
    rests: list[float] = field(default_factory=list)

    def of(self, *told: dict[str, Any]) -> Rebuilding:
        answers = iter(told)

        def go_on(_: dict[str, Any]) -> dict[str, Any]:
            self.clock.advance(timedelta(seconds=1))
            return next(answers)

        begun = rebuild_of("audience", read=0, is_over=False)
        functions = Functions(answers={"begin": lambda _: begun, "go_on": go_on})
        callee = Callee(client=functions, function="the-function", app_id="app_1")
        return Rebuilding(callee=callee, per_minute=600, clock=self.clock, pause=self.rests.append)


def test_what_was_read_has_its_time() -> None:
    paced = Paced()
    calls = [rebuild_of("audience", read=read, is_over=read == 700) for read in (600, 610, 700)]
    assert len(list(paced.of(*calls).run("audience"))) == 3
    assert paced.rests == [59.0, 0.0]


def test_what_is_not_settled_is_waited_for() -> None:
    paced = Paced()
    until = rfc3339(paced.clock() + timedelta(seconds=61))
    waiting = rebuild_of("audience", read=0, is_over=False, waits_until=until)
    done = rebuild_of("audience", read=0, is_over=True)
    list(paced.of(waiting, waiting, done).run("audience"))
    assert paced.rests == [60.0, 59.0]


HELD = {"day": "2026-11-23", "type": "a.b.v1", "files": 2, "bytes": 2048}
EQUAL = {**HELD, "archive": 7, "ledger": 7, "only_archive": 0, "only_ledger": 0}


def test_files_are_listed_and_their_rows_of_some_days(functions: Functions, tmp_path: Path) -> None:
    functions.answers = {
        "list": lambda about: {"items": [HELD | ({"events": 7} if "day" in about else {})]}
    }
    told = engage(tmp_path, "archive", *ON_AWS, "ls").stdout
    assert ["2026-11-23", "a.b.v1", "2", "2,048", "-"] in [
        line.split() for line in told.splitlines()
    ]
    span = ("--from", "2026-11-22", "--to", "2026-11-23")
    found = json.loads(engage(tmp_path, "archive", *ON_AWS, "ls", *span, "--json").stdout)
    assert [one["events"] for one in found["items"]] == [7, 7]
    assert [about.get("day") for _, about in functions.asked] == [None, "2026-11-22", "2026-11-23"]


def test_an_archive_that_is_the_ledger_is_said_to_be(functions: Functions, tmp_path: Path) -> None:
    functions.answers = {"verify": lambda _: {"items": [EQUAL]}}
    told = engage(tmp_path, "archive", *ON_AWS, "verify", "--to", "2026-11-23")
    assert told.exit_code == 0, told.output
    assert "56 rows of the archive are those of the ledger." in told.stdout


def test_a_difference_is_told_and_fails(functions: Functions, tmp_path: Path) -> None:
    other = {**EQUAL, "ledger": 9, "only_ledger": 3, "only_archive": 1}
    functions.answers = {"verify": lambda _: {"items": [EQUAL, other]}}
    span = ("--from", "2026-11-23", "--to", "2026-11-23")
    told = engage(tmp_path, "archive", *ON_AWS, "verify", *span)
    assert told.exit_code == 1
    assert "3 events are missing in the archive" in told.stdout
    found = json.loads(engage(tmp_path, "archive", *ON_AWS, "verify", *span, "--json").stdout)
    assert (len(found["items"]), found["is_equal"]) == (2, False)


def test_what_is_no_day_is_refused(functions: Functions, tmp_path: Path) -> None:
    told = engage(tmp_path, "archive", *ON_AWS, "verify", "--from", "yesterday")
    assert (told.exit_code, functions.asked) == (1, [])
