"""Campaigns and their runs in DynamoDB, as far as sending reads them.

| what     | pk                             | sk     |
| -------- | ------------------------------ | ------ |
| campaign | APP#<app>#CAMPAIGNS            | C#<id> |
| run      | APP#<app>#CMP#<campaign>#<run> | RUN    |
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from shared.kernel.clock import from_rfc3339
from shared.platform.dynamodb import Row, bind
from shared.platform.ledger import Ledger
from shared.platform.ledger import plain as plain_value
from shared.push.errors import CampaignNotFoundError
from shared.push.model import DeliveryMode
from shared.push.model.campaigns import (
    CampaignDraft,
    CampaignState,
    Conversion,
    Run,
    Timing,
    Variant,
)
from shared.push.store.templates import draft_of, draft_text


class _CampaignRow(Row):
    """A campaign, as far as sending reads it."""

    state = UnicodeAttribute()


class _RunRow(Row):
    """A run, as one JSON text."""

    body = UnicodeAttribute()


class DynamoCampaignStore:
    """Campaigns, in the push table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._campaign = bind(_CampaignRow, table=table)
        self._run = bind(_RunRow, table=table)
        self._ledger = ledger

    def state_of(self, campaign_id: str, *, app_id: str) -> CampaignState:
        """Return where a campaign stands at this moment: what was acknowledged is seen."""
        key = (f"APP#{app_id}#CAMPAIGNS", f"C#{campaign_id}")
        try:
            row = self._campaign.get(*key, consistent_read=True, attributes_to_get=["state"])
        except DoesNotExist as error:
            raise CampaignNotFoundError(campaign_id) from error
        return CampaignState(row.state)

    def get_run(self, run_id: str, *, campaign_id: str, app_id: str) -> Run:
        """Return a run or raise ``CampaignNotFoundError``."""
        key = (f"APP#{app_id}#CMP#{campaign_id}#{run_id}", "RUN")
        try:
            row = self._run.get(*key, consistent_read=True)
        except DoesNotExist as error:
            raise CampaignNotFoundError(campaign_id) from error
        return run_of(json.loads(row.body))


def run_text(run: Run) -> str:
    """Return a run as it is stored."""
    texts = {name: json.loads(draft_text(draft)) for name, draft in run.templates.items()}
    return json.dumps({**asdict(run), "templates": texts}, default=_plain, separators=(",", ":"))


def _plain(value: object) -> object:
    """Render what JSON lacks; what the clock on the wall shows has no zone."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.isoformat()
    return plain_value(value)


def run_of(stored: Mapping[str, Any]) -> Run:
    """Return the run that is stored so."""
    templates = {name: draft_of(draft) for name, draft in stored["templates"].items()}
    return Run(
        **{
            **stored,
            "draft": _draft_of(stored["draft"]),
            "templates": templates,
            "started_at": from_rfc3339(stored["started_at"]),
        }
    )


def _draft_of(stored: Mapping[str, Any]) -> CampaignDraft:
    timing, conversion = stored["timing"], stored["conversion"]
    return CampaignDraft(
        **{
            **stored,
            "variants": tuple(Variant(**variant) for variant in stored["variants"]),
            "timing": Timing(
                at=_instant(timing["at"]), wall=_wall(timing["wall"]), zone=timing["zone"]
            ),
            "expires_at": _instant(stored["expires_at"]),
            "delivery": DeliveryMode(stored["delivery"]),
            "conversion": _conversion_of(conversion) if conversion else None,
        }
    )


def _conversion_of(stored: Mapping[str, Any]) -> Conversion:
    return Conversion(type=stored["type"], within=timedelta(seconds=stored["within"]))


def _instant(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text else None


def _wall(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
