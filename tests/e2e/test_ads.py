"""Ads on the deployed stack: one story over ad, coupon and push; what holds and what counts."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from infra.local.demand import one_ad
from infra.local.processes import wait_for
from infra.local.story_stage import plain
from tests.e2e.calls import PATIENCE, register
from tests.e2e.conftest import Engage

SOON = 10
"""Seconds within which a hold and a used coupon are known to decisions."""

BASKET = {
    "currency": "EUR",
    "lines": [{"line_id": "1", "product_id": "boots", "quantity": 1, "unit_price": 5_000}],
}


class Booked:
    """A flight in a slot of its own, so that no other test's ads stand there."""

    def __init__(self, name: str, ids: Mapping[str, str]) -> None:
        self.slot = name
        self.flight_id = ids["flight"]


class Publisher:
    """What a marketer and phones do with ads."""

    def __init__(self, http: httpx.Client, stack: dict[str, Any], engage: Engage) -> None:
        self._http = http
        self._engage = engage
        self._admin = stack["role_tokens"]["admin"]
        self.app_id = stack["app_id"]

    def call(self, route: str, body: Any = None, *, token: str = "", key: str = "") -> Any:
        method, _, path = route.partition(" ")
        headers = {"Authorization": f"Bearer {token or self._admin}"}
        if key:
            headers["Idempotency-Key"] = key
        return self._http.request(
            method, f"/v1/apps/{self.app_id}{path}", json=body, headers=headers
        )

    def book(self, folder: Path, *, coupon_id: str | None = None) -> Booked:
        """Import a flight with one ad, as marketers do, and return where it is shown."""
        name = f"slot-{uuid4().hex[:12]}"
        document = one_ad(name, starts_at=datetime(2026, 1, 1, tzinfo=UTC), coupon_id=coupon_id)
        file = folder / "ads.json"
        file.write_text(json.dumps(document))
        report = self._engage.run("ads", "import", str(file))
        return Booked(name, {one["kind"]: one["thing_id"] for one in report["items"]})

    def decide(self, phone: dict[str, Any], booked: Booked) -> dict[str, Any]:
        """Ask for one ad of a slot, and return the whole answer."""
        asked = {"placements": [{"name": booked.slot}]}
        answer = self.call("POST /ad-decisions", asked, token=phone["device_token"])
        if answer.status_code == 409:  # the first ads of the app are not compiled yet
            return {"decisions": {}, "no_ad": answer.json()}
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ad(self, phone: dict[str, Any], booked: Booked) -> dict[str, Any]:
        """Ask until the slot is filled, and return the ad, with the id of its decision."""
        answer = eventually(lambda: self.decide(phone, booked), lambda one: ad_of(one, booked))
        found = ad_of(answer, booked)
        assert found is not None, answer["no_ad"]
        return {**found, "decision_id": answer["decision_id"]}

    def tell(self, phone: dict[str, Any], ad: dict[str, Any], *types: str) -> list[str]:
        """Report on an ad in one request, and return how each event was taken."""
        events = [{"token": ad["token"], "type": type_} for type_ in types]
        answer = self.call("POST /ad-events", {"events": events}, token=phone["device_token"])
        assert answer.status_code == 200, answer.text
        return [one["status"] for one in answer.json()["results"]]

    def shown(self, phone: dict[str, Any], booked: Booked) -> dict[str, Any]:
        """Ask for an ad and show it, for long enough that somebody may tap it."""
        ad = self.ad(phone, booked)
        assert self.tell(phone, ad, "loaded", "impression") == ["counted", "counted"]
        time.sleep(0.2)
        return ad

    def results(self, booked: Booked) -> dict[str, Any]:
        return self._engage.run("ads", "results", booked.flight_id)

    def a_coupon(self) -> str:
        made = self.call(
            "POST /coupons",
            {
                "name": "A tenth off",
                "discount": {"kind": "percent", "percent_off": 10},
                "claims": {"enabled": True, "with_code": True},
            },
        )
        assert made.status_code == 201, made.text
        coupon_id = str(made.json()["coupon_id"])
        begun = self.call(f"POST /coupons/{coupon_id}/activate")
        assert begun.status_code == 200, begun.text
        return coupon_id

    def claim(self, phone: dict[str, Any], coupon_id: str, ad: dict[str, Any]) -> Any:
        asked = {"ad_token": ad["token"]}
        return self.call(f"POST /coupons/{coupon_id}/claims", asked, token=phone["device_token"])

    def redeem(self, phone: dict[str, Any], coupon_id: str) -> None:
        order = {
            "mode": "commit",
            "redeemables": [{"coupon_id": coupon_id}],
            "basket": BASKET,
        }
        token = phone["device_token"]
        used = self.call("POST /redemptions", order, token=token, key=str(uuid4()))
        assert used.status_code == 201, used.text

    def push(self, phone: dict[str, Any]) -> None:
        sent = self.call(
            "POST /messages",
            {
                "recipients": [{"device_id": phone["device_id"]}],
                "content": {"title": "Still yours", "body": "A tenth off your boots."},
                "purpose": "marketing",
            },
        )
        assert sent.status_code == 202, sent.text

    def timeline(self, phone: dict[str, Any]) -> list[str]:
        found = self.call(f"GET /contacts/{phone['contact_id']}/timeline?limit=100").json()
        return [plain(event["type"]) for event in found["items"]]


