"""Who books ads in an app: an advertiser's campaign with a flight, its ad, and a slot for it."""

import json
from dataclasses import dataclass
from typing import Any

from shared.kernel.clock import system_clock, whole_milliseconds
from shared.kernel.ids import Ids
from shared.placements.model.ad_state import AdState
from shared.placements.model.compiling import compile_snapshot
from shared.placements.model.pointers import Pointer
from shared.placements.model.records import decide_and_record, packed
from shared.placements.model.requests import DecisionRequest, Wanted
from shared.placements.service.explaining import RecordService
from shared.placements.service.snapshots import SnapshotService
from shared.placements.store import BucketDecisionRecords, DynamoDemandStore
from shared.platform.dynamodb import pause_after
from shared.platform.ledger import Ledger
from shared.platform.objects import Bucket
from tests.deployment import Answer, Deployment
from tests.fakes.placements_snapshots import OnePolicy
from tests.functional.standing_ads import StandingAds

BANNER = {
    "format": "image",
    "size": "320x50",
    "url": "https://cdn.example.com/spring.png",
    "bytes": 20_000,
    "alt": "Spring shoes",
    "click_url": "https://example.com/spring",
}
SPRING = {
    "name": "Shoes",
    "starts_at": "2026-11-01T00:00:00Z",
    "ends_at": "2099-01-01T00:00:00Z",
    "target": {"lifetime": 1_000},
    "rate": {"pricing": "cpm", "amount": 500, "currency": "CHF"},
}

TITLED = {
    "type": "object",
    "properties": {"title": {"type": "string", "maxLength": 25}},
    "required": ["title"],
    "additionalProperties": False,
}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """An app, as its marketers see it."""

    deployed: Deployment
    app_id: str

    @classmethod
    def opened(cls, deployed: Deployment) -> "Desk":
        return cls(deployed=deployed, app_id=deployed.an_app())

    def call(self, route: str, body: Any = None, **options: Any) -> Answer:
        """Call a route below the app, as the operator unless another ``bearer`` is told."""
        method, _, path = route.partition(" ")
        options.setdefault("bearer", self.deployed.operator())
        return self.deployed.request(f"{method} /v1/apps/{self.app_id}{path}", body, **options)

    def made(self, path: str, body: Any) -> Any:
        """Return what was made."""
        answer = self.call(f"POST /{path}", body)
        assert answer.status == 201, answer.body
        return answer.body

    def booked(self, *, slot: str = "home-top", **terms: Any) -> dict[str, str]:
        """Book a flight with one banner for a slot; return the ids by their names."""
        placement = self.made("placements", {"name": slot, "sizes": ["320x50"]})
        advertiser = self.made("advertisers", {"name": "Acme"})
        whose = {"advertiser_id": advertiser["advertiser_id"]}
        ad_campaign = self.made("ad-campaigns", {"name": "Spring", **whose})
        of = {"ad_campaign_id": ad_campaign["ad_campaign_id"]}
        flight = self.made("flights", {**SPRING, **of, **terms})
        creative = self.made("creatives", {"name": "Banner", **whose, **BANNER})
        shown = {
            name: one[name] for one, name in ((flight, "flight_id"), (creative, "creative_id"))
        }
        ad = self.made("ads", {"name": "Shoes in a banner", **shown})
        return {
            "placement_id": placement["placement_id"],
            "ad_id": ad["ad_id"],
            **whose,
            **of,
            **shown,
        }

    def booked_and_filed(self, contact_id: str) -> dict[str, str]:
        """Book one thing of each kind, and decide for a contact; return the ids by their names."""
        template = self.made("ad-templates", {"name": "Card", "schema": TITLED})
        ids = self.booked(target={"lifetime": 50, "exact": True})
        assert self.call(f"POST /flights/{ids['flight_id']}/activate").status == 200
        ids["ad_template_id"] = template["ad_template_id"]
        return {**ids, "decision_id": self.decided(contact_id)}

    def decided(self, contact_id: str) -> str:
        """Decide for somebody and file it, as the workers do; return the decision's id."""
        ids = Ids(clock=system_clock)
        self.compiled()
        snapshot = self._standing.snapshot()
        request = DecisionRequest(
            decision_id=ids.new("dec"),
            app_id=self.app_id,
            device_id="phone-001",
            contact_id=contact_id,
            wanted=(Wanted(name="home-top"),),
            at=whole_milliseconds(system_clock()),
        )
        state = AdState(app_id=self.app_id, contact_id=contact_id)
        _, record = decide_and_record(request, snapshot, state, rates={})
        known = {"app_id": self.app_id, "decision_id": request.decision_id}
        records = BucketDecisionRecords(bucket=Bucket(name="decisions"))
        told = {**known, "record": json.loads(packed(record))}
        RecordService(records=records, ids=ids).file_records([told])
        return request.decision_id

    def compiled(self) -> Pointer:
        """Compile what is booked, as the worker does."""
        tables = self.deployed.tables
        ledger = Ledger(table=tables["contact_events"])
        service = SnapshotService(
            demand=DynamoDemandStore(table=tables["placements"], ledger=ledger),
            snapshots=self._standing.store,
            policies=OnePolicy(),
            compile=compile_snapshot,
            clock=system_clock,
            pause=pause_after,
        )
        return service.refresh(self.app_id)

    @property
    def _standing(self) -> StandingAds:
        return StandingAds(deployed=self.deployed, app_id=self.app_id)
