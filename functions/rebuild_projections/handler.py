"""Lambda entry point of rebuilding: an operator asks, call after call, until it is over.

``{"begin": {"app_id", "projection", "from", "to", "forgets"}}`` begins, where all but the first two
may be left out; ``{"go_on": {"app_id", "projection", "limit"}}`` takes about so many events
further, within a minute; ``{"look": ...}``, as ``begin`` and with ``after``, reads a slice and
writes nothing; ``{"names": {}}`` says what there is, and what of it may be deleted.
What is refused is answered by its code.
"""

from collections.abc import Callable, Mapping
from typing import Any

from functions.rebuild_projections.wiring import projections, rebuilding
from shared.contact_events.model.rebuilds import Rebuild, Wanted
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.errors import DomainError
from shared.platform.observability import logger

WORKS_FOR = 45_000
"""Milliseconds after which a call begins no other slice: whoever asks waits for the answer."""

MOST = 5_000
"""Events of a call."""


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do one of the four things, or say why not."""
    ((name, asked),) = event.items()
    try:
        return _CALLS[name](asked, context)
    except DomainError as error:
        meaning = (type(error).__doc__ or "").strip()
        return {"refused": {"code": error.code, "detail": f"{error.detail}: {meaning}"}}


def _names(_asked: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    return {
        "items": [
            {"projection": name, "is_forgettable": one.is_forgettable}
            for name, one in sorted(projections().items())
        ]
    }


def _begin(asked: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    return _told(rebuilding().begin(_wanted(asked)))


def _go_on(asked: Mapping[str, Any], context: Any) -> dict[str, Any]:
    ends = context.get_remaining_time_in_millis() - WORKS_FOR
    done = rebuilding().go_on(
        asked["projection"],
        app_id=asked["app_id"],
        limit=min(int(asked.get("limit", MOST)), MOST),
        has_time=lambda: context.get_remaining_time_in_millis() > ends,
    )
    return _told(done)


def _look(asked: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    found = rebuilding().look(_wanted(asked), after=asked.get("after"))
    return {"read": found.read, "after": found.after, "is_over": found.is_over}


def _wanted(asked: Mapping[str, Any]) -> Wanted:
    since, until = asked.get("from"), asked.get("to")
    return Wanted(
        app_id=asked["app_id"],
        projection=asked["projection"],
        since=from_rfc3339(since) if since else None,
        until=from_rfc3339(until) if until else None,
        forgets=bool(asked.get("forgets")),
    )


def _told(rebuild: Rebuild) -> dict[str, Any]:
    wanted, waits_until = rebuild.wanted, rebuild.waits_until
    told: dict[str, Any] = {
        "app_id": wanted.app_id,
        "projection": wanted.projection,
        "phase": rebuild.phase.value,
        "read": rebuild.read,
        "after": rebuild.after,
        "is_over": rebuild.is_over,
        "waits_until": rfc3339(waits_until) if waits_until else None,
    }
    logger().info("rebuilding", **told)
    return told


_CALLS: Mapping[str, Callable[[Mapping[str, Any], Any], dict[str, Any]]] = {
    "begin": _begin,
    "go_on": _go_on,
    "look": _look,
    "names": _names,
}
