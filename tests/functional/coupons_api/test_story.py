"""A coupon from its draft to its rollback, through the real handlers."""

from tests.functional.coupons_api.counter import Counter

ONE_EACH = {"subject": "contact", "uses": 1}
HUNDRED = {"subject": "coupon", "uses": 100}


def test_a_coupon_is_drawn_up_claimed_used_and_rolled_back(counter: Counter) -> None:
    coupon_id = counter.a_coupon(
        code="Welcome-10", limits=[HUNDRED, ONE_EACH], claims={"enabled": True}
    )
    shown = counter.call(f"GET /coupons/{coupon_id}").body
    assert (shown["state"], shown["write_units"]) == ("active", 8)
    assert [one["write_units"] for one in shown["limits"]] == [3, 1]

    mine = counter.of(counter.ada, "GET /me/coupons").body["items"]
    assert [(one["coupon_id"], one["claim"]) for one in mine] == [(coupon_id, None)]
    claimed = counter.of(counter.ada, f"POST /coupons/{coupon_id}/claims")
    assert (claimed.status, claimed.body["state"]) == (201, "held")
    assert counter.of(counter.ada, f"POST /coupons/{coupon_id}/claims").status == 200

    judged = counter.validate(counter.ada, "welcome 10", with_best=True).body
    assert (judged["before"], judged["discount"], judged["total"]) == (8_000, 800, 7_200)
    assert judged["redeemables"][0]["status"] == "APPLICABLE"

    used = counter.redeem(counter.ada, "WELCOME10", quote=judged["quote"])
    assert (used.status, used.body["state"], used.body["discount"]) == (201, "redeemed", 800)
    assert used.body["applied"][0]["lines"] == {"1": 500, "2": 300}
    redemption = f"/redemptions/{used.body['redemption_id']}"

    refused = counter.redeem(counter.ada, "WELCOME10", key="key-2")
    assert (refused.status, refused.body["code"]) == (422, "redemption_refused")

    audit = counter.call(f"GET /coupons/{coupon_id}/audit").body
    assert audit["is_balanced"]
    figures = [(one["limit"], one["granted"], one["available"]) for one in audit["items"]]
    assert figures == [(100, 1, 99)]

    part = counter.of(
        counter.ada,
        f"POST {redemption}/rollback",
        {"lines": [{"line_id": "2", "quantity": 1}]},
        headers={"Idempotency-Key": "back-1"},
    )
    assert (part.status, part.body["amount"], part.body["lines"]) == (200, 900, {"2": 900})
    rest = counter.call(f"POST {redemption}/rollback", {}, headers={"Idempotency-Key": "back-2"})
    assert rest.body["amount"] + part.body["amount"] == 7_200
    now = counter.of(counter.ada, f"GET {redemption}").body
    assert (now["state"], now["pieces_left"], len(now["rollbacks"])) == ("rolled_back", {}, 2)
    assert counter.redeem(counter.ada, "WELCOME10", key="key-3").status == 201


def test_what_is_held_is_committed_or_given_back(counter: Counter) -> None:
    coupon_id = counter.a_coupon(code="SPRING", limits=[{"subject": "coupon", "uses": 1}])
    held = counter.redeem(counter.ada, "SPRING", mode="reserve")
    assert (held.status, held.body["state"]) == (201, "reserved")
    gone = counter.redeem(counter.bob, "SPRING", key="key-2")
    assert (gone.status, gone.body["code"]) == (409, "quantity_exceeded")
    redemption = f"/redemptions/{held.body['redemption_id']}"
    assert counter.of(counter.ada, f"POST {redemption}/release").body["state"] == "released"
    again = counter.redeem(counter.bob, "SPRING", key="key-3", mode="reserve")
    path = f"/redemptions/{again.body['redemption_id']}"
    assert counter.of(counter.bob, f"POST {path}/commit").body["state"] == "redeemed"
    late = counter.of(counter.bob, f"POST {path}/release")
    assert (late.status, late.body["code"]) == (409, "redemption_state")
    audit = counter.call(f"GET /coupons/{coupon_id}/audit").body
    assert [(one["granted"], one["reserved"]) for one in audit["items"]] == [(1, 0)]


def test_the_same_key_has_the_first_answer_whatever_became_of_it(counter: Counter) -> None:
    coupon_id = counter.a_coupon(code="SPRING")
    first = counter.redeem(counter.ada, "SPRING")
    redemption = f"/redemptions/{first.body['redemption_id']}"
    whole = {"Idempotency-Key": "back"}
    back = counter.of(counter.ada, f"POST {redemption}/rollback", {}, headers=whole)
    counter.call(f"POST /coupons/{coupon_id}/end")
    again = counter.redeem(counter.ada, "SPRING")
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert counter.of(counter.ada, f"POST {redemption}/rollback", {}, headers=whole) == back
    other = counter.redeem(counter.ada, "SUMMER")
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")


def test_a_redemption_without_a_key_is_refused(counter: Counter) -> None:
    counter.a_coupon(code="SPRING")
    refused = counter.redeem(counter.ada, "SPRING", key=None)
    assert (refused.status, refused.body["code"]) == (400, "idempotency_key_missing")


def test_a_redemption_is_its_own_persons_and_its_own_stores(counter: Counter) -> None:
    counter.a_coupon(code="SPRING")
    path = f"/redemptions/{counter.redeem(counter.ada, 'SPRING').body['redemption_id']}"
    till = counter.a_till()
    for other in (counter.bob["device_token"], till):
        seen = counter.call(f"GET {path}", bearer=other)
        assert (seen.status, seen.body["code"]) == (404, "redemption_not_found")
    headers = {"Idempotency-Key": "sale"}
    body = {
        "redeemables": [{"code": "SPRING"}],
        "basket": {
            "currency": "CHF",
            "lines": [{"line_id": "1", "product_id": "shirt", "quantity": 1, "unit_price": 1_000}],
        },
    }
    sold = counter.call("POST /redemptions", body, bearer=till, headers=headers)
    assert (sold.status, sold.body["store_id"], sold.body["till_id"]) == (201, "zurich-1", "till-3")
    path = f"/redemptions/{sold.body['redemption_id']}"
    assert counter.call(f"GET {path}", bearer=till).status == 200
    other_store = counter.a_till("basel-1", seed="another")
    assert counter.call(f"GET {path}", bearer=other_store).status == 404
    assert counter.of(counter.ada, f"GET {path}").status == 404


def test_what_is_reckoned_again_lessens_the_refund_once_the_minimum_is_missed(
    counter: Counter,
) -> None:
    counter.a_coupon(
        code="SPRING",
        discount={"kind": "amount", "amount_off": 1_000, "currency": "CHF"},
        rules={"minimum_amount": 6_000},
        partial_refund="reevaluate",
    )
    used = counter.redeem(counter.ada, "SPRING").body
    path = f"POST /redemptions/{used['redemption_id']}/rollback"
    # A shirt of 25.00: the 55.00 that stay are below the minimum, and have no discount any more.
    shirt = {"lines": [{"line_id": "1", "quantity": 1}]}
    first = counter.of(counter.ada, path, shirt, headers={"Idempotency-Key": "back-1"}).body
    assert (first["amount"], first["lessened"]) == (1_500, 687)
    rest = counter.of(counter.ada, path, {}, headers={"Idempotency-Key": "back-2"}).body
    assert (rest["amount"], rest["lessened"]) == (5_500, 0)
    assert first["amount"] + rest["amount"] == 8_000 - used["discount"]
