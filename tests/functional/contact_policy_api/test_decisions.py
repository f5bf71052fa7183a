"""May I contact this person? Over HTTP, by marketers and by other systems."""

from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.clock import from_rfc3339, rfc3339
from tests.fakes.clock import NOON
from tests.functional.shops import Shop

CAPPED: dict[str, Any] = {"caps": [{"id": "one", "limit": 1, "window": {"rolling": 24}}]}
MINUTE = timedelta(minutes=1)


def test_what_may_be_told_is_allowed_and_not_counted(shop: Shop) -> None:
    shop.put_policy(**CAPPED)
    for _ in range(3):
        assert shop.ask().body == {
            "decision": "allow",
            "because": [],
            "until": None,
            "try_channel": None,
            "reservation_id": None,
            "expires_at": None,
        }


def test_two_channels_under_one_cap_one_is_allowed_and_one_deferred(shop: Shop) -> None:
    shop.put_policy(**CAPPED, channel_order=["push", "email"])
    first = shop.ask(reserve=True).body
    shop.call(f"POST /contact-decisions/{first['reservation_id']}/commit")
    shop.clock.advance(timedelta(seconds=1))
    second = shop.ask(channel="email", reserve=True).body
    assert (second["decision"], second["reservation_id"]) == ("defer", None)
    assert from_rfc3339(second["until"]) == NOON + timedelta(hours=24)
    (reason,) = second["because"]
    assert (reason["gate"], reason["rule"], reason["limit"], reason["count"]) == (
        "cap",
        "one",
        1,
        1,
    )
    assert from_rfc3339(reason["until"]) == from_rfc3339(second["until"])


def test_a_deferred_request_passes_when_its_deferral_ends(shop: Shop) -> None:
    shop.put_policy(**CAPPED)
    shop.ask(reserve=True, hold_seconds=7_200)
    until = from_rfc3339(shop.ask().body["until"])
    shop.clock.at = until - timedelta(seconds=1)
    assert shop.ask().body["decision"] == "defer"
    shop.clock.at = until
    assert shop.ask().body["decision"] == "allow"


def test_what_expires_before_it_may_be_told_is_dropped(shop: Shop) -> None:
    shop.clock.at = NOON + timedelta(hours=10)
    wanted = {"expires_at": rfc3339(shop.clock() + timedelta(hours=1))}
    dropped = shop.ask(**wanted).body
    assert (dropped["decision"], dropped["until"]) == ("drop", None)
    assert [reason["gate"] for reason in dropped["because"]] == ["quiet_hours", "expiry"]
    assert shop.ask().body["decision"] == "defer"


def test_another_channel_that_would_be_allowed_is_named(shop: Shop) -> None:
    shop.clock.at = NOON + timedelta(hours=10)
    refused = shop.ask().body
    assert (refused["decision"], refused["try_channel"]) == ("defer", "inapp")


def test_the_same_attempt_is_counted_once(shop: Shop) -> None:
    shop.put_policy(**CAPPED)
    first, again = (shop.ask(reserve=True, key="attempt-1").body for _ in range(2))
    assert first["decision"] == "allow"
    assert again == first
    assert shop.ask(reserve=True, key="attempt-2").body["decision"] == "defer"


def test_a_committed_reservation_counts_for_good(shop: Shop) -> None:
    shop.put_policy(**CAPPED)
    held = shop.ask(reserve=True, hold_seconds=60).body
    assert from_rfc3339(held["expires_at"]) >= NOON + MINUTE
    path = f"/contact-decisions/{held['reservation_id']}"
    for _ in range(2):
        committed = shop.call(f"POST {path}/commit")
        assert (committed.status, committed.body) == (
            200,
            {"reservation_id": held["reservation_id"], "contact_id": shop.contact_id},
        )
    shop.clock.advance(timedelta(hours=1))
    assert shop.ask().body["decision"] == "defer"


def test_a_reservation_that_expired_counts_no_more_and_cannot_be_committed(shop: Shop) -> None:
    shop.put_policy(**CAPPED)
    held = shop.ask(reserve=True, hold_seconds=60).body
    shop.clock.at = from_rfc3339(held["expires_at"])
    late = shop.call(f"POST /contact-decisions/{held['reservation_id']}/commit")
    assert (late.status, late.body["code"]) == (409, "reservation_expired")
    assert shop.ask().body["decision"] == "allow"


def test_a_released_reservation_counts_no_more(shop: Shop) -> None:
    shop.put_policy(**CAPPED)
    path = f"/contact-decisions/{shop.ask(reserve=True).body['reservation_id']}"
    for _ in range(2):
        assert shop.call(f"POST {path}/release").status == 204
    assert shop.ask().body["decision"] == "allow"
    gone = shop.call(f"POST {path}/commit")
    assert (gone.status, gone.body["code"]) == (404, "reservation_not_found")


