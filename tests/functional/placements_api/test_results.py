"""What came of flights adds up, and exact ones are recounted."""

from dataclasses import replace
from datetime import date, timedelta

from shared.kernel.clock import system_clock
from shared.kernel.envelope import seal
from shared.kernel.ids import Ids
from shared.placements.model.accounting import counted_event, event_key
from shared.placements.model.engagements import Engagement
from shared.placements.model.folding import Change, CounterKey, Figures, Part
from shared.placements.model.leases import Bounds, opened
from shared.placements.store import (
    DynamoCounterStore,
    DynamoEngagementStore,
    DynamoLeaseStore,
    LeaseSlots,
)
from tests.fakes.ads import a_grant
from tests.functional.booking import Desk

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def count(desk: Desk, ids: dict[str, str], day: date, figures: Figures, *, position: str) -> None:
    """Count events of a day, as the folder does."""
    key = CounterKey(
        app_id=desk.app_id,
        flight_id=ids["flight_id"],
        day=day,
        placement_id=ids["placement_id"],
        creative_id=ids["creative_id"],
    )
    store = DynamoCounterStore(table=desk.deployed.tables["placements"])
    change = Change(key=key, parts=(Part(position=position, figures=figures),))
    assert store.fold([change], shard="shard-1", at=system_clock()) == [True]


def test_nothing_came_of_a_flight_that_was_not_shown(desk: Desk) -> None:
    ids = desk.booked()
    found = desk.call(f"GET /flights/{ids['flight_id']}/results").body
    assert (found["given"], found["total"]["impressions"]) == (0, 0)
    assert (found["total"]["click_rate"], found["by_day"]) == (None, [])


def test_days_placements_and_creatives_each_add_up(desk: Desk) -> None:
    ids = desk.booked()
    count(desk, ids, MONDAY, Figures(shown=6, clicks=1, revenue=3_000_000), position="1")
    count(desk, ids, TUESDAY, Figures(shown=2, clicks=1, late=4), position="2")
    found = desk.call(f"GET /flights/{ids['flight_id']}/results").body
    total = found["total"]
    assert (total["impressions"], total["clicks"], total["click_rate"]) == (8, 2, 0.25)
    assert (total["revenue_millionths"], total["rejected"]["late"]) == (3_000_000, 4)
    assert [(one["day"], one["figures"]["impressions"]) for one in found["by_day"]] == [
        ("2026-11-23", 6),
        ("2026-11-24", 2),
    ]
    assert [one["figures"] for one in found["by_placement"]] == [total]
    assert [one["figures"] for one in found["by_creative"]] == [total]


def test_what_is_given_of_a_flight_without_bounds_is_not_counted(desk: Desk) -> None:
    ids = desk.booked(target={})
    assert desk.call(f"GET /flights/{ids['flight_id']}/results").body["given"] is None


def test_an_exact_flight_is_recounted(desk: Desk) -> None:
    ids = desk.booked(target={"lifetime": 50, "exact": True})
    path = f"/flights/{ids['flight_id']}"
    before = desk.call(f"GET {path}/audit").body
    assert (before["target"], before["given"], before["left"]) == (50, 0, 50)
    store = DynamoLeaseStore(table=desk.deployed.tables["placements"])
    budget = opened(Bounds(app_id=desk.app_id, flight_id=ids["flight_id"], version=1, lifetime=50))
    store.open(budget)
    assert store.draw(budget, shard=0, day="")
    after = desk.call(f"GET {path}/audit").body
    assert (after["given"], after["open"], after["left"], after["is_balanced"]) == (1, 1, 49, True)
    assert desk.call(f"GET {path}/results").body["given"] == 1


def test_a_flight_that_is_not_exact_has_nothing_to_recount(desk: Desk) -> None:
    refused = desk.call(f"GET /flights/{desk.booked()['flight_id']}/audit")
    assert (refused.status, refused.body["code"]) == (409, "flight_not_exact")


def test_there_are_no_results_of_a_flight_that_is_not_there(desk: Desk) -> None:
    for word in ("results", "audit"):
        refused = desk.call(f"GET /flights/flt_{'0' * 26}/{word}")
        assert (refused.status, refused.body["code"]) == (404, "flight_not_found")


def test_what_was_not_counted_is_had_from_the_ledger(desk: Desk) -> None:
    ids = desk.booked()
    at = system_clock().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)
    grant = replace(
        a_grant(app_id=desk.app_id, issued_at=at),
        flight_id=ids["flight_id"],
        placement_id=ids["placement_id"],
        creative_id=ids["creative_id"],
    )
    tables = desk.deployed.tables
    ledger = DynamoEngagementStore(
        events_table=tables["contact_events"], slots=LeaseSlots(table=tables["placements"])
    )
    impression = Engagement.IMPRESSION
    shown = seal(
        counted_event(grant, impression, at=at),
        sequence=Ids(clock=lambda: at).sequence(),
        key=event_key(at, grant.token_id, impression),
    )
    assert ledger.put_each([shown]) == [True]
    body = {"day": at.date().isoformat()}
    path = f"/flights/{ids['flight_id']}/results"

    tried = desk.call("POST /ad-counters/rebuild", body, query={"dry_run": "true"})
    assert (tried.status, tried.body["is_done"]) == (200, True), tried.body
    assert {one["added"]["impressions"] for one in tried.body["counters"]} == {1}
    assert desk.call(f"GET {path}").body["total"]["impressions"] == 0

    assert desk.call("POST /ad-counters/rebuild", body).body == tried.body
    assert desk.call(f"GET {path}").body["total"]["impressions"] == 1
    assert desk.call("POST /ad-counters/rebuild", body).body["counters"] == []


def test_today_is_not_settled(desk: Desk) -> None:
    body = {"day": system_clock().date().isoformat()}
    refused = desk.call("POST /ad-counters/rebuild", body)
    assert (refused.status, refused.body["code"]) == (409, "day_not_settled")
