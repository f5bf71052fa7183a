"""What became of ads is counted once, in results, in what caps know, and as a touch."""

from typing import Any

import pytest

from shared.placements.model.engagements import Engagement
from shared.placements.model.folding import CounterKey, Figures
from shared.placements.store import DynamoCounterStore
from tests.functional.adverts import DONE, Adverts
from tests.functional.relay_events.test_relay import stream_batch
from tests.functional.settle_contacts.test_erasure import settle

SHARD = "shardId-00000001414576573621-f55eea83"
FOLDED = {"state": {}, **DONE}
DAILY = {"times": 5, "window_seconds": 86_400, "mode": "lazy"}


def fold(adverts: Adverts, **about: Any) -> dict[str, Any]:
    """Bring what the ledger's stream tells of ads."""
    batch = stream_batch(adverts.shop.deployed, adverts.dynamodb)
    of_ads = [
        one
        for one in batch["Records"]
        if one["dynamodb"]["NewImage"]["type"]["S"].startswith("ad.")
    ]
    event = {"Records": of_ads, "shardId": SHARD, "state": {}, **about}
    return adverts.shop.deployed.invoke("fold_ad_events", event)


def counted(adverts: Adverts, flight_id: str) -> Figures:
    store = DynamoCounterStore(table=adverts.shop.deployed.tables["placements"])
    return store.get(CounterKey(app_id=adverts.shop.app_id, flight_id=flight_id))


def test_a_batch_is_counted_once_however_often_it_comes(adverts: Adverts) -> None:
    flight = adverts.running(caps=[DAILY])
    adverts.compiled()
    grants = [adverts.grant(flight, number) for number in (1, 2)]
    for grant in grants:
        adverts.happened(Engagement.IMPRESSION, grant)
    adverts.happened(Engagement.CLICK, grants[0])
    for _ in range(2):
        assert fold(adverts) == FOLDED
        figures = counted(adverts, flight.flight_id)
        assert (figures.shown, figures.clicks) == (2, 1)
        seen = adverts.state().seen
        assert [one.token_id for one in seen] == [one.token_id for one in grants]
        assert {one.ad_campaign_id for one in seen} == {flight.ad_campaign_id}


def test_what_was_shown_is_a_touch_as_heavy_as_all_ads_of_the_hour(adverts: Adverts) -> None:
    flight = adverts.running()
    adverts.compiled()
    adverts.shop.put_policy(
        weights={"ad": 0.5}, caps=[{"id": "few", "limit": 2, "window": {"rolling": 24}}]
    )
    for number, decision in ((1, "allow"), (2, "allow"), (3, "defer")):
        adverts.happened(Engagement.IMPRESSION, adverts.grant(flight, number))
        assert fold(adverts) == FOLDED
        assert adverts.shop.ask().body["decision"] == decision


def test_the_end_of_a_window_without_records_asks_for_nothing(adverts: Adverts) -> None:
    window = {"shardId": SHARD, "isFinalInvokeForWindow": True, "state": {}}
    assert adverts.shop.deployed.invoke("fold_ad_events", window) == FOLDED
    assert adverts.shop.deployed.invoke("fold_ad_events", {**window, "Records": []}) == FOLDED


def test_a_record_that_cannot_be_read_comes_again_alone(adverts: Adverts) -> None:
    flight = adverts.running()
    adverts.compiled()
    adverts.happened(Engagement.IMPRESSION, adverts.grant(flight))
    batch = stream_batch(adverts.shop.deployed, adverts.dynamodb)["Records"]
    shown = next(one for one in batch if one["dynamodb"]["NewImage"]["type"]["S"] == "ad.shown.v1")
    broken = {"eventName": "INSERT", "dynamodb": {"NewImage": {}, "SequenceNumber": "7000"}}
    event = {"Records": [shown, broken], "shardId": SHARD}
    answer = adverts.shop.deployed.invoke("fold_ad_events", event)
    assert answer["batchItemFailures"] == [{"itemIdentifier": "7000"}]
    assert counted(adverts, flight.flight_id).shown == 1


def test_of_who_was_erased_nothing_is_noted_again(
    adverts: Adverts, monkeypatch: pytest.MonkeyPatch
) -> None:
    flight = adverts.running(caps=[DAILY])
    adverts.compiled()
    adverts.happened(Engagement.IMPRESSION, adverts.grant(flight))
    batch = stream_batch(adverts.shop.deployed, adverts.dynamodb)["Records"]
    shown = [one for one in batch if one["dynamodb"]["NewImage"]["type"]["S"] == "ad.shown.v1"]
    assert adverts.shop.of_ada("DELETE ").status == 202
    settle(adverts.shop.deployed, adverts.dynamodb, monkeypatch)
    event = {"Records": shown, "shardId": SHARD}
    assert adverts.shop.deployed.invoke("fold_ad_events", event) == FOLDED
    assert adverts.state().version == 0
    assert counted(adverts, flight.flight_id).shown == 1
