"""Who may use what: by what is proved and known of a person, a device and a till."""

from tests.functional.coupons_api.counter import BASKET, Counter, order


def test_what_is_known_of_a_device_decides_and_not_what_it_says(counter: Counter) -> None:
    coupon_id = counter.a_coupon(
        claims={"enabled": True},
        rules={
            "app_version": "2.0",
            "operating_systems": ["android"],
            "channels": ["inapp"],
        },
    )
    first = counter.a_coupon(claims={"enabled": True}, rules={"first_order": True})
    found = counter.of(counter.ada, "GET /me/coupons").body["items"]
    told = {one["coupon_id"]: [why["reason"] for why in one["refusals"]] for one in found}
    assert told == {coupon_id: [], first: ["first_order_only"]}
    refused = counter.of(counter.ada, f"POST /coupons/{first}/claims")
    assert (refused.status, refused.body["code"]) == (422, "claim_refused")


def test_a_member_of_a_segment_may_and_others_may_not(counter: Counter) -> None:
    segment = counter.call("POST /segments", {"name": "vips", "rule": {"tag": "vip"}})
    counter.call(f"PATCH /contacts/{counter.ada['contact_id']}", {"add_tags": ["vip"]})
    segments = [segment.body["segment_id"]]
    coupon_id = counter.a_coupon(claims={"enabled": True}, rules={"segments": segments})
    claims = f"POST /coupons/{coupon_id}/claims"
    assert counter.of(counter.ada, claims).status == 201
    assert counter.of(counter.bob, claims).body["errors"][0]["code"] == "segment"


def test_who_agreed_to_be_told_may_and_others_may_not(counter: Counter) -> None:
    coupon_id = counter.a_coupon(claims={"enabled": True}, rules={"consents": ["push"]})
    agreed = counter.call(
        f"PUT /contacts/{counter.ada['contact_id']}/consents",
        {"status": "granted", "obtained_by": "a form", "channel": "push", "purpose": "marketing"},
    )
    assert agreed.status == 200, agreed.body
    claims = f"POST /coupons/{coupon_id}/claims"
    assert counter.of(counter.ada, claims).status == 201
    assert counter.of(counter.bob, claims).body["errors"][0]["code"] == "consent"


def test_a_till_is_told_every_reason_and_believed_about_its_customer(counter: Counter) -> None:
    counter.a_coupon(
        code="SPRING",
        rules={"stores": ["zurich-1"], "first_order": True, "currency": "CHF"},
    )
    counter.a_coupon(code="SUMMER", rules={"stores": ["zurich-1"], "channels": ["f2f"]})
    zurich, basel = counter.a_till(), counter.a_till("basel-1", seed="another")
    asked = order("SUMMER")
    told = counter.call("POST /coupon-validations", asked, bearer=basel).body["redeemables"]
    assert [one["reason"] for one in told[0]["refusals"]] == ["store"]
    told = counter.call("POST /coupon-validations", asked, bearer=zurich).body["redeemables"]
    assert told[0]["status"] == "APPLICABLE"
    unknown = order("SPRING", first_order=True)
    told = counter.call("POST /coupon-validations", unknown, bearer=zurich).body["redeemables"]
    assert [one["reason"] for one in told[0]["refusals"]] == ["missing_customer"]


def test_a_basket_shows_what_each_gives_and_the_best_of_all(counter: Counter) -> None:
    tenth = counter.a_coupon(claims={"enabled": True})
    fifth = counter.a_coupon(
        claims={"enabled": True}, discount={"kind": "percent", "percent_off": 20}
    )
    found = counter.of(counter.ada, "POST /me/coupons", BASKET).body
    assert {one["coupon_id"]: one["gives"] for one in found["items"]} == {tenth: 800, fifth: 1_600}
    assert found["best"] == {
        "coupon_ids": [fifth],
        "discount": 1_600,
        "total": 6_400,
        "exact": True,
    }


def test_of_a_bounded_coupon_so_many_are_claimed(counter: Counter) -> None:
    coupon_id = counter.a_coupon(claims={"enabled": True, "first": 1})
    claims = f"POST /coupons/{coupon_id}/claims"
    assert counter.of(counter.ada, claims).status == 201
    late = counter.of(counter.bob, claims)
    assert (late.status, late.body["errors"][0]["code"]) == (422, "quantity_exceeded")


def test_a_claimed_coupon_is_used_without_a_code(counter: Counter) -> None:
    coupon_id = counter.a_coupon(claims={"enabled": True})
    counter.of(counter.ada, f"POST /coupons/{coupon_id}/claims")
    headers = {"Idempotency-Key": "mine"}
    body = order(coupon_id=coupon_id)
    assert counter.of(counter.ada, "POST /redemptions", body, headers=headers).status == 201
    (mine,) = counter.of(counter.ada, "GET /me/coupons").body["items"]
    assert mine["claim"]["state"] == "used"


def test_a_publication_is_ordered_once_for_a_source(counter: Counter) -> None:
    coupon_id = counter.a_coupon()
    path = f"/coupons/{coupon_id}/publications"
    body = {"source_id": "spring-mail", "contacts": [counter.ada["contact_id"]]}
    first = counter.call(f"POST {path}", body)
    assert (first.status, first.body["state"]) == (202, "running")
    assert counter.call(f"POST {path}", body).body == first.body
    other = counter.call(f"POST {path}", {**body, "contacts": [counter.bob["contact_id"]]})
    assert (other.status, other.body["code"]) == (422, "source_id_reused")
    publication_id = first.body["publication_id"]
    assert counter.call(f"GET {path}/{publication_id}").body == first.body
    assert counter.call(f"GET {path}").body == {"items": [first.body], "next_cursor": None}
    jobs = [job["MessageBody"] for job in counter.deployed.aws.jobs]
    named = {"app_id": counter.app_id, "publication_id": publication_id}
    assert jobs == [named, named]


def test_publications_are_listed_page_by_page_the_newest_first(counter: Counter) -> None:
    coupon_id = counter.a_coupon()
    path = f"/coupons/{coupon_id}/publications"
    for number in range(3):
        body = {"source_id": f"mail-{number}", "contacts": [counter.ada["contact_id"]]}
        counter.call(f"POST {path}", body)
    first = counter.call(f"GET {path}", query={"limit": "2"}).body
    rest = counter.call(f"GET {path}", query={"cursor": first["next_cursor"]}).body
    found = [one["source_id"] for one in (*first["items"], *rest["items"])]
    assert (found, rest["next_cursor"]) == (["mail-2", "mail-1", "mail-0"], None)
    unknown = counter.call(f"GET /coupons/cpn_{'0' * 26}/publications")
    assert (unknown.status, unknown.body["code"]) == (404, "coupon_not_found")


def test_a_removed_key_of_a_store_opens_nothing(counter: Counter) -> None:
    till = counter.a_till()
    keys = counter.call("GET /stores/zurich-1/keys").body["items"]
    assert [key["name"] for key in keys] == ["Till 3"]
    assert counter.call(f"DELETE /stores/zurich-1/keys/{keys[0]['key_id']}").status == 204
    refused = counter.call("POST /coupon-validations", order("SPRING"), bearer=till)
    assert refused.status == 401
