"""Lambda entry point of the compiler of snapshots: events of the bus by its queue, or its schedule.

Each event may come twice, and in any order: what is booked is read as it is now. Of one app a batch
makes one snapshot.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from functions.compile_snapshot.wiring import app_ids, budgets, snapshots
from shared.kernel.envelope import app_of
from shared.platform.observability import logger
from shared.platform.queue import try_again

POLICY = "policy.updated.v1"


@dataclass(slots=True, kw_only=True)
class _Changes:
    """What a batch tells of one app; ``is_booked``: not of its policy alone."""

    messages: list[str] = field(default_factory=list)
    flights: set[str] = field(default_factory=set)
    is_booked: bool = False


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Compile what was changed; called by the schedule, what starts or ends by now."""
    if "Records" in event:
        return _changed(event["Records"])
    return _due()


def _changed(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    apps: dict[str, _Changes] = {}
    for record in records:
        told = json.loads(record["body"])
        app_id, (kind, _, thing_id) = _about(told["detail"])
        changes = apps.setdefault(app_id, _Changes())
        changes.messages.append(record["messageId"])
        changes.is_booked |= told["detail-type"] != POLICY
        if kind == "flight":
            changes.flights.add(thing_id)
    failed: list[str] = []
    for app_id, changes in sorted(apps.items()):
        failed += [] if _is_compiled(app_id, changes) else changes.messages
    return try_again(failed)


def _about(detail: Mapping[str, Any]) -> tuple[str, tuple[str, str, str]]:
    return app_of(detail), detail["subject"].partition("/")


def _is_compiled(app_id: str, changes: _Changes) -> bool:
    try:
        # Before anybody is given an ad of the flight by the new snapshot.
        for flight_id in sorted(changes.flights):
            budgets().follow(flight_id, app_id=app_id)
        if changes.is_booked:
            snapshots().refresh(app_id)
        else:
            snapshots().refresh_known(app_id)
    except Exception:  # noqa: BLE001 - the other apps of the batch are compiled all the same
        logger().exception("a snapshot was not compiled", app=app_id)
        return False
    return True


def _due() -> dict[str, Any]:
    """Compile the apps in which something starts or ends; those that fail do not stop others.

    Raises:
        ExceptionGroup: some apps failed; all others are done.
    """
    compiled, errors = 0, []
    for app_id in app_ids():
        try:
            compiled += len(snapshots().refresh_due([app_id]))
        except Exception as error:  # noqa: BLE001 - it is raised when all others are done
            errors.append(error)
    logger().info("compiled what was due", apps=compiled)
    if errors:
        raise ExceptionGroup("some apps were not compiled", errors)
    return {"compiled": compiled}
