"""A complaint or a refusal that comes in is heeded before its sender is answered."""

from typing import Any

from shared.kernel.clock import rfc3339
from tests.functional.contact_events_api.test_events import letter, tell
from tests.functional.shops import Shop


def told(shop: Shop, event_type: str, **other: Any) -> dict[str, Any]:
    event = letter(
        type=event_type,
        time=rfc3339(shop.clock()),
        channel="email",
        direction="in",
        subject=f"contact/{shop.contact_id}",
    )
    answer = tell(shop.deployed, shop.app_id, {**event, **other}, bearer=shop.deployed.operator())
    assert answer.status == 202, answer.body
    body: dict[str, Any] = answer.body
    return body


def test_after_a_complaint_was_taken_in_a_push_is_refused_at_once(shop: Shop) -> None:
    assert shop.ask().body["decision"] == "allow"
    assert told(shop, "contact.complained.v1")["accepted"] == 1
    refused = shop.ask().body
    assert (refused["decision"], refused["because"][0]["gate"]) == ("drop", "case")
    # The same again is one case.
    assert told(shop, "contact.complained.v1")["duplicates"] == 1
    assert shop.ask().body["because"] == refused["because"]


def test_after_a_refusal_was_taken_in_a_push_is_refused_at_once(shop: Shop) -> None:
    data = {"consent_channel": "push", "topic": None}
    told(shop, "consent.withdrawn.v1", data=data)
    refused = shop.ask().body
    assert (refused["decision"], refused["because"][0]["gate"]) == ("drop", "consent")


def test_an_agreement_waits_for_the_bus(shop: Shop) -> None:
    told(shop, "consent.withdrawn.v1", data={"consent_channel": "push", "topic": None})
    told(shop, "consent.granted.v1", id="2", data={"consent_channel": "push", "topic": None})
    assert shop.ask().body["decision"] == "drop"
