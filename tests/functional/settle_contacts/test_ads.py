"""What people saw of ads follows them: when they are one, when they ask, when they go."""

from typing import Any

import pytest

from shared.placements.model.ad_state import Seen
from tests.functional.adverts import Adverts
from tests.functional.settle_contacts.test_erasure import settle
from tests.functional.shops import AUDIENCE


def sees(adverts: Adverts, token_id: str, contact_id: str) -> None:
    """Have somebody see an ad."""
    before = adverts.state(contact_id)
    seen = Seen(
        ad_id="ad_1",
        flight_id="flt_1",
        ad_campaign_id="adc_1",
        advertiser_id="adv_1",
        placement_id="plc_1",
        at=adverts.shop.clock(),
        token_id=token_id,
        origin=contact_id,
    )
    assert adverts.states.replace(before.shown(seen), before=before)


def seen_by(adverts: Adverts, contact_id: str) -> list[str]:
    return [one.token_id for one in adverts.state(contact_id).seen]


def grace(adverts: Adverts) -> str:
    """Return the contact of a second person."""
    device = adverts.shop.deployed.a_device(adverts.shop.app_id, "phone-of-grace")
    contact_id: str = adverts.shop.deployed.log_in(device, "grace", audience=AUDIENCE)["contact_id"]
    return contact_id


def exported(adverts: Adverts) -> list[dict[str, Any]]:
    """Return what an export says of ads."""
    found: list[dict[str, Any]] = []
    query = {"limit": "100"}
    while True:
        page = adverts.shop.of_ada("GET /export", query=query)
        assert page.status == 200, page.body
        found += [item["data"] for item in page.body["items"] if item["kind"] == "ad"]
        if page.body["next_cursor"] is None:
            return found
        query["cursor"] = page.body["next_cursor"]


def test_two_who_are_one_saw_what_both_saw_and_each_theirs_when_parted(adverts: Adverts) -> None:
    ada, other = adverts.shop.contact_id, grace(adverts)
    sees(adverts, "hers", ada)
    sees(adverts, "theirs", other)
    edge = adverts.shop.of_ada("POST /merges", {"other_contact_id": other})
    assert edge.status == 201, edge.body
    assert sorted(seen_by(adverts, ada)) == sorted(seen_by(adverts, other)) == ["hers", "theirs"]
    assert adverts.shop.of_ada(f"DELETE /merges/{edge.body['edge_id']}").status == 204
    assert (seen_by(adverts, ada), seen_by(adverts, other)) == (["hers"], ["theirs"])


def test_an_export_has_what_was_seen_and_an_erasure_takes_it(
    adverts: Adverts, dynamodb_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = adverts.shop.contact_id
    sees(adverts, "hers", ada)
    assert "hers" in {one.get("token_id") for one in exported(adverts)}
    assert adverts.shop.of_ada("DELETE ").status == 202
    settle(adverts.shop.deployed, dynamodb_client, monkeypatch)
    assert adverts.state().version == 0
