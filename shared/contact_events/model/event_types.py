"""Which types others may tell: ours mean what we did, and start what follows from it."""

OUR_NOUNS = frozenset(
    {
        "ad",
        "ad_demand",
        "ad_event",
        "ad_settings",
        "app",
        "campaign",
        "case",
        "claim",
        "code_job",
        "consent",
        "contact",
        "control_group",
        "coupon",
        "coupon_settings",
        "device",
        "import",
        "in_app",
        "message",
        "policy",
        "preferences",
        "segment",
        "subscription",
        "template",
        "till_key",
        "trigger",
        "webhook_secret",
        "write_key",
    }
)
"""The first words of the types that our own domains tell: a test holds these to the catalogue."""

OPEN_TO_OTHERS = frozenset(
    {
        "consent.granted.v1",
        "consent.withdrawn.v1",
        "contact.aliased.v1",
        "contact.complained.v1",
        "contact.described.v1",
        "message.bounced.v1",
        "message.clicked.v1",
        "message.converted.v1",
        "message.delayed.v1",
        "message.delivered.v1",
        "message.failed.v1",
        "message.opened.v1",
        "message.received.v1",
        "message.rejected.v1",
        "message.sent.v1",
        "message.suppressed.v1",
    }
)
"""Types with such a first word that mean the same whoever tells them; ``source`` says who."""

OUR_SOURCES = frozenset(
    {"contact_events", "contact_policy", "coupons", "placements", "push", "registrations"}
)
"""The sources of our own events: nobody else may speak in their names."""


def is_ours_alone(event_type: str) -> bool:
    """Say whether only our own domains may tell a type, such as ``import.started.v1``."""
    return event_type.partition(".")[0] in OUR_NOUNS and event_type not in OPEN_TO_OTHERS
