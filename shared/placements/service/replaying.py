"""Use cases of those who ask why: a decision that was made, and what would be decided now."""

import json
from dataclasses import dataclass

from shared.placements.model.explaining import Explanation, explain
from shared.placements.model.pointers import key_of
from shared.placements.model.records import DecisionRecord, explain_again, unpacked
from shared.placements.model.requests import DecisionRequest
from shared.placements.model.snapshot import Snapshot
from shared.placements.ports.decisions import AdStates, Facts, Rates
from shared.placements.ports.snapshots import Snapshots
from shared.placements.service.explaining import RecordService
from shared.placements.service.snapshots import SnapshotCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A decision that was made again; ``is_same``: bit for bit as it was given then."""

    record: DecisionRecord
    explanation: Explanation
    is_same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayService:
    """Makes past decisions again, from what was kept of them."""

    records: RecordService
    snapshots: Snapshots

    def replay(self, decision_id: str, *, app_id: str) -> Replayed:
        """Return a decision as it was made, and what each ad met.

        Raises:
            DecisionNotFoundError: there is no record of it (yet).
        """
        found = self.records.find(decision_id, app_id=app_id)
        record = unpacked(json.dumps(found["record"]).encode())
        version = record.snapshot_version
        key = key_of(app_id, version=version, content_hash=record.snapshot_hash)
        snapshot = Snapshot.load(self.snapshots.get(key), version=version)
        explanation = explain_again(record, snapshot)
        is_same = record.is_of(snapshot) and record.reproduces(explanation.outcome)
        return Replayed(record=record, explanation=explanation, is_same=is_same)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialService:
    """Says what would be decided at this moment; nothing is written, counted or promised."""

    snapshots: SnapshotCache[Snapshot]
    states: AdStates
    facts: Facts
    rates: Rates

    def explain(self, request: DecisionRequest) -> Explanation:
        """Return what would be decided, and why.

        What is paced takes the share that a decision would give it; of exact flights nobody asks
        whether a number is left, since asking takes one. An empty ``device_id`` stands for no
        device in particular.

        Raises:
            SnapshotMissingError: nothing was ever compiled for the app.
        """
        snapshot = self.snapshots.get(request.app_id).snapshot
        kept = self.states.read(request.contact_id, app_id=request.app_id)
        known = self.facts.of(
            request.contact_id,
            device_id=request.device_id or None,
            app_id=request.app_id,
            at=request.at,
        )
        state = kept.told(known, at=request.at)
        rates = self.rates.of(request.app_id, snapshot.bounded, at=request.at)
        return explain(request, snapshot, state, rates=rates)
