"""An app with one person in it, asked about by a clock that tests move."""

import importlib
from dataclasses import dataclass
from typing import Any

import pytest

from tests.deployment import Answer, Deployment
from tests.fakes.clock import ManualClock

AUDIENCE = "shop"
CLOCKS = (
    "functions.apply_contact_events.wiring",
    "functions.contact_policy_api.wiring",
    "functions.contact_policy_api.routes",
    "functions.contact_events_api.wiring",
    "functions.follow_triggers.wiring",
    "functions.fire_triggers.wiring",
    "functions.release_deferrals.wiring",
    "functions.send_push.wiring",
    "functions.push_api.wiring",
    "functions.push_api.wiring.showing",
    "functions.push_api.wiring.permission",
    "functions.push_api.wiring.stores",
    "functions.plan_campaign.wiring",
    "functions.advance_campaigns.wiring",
    "functions.publish_coupon.wiring",
    "functions.sweep_coupons.wiring",
    "functions.placements_api.wiring",
    "functions.compile_snapshot.wiring",
    "functions.deliver_webhooks.wiring",
    "functions.project_ad_state.handler",
    "functions.project_ad_state.wiring",
    "functions.fold_ad_events.wiring",
    "functions.sweep_leases.handler",
    "functions.rebuild_projections.wiring",
    "functions.rebuild_projections.wiring.services",
)
"""Whose time is the test's; doors and registrations keep the true one."""


@dataclass(frozen=True, kw_only=True)
class Shop:
    """An app and the contact of Ada, who logged in with her phone."""

    deployed: Deployment
    clock: ManualClock
    app_id: str
    contact_id: str

    @classmethod
    def opened(cls, deployed: Deployment, clock: ManualClock, **settings: Any) -> "Shop":
        """Open a shop whose settings are an app's."""
        issuers = [{"issuer": deployed.pool.issuer, "audiences": [AUDIENCE]}]
        app_id = deployed.an_app(issuers=issuers, **settings)
        address = {"kind": "fid", "value": f"fid-of-{app_id}"}
        device = deployed.a_device(app_id, "phone-of-ada", address=address)
        known = deployed.log_in(device, "ada", audience=AUDIENCE)
        return cls(deployed=deployed, clock=clock, app_id=app_id, contact_id=known["contact_id"])

    def call(self, route: str, body: Any = None, **options: Any) -> Answer:
        """Call a route below the app, as the operator unless another ``bearer`` is told."""
        method, _, path = route.partition(" ")
        options.setdefault("bearer", self.deployed.operator())
        return self.deployed.request(f"{method} /v1/apps/{self.app_id}{path}", body, **options)

    def of_ada(self, route: str, body: Any = None, **options: Any) -> Answer:
        """Call a route below Ada's contact."""
        method, _, path = route.partition(" ")
        return self.call(f"{method} /contacts/{self.contact_id}{path}", body, **options)

    def ask(self, *, bearer: str | None = None, key: str | None = None, **wanted: Any) -> Answer:
        """Ask whether Ada may be told something: marketing by push, unless told otherwise."""
        who = {} if "identifiers" in wanted else {"contact_id": self.contact_id}
        return self.call(
            "POST /contact-decisions",
            {**who, "channel": "push", **wanted},
            bearer=bearer or self.deployed.operator(),
            headers={"Idempotency-Key": key} if key else None,
        )

    def put_policy(self, **document: Any) -> None:
        """Put a policy in force, everywhere: a decision before it would be ten seconds behind."""
        put = self.call("PUT /policy", document)
        assert put.status == 200, put.body

    def a_system(self, *channels: str, name: str = "suite") -> str:
        """Return the secret of another system that speaks for some channels."""
        made = self.call("POST /webhook-secrets", {"name": name, "channels": list(channels)})
        assert made.status == 201, made.body
        secret: str = made.body["secret"]
        return secret


def moved_clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """Return the clock of all functions that decide, of their caches of policies too."""
    clock = ManualClock()
    for name in CLOCKS:
        monkeypatch.setattr(importlib.import_module(name), "system_clock", clock, raising=False)
    wiring = importlib.import_module("functions.contact_policy_api.wiring")
    monkeypatch.setattr(wiring, "monotonic", lambda: clock().timestamp())
    for name in ("follow_triggers", "fire_triggers"):
        wiring = importlib.import_module(f"functions.{name}.wiring")
        monkeypatch.setattr(wiring, "monotonic", lambda: clock().timestamp())
    return clock
