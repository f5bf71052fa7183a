"""What the acts of the story share: who calls, who is there, and what was made so far."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias
from uuid import UUID

from engage_mobile import Transport
from engage_mobile_fleet import Fleet
from infra.local.api import ApiCaller
from infra.local.errors import LocalStackError
from infra.local.phones import Followed, deeds
from shared.kernel.clock import Clock

WAIT_SECONDS: Final = 60
"""For what follows by itself: streams, queues and cold starts of an emulator on a busy machine."""
AT_ONCE: Final = 4
"""Requests in flight: with more, two cores are busy with starting more of each function."""
AD_DEEDS: Final = ("ad_loaded", "ad_shown", "ad_clicked")

Evidence: TypeAlias = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Stage:
    """What the acts share: who calls, and what is there by now."""

    facts: Mapping[str, Any]
    clock: Clock
    chance: Random
    seed: int
    api: ApiCaller
    transport: Transport
    pool: ThreadPoolExecutor
    folder: Path
    live: int
    imported: int
    app_id: str = ""
    segment_id: str = ""
    coupon_id: str = ""
    flight_id: str = ""
    campaign_id: str = ""
    campaign_usd: float = 0.0
    import_job: Future[Mapping[str, Any]] = field(default_factory=Future)
    fleet: Fleet | None = None
    followed: list[Followed] = field(default_factory=list)
    zones: dict[str, str] = field(default_factory=dict)
    letters: Counter[str] = field(default_factory=Counter)
    mailed: list[str] = field(default_factory=list)
    pushed: list[Mapping[str, Any]] = field(default_factory=list)
    timelines: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def run(self) -> str:
        """Return what names of this story begin with: FCM's stand-in remembers other stories."""
        return self.app_id.removeprefix("app_").lower()[-10:]

    @property
    def crowd(self) -> Fleet:
        """Return the phones that live lives of their own.

        Raises:
            LocalStackError: there are none yet.
        """
        if self.fleet is None:
            raise LocalStackError("Nobody has a phone yet.", fix="Play the acts in their order.")
        return self.fleet

    def path(self, *parts: str) -> str:
        """Return the path of something of the app."""
        return "/".join((f"/v1/apps/{self.app_id}", *parts))

    def name(self) -> str:
        """Return a new name, drawn as everything else."""
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def zones_of_devices(self) -> dict[str, str]:
        """Return the zone of each phone, by its address, as the server was told last."""
        live = {phone.address: str(phone.deeds.state["timezone"]) for phone in self.crowd.phones}
        return {**self.zones, **live, **{one.address: one.zone for one in self.followed}}

    def deeds(self) -> Counter[str]:
        """Return what all people did with their phones, as they say."""
        return self.crowd.summary().deeds + deeds(self.followed)


def plain(event_type: str) -> str:
    """Return an event's type as we speak of it: without organisation and version."""
    return ".".join(event_type.split(".")[-3:-1])
