"""What coupons promise may change as far as nobody is let down; apps have limits of their own."""

from typing import Any

from tests.functional.coupons_api.counter import TENTH_OFF, Counter

THREE = {"subject": "coupon", "uses": 3}


def test_a_limit_is_raised_and_lowered_while_it_runs(counter: Counter) -> None:
    coupon_id = counter.a_coupon(code="SPRING", limits=[THREE])
    for number in range(3):
        assert counter.redeem(counter.ada, "SPRING", key=f"key-{number}").status == 201
    coupon = counter.call(f"GET /coupons/{coupon_id}").body
    named = {**THREE, "limit_id": coupon["limits"][0]["limit_id"]}
    lowered = counter.call(
        f"PATCH /coupons/{coupon_id}",
        {"version": coupon["version"], "limits": [{**named, "uses": 1}]},
    )
    assert lowered.status == 200, lowered.body
    (short,) = lowered.body["not_lowered"]
    assert (short["capacity"], short["missing"], short["window"]) == (3, 2, "ever")
    raised = counter.call(
        f"PATCH /coupons/{coupon_id}",
        {"version": lowered.body["version"], "limits": [{**named, "uses": 4}]},
    )
    assert raised.body["not_lowered"] == []
    assert counter.redeem(counter.bob, "SPRING", key="fourth").status == 201
    assert counter.redeem(counter.bob, "SPRING", key="fifth").status == 409


def test_a_change_of_what_was_not_read_is_refused(counter: Counter) -> None:
    coupon_id = counter.a_coupon(active=False)
    change = {"version": 1, "name": "Spring"}
    assert counter.call(f"PATCH /coupons/{coupon_id}", change).status == 200
    late = counter.call(f"PATCH /coupons/{coupon_id}", change)
    assert (late.status, late.body["code"]) == (409, "coupon_changed")


def test_what_is_wrong_with_a_definition_is_told_with_its_place(counter: Counter) -> None:
    wrong = {
        "name": "Off",
        "discount": {"kind": "amount", "amount_off": 500, "currency": "CHF"},
        "limits": [{"subject": "coupon"}],
        "validity": {"zone": "Europe/Nowhere"},
    }
    told = counter.call("POST /coupons", wrong)
    assert told.status == 422
    assert {one["pointer"] for one in told.body["errors"]} >= {"/validity/zone"}


def test_what_an_app_limits_counts_all_its_coupons(counter: Counter) -> None:
    empty = counter.call("GET /coupon-settings").body
    assert (empty["version"], empty["limits"]) == (0, [])
    put = counter.call(
        "PUT /coupon-settings", {"version": 0, "limits": [{"subject": "app", "uses": 1}]}
    )
    assert (put.status, put.body["version"], put.body["write_units"]) == (200, 1, 3)
    late = counter.call("PUT /coupon-settings", {"version": 0})
    assert (late.status, late.body["code"]) == (409, "coupon_settings_changed")
    counter.a_coupon(code="SPRING")
    counter.a_coupon(code="SUMMER")
    assert counter.redeem(counter.ada, "SPRING").status == 201
    refused = counter.redeem(counter.bob, "SUMMER")
    assert (refused.status, refused.body["code"]) == (409, "quantity_exceeded")


def test_a_paused_coupon_is_of_no_use_and_an_ended_one_never_again(counter: Counter) -> None:
    coupon_id = counter.a_coupon(code="SPRING")
    assert counter.call(f"POST /coupons/{coupon_id}/pause").body["state"] == "paused"
    assert counter.redeem(counter.ada, "SPRING").status == 422
    assert counter.call(f"POST /coupons/{coupon_id}/activate").body["state"] == "active"
    assert counter.call(f"POST /coupons/{coupon_id}/end").body["state"] == "ended"
    late = counter.call(f"POST /coupons/{coupon_id}/activate")
    assert (late.status, late.body["code"]) == (409, "coupon_state")


def test_a_coupon_names_segments_and_templates_that_there_are(counter: Counter) -> None:
    content = {"title": "Soon over", "body": "Use it."}
    template = counter.call(
        "POST /templates", {"name": "soon", "default_locale": "en", "contents": {"en": content}}
    )
    segment = counter.call("POST /segments", {"name": "vips", "rule": {"tag": "vip"}})

    def named(segment_id: str, template_id: str) -> dict[str, Any]:
        return {
            **TENTH_OFF,
            "validity": {"after_claim_minutes": 2_880},
            "rules": {"segments": [segment_id]},
            "claims": {"remind_before_hours": 24, "reminder_template_id": template_id},
        }

    there = named(segment.body["segment_id"], template.body["template_id"])
    assert counter.call("POST /coupons", there).status == 201
    refused = counter.call("POST /coupons", named(f"seg_{'0' * 26}", f"tpl_{'0' * 26}"))
    assert refused.status == 422
    found = [(one["pointer"], one["code"]) for one in refused.body["errors"]]
    assert found == [
        ("/rules/segments", "not_found"),
        ("/claims/reminder_template_id", "not_found"),
    ]


def test_coupons_are_listed_page_by_page(counter: Counter) -> None:
    made = [counter.a_coupon(active=False) for _ in range(3)]
    first = counter.call("GET /coupons", query={"limit": "2"}).body
    rest = counter.call("GET /coupons", query={"cursor": first["next_cursor"]}).body
    assert [one["coupon_id"] for one in (*first["items"], *rest["items"])] == made


def test_there_are_no_coupons_of_an_app_that_is_not_there(counter: Counter) -> None:
    refused = counter.deployed.request(
        "POST /v1/apps/app_01ARZ3NDEKTSV4RRFFQ69G5FAV/coupons",
        TENTH_OFF,
        bearer=counter.deployed.operator(),
    )
    assert (refused.status, refused.body["code"]) == (404, "app_not_found")
