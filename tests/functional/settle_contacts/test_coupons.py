"""What people have of coupons follows them: when they are one, when they ask, when they go."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.publish_coupon.wiring import publishing
from shared.coupons.errors import RedemptionRefusedError
from shared.coupons.model.codes import Code, CodeKind, Holder, normal_form
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.publications import Recipients
from shared.coupons.service.codes import CodeService
from shared.coupons.service.minting import ClaimCodes
from tests.functional.offers import Offers
from tests.functional.settle_contacts.test_erasure import settle
from tests.functional.shops import AUDIENCE, Shop
from tests.functional.tenants import LOG, stored

LETTERS = "SPRING-QK7"


@pytest.fixture
def offers(shop: Shop) -> Offers:
    return Offers.of(shop)


def grace(offers: Offers) -> str:
    """Return the contact of a second person."""
    shop = offers.shop
    device = shop.deployed.a_device(shop.app_id, "phone-of-grace")
    known: str = shop.deployed.log_in(device, "grace", audience=AUDIENCE)["contact_id"]
    return known


def merged(offers: Offers, other: str) -> str:
    """Join another contact to Ada's; return the path of the edge."""
    edge = offers.shop.of_ada("POST /merges", {"other_contact_id": other})
    assert edge.status == 201, edge.body
    return f"/merges/{edge.body['edge_id']}"


def test_two_who_are_one_have_one_limit_and_each_theirs_when_parted(offers: Offers) -> None:
    other = grace(offers)
    coupon = offers.has(limits=[{"subject": "contact", "uses": 1}])
    offers.redeemed(coupon, 1, who=other)
    edge = merged(offers, other)
    with pytest.raises(RedemptionRefusedError):
        offers.redeemed(coupon, 2)
    assert offers.shop.of_ada(f"DELETE {edge}").status == 204
    offers.redeemed(coupon, 3)
    with pytest.raises(RedemptionRefusedError):
        offers.redeemed(coupon, 4, who=other)


def test_a_claim_follows_who_is_joined_and_goes_back_with_who_leaves(offers: Offers) -> None:
    other = grace(offers)
    coupon = offers.has(claims={"enabled": True})
    claim = offers.claimed(coupon, other)
    edge = merged(offers, other)
    followed = offers.claim_of(coupon)
    assert followed is not None
    assert (followed.claim_id, followed.claimed_as) == (claim.claim_id, other)
    assert offers.claim_of(coupon, other) is None
    assert offers.shop.of_ada(f"DELETE {edge}").status == 204
    assert offers.claim_of(coupon) is None
    assert offers.claim_of(coupon, other) is not None


def code_service() -> CodeService:
    """Return the codes of the worker who gives coupons away: it seals as routes do."""
    minting = publishing().claims.codes
    assert isinstance(minting, ClaimCodes)
    return minting.codes


def assigned(offers: Offers, coupon: Coupon) -> Code:
    """Make a code Ada's own that was made for nobody."""
    codes, app_id = code_service(), coupon.app_id
    form = normal_form(LETTERS)
    code = Code(
        app_id=app_id,
        coupon_id=coupon.coupon_id,
        fingerprint=codes.hasher.fingerprint(form, app_id=app_id),
        last_four=form[-4:],
        kind=CodeKind.UNIQUE,
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
    )
    codes.codes.add_codes([code])
    holder = Holder(contact_id=offers.shop.contact_id)
    return codes.assign(LETTERS, holder, coupon_id=coupon.coupon_id, app_id=app_id)


def had(offers: Offers) -> tuple[Coupon, Code]:
    """Give Ada a coupon with a code, and a code that was made before; have her use the coupon."""
    app_id = offers.shop.app_id
    coupon = offers.has(
        claims={"with_code": True},
        validity={"after_claim_minutes": 60},
        limits=[{"subject": "coupon", "uses": 5}],
    )
    made = publishing().publish(
        coupon.coupon_id,
        Recipients(contacts=(offers.shop.contact_id,)),
        source_id="spring",
        app_id=app_id,
        by="ada",
    )
    publishing().advance(made.publication_id, app_id=app_id)
    offers.redeemed(coupon)
    return coupon, assigned(offers, coupon)


def exported(offers: Offers) -> list[dict[str, Any]]:
    """Return what an export says of coupons, read two items at a time."""
    seen: list[dict[str, Any]] = []
    query = {"limit": "2"}
    while True:
        page = offers.shop.of_ada("GET /export", query=query)
        assert page.status == 200, page.body
        seen += [item["data"] for item in page.body["items"] if item["kind"] == "coupon"]
        if page.body["next_cursor"] is None:
            return seen
        query = {"limit": "2", "cursor": page.body["next_cursor"]}


def test_an_export_has_claims_codes_and_redemptions(offers: Offers) -> None:
    coupon, _ = had(offers)
    by_kind = {item["what"]: item for item in exported(offers)}
    assert set(by_kind) == {"claim", "code", "redemption"}
    assert {item["coupon_id"] for item in (by_kind["claim"], by_kind["code"])} == {coupon.coupon_id}
    assert by_kind["code"]["code"] == normal_form(LETTERS)
    assert len(normal_form(by_kind["claim"]["code"])) == 13
    (used,) = by_kind["redemption"]["coupons"]
    assert (used["coupon_id"], used["discount"]) == (coupon.coupon_id, 1_000)


def test_an_erasure_takes_claims_and_codes_and_leaves_the_shops_books(
    offers: Offers, dynamodb_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    coupon, code = had(offers)
    shop = offers.shop
    claim = offers.claim_of(coupon)
    assert claim is not None
    assert claim.fingerprint is not None
    assert shop.of_ada("DELETE ").status == 202
    settle(shop.deployed, dynamodb_client, monkeypatch)

    assert offers.claim_of(coupon) is None
    prints = {code.fingerprint, claim.fingerprint}
    left = code_service().codes.get_codes(prints, app_id=shop.app_id)
    for one in left.values():
        assert (one.active, one.contact_id, one.sealed) == (False, None, None)
    assert set(left) == prints
    named = stored(shop.deployed, dynamodb_client, about=shop.contact_id, but_for=(LOG,))
    of_coupons = [
        json.loads(item)["sk"]["S"]
        for item in named
        if '"pk": {"S": "APP#' in item and "#RED#" in json.loads(item)["pk"]["S"]
    ]
    others = {json.loads(item)["sk"]["S"].split("#")[0] for item in named} - {"RED"}
    assert of_coupons == ["RED"]
    assert others <= {"M", "ERASURE", "E", "STANDING", "PRESSURE", "P"}
    assert offers.redemption().contact_id == shop.contact_id
