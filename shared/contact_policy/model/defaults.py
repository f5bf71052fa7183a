"""The policy of an app that has not written one: strict enough to be safe, and liveable."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from shared.contact_policy.model.document import policy_of
from shared.contact_policy.model.policy import Policy

_INTERRUPTING = ["push", "email", "sms", "phone", "chat"]
_RINGING = ["push", "sms", "chat"]

DEFAULT_DOCUMENT: Mapping[str, Any] = {
    "description": "The default policy: change it by a reviewed document of your own.",
    "channel_order": ["push", "inapp", "email", "sms"],
    "consent": [
        # Laws ask for prior consent to mail, texts and calls (in the EU, directive 2002/58/EC,
        # article 13), and most do for messengers.
        {
            "id": "asked-before",
            "channels": ["email", "sms", "phone", "chat"],
            "requires": "opt_in",
        },
        # The phone's system asked before a push; who opens an app or a page, or stands in a shop,
        # is there by choice; for post and advertising the right to object is the rule.
        {
            "id": "not-objected",
            "channels": ["push", "inapp", "web", "mobileweb", "social", "post", "f2f", "ad"],
            "requires": "no_objection",
        },
    ],
    "cooldowns": [
        {"id": "after-complaint", "after": "complaint", "days": 30},
        {"id": "after-refusal", "after": "refusal", "days": 60},
        {"id": "after-bounce", "channels": ["email", "sms"], "after": "bounce", "days": 7},
    ],
    "quiet_hours": [
        {
            "id": "evening-and-night",
            "channels": _RINGING,
            "purposes": ["service", "marketing"],
            "allowed": [{"from": "08:00", "to": "21:00"}],
        },
        {
            "id": "calls",
            "channels": ["phone"],
            "purposes": ["service", "marketing"],
            "allowed": [
                {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "20:00"},
                {"days": ["sat"], "from": "10:00", "to": "18:00"},
            ],
            "holidays": True,
        },
    ],
    "dedupe": [{"id": "same-offer", "channels": [*_INTERRUPTING, "inapp", "post"], "hours": 72}],
    "gaps": [{"id": "one-at-a-time", "channels": _INTERRUPTING, "minutes": 60}],
    "caps": [
        {"id": "per-day", "limit": 4, "window": {"rolling": 24}},
        {
            "id": "per-week",
            "limit": 12,
            "window": {"rolling": 168},
            "reserved": [{"priority": 80, "slots": 2}],
        },
    ],
    "laws": [],
}
"""What is not written here is a default of documents: weights, and what purposes bypass."""


@cache
def default_policy() -> Policy:
    """Return the default policy."""
    return policy_of(DEFAULT_DOCUMENT)
