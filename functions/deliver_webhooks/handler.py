"""Lambda entry point of deliveries: events of the bus by its queue, and each minute what is due.

Each subscription is worked on by one thread, so a receiver that is slow holds up no other. What
comes twice is sent twice, under the same ``webhook-id``. Replays have the time that is left.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from functions.deliver_webhooks.wiring import app_ids, deliveries, resender, subscriptions
from shared.contact_events.ports import HasTime
from shared.contact_events.service.deliveries import wanted
from shared.kernel.envelope import app_of
from shared.platform.observability import logger
from shared.platform.queue import try_again

AT_ONCE = 16
"""Subscriptions that a call sends to at a time."""

LAST_CALL = 15_000
"""Milliseconds before its end in which a call begins no attempt: one takes ten seconds at most."""


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Deliver a batch of the queue; without one, try again what is due of every app.

    Then it goes on with replays.
    """

    def has_time() -> bool:
        left: int = context.get_remaining_time_in_millis()
        return left > LAST_CALL

    if "Records" in event:
        return _deliver(event["Records"], has_time)
    return _retry(has_time)


def _deliver(records: Sequence[dict[str, Any]], has_time: HasTime) -> dict[str, Any]:
    """Send events for the first time; where that could not be noted they all come again."""
    by_app: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        detail = json.loads(record["body"])["detail"]
        by_app[app_of(detail)].append(detail)
    works = [
        (subscription, events)
        for app_id, told in by_app.items()
        for subscription, events in wanted(subscriptions().active(app_id), told)
    ]
    done = _at_once(
        [partial(deliveries().deliver, one, events, has_time=has_time) for one, events in works]
    )
    return try_again([] if done else [record["messageId"] for record in records])


def _retry(has_time: HasTime) -> dict[str, Any]:
    apps = [*app_ids()]
    due = [one for app_id in apps for one in subscriptions().active(app_id)]
    done = _at_once([partial(deliveries().retry, one, has_time=has_time) for one in due])
    replays = [one for app_id in apps for one in resender().running(app_id)]
    done = _at_once([partial(resender().go_on, one, has_time=has_time) for one in replays]) and done
    logger().info("retried", subscriptions=len(due), replays=len(replays), whole=done)
    return {"subscriptions": len(due), "replays": len(replays), "whole": done}


def _at_once(works: Sequence[Callable[[], object]]) -> bool:
    """Do all of some works, several at a time; say whether each went well."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return all([*pool.map(_is_done, works)])


def _is_done(work: Callable[[], object]) -> bool:
    try:
        work()
    except Exception:  # noqa: BLE001 - the other subscriptions are sent to all the same
        logger().exception("a subscription was not sent to")
        return False
    return True
