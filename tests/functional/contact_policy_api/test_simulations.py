"""What a draft would have changed is told from the ledger; nothing is written."""

from datetime import timedelta
from typing import Any

import pytest

from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from tests.fakes.told import an_event
from tests.functional.shops import Shop

HOUR = timedelta(hours=1)
ONE_A_DAY: dict[str, Any] = {"caps": [{"id": "daily", "limit": 1, "window": {"rolling": 24}}]}
FREE: dict[str, Any] = {"caps": []}


def sent(shop: Shop, number: int, ago: timedelta, **attributes: Any) -> str:
    event = an_event(
        "message.sent.v1",
        number,
        app_id=shop.app_id,
        contact_id=shop.contact_id,
        at=shop.clock() - ago,
        **{"channel": "push", "purpose": "marketing", **attributes},
    )
    commit({"event": Ledger(table=shop.deployed.tables["contact_events"]).record(event)})
    return event.id


def simulate(shop: Shop, document: Any = ONE_A_DAY, **asked: Any) -> dict[str, Any]:
    answer = shop.call("POST /policy/simulate", {"document": document, **asked})
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.body
    return found


def test_the_effect_is_told_by_rule_and_channel_with_examples(shop: Shop) -> None:
    shop.put_policy(**FREE)
    first, second = sent(shop, 1, 5 * HOUR), sent(shop, 2, 3 * HOUR)
    found = simulate(shop, days=1)
    assert (found["version"], found["is_whole"], found["touches"]) == (1, True, 2)
    assert (found["changed"], found["contacts_changed"]) == (1, 1)
    assert found["differences"] == [
        {
            "section": "caps",
            "name": "daily",
            "kind": "added",
            "before": None,
            "after": {
                "id": "daily",
                "channels": found["differences"][0]["after"]["channels"],
                "purposes": ["marketing"],
                "limit": 1.0,
                "window": {"rolling": 24},
                "reserved": [],
            },
        }
    ]
    total, daily = found["effects"]
    assert (total["gate"], total["rule"], total["channel"]) == (None, None, "push")
    assert total["before"] == {"allowed": 2, "deferred": 0, "refused": 0}
    assert total["after"] == {"allowed": 1, "deferred": 1, "refused": 0}
    assert (daily["gate"], daily["rule"], daily["newly_deferred"]) == ("cap", "daily", 1)
    (example,) = found["examples"]
    assert (example["event_id"], example["contact_id"]) == (second, shop.contact_id)
    assert (example["before"]["decision"], example["after"]["decision"]) == ("allow", "defer")
    assert example["after"]["because"][0]["rule"] == "daily"
    assert first != second


def test_the_policy_in_force_changes_nothing(shop: Shop) -> None:
    for number in range(5):
        sent(shop, number, (number + 1) * HOUR)
    document = shop.call("GET /policy").body["document"]
    found = simulate(shop, document)
    assert (found["touches"], found["changed"], found["differences"]) == (5, 0, [])


def test_what_a_person_said_since_is_heard_from_then_on(shop: Shop) -> None:
    shop.put_policy(**FREE)
    said = {"status": "granted", "obtained_by": "form", "channel": "push", "purpose": "marketing"}
    sent(shop, 1, timedelta(0))
    shop.clock.advance(HOUR)
    assert shop.of_ada("PUT /consents", said).status == 200
    shop.clock.advance(HOUR)
    sent(shop, 2, timedelta(0))
    shop.clock.advance(HOUR)
    draft = {"consent": [{"id": "asked", "requires": "opt_in"}]}
    (total, _) = simulate(shop, draft)["effects"]
    assert total["after"] == {"allowed": 1, "deferred": 0, "refused": 1}


def test_what_was_refused_is_played_where_asked_for(shop: Shop) -> None:
    shop.put_policy(**ONE_A_DAY)
    for _ in range(2):
        shop.ask(reserve=True)
    shop.clock.advance(HOUR)
    assert simulate(shop, FREE)["touches"] == 0
    found = simulate(shop, FREE, with_refused=True)
    # What was reserved and not yet sent is no touch of the ledger.
    assert (found["touches"], found["contacts"]) == (1, 1)


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [({"days": 31}, "/days"), ({"contacts": 0}, "/contacts"), ({"history": "x"}, "/history")],
)
def test_what_is_too_much_is_refused(shop: Shop, asked: dict[str, Any], pointer: str) -> None:
    answer = shop.call("POST /policy/simulate", {"document": FREE, **asked})
    assert answer.status in {400, 422}
    assert [problem["pointer"] for problem in answer.body["errors"]] == [pointer]


def test_a_draft_with_problems_is_refused_as_when_it_is_put(shop: Shop) -> None:
    answer = shop.call("POST /policy/simulate", {"document": {"caps": [{"id": "one"}]}})
    assert (answer.status, answer.body["code"]) == (422, "policy_invalid")


def test_an_editor_may_ask_and_a_viewer_not(shop: Shop) -> None:
    body = {"document": FREE}
    for role, status in (("editor", 200), ("viewer", 403)):
        bearer = shop.deployed.marketer(shop.app_id, role)
        assert shop.call("POST /policy/simulate", body, bearer=bearer).status == status
