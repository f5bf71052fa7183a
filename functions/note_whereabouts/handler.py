"""Lambda entry point of the projection of whereabouts: events of the bus, by its queue.

Devices tell their zone when they register, change or change hands; a contact's new phone numbers
tell zones and countries. Each event may come twice, and in any order: what it tells is a set.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from functions.note_whereabouts.wiring import whereabouts
from shared.contact_policy.model.standing import Whereabouts
from shared.kernel.envelope import app_of
from shared.platform.observability import logger
from shared.platform.queue import try_again


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Note what each event tells; one that fails comes again alone."""
    failed = [record["messageId"] for record in event["Records"] if not _work(record)]
    return try_again(failed)


def _work(record: Mapping[str, Any]) -> bool:
    detail = json.loads(record["body"])["detail"]
    kind = detail["type"].split(".")[-3:]
    note = _NOTES.get(".".join(kind))
    if note is None:
        logger().error("no such event is noted", type=detail["type"])
        return False
    app_id, contact_id = app_of(detail), detail["subject"].partition("/")[2]
    note(app_id, contact_id, detail["data"])
    return True


def _device(app_id: str, contact_id: str, data: Mapping[str, Any]) -> None:
    if data["timezone"] is None:
        whereabouts().forget_device(contact_id, data["device_id"], app_id=app_id)
        return
    evidence = Whereabouts(device_zones={data["device_id"]: data["timezone"]})
    whereabouts().note(contact_id, evidence, app_id=app_id)


def _device_left(app_id: str, contact_id: str, data: Mapping[str, Any]) -> None:
    whereabouts().forget_device(contact_id, data["device_id"], app_id=app_id)


def _contact(app_id: str, contact_id: str, data: Mapping[str, Any]) -> None:
    evidence = Whereabouts(
        phone_zones=frozenset(data["zones"]), countries=frozenset(data["countries"])
    )
    if evidence != Whereabouts():
        whereabouts().note(contact_id, evidence, app_id=app_id)


_NOTES: Mapping[str, Callable[[str, str, Mapping[str, Any]], None]] = {
    "device.registered.v1": _device,
    "device.updated.v1": _device,
    "contact.identified.v1": _device,
    "device.logged_out.v1": _device_left,
    "device.unregistered.v1": _device_left,
    "contact.updated.v1": _contact,
}
