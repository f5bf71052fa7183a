"""How a refusal is told."""

from datetime import datetime

from shared.contact_policy.events import SOURCE
from shared.kernel.decisions import Candidate, Defer, Drop
from shared.kernel.events import MessageSuppressed


def suppressed(candidate: Candidate, refusal: Defer | Drop, *, at: datetime) -> MessageSuppressed:
    """Return the event of a refusal; its first reason names the gate."""
    return MessageSuppressed(
        app_id=candidate.app_id,
        occurred_at=at,
        source=SOURCE,
        channel=candidate.channel,
        contact_id=candidate.contact_id,
        purpose=candidate.purpose,
        decision="defer" if isinstance(refusal, Defer) else "drop",
        reason=refusal.because[0].gate.value,
        because=tuple(reason.plain() for reason in refusal.because),
        until=refusal.until if isinstance(refusal, Defer) else None,
        campaign_id=candidate.campaign_id,
    )
