"""The JSON Schema of a policy document, for editors and reviewers.

Reading a document checks all of it, and a little that a schema cannot say: that ids are unique,
that a window is not empty, that no more of a cap is reserved than its limit, and that an amount has
two decimals. It takes a field that is null for one left out, which an editor had better point at.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from shared.contact_policy.model.laws import LAWS
from shared.contact_policy.model.policy import (
    BYPASSABLE,
    CooldownCause,
    Period,
    Requirement,
    Weekday,
)
from shared.kernel.decisions import HIGHEST_PRIORITY, LOWEST_PRIORITY, Gate
from shared.kernel.events import Channel, Purpose

ID_PATTERN = r"[a-z0-9][a-z0-9_-]{0,63}"
TIME_PATTERN = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00"
LONGEST_DESCRIPTION = 2_000
LONGEST_TOPIC = 64
TOPIC_PATTERN = r"[A-Za-z0-9_.:-]{1,64}"
MOST_TOPICS = 50
LONGEST_NAME = 128
MOST_RULES = 100
MOST_DAYS = 366
MOST_LIMIT = 10_000
MOST_WEIGHT = 100


def schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Contact policy",
        "description": (
            "Which rules hold before a person is contacted. All rules that cover a contact hold"
            " together. Law packs are no legal advice."
        ),
        **_object(
            {
                "description": {"type": "string", "maxLength": LONGEST_DESCRIPTION},
                "weights": _object({channel.value: _amount(MOST_WEIGHT) for channel in Channel}),
                "channel_order": _words(Channel, least=0),
                "topics": {
                    "type": "object",
                    "description": "What people may switch off, by its name for them.",
                    "propertyNames": {"pattern": f"^{TOPIC_PATTERN}$"},
                    "additionalProperties": {"type": "string", "maxLength": LONGEST_NAME},
                    "maxProperties": MOST_TOPICS,
                },
                "consent": _rules({"requires": _word(Requirement)}, optional={"topics": _topics()}),
                "cooldowns": _rules({"after": _word(CooldownCause), "days": _whole(MOST_DAYS)}),
                "quiet_hours": _rules(
                    {"allowed": _list(_window(), least=1)},
                    optional={"holidays": {"type": "boolean"}},
                ),
                "dedupe": _rules({"hours": _whole(MOST_DAYS * 24)}),
                "gaps": _rules({"minutes": _whole(MOST_DAYS * 24 * 60)}),
                "caps": _rules(
                    {"limit": _amount(MOST_LIMIT), "window": _cap_window()},
                    optional={"reserved": _list(_reserved())},
                ),
                "bypass": _object(
                    {
                        purpose.value: _words(
                            [gate for gate in Gate if gate in BYPASSABLE], least=0
                        )
                        for purpose in (Purpose.TRANSACTIONAL, Purpose.SERVICE)
                    }
                ),
                "laws": {
                    "type": "array",
                    "items": {"enum": list(LAWS)},
                    "uniqueItems": True,
                },
            }
        ),
    }


def _object(fields: dict[str, Any], *, required: Iterable[str] = ()) -> dict[str, Any]:
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": fields, "additionalProperties": False, **needed}


def _list(items: dict[str, Any], *, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "maxItems": MOST_RULES}


def _rules(required: dict[str, Any], *, optional: dict[str, Any] | None = None) -> dict[str, Any]:
    fields = {
        "id": {"type": "string", "pattern": f"^(?:{ID_PATTERN})$"},
        "channels": _words(Channel),
        "purposes": _words(Purpose),
        **required,
        **(optional or {}),
    }
    return _list(_object(fields, required=("id", *required)))


def _word(words: Iterable[StrEnum]) -> dict[str, Any]:
    return {"enum": [word.value for word in words]}


def _words(words: Iterable[StrEnum], *, least: int = 1) -> dict[str, Any]:
    return {"type": "array", "items": _word(words), "minItems": least, "uniqueItems": True}


def _whole(most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most}


def _amount(most: int) -> dict[str, Any]:
    return {"type": "number", "minimum": 0.01, "maximum": most}


def _topics() -> dict[str, Any]:
    return _list({"type": "string", "maxLength": LONGEST_TOPIC}, least=1)


def _window() -> dict[str, Any]:
    time = {"type": "string", "pattern": f"^(?:{TIME_PATTERN})$"}
    return _object({"days": _words(Weekday), "from": time, "to": time}, required=("from", "to"))


def _cap_window() -> dict[str, Any]:
    return {
        "oneOf": [
            _object({"rolling": _whole(MOST_DAYS * 24)}, required=("rolling",)),
            _object({"calendar": _word(Period)}, required=("calendar",)),
        ]
    }


def _reserved() -> dict[str, Any]:
    priority = {"type": "integer", "minimum": LOWEST_PRIORITY, "maximum": HIGHEST_PRIORITY}
    fields = {"priority": priority, "slots": _amount(MOST_LIMIT)}
    return _object(fields, required=tuple(fields))
