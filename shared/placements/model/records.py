"""What must be kept of a decision to make it again, and nothing more.

Instants are kept in whole milliseconds, as clocks give them.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from shared.kernel.clock import from_milliseconds, milliseconds
from shared.kernel.events import Purpose
from shared.placements.model.ad_state import AdState, CouponStanding, Hold, Seen, Topic
from shared.placements.model.decision import Deciding, decide
from shared.placements.model.explaining import Explanation, explain
from shared.placements.model.requests import Choice, Consent, DecisionRequest, Outcome, Wanted
from shared.placements.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """All that a decision came from.

    ``state`` has what decisions read of a person's state. ``rates`` are the shares that were asked
    for, ``digest`` is of the outcome.
    """

    request: DecisionRequest
    state: AdState
    snapshot_version: int
    snapshot_hash: str
    rates: Mapping[str, float]
    refused: frozenset[str]
    digest: str

    def is_of(self, snapshot: Snapshot) -> bool:
        """Say whether the decision was made from this snapshot."""
        return snapshot.hash == self.snapshot_hash

    def reproduces(self, outcome: Outcome) -> bool:
        """Say whether an outcome is the one that was given then."""
        return digest_of(outcome) == self.digest


def decide_and_record(
    request: DecisionRequest,
    snapshot: Snapshot,
    state: AdState,
    *,
    rates: Mapping[str, float],
    refused: Collection[str] = frozenset(),
) -> tuple[Outcome, DecisionRecord]:
    """Return what ``decide`` returns, and the record of it."""
    deciding = Deciding(request, snapshot, state, rates=rates, refused=refused)
    deciding.fill()
    outcome = deciding.outcome()
    record = DecisionRecord(
        request=request,
        state=_as_read(state),
        snapshot_version=snapshot.version,
        snapshot_hash=snapshot.hash,
        rates=deciding.situation.rates_read,
        refused=frozenset(refused),
        digest=digest_of(outcome),
    )
    return outcome, record


def replay(record: DecisionRecord, snapshot: Snapshot) -> Outcome:
    """Return what the decision gives when it is made again, from the snapshot of then."""
    rates, refused = record.rates, record.refused
    return decide(record.request, snapshot, record.state, rates=rates, refused=refused)


def explain_again(record: DecisionRecord, snapshot: Snapshot) -> Explanation:
    """Return the decision made again, with what each ad met.

    Of flights that were not asked then, nobody knows the share: they are taken to have had all.
    """
    rates, refused = record.rates, record.refused
    return explain(record.request, snapshot, record.state, rates=rates, refused=refused)


def digest_of(outcome: Outcome) -> str:
    """Return what differs between any two outcomes that differ: SHA-256, in hexadecimal."""
    told = {
        "choices": {name: list(map(_choice, some)) for name, some in outcome.choices.items()},
        "no_ad": {name: int(reason) for name, reason in outcome.no_ad.items()},
        "despite": {ad_id: int(reason) for ad_id, reason in outcome.despite.items()},
        "ghosts": outcome.ghosts,
    }
    return sha256(_compact(told)).hexdigest()


def packed(record: DecisionRecord) -> bytes:
    """Return a record as compact JSON; ``unpacked`` reads it back."""
    told = {
        "request": _request(record.request),
        "state": _state(record.state),
        "snapshot": [record.snapshot_version, record.snapshot_hash],
        "rates": dict(record.rates),
        "refused": sorted(record.refused),
        "digest": record.digest,
    }
    return _compact(told)


def unpacked(content: bytes) -> DecisionRecord:
    """Return the record that ``packed`` wrote."""
    told = json.loads(content)
    version, snapshot_hash = told["snapshot"]
    return DecisionRecord(
        request=_read_request(told["request"]),
        state=_read_state(told["state"]),
        snapshot_version=version,
        snapshot_hash=snapshot_hash,
        rates=told["rates"],
        refused=frozenset(told["refused"]),
        digest=told["digest"],
    )


def _as_read(state: AdState) -> AdState:
    """Return a state with nothing but what decisions read."""
    return replace(
        AdState(app_id=state.app_id, contact_id=state.contact_id, version=state.version),
        seen=state.seen,
        holds=state.holds,
        topic_holds=state.topic_holds,
        segments=state.segments,
        tags=state.tags,
        coupons=state.coupons,
        timezone=state.timezone,
        country=state.country,
    )


def _compact(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _told(**fields: Any) -> dict[str, Any]:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def _choice(choice: Choice) -> list[Any]:
    return [
        choice.placement_id,
        choice.name,
        choice.ad_id,
        choice.flight_id,
        choice.creative_id,
        choice.ad_campaign_id,
        choice.advertiser_id,
        choice.tier,
        sorted(choice.labels),
        choice.strict,
        choice.leased,
        choice.test,
    ]


_PLAIN = ("platform", "app_version", "os_version", "locale", "country", "timezone")
"""Fields of a request that are texts, or nothing."""


def _request(request: DecisionRequest) -> dict[str, Any]:
    consent = request.consent
    return _told(
        decision_id=request.decision_id,
        app_id=request.app_id,
        device_id=request.device_id,
        contact_id=request.contact_id,
        wanted=list(map(_wanted, request.wanted)),
        at=milliseconds(request.at),
        consent=[consent.tracking, consent.capping, consent.personalisation],
        keywords=sorted(request.keywords),
        attributes=dict(request.attributes),
        seen=dict(request.seen),
        **{name: getattr(request, name) for name in _PLAIN},
    )


def _read_request(told: Mapping[str, Any]) -> DecisionRequest:
    tracking, capping, personalisation = told["consent"]
    return DecisionRequest(
        decision_id=told["decision_id"],
        app_id=told["app_id"],
        device_id=told["device_id"],
        contact_id=told["contact_id"],
        wanted=tuple(map(_read_wanted, told.get("wanted", ()))),
        at=from_milliseconds(told["at"]),
        consent=Consent(tracking=tracking, capping=capping, personalisation=personalisation),
        keywords=frozenset(told.get("keywords", ())),
        attributes=told.get("attributes", {}),
        seen=told.get("seen", {}),
        **{name: told.get(name) for name in _PLAIN},
    )


def _wanted(wanted: Wanted) -> dict[str, Any]:
    return _told(
        name=wanted.name,
        count=wanted.count,
        keywords=sorted(wanted.keywords),
        attributes=dict(wanted.attributes),
        test_ad=wanted.test_ad,
        test_flight=wanted.test_flight,
    )


def _read_wanted(told: Mapping[str, Any]) -> Wanted:
    return Wanted(**{**told, "keywords": frozenset(told.get("keywords", ()))})


def _state(state: AdState) -> dict[str, Any]:
    return _told(
        app_id=state.app_id,
        contact_id=state.contact_id,
        version=state.version,
        seen=list(map(_seen, state.seen)),
        holds={purpose.value: _hold(hold) for purpose, hold in state.holds.items()},
        topic_holds=[[*topic, *_hold(hold)] for topic, hold in sorted(state.topic_holds.items())],
        segments=sorted(state.segments),
        tags=sorted(state.tags),
        coupons={coupon_id: standing.value for coupon_id, standing in state.coupons.items()},
        timezone=state.timezone,
        country=state.country,
    )


def _read_state(told: Mapping[str, Any]) -> AdState:
    return AdState(
        app_id=told["app_id"],
        contact_id=told["contact_id"],
        version=told["version"],
        seen=tuple(map(_read_seen, told.get("seen", ()))),
        holds={Purpose(name): _read_hold(hold) for name, hold in told.get("holds", {}).items()},
        topic_holds={
            Topic(Purpose(purpose), name): _read_hold(hold)
            for purpose, name, *hold in told.get("topic_holds", ())
        },
        segments=frozenset(told.get("segments", ())),
        tags=frozenset(told.get("tags", ())),
        coupons={name: CouponStanding(word) for name, word in told.get("coupons", {}).items()},
        timezone=told.get("timezone"),
        country=told.get("country"),
    )


def _seen(seen: Seen) -> list[Any]:
    return [
        seen.ad_id,
        seen.flight_id,
        seen.ad_campaign_id,
        seen.advertiser_id,
        seen.placement_id,
        milliseconds(seen.at),
        seen.token_id,
        _instant(seen.held_until),
        sorted(seen.labels),
    ]


def _read_seen(told: Sequence[Any]) -> Seen:
    ad_id, flight_id, ad_campaign_id, advertiser_id, placement_id, at, token_id, held, labels = told
    return Seen(
        ad_id=ad_id,
        flight_id=flight_id,
        ad_campaign_id=ad_campaign_id,
        advertiser_id=advertiser_id,
        placement_id=placement_id,
        at=from_milliseconds(at),
        token_id=token_id,
        held_until=_read_instant(held),
        labels=frozenset(labels),
    )


def _hold(hold: Hold) -> list[Any]:
    return [hold.reason, hold.detail, _instant(hold.until)]


def _read_hold(told: Sequence[Any]) -> Hold:
    reason, detail, until = told
    return Hold(reason=reason, detail=detail, until=_read_instant(until))


def _instant(at: datetime | None) -> int | None:
    return None if at is None else milliseconds(at)


def _read_instant(told: int | None) -> datetime | None:
    return None if told is None else from_milliseconds(told)
