"""Lambda entry point of the worker that settles what contacts left open.

It is called by its queue, with the bus's event ``contact.erasure_requested.v1``; by its schedule,
to sweep; and by hand, with ``{"rotate": "app_..."}`` after a secret was rotated, or
``{"rotate": "*"}`` for all apps.
"""

import json
from dataclasses import asdict
from typing import Any

from functions.settle_contacts.wiring import app_ids, forgetting, people, rotation
from shared.kernel.envelope import app_of
from shared.platform.observability import logger
from shared.platform.queue import try_again
from shared.registrations.errors import ErasureNotFoundError


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Erase who asked for it, sweep, or rotate."""
    if "Records" in event:
        failed = [record["messageId"] for record in event["Records"] if not _erase(record)]
        return try_again(failed)
    if "rotate" in event:
        return _rotate(event["rotate"])
    return _sweep()


def _erase(record: dict[str, Any]) -> bool:
    detail = json.loads(record["body"])["detail"]
    app_id, contact_id = app_of(detail), detail["subject"].partition("/")[2]
    try:
        erasure = forgetting().work(contact_id, app_id=app_id)
    except ErasureNotFoundError:
        logger().exception("no such erasure", contact=contact_id)
        return False
    logger().info("erased", erasure=erasure.erasure_id, state=erasure.state)
    return True


def _sweep() -> dict[str, Any]:
    apps = list(app_ids())
    intents = sum(people().sweep(app_id) for app_id in apps)
    open_erasures = sum(forgetting().sweep(app_id) for app_id in apps)
    logger().info("swept", apps=len(apps), intents=intents, open_erasures=open_erasures)
    return {"apps": len(apps), "intents": intents, "open_erasures": open_erasures}


def _rotate(which: str) -> dict[str, Any]:
    told = {
        app_id: asdict(rotation().rotate(app_id))
        for app_id in (app_ids() if which == "*" else [which])
    }
    logger().info("rotated", apps=told)
    return told
