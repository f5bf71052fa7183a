"""What a dead letter is, which way it goes back, and what of it may be shown."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from infra.local.resources import Resources
from shared.kernel.clock import from_milliseconds, from_rfc3339, rfc3339

RELAY = "ContactEventsRelay"
"""The name of `relay_events` in the template: what it missed is in the ledger."""

_SKEW = timedelta(minutes=5)
"""How much earlier or later an event may be told in the ledger than in its stream."""

_ID = re.compile(r"[a-z]{2,5}_[0-9A-HJKMNP-TV-Z]{26}")
_SUBJECT = re.compile(rf"[a-z_]+/{_ID.pattern}")
_APP = re.compile(rf"/apps/(?P<app_id>{_ID.pattern})/")
_WORD = re.compile(r"[A-Za-z][\w.:$-]{0,99}")
_HIDDEN = "…"


class Kind(StrEnum):
    """Who left the letter, by the shape that each leaves it in."""

    JOB = "job"
    """SQS: a message of a queue that was taken too often."""
    EVENT = "event"
    """EventBridge: what it could not bring to a rule's target."""
    CALL = "call"
    """Lambda: what it called a function with, asynchronously, in vain."""
    BATCH = "batch"
    """Lambda: the positions of records of a stream, without the records."""
    UNKNOWN = "unknown"


class Way(StrEnum):
    """What is done with a letter when it is redriven."""

    SEND = "send"
    CALL = "call"
    AUDIT = "audit"
    """The relay publishes what the ledger has of that time, and nothing twice over."""
    DROP = "drop"
    """No longer needed: a schedule's next call did what this one did not."""
    KEEP = "keep"
    """Not ours to decide: a person does what the runbook says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter.

    Attributes:
        message_id: SQS's.
        receipt: what SQS knows this look at it by.
        kind: who left it.
        way: what a redrive does with it.
        to: the ARN that it goes to; empty where it goes nowhere.
        payload: what is sent there, as it was.
        at: when it was first sent to a queue: of a job, before it was tried.
        reason: why it is here, in words of AWS; never what a program said of a person.
        about: what is in it, of types and ids that are ours.
    """

    message_id: str
    receipt: str
    kind: Kind
    way: Way
    to: str = ""
    payload: str = ""
    at: datetime
    reason: str = ""
    about: Mapping[str, str]


def letter_of(message: Mapping[str, Any], *, resources: Resources) -> Letter:
    """Return what a message of a dead-letter queue is, as SQS hands it out with all attributes.

    ``resources`` are those of its stack: what a function is called tells what becomes of a batch.
    """
    system = message.get("Attributes", {})
    body = message["Body"]
    document = _parsed(body)
    named = {
        name: value.get("StringValue", "")
        for name, value in message.get("MessageAttributes", {}).items()
    }
    found: Mapping[str, Any]
    if source := system.get("DeadLetterQueueSourceArn"):
        times = system.get("ApproximateReceiveCount", "")
        found = {
            "kind": Kind.JOB,
            "way": Way.SEND,
            "to": source,
            "payload": body,
            "reason": f"taken too often, {times} times" if times else "taken too often",
            "about": _about(document),
        }
    elif target := named.get("TARGET_ARN"):
        found = _undelivered(document, body, target=target, named=named)
    elif "DDBStreamBatchInfo" in document:
        found = _batch(document, resources=resources)
    elif "requestPayload" in document:
        found = _call(document)
    else:
        found = {"kind": Kind.UNKNOWN, "way": Way.KEEP, "about": _about(document)}
    return Letter(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        at=from_milliseconds(int(system["SentTimestamp"])),
        **found,
    )


def _undelivered(
    document: Mapping[str, Any], body: str, *, target: str, named: Mapping[str, str]
) -> dict[str, Any]:
    way = Way.SEND if ":sqs:" in target else Way.CALL
    return {
        "kind": Kind.EVENT,
        "way": Way.DROP if _is_scheduled(document) else way,
        "to": target,
        "payload": body,
        "reason": _words(named.get("ERROR_CODE"), named.get("EXHAUSTED_RETRY_CONDITION")),
        "about": _about(document),
    }


def _call(document: Mapping[str, Any]) -> dict[str, Any]:
    asked, context = document["requestPayload"], document.get("requestContext", {})
    said = document.get("responsePayload")
    error = said.get("errorType") if isinstance(said, dict) else None
    return {
        "kind": Kind.CALL,
        "way": Way.DROP if _is_scheduled(asked) else Way.CALL,
        "to": context.get("functionArn", ""),
        "payload": json.dumps(asked),
        "reason": _words(error, context.get("condition")),
        "about": _about(asked),
    }


def _batch(document: Mapping[str, Any], *, resources: Resources) -> dict[str, Any]:
    batch, context = document["DDBStreamBatchInfo"], document.get("requestContext", {})
    function = context.get("functionArn", "")
    first, last = (
        from_rfc3339(batch[f"approximateArrivalOf{which}Record"]) for which in ("First", "Last")
    )
    span = {"from": rfc3339(first - _SKEW), "to": rfc3339(last + _SKEW)}
    return {
        "kind": Kind.BATCH,
        "way": Way.AUDIT if resources.name_of(function) == RELAY else Way.KEEP,
        "to": function,
        "payload": json.dumps({"audit": span}),
        "reason": _words(context.get("condition")),
        "about": {
            "records": str(batch["batchSize"]),
            "from": rfc3339(first),
            "to": rfc3339(last),
            "positions": f"{batch['startSequenceNumber']} to {batch['endSequenceNumber']}",
        },
    }


def _is_scheduled(document: Any) -> bool:
    return isinstance(document, dict) and document.get("detail-type") == "Scheduled Event"


def _about(document: Any) -> dict[str, str]:
    """Return the type and the ids of what a letter holds; what may be a person's is hidden."""
    if not isinstance(document, dict):
        return {}
    detail = document.get("detail")
    event = detail if isinstance(detail, dict) else {}
    found = {
        "type": _shown(document.get("detail-type"), _WORD, "Scheduled Event"),
        "event": _shown(event.get("id"), _ID),
        "subject": _shown(event.get("subject"), _SUBJECT),
    }
    if app := _APP.match(str(event.get("source", ""))):
        found["app_id"] = app["app_id"]
    for name, value in document.items():
        if name.endswith("_id"):
            found[name] = _shown(value, _ID)
    return {name: value for name, value in found.items() if value}


def _shown(value: Any, pattern: re.Pattern[str], *also: str) -> str:
    if value is None:
        return ""
    text = str(value)
    return text if pattern.fullmatch(text) or text in also else _HIDDEN


def _words(*said: str | None) -> str:
    """Return AWS's words for a reason, without what is no single word."""
    return ", ".join(one for one in said if one and _WORD.fullmatch(one))


def _parsed(body: str) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
