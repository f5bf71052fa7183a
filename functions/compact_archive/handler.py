"""Lambda entry point of the keeping of the archive: what the schedule sends, or what is asked.

By hand it is ``{"list": {"app_id": ...}}`` for what there is, with ``day`` its events too; or
``{"verify": ...}``, for a day of recording (UTC) beside the ledger, or ``{"compact": ...}``, both
with ``app_id`` and ``day``.
"""

from dataclasses import asdict
from datetime import date
from typing import Any

from functions.compact_archive.wiring import LAST_CALL, compaction, forgetting
from shared.contact_events.model.archives import Comparison, Drawer, Held
from shared.contact_events.service.archives import Compacted
from shared.platform.observability import logger


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Keep the archive, or say what is in it."""
    if asked := event.get("list"):
        day = date.fromisoformat(asked["day"]) if "day" in asked else None
        held = compaction().held(asked["app_id"], day=day)
        return {"items": [_shown(drawer) | _held(one) for drawer, one in held.items()]}
    if asked := event.get("verify"):
        found = compaction().compare(asked["app_id"], date.fromisoformat(asked["day"]))
        return {"items": [_compared(one) for one in found]}
    if asked := event.get("compact"):
        return _told(compaction().compact(asked["app_id"], date.fromisoformat(asked["day"])))
    return _keep(context)


def _keep(context: Any) -> dict[str, Any]:
    def has_time() -> bool:
        left: int = context.get_remaining_time_in_millis()
        return left > LAST_CALL.total_seconds() * 1000

    # Whoever is to be forgotten does not wait for days to be compacted.
    forgotten = forgetting().forget_due(has_time=has_time)
    return _told(forgotten.plus(compaction().compact_due()))


def _told(done: Compacted) -> dict[str, Any]:
    told = asdict(done)
    logger().info("compacted", **told)
    return told


def _compared(found: Comparison) -> dict[str, Any]:
    figures = ("files", "archive", "ledger", "only_archive", "only_ledger")
    return _shown(found.drawer) | {name: getattr(found, name) for name in figures}


def _held(held: Held) -> dict[str, Any]:
    told: dict[str, Any] = {"files": held.files, "bytes": held.size}
    return told if held.events is None else {**told, "events": held.events}


def _shown(drawer: Drawer) -> dict[str, Any]:
    return {"day": drawer.day.isoformat(), "type": drawer.type}
