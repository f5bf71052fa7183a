"""Every request that the client makes is one that the API's document describes."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engage_mobile import Ad, Engage, Request
from tests.sdk.phones import NOON, STATE, TurnedClock, basket, phone, settle
from tests.sdk.servers import FakeServer, user_token

DOCUMENT: Mapping[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "openapi.json").read_text()
)
ULID = "01KAQ2V0X4B6M8N0P2R4T6V8Y0"
AD = Ad(
    ad_id=f"ad_{ULID}",
    flight_id=f"flt_{ULID}",
    token="AQEB",
    creative={},
    click_url=None,
    coupon_id=None,
    expires_at=NOON,
)


def everything(engage: Engage) -> None:
    """Call all that there is."""
    line = {"line_id": "1", "quantity": 1}
    code = [{"code": "WELCOME10"}]
    engage.register({**STATE, "address": {"kind": "fcm_token", "value": "a-token-of-fcm"}})
    engage.identify(user_token("ada-lovelace"))
    engage.track("com.example.seen", {"mark": "one"}, channel="inapp")
    engage.receipt(f"msg_{ULID}_0", "opened")
    engage.coupons.list_usable()
    engage.coupons.list_usable(basket("one"))
    engage.coupons.claim(f"cpn_{ULID}")
    engage.coupons.claim(f"cpn_{ULID}", ad_token="AQEB")
    engage.coupons.validate(code, basket=basket("two"), with_best=True)
    engage.coupons.redeem(code, basket=basket("three"), quote="quote")
    engage.coupons.redeem(code, basket=basket("four"), hold_seconds=60)
    engage.coupons.commit(f"red_{ULID}")
    engage.coupons.release(f"red_{ULID}")
    engage.coupons.roll_back(f"red_{ULID}")
    engage.coupons.roll_back(f"red_{ULID}", lines=[line])
    engage.coupons.image("a/b {c}")
    engage.ads.decide([{"name": "home-top", "count": 2}], keywords=["winter"], platform="ios")
    for event in ("loaded", "impression", "viewable50", "viewable100", "click", "conversion"):
        engage.ads.tell(AD, event)
    engage.preferences()
    engage.put_preferences({"channels_off": ["email"]})
    engage.log_out()


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    clock = TurnedClock()
    server = FakeServer(clock)
    engage = phone(server, clock, user_token=lambda: user_token("ada-lovelace"))
    everything(engage)
    settle(engage, clock)
    return server.requests


def operations() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield method, pattern of the path, and what the document says of each operation."""
    for path, methods in DOCUMENT["paths"].items():
        pattern = re.sub(r"\{[a-z_]+\}", "[^/]+", re.sub(r"\.", r"\\.", path))
        for method, operation in methods.items():
            yield method.upper(), pattern, operation


def operation_of(request: Request) -> Mapping[str, Any] | None:
    found = [
        operation
        for method, pattern, operation in operations()
        if method == request.method and re.fullmatch(pattern, request.path)
    ]
    return found[0] if found else None


def test_every_request_has_a_route(requests: list[Request]) -> None:
    unknown = {request.path for request in requests if operation_of(request) is None}
    assert unknown <= {"/v1/apps/app_1/events"}  # CloudEvents may be served by a later version


def test_every_body_is_as_the_document_says(requests: list[Request]) -> None:
    checked = 0
    for request in requests:
        operation = operation_of(request)
        if operation is None or request.content is None:
            continue
        content = operation["requestBody"]["content"]
        schema = content[request.headers["Content-Type"]]["schema"]
        Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(
            json.loads(request.content)
        )
        checked += 1
    assert checked > 12


def test_a_code_is_one_part_of_a_path_whatever_its_letters(requests: list[Request]) -> None:
    assert any(one.path.endswith("/codes/a%2Fb%20%7Bc%7D/image.png") for one in requests)


def test_the_proof_is_what_the_route_asks_for(requests: list[Request]) -> None:
    for request in requests:
        operation = operation_of(request)
        if operation is None or operation["x-engage-access"] == "anyone":
            continue
        token = request.headers["Authorization"]
        is_device = "device" in operation["x-engage-access"].split(", ")
        assert token.startswith("Bearer key-") is is_device


def test_what_spends_has_a_key(requests: list[Request]) -> None:
    spends = [one for one in requests if re.search(r"/(redemptions|claims|rollback)$", one.path)]
    assert len(spends) >= 6
    keys = [one.headers["Idempotency-Key"] for one in spends]
    assert len(set(keys)) == len(keys)
