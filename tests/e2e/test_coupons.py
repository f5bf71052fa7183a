"""Coupons on the deployed stack: a story across push and coupon, and a race that oversells nothing.

The race is of 120 requests for 40 uses; ``--long`` makes it 3,000 for 1,000.
"""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from infra.local.aws import Cloud
from infra.local.processes import wait_for
from infra.local.story_stage import plain
from tests.e2e.calls import PATIENCE, register, register_many

AT_ONCE = 16
AGAIN = 4
REDEEMED, EXHAUSTED = "coupon.redeemed.v1", "coupon.exhausted.v1"
OF_USES = {REDEEMED, EXHAUSTED}
BASKET = {
    "currency": "EUR",
    "lines": [{"line_id": "1", "product_id": "shirt", "quantity": 2, "unit_price": 2_500}],
}


class Shop:
    """What a marketer and phones do with coupons."""

    def __init__(self, http: httpx.Client, stack: dict[str, Any]) -> None:
        self._http = http
        self._editor = stack["role_tokens"]["admin"]
        self.app_id = stack["app_id"]

    def call(self, route: str, body: Any = None, *, token: str = "", key: str = "") -> Any:
        method, _, path = route.partition(" ")
        headers = {"Authorization": f"Bearer {token or self._editor}"}
        if key:
            headers["Idempotency-Key"] = key
        return self._http.request(
            method, f"/v1/apps/{self.app_id}{path}", json=body, headers=headers
        )

    def a_coupon(self, code: str, **terms: Any) -> str:
        made = self.call(
            "POST /coupons",
            {"name": "A tenth off", "discount": {"kind": "percent", "percent_off": 10}, **terms},
        )
        assert made.status_code == 201, made.text
        coupon_id: str = made.json()["coupon_id"]
        given = self.call(f"POST /coupons/{coupon_id}/codes", {"code": code})
        assert given.status_code == 201, given.text
        begun = self.call(f"POST /coupons/{coupon_id}/activate")
        assert begun.status_code == 200, begun.text
        return coupon_id

    def redeem(self, phone: dict[str, Any], code: str, *, key: str) -> httpx.Response:
        order = {"redeemables": [{"code": code}], "basket": BASKET}
        token = phone["device_token"]
        answer: httpx.Response = self.call("POST /redemptions", order, token=token, key=key)
        return answer


@pytest.fixture
def shop(http: httpx.Client, stack: dict[str, Any]) -> Shop:
    return Shop(http, stack)


def a_code() -> str:
    return f"SALE{uuid4().hex[:8].upper()}"


def test_a_coupon_is_announced_claimed_redeemed_and_rolled_back_on_one_timeline(
    shop: Shop, http: httpx.Client, sender: dict[str, str]
) -> None:
    phone, code = register(http, shop.app_id), a_code()
    token = phone["device_token"]
    coupon_id = shop.a_coupon(code, claims={"enabled": True})
    message = {
        "recipients": [{"device_id": phone["device_id"]}],
        "content": {"title": "A tenth off", "body": "It is yours."},
    }
    told = http.post(f"/v1/apps/{shop.app_id}/messages", json=message, headers=sender)
    assert told.status_code == 202, told.text
    timeline = f"/v1/apps/{shop.app_id}/contacts/{phone['contact_id']}/timeline"

    def types() -> list[str]:
        events = http.get(timeline, headers=sender).json()["items"]
        return [plain(event["type"]) for event in events]

    assert wait_for(lambda: "message.sent" in types(), within=PATIENCE)
    claimed = shop.call(f"POST /coupons/{coupon_id}/claims", token=token)
    assert claimed.status_code == 201, claimed.text
    used = shop.redeem(phone, code, key="order-1")
    assert (used.status_code, used.json()["discount"]) == (201, 500)
    path = f"/redemptions/{used.json()['redemption_id']}/rollback"
    back = shop.call(f"POST {path}", {}, token=token, key="back-1")
    assert (back.status_code, back.json()["amount"]) == (200, 4_500)

    assert types() == [
        "device.registered",
        "message.sent",
        "coupon.claimed",
        "coupon.redeemed",
        "coupon.rolled_back",
    ]


def race(shop: Shop, phones: list[dict[str, Any]], *, requests: int, uses: int) -> tuple[str, Any]:
    """Ask for more uses than there are; return the coupon, and what each request was answered.

    Who hears nothing, or of an error of the server's, asks again with the same key, as tills do.
    """
    code = a_code()
    coupon_id = shop.a_coupon(code, limits=[{"subject": "coupon", "uses": uses}])

    def ask(number: int) -> httpx.Response:
        phone, key = phones[number % len(phones)], f"{code}-{number}"
        answer = shop.redeem(phone, code, key=key)
        for _ in range(AGAIN):
            if answer.is_server_error:
                answer = shop.redeem(phone, code, key=key)
        return answer

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return coupon_id, list(pool.map(ask, range(requests)))


@pytest.mark.parametrize(
    ("requests", "uses"), [(120, 40), pytest.param(3_000, 1_000, marks=pytest.mark.long)]
)
def test_more_requests_than_uses_never_oversell(
    shop: Shop,
    http: httpx.Client,
    cloud: Cloud,
    stack: dict[str, Any],
    requests: int,
    uses: int,
) -> None:
    phones = register_many(http, shop.app_id, AT_ONCE)
    coupon_id, answers = race(shop, phones, requests=requests, uses=uses)

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {201: uses, 409: requests - uses}, statuses
    redeemed = [answer.json()["redemption_id"] for answer in answers if answer.is_success]
    assert len(set(redeemed)) == uses
    events = events_of(cloud, stack, coupon_id)
    assert Counter(kind for kind, _ in events) == {REDEEMED: uses, EXHAUSTED: 1}
    assert {one for kind, one in events if kind == REDEEMED} == set(redeemed)
    audit = shop.call(f"GET /coupons/{coupon_id}/audit").json()
    assert audit["is_balanced"]
    (limit,) = audit["items"]
    assert (limit["limit"], limit["granted"], limit["reserved"]) == (uses, uses, 0)


def events_of(cloud: Cloud, stack: dict[str, Any], coupon_id: str) -> list[tuple[str, str | None]]:
    """Return the type of each event of a coupon's uses in the ledger, and of which redemption."""
    pages = (
        cloud.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=stack["tables"]["contact_events"])
    )
    found = []
    for page in pages:
        for item in page["Items"]:
            data = json.loads(item["data"]["S"]) if "data" in item else {}
            if data.get("coupon_id") == coupon_id and item["type"]["S"] in OF_USES:
                found.append((item["type"]["S"], data.get("redemption_id")))
    return found
