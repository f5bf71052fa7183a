"""What a fleet of simulated phones lives with: an ad of its own, a coupon, pushes, and people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import httpx

from engage_mobile_fleet import Coupon, Plan
from infra.local.api import ApiCaller, RefusedError
from infra.local.aws import Cloud, issuer_of
from infra.local.demand import one_ad
from infra.local.errors import LocalStackError
from infra.local.fcm.received import accepted, message_id_of, standin_client
from infra.local.people import People
from infra.local.processes import wait_for

WAIT_SECONDS: Final = 60
"""Until an ad can be decided for and pushes have come: cold starts of a machine that is busy."""

MOST_RECIPIENTS: Final = 100
"""Of one message, as the API takes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A coupon and a slot with one flight that no other fleet has, so that counts are its own."""

    name: str
    coupon: Coupon
    flight_id: str

    def plan(self, *, phones: int, seed: int, at_once: int, stack: "GroundKeeper") -> Plan:
        """Return what a fleet on this ground is."""
        return Plan(
            app_id=stack.app_id,
            phones=phones,
            seed=seed,
            at_once=at_once,
            placement=self.name,
            coupon=self.coupon,
            sign_in=lambda owner: stack.people.sign_in(f"{self.name}-{owner}"),
        )


class GroundKeeper:
    """Prepares a local stack for fleets, as its admin; ``facts`` are what ``engage up`` says."""

    def __init__(self, facts: Mapping[str, Any], client: httpx.Client) -> None:
        self.app_id = str(facts["app_id"])
        pool = facts["user_pool"]
        self.people = People(
            cognito=Cloud(facts["emulator"]["endpoint"]).client("cognito-idp"),
            pool_id=pool["id"],
            client_id=pool["client_id"],
        )
        self._app = f"/v1/apps/{self.app_id}"
        self._admin = ApiCaller(client, facts["role_tokens"]["admin"])
        self._phone = ApiCaller(client, facts["device"]["token"])
        self._fcm = facts["fcm"]

    def prepare(self) -> Ground:
        """Make a coupon and an ad, and let the app trust the people; return when it is in force.

        Raises:
            LocalStackError: the API refused a step, or the ad never came.
        """
        self._trust_people()
        name = f"fleet-{uuid4().hex[:12]}"
        ground = Ground(name=name, coupon=self._coupon(name), flight_id=self._flight(name))
        if not wait_for(lambda: self._has_ad(name), within=WAIT_SECONDS, every=0.5):
            raise LocalStackError(
                f"No ad came within {WAIT_SECONDS} seconds.",
                fix="`engage logs compile_snapshot` shows why.",
            )
        return ground

    def push(self, device_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Send a push to devices, and yield the address and the message's id of each that came.

        Raises:
            LocalStackError: the API refused it.
        """
        sent: set[str] = set()
        for first in range(0, len(device_ids), MOST_RECIPIENTS):
            some = device_ids[first : first + MOST_RECIPIENTS]
            said = self._admin.post(
                f"{self._app}/messages",
                {
                    "recipients": [{"device_id": device_id} for device_id in some],
                    "content": {"title": "Hello, fleet", "body": "Open this, some of you."},
                },
            )
            sent.update(one["message_id"] for one in said["messages"])
        with standin_client(self._fcm) as fcm:
            came: dict[str, str] = {}

            def is_complete() -> bool:
                by_id = {message_id_of(one): one["address"] for one in accepted(fcm)}
                came.update((one, by_id[one]) for one in sent & by_id.keys())
                return len(came) == len(sent)

            wait_for(is_complete, within=WAIT_SECONDS, every=0.5)
        for message_id, address in came.items():
            yield address, message_id

    def _trust_people(self) -> None:
        issuer = issuer_of(self.people.pool_id)
        issuers = self._admin.get(self._app)["issuers"]
        if issuer not in {one["issuer"] for one in issuers}:
            ours = {"issuer": issuer, "audiences": [self.people.client_id]}
            self._admin.patch(self._app, {"issuers": [*issuers, ours]})

    def _coupon(self, name: str) -> Coupon:
        made = self._admin.post(
            f"{self._app}/coupons",
            {
                "name": name,
                "discount": {"kind": "percent", "percent_off": 10},
                "claims": {"enabled": True},
            },
        )
        path = f"{self._app}/coupons/{made['coupon_id']}"
        code = name.replace("-", "").upper()
        self._admin.post(f"{path}/codes", {"code": code})
        self._admin.post(f"{path}/activate", {})
        return Coupon(coupon_id=made["coupon_id"], code=code)

    def _flight(self, name: str) -> str:
        """Book the ad; one request may leave something for the next."""
        document = one_ad(name, starts_at=datetime(2026, 1, 1, tzinfo=UTC))
        report: Mapping[str, Any] = {"refused": 0, "done": False}
        while not report["done"]:
            path = f"{self._app}/ad-demand/import"
            report = self._admin.post(path, document, dry_run=False)
            if report["refused"]:
                raise LocalStackError(f"The ad was refused: {report}", fix="Run `engage up`.")
        (flight,) = (one for one in report["items"] if one["kind"] == "flight")
        return str(flight["thing_id"])

    def _has_ad(self, name: str) -> bool:
        """Say whether the slot is filled; until its first ads are compiled an app has none."""
        asked = {"placements": [{"name": name}]}
        try:
            said = self._phone.post(f"{self._app}/ad-decisions", asked)
        except RefusedError as refused:
            if refused.status != httpx.codes.CONFLICT:
                raise
            return False
        return bool(said["decisions"].get(name))
