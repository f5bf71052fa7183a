"""The porting contract: what a client sends, given calls, answers and a clock; see scenarios/."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from engage_mobile import (
    Display,
    Dropped,
    Engage,
    MemoryQueue,
    Operation,
    Outcome,
    Request,
    Response,
)
from tests.sdk.phones import NOON, Offline, TurnedClock, counted, phone

SCENARIOS = Path(__file__).parent / "scenarios"
CALLS: Mapping[str, Callable[..., object]] = {
    "register": lambda engage, state: engage.register(state),
    "refresh": lambda engage, **changes: engage.refresh(**changes),
    "identify": lambda engage, user_token: engage.identify(user_token),
    "log_out": lambda engage: engage.log_out(),
    "track": lambda engage, event_type, data: engage.track(event_type, data),
    "receipt": lambda engage, message_id, kind: engage.receipt(message_id, kind),
    "redeem": lambda engage, redeemables, basket: engage.coupons.redeem(redeemables, basket=basket),
    "claim": lambda engage, coupon_id: engage.coupons.claim(coupon_id),
    "list_coupons": lambda engage: engage.coupons.list_usable(),
    "put_preferences": lambda engage, wishes: engage.put_preferences(wishes),
    "list_inbox": lambda engage, limit: engage.inbox.list_messages(limit=limit),
    "mark_inbox": lambda engage, message_id, state: engage.inbox.mark(message_id, state),
    "refresh_in_app": lambda engage: engage.in_app.refresh(),
    "start_session": lambda engage: engage.in_app.start_session(),
    "enter_background": lambda engage: engage.enter_background(),
}


DISPLAYS: Mapping[str, Callable[[Engage, Display], object]] = {
    "displayed": lambda engage, display: engage.in_app.displayed(display),
    "clicked": lambda engage, display: engage.in_app.clicked(display),
    "dismissed": lambda engage, display: engage.in_app.dismissed(display),
}


class Player:
    """Plays a scenario: takes its steps, and holds the client to what they expect."""

    def __init__(self, scenario: Mapping[str, Any]) -> None:
        self._given = scenario.get("given", {})
        self._clock = TurnedClock()
        self._queue = MemoryQueue()
        self._new_key = counted()
        self._told: list[dict[str, Any]] = []
        self._shown: list[Display] = []
        self._display: Display | None = None
        self._engage = self._started()

    def play(self, step: Mapping[str, Any]) -> None:
        self._clock.now = NOON + step.get("at", self._clock.now - NOON)
        self._call(step)
        if step.get("restart"):
            self._engage = self._started()
        for exchange in step.get("pump", ()):
            self._exchange(exchange)
        if "pump" in step:
            assert self._engage.pump(self._clock.now) == _instant(step.get("due_at"))
        if "told" in step:
            told, self._told = self._told, []
            assert told == step["told"]
        if "shown" in step:
            shown, self._shown = self._shown, []
            assert [one.in_app_id for one in shown] == step["shown"]
        if "waiting" in step:
            assert self._engage.waiting == step["waiting"]

    def _call(self, step: Mapping[str, Any]) -> None:
        called = str(step.get("call", ""))
        if called in DISPLAYS:
            assert self._display is not None
            DISPLAYS[called](self._engage, self._display)
        elif called:
            CALLS[called](self._engage, **step.get("with", {}))

    def _started(self) -> Engage:
        random = self._given.get("random", 0.5)
        return phone(
            Offline(),
            self._clock,
            queue=self._queue,
            new_key=self._new_key,
            random=lambda: random,
            user_token=lambda: self._given.get("user_token"),
            most=self._given.get("most", 10_000),
            settled=self._hear,
            show=self._show,
        )

    def _exchange(self, exchange: Mapping[str, Any]) -> None:
        request = self._engage.next_request(self._clock.now)
        assert request is not None, f"nothing is sent, and expected is {exchange['expect']}"
        assert _shown(request, exchange["expect"]) == exchange["expect"]
        self._clock.go_on(exchange.get("took", 0))
        self._engage.take(_response(exchange["answer"]), now=self._clock.now)

    def _hear(self, operation: Operation, outcome: Outcome) -> None:
        told: dict[str, Any] = {"kind": operation.kind.value, "key": operation.key}
        if isinstance(outcome, Dropped):
            told["because"] = outcome.because.value
        self._told.append(told)

    def _show(self, display: Display) -> None:
        self._shown.append(display)
        self._display = display


def _instant(after: int | None) -> int | None:
    return None if after is None else NOON + after


def _shown(request: Request, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as scenarios write it: of its headers, those that are expected."""
    shown: dict[str, Any] = {"method": request.method, "path": request.path}
    if "headers" in expected:
        shown["headers"] = {name: request.headers.get(name) for name in expected["headers"]}
    if request.content is not None:
        shown["body"] = json.loads(request.content)
    return shown


def _response(answer: Mapping[str, Any] | None) -> Response | None:
    if answer is None:
        return None
    content = json.dumps(answer.get("body", {})).encode()
    return Response(status=answer["status"], headers=answer.get("headers", {}), content=content)


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.json")), ids=lambda file: file.stem)
def test_the_client_does_what_the_scenario_says(file: Path) -> None:
    scenario = json.loads(file.read_text())
    player = Player(scenario)
    for number, step in enumerate(scenario["steps"], start=1):
        try:
            player.play(step)
        except AssertionError as error:
            error.add_note(f"in step {number} of {scenario['name']}")
            raise


def test_every_scenario_says_why_and_is_listed() -> None:
    readme = (SCENARIOS / "README.md").read_text()
    files = sorted(SCENARIOS.glob("*.json"))
    assert len(files) >= 15
    for file in files:
        scenario = json.loads(file.read_text())
        assert scenario.keys() <= {"name", "why", "given", "steps"}
        assert scenario["name"] == file.stem.replace("_", " ")
        assert f"| `{file.name}` | {scenario['why']} |" in readme
