"""Parts of campaigns, as the sender finds them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from shared.kernel.events import Purpose
from shared.kernel.ids import ulid_of
from shared.push.model import Chunk, DeliveryMode, Part, Recipient, State, Terms
from tests.fakes.clock import NOON

CAMPAIGN = "cmp_" + "1" * 26
RUN = "2" * 26
AT_MOST_ONCE = DeliveryMode.AT_MOST_ONCE


def a_part(**changed: Any) -> Part:
    return Part(**{"campaign_id": CAMPAIGN, "run_id": RUN, **changed})


def a_chunk(app_id: str, recipients: Sequence[Recipient], *, number: int = 0, **part: Any) -> Chunk:
    """Return a planned chunk of a campaign; ``part`` is what is said of that."""
    told = a_part(**part)
    return Chunk(
        app_id=app_id,
        chunk_id=ulid_of(NOON, chance=number),
        content=None,
        purpose=Purpose.MARKETING,
        terms=Terms(
            topic="news", offer_key="spring", campaign_id=told.campaign_id, holdout_percent=5
        ),
        recipients=tuple(recipients),
        states=(State.PENDING,) * len(recipients),
        planned_at=NOON,
        send_until=NOON + timedelta(days=1),
        part=told,
    )
