"""A shop whose app has coupons: who draws them up, who uses them, and what a till says."""

from dataclasses import dataclass
from typing import Any

from shared.coupons.model.shops import letters_of
from shared.kernel.clock import system_clock
from tests.deployment import Answer, Deployment
from tests.fakes.tills import Till

AUDIENCE = "shop"
TENTH_OFF = {"name": "A tenth off", "discount": {"kind": "percent", "percent_off": 10}}
BASKET = {
    "currency": "CHF",
    "lines": [
        {"line_id": "1", "product_id": "shirt", "quantity": 2, "unit_price": 2_500},
        {"line_id": "2", "product_id": "socks", "quantity": 3, "unit_price": 1_000},
    ],
}


@dataclass(frozen=True, kw_only=True)
class Counter:
    """An app with two phones, whose people logged in."""

    deployed: Deployment
    app_id: str
    ada: dict[str, Any]
    bob: dict[str, Any]

    @classmethod
    def opened(cls, deployed: Deployment) -> "Counter":
        issuers = [{"issuer": deployed.pool.issuer, "audiences": [AUDIENCE]}]
        app_id = deployed.an_app(issuers=issuers)
        people = {}
        for name in ("ada", "bob"):
            device = deployed.a_device(app_id, f"phone-of-{name}", app_version="2.1")
            people[name] = deployed.log_in(device, name, audience=AUDIENCE)
        return cls(deployed=deployed, app_id=app_id, **people)

    def call(self, route: str, body: Any = None, **options: Any) -> Answer:
        """Call a route below the app, as the operator unless another ``bearer`` is told."""
        method, _, path = route.partition(" ")
        options.setdefault("bearer", self.deployed.operator())
        return self.deployed.request(f"{method} /v1/apps/{self.app_id}{path}", body, **options)

    def a_coupon(self, *, code: str | None = None, active: bool = True, **terms: Any) -> str:
        """Draw up a coupon, with a code for everybody where there is one."""
        made = self.call("POST /coupons", {**TENTH_OFF, **terms})
        assert made.status == 201, made.body
        coupon_id: str = made.body["coupon_id"]
        if code is not None:
            given = self.call(f"POST /coupons/{coupon_id}/codes", {"code": code})
            assert given.status == 201, given.body
        if active:
            assert self.call(f"POST /coupons/{coupon_id}/activate").status == 200
        return coupon_id

    def of(self, person: dict[str, Any], route: str, body: Any = None, **options: Any) -> Answer:
        """Call a route below the app from somebody's phone."""
        return self.call(route, body, bearer=person["device_token"], **options)

    def validate(self, person: dict[str, Any], code: str, **more: Any) -> Answer:
        return self.of(person, "POST /coupon-validations", order(code, **more))

    def redeem(
        self, person: dict[str, Any], code: str, *, key: str | None = "key-1", **more: Any
    ) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        return self.of(person, "POST /redemptions", order(code, **more), headers=headers)

    def a_till(self, store_id: str = "zurich-1", seed: str = "till") -> str:
        """Register the key of a store's till, and return a token of it that holds now."""
        till = Till(app_id=self.app_id, store_id=store_id, seed=seed)
        made = self.call(
            f"POST /stores/{store_id}/keys",
            {"public_key": letters_of(till.key.public), "name": "Till 3"},
        )
        assert made.status == 201, made.body
        return till.token(at=system_clock(), key_id=made.body["key_id"])


def order(code: str | None = None, *, coupon_id: str | None = None, **more: Any) -> dict[str, Any]:
    """Return an order that presents a code, or a claimed coupon."""
    presented = {"code": code} if coupon_id is None else {"coupon_id": coupon_id}
    return {"redeemables": [presented], "basket": BASKET, **more}