def test_who_is_named_by_identifiers_is_made_on_the_way(shop: Shop) -> None:
    named = [{"namespace": "email", "value": "bob@example.com"}]
    both = [*named, {"namespace": "customer", "value": "4711"}]
    shop.put_policy(**CAPPED)
    assert shop.ask(identifiers=named, reserve=True).body["decision"] == "allow"
    assert shop.ask(identifiers=both).body["decision"] == "defer"
    assert shop.ask(identifiers=both[1:]).body["decision"] == "defer"
    assert shop.ask().body["decision"] == "allow"


@pytest.mark.parametrize(
    ("namespace", "value"),
    [("email", "no address"), ("phone", "0041"), ("email", "noreply@"), ("carrier", "pigeon")],
)
def test_an_identifier_that_is_none_is_refused(shop: Shop, namespace: str, value: str) -> None:
    refused = shop.ask(identifiers=[{"namespace": namespace, "value": value}])
    assert refused.status == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": "pigeon"},
        {"purpose": "fun"},
        {"weight": 0},
        {"weight": 101},
        {"hold_seconds": 7_201},
        {"topic": "two words"},
        {"contact_id": "ada"},
        {"contact_id": None},
        {"contacts": []},
    ],
)
def test_what_no_decision_can_be_made_of_is_refused(shop: Shop, wrong: dict[str, Any]) -> None:
    refused = shop.ask(**wrong)
    assert (refused.status, refused.body["code"]) == (422, "invalid_fields")


def test_nobody_is_known_under_a_strange_contact(shop: Shop) -> None:
    strange = shop.ask(contact_id=f"con_{'0' * 26}")
    assert (strange.status, strange.body["code"]) == (404, "contact_not_found")
    for step in ("commit", "release"):
        nonsense = shop.call(f"POST /contact-decisions/rsv_{'U' * 52}/{step}")
        assert (nonsense.status, nonsense.body["code"]) == (404, "reservation_not_found")


def test_a_system_asks_for_its_own_channels_only(shop: Shop) -> None:
    secret = shop.a_system("email")
    shop.put_policy(**CAPPED)
    own = shop.ask(bearer=secret, channel="email", reserve=True)
    assert (own.status, own.body["decision"]) == (200, "allow")
    other = shop.ask(bearer=secret, channel="sms")
    assert (other.status, other.body["code"]) == (403, "forbidden")
    path = f"/contact-decisions/{own.body['reservation_id']}"
    assert shop.call(f"POST {path}/commit", bearer=secret).status == 200
    assert shop.ask(bearer=secret, channel="email").body["decision"] == "defer"
    assert shop.call(f"POST {path}/release", bearer=secret).status == 204
    assert shop.ask(bearer=secret, channel="email").body["decision"] == "allow"


def test_a_request_that_another_signed_is_turned_away(shop: Shop) -> None:
    forged = f"whsec_{'QUJD' * 10}"
    assert shop.ask(bearer=forged, channel="email").status == 401


def test_a_refused_reservation_is_told_as_an_event(shop: Shop, dynamodb_client: Any) -> None:
    shop.put_policy(**CAPPED)
    shop.ask(reserve=True)
    shop.ask()
    refused = shop.ask(channel="sms", reserve=True, topic="news")
    told = [
        row
        for row in dynamodb_client.scan(TableName=shop.deployed.tables["contact_events"])["Items"]
        if row.get("type", {}).get("S") == "message.suppressed.v1"
    ]
    assert refused.body["decision"] == "defer"
    assert len(told) == 1


def test_a_complaint_by_another_channel_stops_the_push_a_second_later(shop: Shop) -> None:
    secret = shop.a_system("phone", name="calls")
    assert shop.ask().body["decision"] == "allow"
    opened = shop.of_ada("POST /cases", {"case_id": "ticket-17"}, bearer=secret)
    assert opened.status == 201
    shop.clock.advance(timedelta(seconds=1))
    refused = shop.ask().body
    assert (refused["decision"], refused["until"], refused["try_channel"]) == ("drop", None, None)
    (reason,) = refused["because"]
    assert (reason["gate"], reason["rule"], reason["reference"]) == (
        "case",
        "complaint",
        "ticket-17",
    )
    assert shop.ask(purpose="transactional").body["decision"] == "allow"


def test_a_complaint_that_was_closed_begins_a_rest(shop: Shop) -> None:
    shop.put_policy(cooldowns=[{"id": "calm", "after": "complaint", "days": 3}])
    assert shop.of_ada("POST /cases", {"case_id": "ticket-17"}).status == 201
    assert shop.ask().body["decision"] == "drop"
    assert shop.call("POST /cases/ticket-17/close").status == 200
    rests = shop.ask().body
    assert (rests["decision"], rests["because"][0]["gate"]) == ("defer", "cooldown")
    assert rests["because"][0]["rule"] == "calm"
    assert from_rfc3339(rests["until"]) == shop.clock() + timedelta(days=3)
    assert shop.ask(purpose="transactional").body["decision"] == "allow"
    shop.clock.advance(timedelta(days=3))
    assert shop.ask().body["decision"] == "allow"
