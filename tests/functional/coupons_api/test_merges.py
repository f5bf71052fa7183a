"""Two contacts that turn out to be one person: what each has of coupons, together and apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.functional.coupons_api.counter import AUDIENCE, Counter, order
from tests.functional.coupons_api.test_codes import generated


@contextmanager
def merged(counter: Counter) -> Iterator[None]:
    """Join Bob's contact to Ada's, who stands for both, until the end of the block."""
    merges = f"/contacts/{counter.ada['contact_id']}/merges"
    other = {"other_contact_id": counter.bob["contact_id"]}
    edge = counter.call(f"POST {merges}", other)
    assert edge.status == 201, edge.body
    yield
    parted = counter.call(f"DELETE {merges}/{edge.body['edge_id']}")
    assert parted.status == 204, parted.body


def assigned(counter: Counter, coupon_id: str, letters: str) -> Any:
    """Make a code Bob's."""
    body = {"code": letters, "contact_id": counter.bob["contact_id"]}
    made = counter.call(f"POST /coupons/{coupon_id}/codes/assignments", body)
    assert made.status == 200, made.body
    return made.body


def used(counter: Counter, person: dict[str, Any], letters: str, key: str) -> int:
    return counter.redeem(person, letters, key=key).status


def test_an_assigned_code_is_the_united_persons_and_goes_back_with_its_contact(
    counter: Counter,
) -> None:
    coupon_id = counter.a_coupon()
    first, second, third = generated(counter, coupon_id)
    before = [assigned(counter, coupon_id, one) for one in (first, second, third)]
    assert used(counter, counter.ada, first, "too-early") == 422
    with merged(counter):
        assert used(counter, counter.ada, first, "as-one") == 201
        shown = counter.of(counter.ada, f"GET /codes/{second}/image.svg")
        assert shown.status == 200
        assert used(counter, counter.bob, second, "as-one-too") == 201
        # Again, it is assigned to the same person, and stays as it was.
        assert assigned(counter, coupon_id, first) == before[0]
    assert used(counter, counter.ada, third, "too-late") == 422
    assert used(counter, counter.bob, third, "apart") == 201


@pytest.mark.parametrize("when", ["before", "together"])
def test_the_code_of_a_claim_goes_with_who_claimed(counter: Counter, when: str) -> None:
    coupon_id = counter.a_coupon(claims={"enabled": True, "with_code": True})

    def claimed() -> str:
        letters: str = counter.of(counter.bob, f"POST /coupons/{coupon_id}/claims").body["code"]
        return letters

    letters = claimed() if when == "before" else ""
    with merged(counter):
        letters = letters or claimed()
        asked = order(letters)
        judged = counter.of(counter.ada, "POST /coupon-validations", asked).body["redeemables"]
        assert judged[0]["status"] == "APPLICABLE"
    judged = counter.of(counter.ada, "POST /coupon-validations", asked).body["redeemables"]
    assert judged[0]["status"] == "INAPPLICABLE"
    assert used(counter, counter.bob, letters, "mine") == 201


def own(counter: Counter, who: dict[str, Any], redemption_id: str) -> int:
    return counter.of(who, f"GET /redemptions/{redemption_id}").status


@pytest.mark.parametrize("when", ["before", "together"])
def test_redemptions_are_the_persons_without_the_device_too(counter: Counter, when: str) -> None:
    counter.a_coupon(code="SPRING")
    counter.a_coupon(code="SUMMER")

    def redeemed() -> str:
        redemption_id: str = counter.redeem(counter.bob, "SPRING").body["redemption_id"]
        return redemption_id

    deployed = counter.deployed
    tablet = deployed.a_device(counter.app_id, "tablet-of-bob")
    bob = deployed.log_in(tablet, "bob", audience=AUDIENCE)
    redemption_id = redeemed() if when == "before" else ""
    with merged(counter):
        redemption_id = redemption_id or redeemed()
        assert own(counter, counter.ada, redemption_id) == 200
        assert own(counter, bob, redemption_id) == 200
    assert own(counter, counter.ada, redemption_id) == 404
    assert own(counter, bob, redemption_id) == 200


def exported(counter: Counter, who: dict[str, Any]) -> set[str]:
    """Return the redemptions in a person's export."""
    page = counter.call(f"GET /contacts/{who['contact_id']}/export", query={"limit": "100"})
    found = [page.body]
    while found[-1]["next_cursor"] is not None:
        query = {"limit": "100", "cursor": found[-1]["next_cursor"]}
        found.append(counter.call(f"GET /contacts/{who['contact_id']}/export", query=query).body)
    items = [item["data"] for body in found for item in body["items"] if item["kind"] == "coupon"]
    return {item["redemption_id"] for item in items if item["what"] == "redemption"}


def test_an_export_has_what_any_contact_of_the_person_used_and_no_more_once_apart(
    counter: Counter,
) -> None:
    counter.a_coupon(code="SPRING")
    before = counter.redeem(counter.bob, "SPRING", key="before").body["redemption_id"]
    with merged(counter):
        together = counter.redeem(counter.bob, "SPRING", key="together").body["redemption_id"]
        assert exported(counter, counter.ada) == {before, together}
    assert exported(counter, counter.ada) == set()
    assert exported(counter, counter.bob) == {before, together}


def test_a_claim_is_used_when_its_reservation_is_committed_after_a_merge(counter: Counter) -> None:
    coupon_id = counter.a_coupon(claims={"enabled": True})
    counter.of(counter.bob, f"POST /coupons/{coupon_id}/claims")
    body = order(coupon_id=coupon_id, mode="reserve")
    headers = {"Idempotency-Key": "held"}
    held = counter.of(counter.bob, "POST /redemptions", body, headers=headers)
    assert held.status == 201, held.body
    with merged(counter):
        commit = f"POST /redemptions/{held.body['redemption_id']}/commit"
        assert counter.of(counter.ada, commit).status == 200
        (mine,) = counter.of(counter.ada, "GET /me/coupons").body["items"]
        assert mine["claim"]["state"] == "used"
