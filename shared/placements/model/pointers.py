"""Which snapshot of an app's demand stands, and when what is booked changes by time alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.placements.model.demand import AdCampaign, Demand, Flight, State

RENEWED_AFTER = timedelta(days=1)
"""So old a snapshot that stands is stored again.

The bucket forgets what was stored longer ago than it keeps it, and must not forget what stands. So
it keeps a day more than replays need.
"""

KEPT = timedelta(days=30)
"""How long a decision can be replayed, after its snapshot was followed by another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """The snapshot that stands.

    ``version`` grows when the content changes, ``revision`` with each writing of the pointer.
    ``hash`` is the SHA-256 of the content before it is packed. ``stored_at`` is when the object was
    written last, ``due_at`` when somebody has to look again, if nothing is changed before.
    ``policy_version`` is the contact policy's; ``epoch`` grows when all ads that devices of the app
    hold are taken back.
    """

    app_id: str
    version: int
    hash: str
    key: str
    compiled_at: datetime
    stored_at: datetime
    due_at: datetime
    policy_version: int = 0
    epoch: int = 0
    revision: int = 1


def key_of(app_id: str, *, version: int, content_hash: str) -> str:
    """Return the key of a snapshot's object."""
    return f"APP/{app_id}/snapshots/{version}-{content_hash}.json.gz"


def next_change_of(demand: Demand, *, after: datetime) -> datetime | None:
    """Return the first start or end after an instant of what is booked and has not ended."""
    return min((one for one in _boundaries(demand) if one > after), default=None)


def _boundaries(demand: Demand) -> Iterator[datetime]:
    booked: tuple[Flight | AdCampaign, ...] = (*demand.flights, *demand.ad_campaigns)
    for thing in booked:
        if thing.state is not State.ENDED:
            yield from (one for one in (thing.starts_at, thing.ends_at) if one is not None)
