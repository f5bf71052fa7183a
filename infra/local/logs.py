"""Reads what the functions wrote to CloudWatch Logs of the emulator, as it comes."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.aws import Cloud
from infra.local.errors import LocalStackError
from shared.kernel.clock import from_milliseconds, rfc3339

_POLL_SECONDS = 1.0
_OVERLAP_MILLISECONDS = 5_000
"""A line may arrive a little after a later one; what was shown is remembered by its id."""

_KNOWN = {"timestamp", "level", "message", "service", "location", "xray_trace_id"}
"""What every line has; the rest is what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a function's log; ``at`` in milliseconds since 1970."""

    function: str
    at: int
    message: str

    def fields(self) -> Mapping[str, Any]:
        """Return the line's JSON object; one with only ``message`` when it is plain text."""
        try:
            parsed = json.loads(self.message)
        except ValueError:
            parsed = None
        return parsed if isinstance(parsed, dict) else {"message": self.message}

    def is_of_the_platform(self) -> bool:
        """Say whether Lambda wrote it, not the function."""
        return self.message.startswith(("START RequestId", "END RequestId", "REPORT RequestId"))

    def told(self) -> str:
        """Return the line for a person: instant, function, level, message, and what else it says.

        The function's own instant is the better one: the emulator stamps a call's lines at its end.
        """
        fields = dict(self.fields())
        at = fields.get("timestamp") or rfc3339(from_milliseconds(self.at))
        rest = "  ".join(f"{name}={value}" for name, value in fields.items() if name not in _KNOWN)
        level, message = fields.get("level", ""), fields.get("message", "")
        return f"{at[11:23]}  {self.function:<18}  {level:<7}  {message}  {rest}".rstrip()


def log_groups(cloud: Cloud, function: str | None) -> dict[str, str]:
    """Return the log group of each function, or of the one that is named.

    Raises:
        LocalStackError: there is no such function.
    """
    functions = cloud.functions()
    if function is not None and function not in functions:
        raise LocalStackError(
            f"There is no function {function!r}.", fix=f"There are: {', '.join(sorted(functions))}."
        )
    chosen = [function] if function else sorted(functions)
    client = cloud.client("lambda")
    groups = {}
    for name in chosen:
        settings = client.get_function_configuration(FunctionName=functions[name])
        default = f"/aws/lambda/{functions[name]}"
        groups[name] = settings.get("LoggingConfig", {}).get("LogGroup", default)
    return groups


def lines(cloud: Cloud, function: str | None, *, since: int, follow: bool) -> Iterator[Line]:
    """Yield lines written since ``since`` (milliseconds since 1970), then, to follow, each new one.

    Raises:
        LocalStackError: there is no such function.
    """
    groups = log_groups(cloud, function)
    seen: set[object] = set()
    while True:
        fresh = [
            (event, name)
            for name, group in groups.items()
            for event in _events(cloud, group, since=since)
            if _identity(event) not in seen
        ]
        for event, name in sorted(fresh, key=lambda each: int(each[0]["timestamp"])):
            seen.add(_identity(event))
            at = int(event["timestamp"])
            since = max(since, at - _OVERLAP_MILLISECONDS)
            yield Line(function=name, at=at, message=event["message"].rstrip())
        if not follow:
            return
        time.sleep(_POLL_SECONDS)


def _identity(event: Mapping[str, Any]) -> object:
    """Return what tells a line from others; the emulator gives lines no ``eventId``."""
    return event["logStreamName"], event["timestamp"], event["message"]


def _events(cloud: Cloud, group: str, *, since: int) -> Iterator[dict[str, Any]]:
    client = cloud.client("logs")
    try:
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=since
        )
        for page in pages:
            yield from page["events"]
    except client.exceptions.ResourceNotFoundException:
        return  # nothing was logged yet
