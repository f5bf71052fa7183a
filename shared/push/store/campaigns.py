"""Campaigns in DynamoDB, with their runs, and the budgets of the days.

| what             | pk                          | sk                |
| ---------------- | --------------------------- | ----------------- |
| campaign         | APP#<app>#CAMPAIGNS         | C#<id>            |
| run              | APP#<app>#CMP#<id>#<run>    | RUN               |
| run to work on   | APP#<app>#RUNS              | <id>#<run>        |
| a day's bookings | APP#<app>#BUDGET            | <yyyy-mm-dd>      |
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import (
    Delete,
    Put,
    Row,
    Update,
    Write,
    WriteRefusedError,
    bind,
    commit,
)
from shared.platform.ledger import Ledger, plain
from shared.push.errors import (
    BudgetExceededError,
    CampaignChangedError,
    CampaignNotFoundError,
)
from shared.push.model.campaigns import (
    EXPECTED_RATE,
    Approval,
    Booking,
    Campaign,
    CampaignDraft,
    CampaignState,
    Conversion,
    Run,
    Timing,
    Variant,
)
from shared.push.model.messages import DeliveryMode
from shared.push.ports import CampaignStore
from shared.push.store.books import run_partition
from shared.push.store.templates import draft_of, draft_text

RUNS_KEPT = timedelta(days=400)
"""How long the books of a run are kept after it began."""

_BOOKINGS_KEPT = timedelta(days=400)


class CampaignRow(Row):
    """A campaign; ``state`` is an attribute of its own, for it is asked for with every slice."""

    state = UnicodeAttribute()
    text = UnicodeAttribute()
    version = NumberAttribute()


class _RunRow(Row):
    """A run, as one JSON text."""

    text = UnicodeAttribute()
    expires_at = NumberAttribute()


class _UnsettledRow(Row):
    """The fact that something is still to be done for a run."""


class _BudgetRow(Row):
    """How many messages are booked of a day."""

    messages = NumberAttribute(default=0)
    expires_at = NumberAttribute(null=True)


class DynamoCampaignStore(CampaignStore):
    """Campaigns, in the push table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._campaign = bind(CampaignRow, table=table)
        self._run = bind(_RunRow, table=table)
        self._unsettled = bind(_UnsettledRow, table=table)
        self._budget = bind(_BudgetRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def add_campaign(self, campaign: Campaign, event: Envelope, *, attempt: Attempt | None) -> bool:
        writes: dict[str, Write] = {
            "campaign": Put(row=self._row(campaign), condition=self._campaign.pk.does_not_exist()),
            "event": self._ledger.record(event),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt,
                app_id=campaign.app_id,
                result=campaign.campaign_id,
                at=campaign.created_at,
            )
        try:
            commit(writes)
        except WriteRefusedError as error:
            if set(error.failed) == {"attempt"}:
                return False
            raise
        return True

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self._attempts.recall(attempt, app_id=app_id)

    @override
    def get_campaign(self, campaign_id: str, *, app_id: str) -> Campaign:
        try:
            row = self._campaign.get(*campaign_key(app_id, campaign_id), consistent_read=True)
        except DoesNotExist as error:
            raise CampaignNotFoundError(campaign_id) from error
        return _campaign_of(row, app_id=app_id)

    @override
    def list_campaigns(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Campaign]:
        rows = list(
            self._campaign.query(
                _partition(app_id), self._campaign.sk > f"C#{cursor or ''}", limit=limit + 1
            )
        )
        items = [_campaign_of(row, app_id=app_id) for row in rows[:limit]]
        more = items[-1].campaign_id if len(rows) > limit else None
        return Page(items=items, next_cursor=more)

    @override
    def replace_campaign(
        self,
        campaign: Campaign,
        event: Envelope | None,
        *,
        before: Campaign,
        run: Run | None = None,
        booking: Booking | None = None,
    ) -> None:
        unchanged = self._campaign.version == before.version
        writes: dict[str, Write] = {
            "campaign": Put(row=self._row(campaign), condition=unchanged),
        }
        if event:
            writes["event"] = self._ledger.record(event)
        if run:
            writes["run"] = Put(row=self._run_row(run))
            writes["unsettled"] = Put(row=self._unsettled(*_unsettled_key(run)))
        if booking:
            writes["booking"] = self._booked(booking, app_id=campaign.app_id)
        try:
            commit(writes)
        except WriteRefusedError as error:
            if booking and set(error.failed) == {"booking"}:
                left = booking.limit - self.booked(campaign.app_id, booking.day)
                raise BudgetExceededError(
                    f"rule sends_per_day: {booking.messages} messages for {booking.day}, and"
                    f" {max(left, 0)} of {booking.limit} are left"
                ) from error
            raise CampaignChangedError(campaign.campaign_id) from error

    @override
    def state_of(self, campaign_id: str, *, app_id: str) -> CampaignState:
        try:
            row = self._campaign.get(
                *campaign_key(app_id, campaign_id),
                consistent_read=True,
                attributes_to_get=["pk", "sk", "state"],
            )
        except DoesNotExist as error:
            raise CampaignNotFoundError(campaign_id) from error
        return CampaignState(row.state)

    @override
    def get_run(self, run_id: str, *, campaign_id: str, app_id: str) -> Run:
        try:
            row = self._run.get(run_partition(app_id, campaign_id, run_id), "RUN")
        except DoesNotExist as error:
            raise CampaignNotFoundError(f"{campaign_id} has no run {run_id}") from error
        return _run_of(json.loads(row.text), app_id=app_id)

    @override
    def unsettled(self, app_id: str) -> Sequence[tuple[str, str]]:
        rows = self._unsettled.query(_runs(app_id), consistent_read=True)
        return [
            (campaign_id, run_id) for campaign_id, run_id in (row.sk.split("#") for row in rows)
        ]

    @override
    def settle(self, run: Run) -> None:
        commit({"unsettled": Delete(row=self._unsettled(*_unsettled_key(run)))})

    @override
    def booked(self, app_id: str, day: date) -> int:
        try:
            row = self._budget.get(*_budget_key(app_id, day), consistent_read=True)
        except DoesNotExist:
            return 0
        return int(row.messages)

    def _booked(self, booking: Booking, *, app_id: str) -> Update:
        row = self._budget
        fits = row.messages.does_not_exist() | (row.messages <= booking.limit - booking.messages)
        expires = booking.day + _BOOKINGS_KEPT
        return Update(
            row=row(*_budget_key(app_id, booking.day)),
            # In a transaction, whose token makes a repeated request harmless.
            actions=[
                row.messages.add(booking.messages),
                row.expires_at.set(int(_midnight(expires))),
            ],
            condition=fits if booking.messages > 0 else None,
        )

    def _row(self, campaign: Campaign) -> CampaignRow:
        return self._campaign(
            *campaign_key(campaign.app_id, campaign.campaign_id),
            state=campaign.state.value,
            text=_text_of(campaign),
            version=campaign.version,
        )

    def _run_row(self, run: Run) -> _RunRow:
        return self._run(
            run_partition(run.app_id, run.campaign_id, run.run_id),
            "RUN",
            text=run_text(run),
            expires_at=int((run.started_at + RUNS_KEPT).timestamp()),
        )


def _partition(app_id: str) -> str:
    return f"APP#{app_id}#CAMPAIGNS"


def campaign_key(app_id: str, campaign_id: str) -> tuple[str, str]:
    """Return where a campaign lies."""
    return _partition(app_id), f"C#{campaign_id}"


def _runs(app_id: str) -> str:
    return f"APP#{app_id}#RUNS"


def _unsettled_key(run: Run) -> tuple[str, str]:
    return _runs(run.app_id), f"{run.campaign_id}#{run.run_id}"


def _budget_key(app_id: str, day: date) -> tuple[str, str]:
    return f"APP#{app_id}#BUDGET", day.isoformat()


def _midnight(day: date) -> float:
    return from_rfc3339(f"{day.isoformat()}T00:00:00Z").timestamp()


def _text_of(campaign: Campaign) -> str:
    return _json(
        {
            "draft": _plain_draft(campaign.draft),
            "authors": campaign.authors,
            "created_at": campaign.created_at,
            "updated_at": campaign.updated_at,
            "approval": asdict(campaign.approval) if campaign.approval else None,
            "booking": _plain_booking(campaign.booking) if campaign.booking else None,
            "run_id": campaign.run_id,
            "rehearsal_id": campaign.rehearsal_id,
            "paused_from": campaign.paused_from,
            "starts_at": campaign.starts_at,
        }
    )


def _campaign_of(row: CampaignRow, *, app_id: str) -> Campaign:
    kept = json.loads(row.text)
    approval, booking = kept["approval"], kept["booking"]
    return Campaign(
        app_id=app_id,
        campaign_id=row.sk.removeprefix("C#"),
        draft=_draft_of(kept["draft"]),
        state=CampaignState(row.state),
        authors=tuple(kept["authors"]),
        created_at=from_rfc3339(kept["created_at"]),
        updated_at=from_rfc3339(kept["updated_at"]),
        approval=Approval(**{**approval, "at": from_rfc3339(approval["at"])}) if approval else None,
        booking=(
            Booking(**{**booking, "day": date.fromisoformat(booking["day"])}) if booking else None
        ),
        run_id=kept["run_id"],
        rehearsal_id=kept["rehearsal_id"],
        paused_from=CampaignState(kept["paused_from"]) if kept["paused_from"] else None,
        starts_at=from_rfc3339(kept["starts_at"]) if kept["starts_at"] else None,
        version=int(row.version),
    )


def _plain_booking(booking: Booking) -> Mapping[str, Any]:
    return {**asdict(booking), "day": booking.day.isoformat()}


def _plain_draft(draft: CampaignDraft) -> Mapping[str, Any]:
    timing, conversion = draft.timing, draft.conversion
    return {
        **{name: getattr(draft, name) for name in draft.__dataclass_fields__},
        "variants": [asdict(one) for one in draft.variants],
        "timing": {
            "at": timing.at,
            "wall": timing.wall.isoformat() if timing.wall else None,
            "zone": timing.zone,
        },
        "conversion": asdict(conversion) if conversion else None,
    }


def _draft_of(kept: Mapping[str, Any]) -> CampaignDraft:
    timing, conversion = kept["timing"], kept["conversion"]
    return CampaignDraft(
        **{
            **kept,
            "variants": tuple(Variant(**one) for one in kept["variants"]),
            "timing": Timing(
                at=from_rfc3339(timing["at"]) if timing["at"] else None,
                wall=datetime.fromisoformat(timing["wall"]) if timing["wall"] else None,
                zone=timing["zone"],
            ),
            "expires_at": from_rfc3339(kept["expires_at"]) if kept["expires_at"] else None,
            "delivery": DeliveryMode(kept["delivery"]),
            "conversion": (
                Conversion(
                    type=conversion["type"],
                    within=timedelta(seconds=conversion["within"]),
                    expected_rate=float(conversion.get("expected_rate", EXPECTED_RATE)),
                )
                if conversion
                else None
            ),
            # Campaigns from before inboxes say nothing of them.
            "copy_kept_for": _duration_of(kept.get("copy_kept_for")),
        }
    )


def _duration_of(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def run_text(run: Run) -> str:
    """Return a run as JSON."""
    return _json(
        {
            "campaign_id": run.campaign_id,
            "run_id": run.run_id,
            "is_rehearsal": run.is_rehearsal,
            "draft": _plain_draft(run.draft),
            "templates": {
                name: json.loads(draft_text(draft)) for name, draft in run.templates.items()
            },
            "app_name": run.app_name,
            "app_locale": run.app_locale,
            "app_zone": run.app_zone,
            "started_at": run.started_at,
        }
    )


def _run_of(kept: Mapping[str, Any], *, app_id: str) -> Run:
    return Run(
        app_id=app_id,
        **{
            **kept,
            "draft": _draft_of(kept["draft"]),
            "templates": {name: draft_of(draft) for name, draft in kept["templates"].items()},
            "started_at": from_rfc3339(kept["started_at"]),
        },
    )


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, default=plain, separators=(",", ":"), ensure_ascii=False)