def ad_of(answer: dict[str, Any], booked: Booked) -> dict[str, Any] | None:
    """Return the ad of a slot in an answer, if there is one."""
    ads = answer["decisions"].get(booked.slot, [])
    return ads[0] if ads else None


def eventually(
    read: Callable[[], Any], holds: Callable[[Any], object], *, within: float = PATIENCE
) -> Any:
    """Read until something holds of it, or patience ends; return what was read last."""
    until = time.monotonic() + within
    while not holds(found := read()) and time.monotonic() < until:
        time.sleep(0.2)
    return found


@pytest.fixture
def publisher(http: httpx.Client, stack: dict[str, Any], engage: Engage) -> Publisher:
    found = Publisher(http, stack, engage)
    # Other tests leave policies behind that would hold these ads.
    assert found.call("PUT /policy", {}).status_code == 200
    return found


@pytest.fixture
def phone(http: httpx.Client, stack: dict[str, Any]) -> dict[str, Any]:
    return register(http, stack["app_id"])


def test_an_ad_is_seen_its_coupon_claimed_with_one_tap_reminded_of_and_redeemed(
    publisher: Publisher, phone: dict[str, Any], tmp_path: Path
) -> None:
    coupon_id = publisher.a_coupon()
    booked = publisher.book(tmp_path, coupon_id=coupon_id)
    ad = publisher.shown(phone, booked)
    assert ad["coupon_id"] == coupon_id

    first, again = (publisher.claim(phone, coupon_id, ad) for _ in range(2))
    assert first.status_code == 201, first.text
    assert again.json()["claim_id"] == first.json()["claim_id"]
    publisher.push(phone)
    assert wait_for(lambda: "message.sent" in publisher.timeline(phone), within=PATIENCE)
    publisher.redeem(phone, coupon_id)

    wanted = {
        *("device.registered", "ad.loaded", "ad.shown", "coupon.claimed", "ad.coupon_claimed"),
        *("message.sent", "coupon.redeemed", "ad.converted"),
    }
    told = eventually(lambda: publisher.timeline(phone), wanted.issubset)
    assert Counter(told) == dict.fromkeys(wanted, 1)
    steps = ["coupon.claimed", "message.sent", "coupon.redeemed"]
    assert [one for one in told if one in steps] == steps
    counted = {"loaded": 1, "impressions": 1, "coupon_claims": 1, "conversions": 1}
    results = eventually(
        lambda: publisher.results(booked), lambda one: counted.items() <= one["total"].items()
    )
    assert counted.items() <= results["total"].items()


