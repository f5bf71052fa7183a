"""Copies of campaigns in inboxes: one a person, counted in the results when they are read."""

from typing import Any

import pytest

from infra.local.fcm.running import RunningStandin
from tests.functional.bus import records, told
from tests.functional.campaigns.office import Office
from tests.functional.push_api.test_inbox import look, mark
from tests.functional.shops import AUDIENCE, Shop

WEEK = {"ttl_seconds": 604_800}


@pytest.fixture
def office(pushing: Shop) -> Office:
    return Office(shop=pushing).opened()


def test_a_campaign_leaves_a_copy_with_everybody_it_tells(office: Office) -> None:
    office.register(3)
    campaign_id = office.draft(inbox=WEEK)
    assert office.expect(f"GET /campaigns/{campaign_id}")["inbox"] == WEEK
    rehearsed = office.rehearse(campaign_id)
    assert rehearsed["done"]
    assert all(look(office.shop, one)["items"] == [] for one in office.devices.values())
    office.send(campaign_id)
    office.work()
    assert office.books(campaign_id)["sent"] == 4
    for device in office.devices.values():
        (copy,) = look(office.shop, device)["items"]
        assert (copy["title"], copy["state"]) == ("Sale", "unseen")


def test_a_person_on_two_devices_has_one_copy(office: Office, fcm: RunningStandin) -> None:
    (name,) = office.register(1, timezone="Pacific/Auckland")
    known = office.shop.deployed.log_in(office.devices[name], "ada", audience=AUDIENCE)
    office.send(office.draft(inbox=WEEK))
    office.work()
    assert len(fcm.received()) == 2
    assert len(look(office.shop, {**office.devices[name], **known})["items"]) == 1


def test_a_copy_that_is_read_counts_as_opened(office: Office, dynamodb_client: Any) -> None:
    (name,) = office.register(1)
    campaign_id = office.draft(inbox=WEEK)
    office.send(campaign_id)
    office.work()
    device = office.devices[name]
    (copy,) = look(office.shop, device)["items"]
    mark(office.shop, device, copy["message_id"], "read")
    mark(office.shop, device, copy["message_id"], "interacted")
    happened = told(
        office.shop.deployed, dynamodb_client, "message.opened.v1", "message.clicked.v1"
    )
    office.shop.deployed.invoke("fold_results", records(happened))
    funnel = office.expect(f"GET /campaigns/{campaign_id}/results")["funnel"]
    assert (funnel["opened"], funnel["clicked"]) == (1, 1)


def test_a_draft_may_give_its_copies_up(office: Office) -> None:
    campaign_id = office.draft(inbox={})
    drafted = office.expect(f"GET /campaigns/{campaign_id}")
    assert drafted["inbox"] == {"ttl_seconds": 2_592_000}
    path = f"PATCH /campaigns/{campaign_id}"
    changed = office.expect(path, {"version": drafted["version"], "inbox": None})
    assert changed["inbox"] is None
    kept = office.expect(path, {"version": changed["version"], "name": "Summer"})
    assert kept["inbox"] is None
    short = office.call(path, {"version": kept["version"], "inbox": {"ttl_seconds": 60}})
    assert short.status == 422
