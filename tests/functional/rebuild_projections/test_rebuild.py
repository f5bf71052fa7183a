"""Projections can be deleted, and made again from the ledger: item by item they are the same."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.clock import rfc3339, system_clock
from shared.kernel.envelope import Envelope
from shared.kernel.events import Subject
from shared.kernel.ids import made_at
from shared.placements.model.ad_state import AdState
from shared.placements.model.engagements import Engagement
from shared.placements.model.folding import CounterKey, Figures
from shared.placements.store import DynamoCounterStore
from tests.deployment import Deployment
from tests.fakes.clock import ManualClock
from tests.functional.adverts import Adverts
from tests.functional.bus import records, told
from tests.functional.fold_ad_events.test_fold_ad_events import fold
from tests.functional.fold_results.test_marks import BOUGHT, IDS, put
from tests.functional.fold_results.test_marks import (
    test_a_click_and_a_purchase_are_marked_once as a_campaign_is_followed,
)
from tests.functional.project_ad_state.test_projection import projected
from tests.functional.project_audience.test_projection import OPENED, Projected, second_phone
from tests.functional.rebuild_projections.rebuilding import Item, Operator
from tests.functional.shops import Shop, moved_clock
from tests.functional.tenants import Tenant
from tests.infra.test_projections import rows

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def clock(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """Return a clock that begins now: an app has nothing that was recorded before it was made."""
    clock = moved_clock(monkeypatch)
    clock.at = system_clock() + MINUTE
    return clock


@pytest.fixture
def operator(shop: Shop, dynamodb_client: Any) -> Operator:
    return _operator(shop.deployed, dynamodb_client, shop.app_id, shop.clock)


def _operator(
    deployed: Deployment, dynamodb: Any, app_id: str, clock: ManualClock, *crashes: int
) -> Operator:
    return Operator(
        deployed=deployed, dynamodb=dynamodb, app_id=app_id, clock=clock, crashes=list(crashes)
    )


def is_of_audience(item: Item) -> bool:
    return item["sk"]["S"] == "H" or "audience" in item


def audience(operator: Operator) -> Mapping[Any, Item]:
    """Return what was noted of people, and what was copied: how often it was written aside."""
    found = operator.items("registrations", is_of_audience, but=("version",))
    assert {key[1] == "H" for key in found} == {True, False}
    return found


@pytest.fixture
def people(shop: Shop, dynamodb_client: Any) -> Projected:
    """Return a shop in which much was said, told twice and in no order."""
    it = Projected(shop=shop, dynamodb=dynamodb_client)
    it.define("complaints", {"event": {"type": OPENED}})
    it.define("buyers", {"event": {"type": BOUGHT}})
    second_phone(shop)
    it.consent("granted")
    for plan in ("silver", "gold"):
        assert shop.of_ada("PATCH ", {"attributes": {"plan": plan}}).status == 200
    it.open_case()
    for number in range(12):
        bought(shop, ago=timedelta(days=(number * 5) % 12))
    it.bring(seed=1)
    return it


def bought(shop: Shop, *, ago: timedelta) -> None:
    """Record now that Ada bought something some time ago."""
    put(
        shop.deployed,
        Envelope(
            app_id=shop.app_id,
            sequence=IDS.sequence(),
            type=BOUGHT,
            source="shop",
            time=system_clock() - ago,
            subject=Subject(kind="contact", id=shop.contact_id),
            channel="web",
            direction="in",
            data={"order": "17"},
        ),
    )


@pytest.mark.parametrize("crashes", [(), (1, 4, 9)])
@pytest.mark.parametrize("limit", [5_000, 3])
def test_audiences(
    people: Projected, operator: Operator, limit: int, crashes: tuple[int, ...]
) -> None:
    before = audience(operator)
    operator.crashes.extend(crashes)
    told_last = operator.rebuild("audience", forgets=True, limit=limit)
    assert (told_last["phase"], told_last["is_over"]) == ("done", True)
    assert audience(operator) == before


def test_nothing_is_left_of_what_is_forgotten_but_what_is_told_meanwhile_stays(
    people: Projected, operator: Operator
) -> None:
    before = audience(operator)
    operator.forget("audience")
    assert operator.items("registrations", is_of_audience) == {}
    bought(people.shop, ago=timedelta())
    people.bring()
    operator.rebuild("audience", forgets=True)
    after = audience(operator)
    assert after.keys() == before.keys()
    people.bring(seed=2)
    assert audience(operator) == after


def is_of_results(item: Item) -> bool:
    pk, sk = str(item["pk"]["S"]), str(item["sk"]["S"])
    return sk.startswith("F#") or pk.endswith("#GOALS")


@pytest.mark.parametrize("forgets", [False, True])
def test_results(
    deployed: Deployment,
    tenant: Tenant,
    dynamodb_client: Any,
    clock: ManualClock,
    forgets: bool,
) -> None:
    app_id = tenant.ids["app_id"]
    operator = _operator(deployed, dynamodb_client, app_id, clock, 2, 5)
    a_campaign_is_followed(deployed, tenant, dynamodb_client)
    before = operator.items("push", is_of_results)
    assert len(before) == 3
    if not forgets:
        operator.delete("push", is_of_results)
    operator.rebuild("results", forgets=forgets, limit=2)
    assert operator.items("push", is_of_results) == before


def is_of_channels(item: Item) -> bool:
    return "#COUNTS#" in item["pk"]["S"] or "#SAMPLES#" in item["pk"]["S"]


@pytest.mark.parametrize("forgets", [False, True])
def test_reports_on_channels(
    shop: Shop,
    operator: Operator,
    forgets: bool,
) -> None:
    for number in range(5):
        bought(shop, ago=number * DAY)
    span = {"from": rfc3339(made_at(shop.app_id)), "to": rfc3339(system_clock())}
    shop.deployed.invoke("fold_channels", {"count": {"app_id": shop.app_id, **span}})
    before = operator.items("contact_events", is_of_channels, but=("counted_at",))
    assert before
    if not forgets:
        operator.delete("contact_events", is_of_channels)
    operator.crashes.append(2)
    operator.rebuild("channels", forgets=forgets, limit=4)
    assert operator.items("contact_events", is_of_channels, but=("counted_at",)) == before


def counters(adverts: Adverts, flight_id: str) -> Mapping[CounterKey, Figures]:
    store = DynamoCounterStore(table=adverts.shop.deployed.tables["placements"])
    return store.counters_of(flight_id, app_id=adverts.shop.app_id)


def is_a_counter(item: Item) -> bool:
    return "#CNT#" in item["pk"]["S"]


def test_counters_of_ads(adverts: Adverts, operator: Operator) -> None:
    flight = adverts.running()
    adverts.compiled()
    for number in range(1, 6):
        grant = adverts.grant(flight, number)
        adverts.happened(Engagement.IMPRESSION, grant)
        if number % 2:
            adverts.happened(Engagement.CLICK, grant)
    for _ in range(2):
        fold(adverts)
    before = counters(adverts, flight.flight_id)
    assert len(before) == 4

    refused = operator.call("begin", projection="ad_counters", forgets=True)["refused"]
    assert refused["code"] == "records_kept"
    operator.delete("placements", is_a_counter)
    operator.rebuild("ad_counters")
    assert counters(adverts, flight.flight_id) == {}  # the day may still be counted in
    operator.clock.advance(3 * DAY)
    operator.crashes.append(1)
    operator.rebuild("ad_counters", limit=4)
    assert counters(adverts, flight.flight_id) == before


def test_what_others_answer_of_a_person_is_asked_anew(adverts: Adverts) -> None:
    adverts.running(topic="shoes")
    adverts.compiled()
    for off in (["shoes", "hats"], ["shoes"]):
        said = adverts.shop.of_ada("PUT /preferences", {"topics_off": off})
        assert said.status < 300, said.body
    before = projected(adverts)
    assert before.topic_holds
    # What is no answer of others is a record: it stays.
    records_of = (
        "app_id",
        "contact_id",
        "seen",
        "epoch",
        "version",
        "moved_to",
        "origins",
        "edges",
    )
    blank = AdState(**{name: getattr(before, name) for name in records_of})
    assert adverts.states.replace(blank, before=before)
    after = projected(adverts)
    # What is held anew is taken back from devices.
    assert after.epoch == before.epoch + 1
    assert after == replace(
        before, version=after.version, facts_at=after.facts_at, epoch=after.epoch
    )


def test_a_dry_run_counts_and_writes_nothing(people: Projected, operator: Operator) -> None:
    operator.clock.advance(HOUR)
    before = audience(operator)
    looked: dict[str, Any] = {"after": None, "is_over": False}
    read = 0
    while not looked["is_over"]:
        looked = operator.call("look", projection="audience", after=looked["after"])
        read += looked["read"]
    assert read > 15
    assert audience(operator) == before
    gone_on = operator.call("go_on", projection="audience", limit=1)
    assert gone_on["refused"]["code"] == "rebuild_not_found"


def test_what_cannot_be_made_again_is_refused_by_name(operator: Operator) -> None:
    unknown = operator.call("begin", projection="weather")["refused"]
    assert unknown["code"] == "projection_not_found"
    assert "ad_counters, audience, channels, results" in unknown["detail"]
    part = operator.call(
        "begin", projection="audience", forgets=True, **{"from": rfc3339(operator.clock())}
    )
    assert part["refused"]["code"] == "forgetting_range"
    assert operator.call("begin", projection="audience")["phase"] == "folding"
    other = operator.call("begin", projection="audience", forgets=True)["refused"]
    assert other["code"] == "rebuild_running"
    assert operator.call("begin", projection="audience")["phase"] == "folding"


def test_a_late_event_is_folded_where_it_was_recorded(
    people: Projected, operator: Operator, dynamodb_client: Any
) -> None:
    shop = people.shop
    bought(shop, ago=3 * HOUR)
    late = told(shop.deployed, dynamodb_client, BOUGHT)
    shop.deployed.invoke("project_audience", records([*late, *late[::-1]]))
    before = audience(operator)
    operator.rebuild("audience", forgets=True, limit=7)
    assert audience(operator) == before


def test_what_can_be_made_again_is_what_the_page_says(deployed: Deployment) -> None:
    told = {row[0].strip("`"): row[4] for row in rows("What is made of the ledger")}
    by_command = {name: how for name, how in told.items() if "`engage rebuild`" in how}
    items = deployed.invoke("rebuild_projections", {"names": {}})["items"]
    assert {one["projection"]: one["is_forgettable"] for one in items} == {
        name: "never deleted" not in how for name, how in by_command.items()
    }
