"""Lambda entry point of the projection of audiences: events about contacts, by its queue.

The bus cannot know which events segments ask for, so it brings all that are about a contact, and
what nobody asks for is passed over first thing. Each may come twice, and in any order: what
happened is kept as a set, and all else is read as it is now. Of one person a batch makes one copy.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.project_audience.wiring import projection
from shared.kernel.clock import from_rfc3339
from shared.kernel.envelope import app_of
from shared.platform.observability import logger
from shared.platform.queue import try_again
from shared.registrations.model.audience import Happening


@dataclass(frozen=True, slots=True, order=True)
class _Whom:
    app_id: str
    contact_id: str


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Copy what each event changes; of whom that fails, the events come again."""
    to_copy: dict[_Whom, list[str]] = {}
    failed: list[str] = []
    for record in event["Records"]:
        try:
            whom = _hear(json.loads(record["body"]))
        except Exception:  # noqa: BLE001 - the others of the batch are heard all the same
            logger().exception("an event was not heard", message_id=record["messageId"])
            failed.append(record["messageId"])
            continue
        if whom:
            to_copy.setdefault(whom, []).append(record["messageId"])
    for whom, messages in sorted(to_copy.items()):
        failed += [] if _is_copied(whom) else messages
    return try_again(failed)


def _hear(told: Mapping[str, Any]) -> _Whom | None:
    """Note what happened if a segment asks for it; return about whom to copy what is known now."""
    event_type, detail = told["detail-type"], told["detail"]
    whom = _Whom(app_of(detail), detail["subject"].partition("/")[2])
    happening = Happening(from_rfc3339(detail["time"]), detail["sequence"])
    is_told = projection().hear(whom.contact_id, event_type, happening, app_id=whom.app_id)
    return whom if is_told else None


def _is_copied(whom: _Whom) -> bool:
    try:
        projection().project(whom.contact_id, app_id=whom.app_id)
    except Exception:  # noqa: BLE001 - the other people of the batch are copied all the same
        logger().exception("an audience was not copied", contact=whom.contact_id)
        return False
    return True
