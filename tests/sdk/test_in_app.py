"""Whether an in-app message is shown: the scenarios of ``in_app``, and what holds for all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_mobile.clock import instant_of_text
from engage_mobile.in_app import display_id
from engage_mobile.inbox import STATES
from engage_mobile.rules import MOST_COUNTED, Counters, Happening, Moment, Rule, chosen
from shared.kernel.clock import from_milliseconds
from shared.kernel.ids import is_ulid, made_at
from shared.push.model.in_app import Comparison
from shared.push.model.inbox import InboxState
from tests.sdk.phones import NOON, TurnedClock, phone
from tests.sdk.servers import FakeServer

SCENARIOS = Path(__file__).parent / "scenarios" / "in_app"
ANY_RULE: Mapping[str, Any] = {
    "in_app_id": "iam_1",
    "content": {},
    "trigger": {"event": "e", "filters": []},
    "priority": 50,
    "caps": {"per_session": None, "per_day": None, "total": None},
    "quiet_time": None,
    "starts_at": None,
    "ends_at": None,
}


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.json")), ids=lambda file: file.stem)
def test_a_message_is_shown_when_the_scenario_says(file: Path) -> None:
    scenario = json.loads(file.read_text())
    rules = [Rule.of_document(one) for one in scenario["rules"]]
    counters = Counters()
    for number, step in enumerate(scenario["steps"], start=1):
        if step["happens"] is None:
            counters = counters.in_new_session()
        moment = Moment(now=instant_of_text(step["at"]), utc_offset=step.get("utc_offset", 0))
        happening = Happening(event=step["happens"], data=step.get("data", {}))
        rule = chosen(rules, happening, moment=moment, counters=counters)
        assert (rule and rule.in_app_id) == step["shown"], f"in step {number}"
        if rule and step.get("displayed", True):
            counters = counters.shown(rule.in_app_id, day=moment.day)
        counters = Counters.of_text(counters.to_text())


def test_every_scenario_says_why_and_is_listed() -> None:
    readme = (SCENARIOS.parent / "README.md").read_text()
    for file in sorted(SCENARIOS.glob("*.json")):
        scenario = json.loads(file.read_text())
        assert scenario["name"] == file.stem.replace("_", " ")
        assert f"| `in_app/{file.name}` | {scenario['why']} |" in readme


def test_a_client_knows_every_comparison_and_state_of_the_server() -> None:
    told = {"in": [1], "not_in": [2], "from": [1], "to": [1], "exists": []}
    assert told.keys() == {one.value for one in Comparison}
    for comparison, values in told.items():
        asked = {"attribute": "a", "comparison": comparison, "values": values}
        trigger = {"event": "e", "filters": [asked]}
        rule = Rule.of_document({**ANY_RULE, "trigger": trigger})
        happening = Happening(event="e", data={"a": 1})
        assert chosen([rule], happening, moment=Moment(now=NOON), counters=Counters()) == rule
    assert ("unseen", *STATES) == tuple(one.value for one in InboxState)


@given(
    days=st.lists(st.integers(0, 3), max_size=40).map(sorted),
    per_day=st.integers(1, 4),
    total=st.integers(1, 8),
)
def test_caps_hold_whatever_happens(days: list[int], per_day: int, total: int) -> None:
    caps = {"per_session": None, "per_day": per_day, "total": total}
    rule = Rule.of_document({**ANY_RULE, "caps": caps})
    counters, shown = Counters(), []
    for day in days:
        moment = Moment(now=NOON + day * 86_400_000)
        if chosen([rule], Happening(event="e"), moment=moment, counters=counters):
            counters = counters.shown(rule.in_app_id, day=moment.day)
            shown.append(day)
    assert len(shown) <= total
    assert all(shown.count(day) <= per_day for day in shown)


def test_counters_are_bounded_and_forget_the_longest_ago() -> None:
    counters = Counters()
    for number in range(MOST_COUNTED + 1):
        counters = counters.shown(f"iam_{number}", day=1)
    assert len(counters.counts) == MOST_COUNTED
    assert counters.of("iam_0").total == 0
    assert counters.of("iam_1").total == 1


def test_a_display_has_a_ulid_of_the_servers_time() -> None:
    made = display_id(NOON, "key-000001")
    assert is_ulid(made)
    assert made_at(made) == from_milliseconds(NOON)
    assert made == display_id(NOON, "key-000001") != display_id(NOON, "key-000002")


def test_an_inbox_knows_its_states() -> None:
    clock = TurnedClock()
    engage = phone(FakeServer(clock), clock)
    with pytest.raises(ValueError, match="one of seen"):
        engage.inbox.mark("msg_1", "unseen")


def test_an_inbox_is_asked_by_its_own_words() -> None:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock)
    engage.register({"platform": "ios"})
    engage.inbox.list_messages(cursor="a/b=", archived=True)
    engage.inbox.mark("../{x}", "read")
    engage.pump(clock.now)
    paths = [request.path.partition("/devices/")[2] for request in server.requests]
    assert f"{engage.device_id}/inbox?limit=50&cursor=a%2Fb%3D&archived=true" in paths
    assert f"{engage.device_id}/inbox/..%2F%7Bx%7D" in paths