def test_a_redeemed_coupon_is_advertised_no_more(
    publisher: Publisher, phone: dict[str, Any], tmp_path: Path
) -> None:
    coupon_id = publisher.a_coupon()
    booked = publisher.book(tmp_path, coupon_id=coupon_id)
    kept = publisher.ad(phone, booked)
    assert publisher.claim(phone, coupon_id, publisher.shown(phone, booked)).status_code == 201
    publisher.redeem(phone, coupon_id)

    answer = eventually(
        lambda: publisher.decide(phone, booked), lambda one: not ad_of(one, booked), within=SOON
    )
    assert answer["no_ad"][booked.slot]["reason"] == "coupon_used"
    assert publisher.tell(phone, kept, "impression") == ["rejected"]


def test_an_open_case_holds_ads_and_takes_back_what_phones_keep(
    publisher: Publisher, phone: dict[str, Any], tmp_path: Path
) -> None:
    booked = publisher.book(tmp_path)
    kept = publisher.ad(phone, booked)
    opened = publisher.call(f"POST /contacts/{phone['contact_id']}/cases", {"kind": "complaint"})
    assert opened.status_code == 201, opened.text

    answer = eventually(
        lambda: publisher.decide(phone, booked), lambda one: not ad_of(one, booked), within=SOON
    )
    assert answer["no_ad"][booked.slot]["reason"] == "hold"
    assert answer["epoch"] > 0
    assert publisher.tell(phone, kept, "impression") == ["rejected"]


def test_a_decision_is_explained_and_comes_out_the_same(
    publisher: Publisher, engage: Engage, phone: dict[str, Any], tmp_path: Path
) -> None:
    booked = publisher.book(tmp_path)
    ad = publisher.ad(phone, booked)

    def is_filed() -> bool:
        return bool(publisher.call(f"GET /ad-decisions/{ad['decision_id']}").status_code == 200)

    assert wait_for(is_filed, within=90)
    explained = engage.run("ads", "explain", ad["decision_id"])
    assert explained["is_same"]
    (slot,) = explained["placements"]
    assert (slot["name"], slot["given"]) == (booked.slot, 1)
    assert [one["ad_id"] for one in slot["ads"] if one["is_given"]] == [ad["ad_id"]]


def test_counters_equal_what_was_posted_however_often(
    publisher: Publisher, http: httpx.Client, phone: dict[str, Any], tmp_path: Path
) -> None:
    booked = publisher.book(tmp_path)
    ads = [publisher.shown(phone, booked) for _ in range(15)]
    for ad in ads:
        assert publisher.tell(phone, ad, "viewable50") == ["counted"]
    for ad in ads[:5]:
        assert publisher.tell(phone, ad, "click") == ["counted"]
    for ad in ads:
        said = publisher.tell(phone, ad, "impression", "loaded", "impression")
        assert said == ["duplicate"] * 3
        # Links lead to the address that people know; here is another.
        link = httpx.URL(ad["impression_url"])
        assert http.get(link.raw_path.decode()).status_code == 200
    other = register(http, publisher.app_id)
    foreign = publisher.ad(phone, booked)
    assert publisher.tell(other, foreign, "impression") == ["rejected"]

    wanted = {"loaded": 15, "impressions": 15, "viewable50": 15, "clicks": 5}

    def is_counted(results: dict[str, Any]) -> bool:
        total = results["total"]
        return bool(wanted.items() <= total.items() and total["rejected"]["invalid_traffic"] == 1)

    results = eventually(lambda: publisher.results(booked), is_counted)
    assert is_counted(results), results["total"]
    assert sum(results["total"]["rejected"].values()) == 1
    for part in ("by_day", "by_placement", "by_creative"):
        assert sum(one["figures"]["impressions"] for one in results[part]) == 15
