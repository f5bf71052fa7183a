"""What a condition may ask of an event."""

from shared.contact_events.cesql import attributes_of, parse
from shared.contact_events.cesql.attributes import MAX_STRING

EVENT = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/in",
    "type": "purchase.completed.v1",
    "channel": "web",
    "data": {
        "amount": 1299,
        "Currency": "EUR",
        "first": True,
        "rate": 0.5,
        "large": 3_000_000_000,
        "note": None,
        "items": ["a"],
        "shop": {"id": "s1"},
        "text": "a" * (MAX_STRING + 1),
    },
}


def test_context_attributes_and_the_scalars_of_data_are_offered() -> None:
    assert attributes_of(EVENT) == {
        "specversion": "1.0",
        "id": "e1",
        "source": "/in",
        "type": "purchase.completed.v1",
        "channel": "web",
        "data_amount": 1299,
        "data_currency": "EUR",
        "data_first": True,
        "data_rate": "0.5",
        "data_large": "3000000000",
    }


def test_an_event_whose_data_is_no_object_offers_its_context_alone() -> None:
    assert attributes_of({"id": "e1", "data": ["a"]}) == {"id": "e1"}


def test_a_condition_asks_for_a_member_of_data_by_its_name() -> None:
    condition = parse("type LIKE 'purchase.%' AND data_amount >= 1000 AND data_currency = 'EUR'")
    assert condition.holds(attributes_of(EVENT))
