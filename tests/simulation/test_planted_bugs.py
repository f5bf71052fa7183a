"""The simulation sees what it should: each bug here breaks one rule, and is caught."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from typing_extensions import override

from shared.kernel.decisions import Allow, Decision
from shared.kernel.envelope import Envelope
from shared.push.model import Chunk, DeliveryMode, State
from shared.push.model.campaigns import CampaignState
from shared.push.ports import Asked, ChunkStore
from shared.push.service.sending import SendService
from tests.fakes.clock import NOON
from tests.fakes.push import InMemoryChunkStore, Lease, SettableCampaigns
from tests.simulation.stage import LEASE
from tests.simulation.test_sending import SCHEDULES
from tests.simulation.world import SimulatedPolicy, World

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
TWICE_UNSAID = "it was sent twice and nobody says so"


class MarksNothing(InMemoryChunkStore):
    """Does not keep which messages are being sent."""

    @override
    def save_states(self, chunk: Chunk, *, before: Chunk, holder: str, give_back: bool) -> None:
        trying = [at for at, state in enumerate(chunk.states) if state is State.TRYING]
        kept = chunk.with_states({at: before.states[at] for at in trying})
        super().save_states(kept, before=before, holder=holder, give_back=give_back)


class ForgetsWhoVanished(InMemoryChunkStore):
    """Hands a chunk on as if its last holder had given it back."""

    @override
    def take_lease(self, chunk_id: str, **lease: Any) -> Chunk | None:
        chunk = super().take_lease(chunk_id, **lease)
        return replace(chunk, was_dropped=False) if chunk else None


class HoldsNoLease(InMemoryChunkStore):
    """Lets everybody work on every chunk, and save what they like."""

    @override
    def take_lease(self, chunk_id: str, *, app_id: str, **lease: Any) -> Chunk | None:
        self.leases.pop((app_id, chunk_id), None)
        return super().take_lease(chunk_id, app_id=app_id, **lease)

    @override
    def save_states(self, chunk: Chunk, *, before: Chunk, holder: str, give_back: bool) -> None:
        key = (chunk.app_id, chunk.chunk_id)
        self.leases.setdefault(key, Lease(holder=holder, until=NOON)).holder = holder
        super().save_states(chunk, before=before, holder=holder, give_back=give_back)


class LetsLeasesRunOutEarly(InMemoryChunkStore):
    """Ends a lease while its holder may still be sending."""

    @override
    def take_lease(self, chunk_id: str, *, until: datetime, **lease: Any) -> Chunk | None:
        return super().take_lease(chunk_id, until=until - LEASE + SECOND / 50, **lease)


class CountsLater(InMemoryChunkStore):
    """Writes the books after the states, not with them."""

    @override
    def count(self, chunk: Chunk) -> None:
        stored = self.kept[chunk.app_id, chunk.chunk_id]
        late = self.lines.get((chunk.app_id, chunk.chunk_id))
        super().count(stored)
        if late and not chunk.pending:
            self.lines[chunk.app_id, chunk.chunk_id] = late


class RecordsAnew(InMemoryChunkStore):
    """Gives each event a key that nothing else has: a message may end as often as it likes."""

    @override
    def record_once(self, events: Sequence[Envelope]) -> Sequence[bool]:
        return super().record_once([replace(event, key=None) for event in events])


class RefusesTheRest(InMemoryChunkStore):
    """Records all events of a batch or none: those beside one that was there before are lost."""

    @override
    def record_once(self, events: Sequence[Envelope]) -> Sequence[bool]:
        before = dict(self.events)
        is_new = super().record_once(events)
        if all(is_new):
            return is_new
        self.events = before
        return [False] * len(events)


class TellsLater(SendService):
    """Saves the states before the ledger has them."""

    @override
    def work(self, chunk_id: str, **options: Any) -> None:
        late = TellingLater(self.chunks)
        super(TellsLater, replace(self, chunks=cast("ChunkStore", late))).work(chunk_id, **options)
        self.chunks.record_once(late.told)


class TellingLater:
    """A store that keeps events back."""

    def __init__(self, real: ChunkStore) -> None:
        self._real = real
        self.told: list[Envelope] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def record_once(self, events: Sequence[Envelope]) -> Sequence[bool]:
        self.told += events
        return [True] * len(events)


class LooksOnce(SettableCampaigns):
    """Remembers the first state of a campaign that it was asked for."""

    @override
    def state_of(self, campaign_id: str, *, app_id: str) -> CampaignState:
        self.seen = getattr(self, "seen", {})
        found: CampaignState = self.seen.setdefault(
            campaign_id, super().state_of(campaign_id, app_id=app_id)
        )
        return found


class AllowsForEver(SimulatedPolicy):
    """Answers who was allowed once as before, whatever the person said since."""

    @override
    def ask(self, asked: Sequence[Asked]) -> Sequence[Decision]:
        kept = [one.key in self.counted[one.candidate.contact_id] for one in asked]
        answers = super().ask(asked)
        return [Allow() if was else one for was, one in zip(kept, answers, strict=True)]


class CountsNobody(SimulatedPolicy):
    """Allows whoever is below the cap, and counts them when somebody else asks."""

    @override
    def ask(self, asked: Sequence[Asked]) -> Sequence[Decision]:
        answers = super().ask(asked)
        for one in asked:
            self.counted[one.candidate.contact_id].discard(one.key)
        return answers


class SendsAgain(SendService):
    """Treats every campaign as one whose messages may come twice."""

    @override
    def work(self, chunk_id: str, **options: Any) -> None:
        forgetful = cast("ChunkStore", AtLeastOnce(self.chunks))
        super(SendsAgain, replace(self, chunks=forgetful)).work(chunk_id, **options)


class AtLeastOnce:
    """A store whose chunks say that they may be sent again."""

    def __init__(self, real: ChunkStore) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def take_lease(self, chunk_id: str, **lease: Any) -> Chunk | None:
        chunk = self._real.take_lease(chunk_id, **lease)
        if chunk is None or chunk.part is None:
            return chunk
        return replace(chunk, part=replace(chunk.part, delivery=DeliveryMode.AT_LEAST_ONCE))


class ForgetsTheDeadline(InMemoryChunkStore):
    """Hands out chunks as if they were worth something for another day."""

    @override
    def take_lease(self, chunk_id: str, **lease: Any) -> Chunk | None:
        chunk = super().take_lease(chunk_id, **lease)
        return replace(chunk, send_until=chunk.send_until + DAY) if chunk else None


class ReleasesItself(SendService):
    """Sends what is throttled whether or not it was released."""

    @override
    def work(self, chunk_id: str, *, is_released: bool = False, **options: Any) -> None:
        super().work(chunk_id, is_released=True, **options)


class ForgetsTheLost(InMemoryChunkStore):
    """Keeps a message whose answer was lost as one that was never tried."""

    @override
    def save_states(self, chunk: Chunk, *, before: Chunk, holder: str, give_back: bool) -> None:
        in_doubt = [at for at, state in enumerate(chunk.states) if state is State.AMBIGUOUS]
        kept = chunk.with_states(dict.fromkeys(in_doubt, State.PENDING))
        super().save_states(kept, before=before, holder=holder, give_back=give_back)


BUGS: Mapping[str, tuple[dict[str, Any], str]] = {
    "no mark before sending": ({"store": MarksNothing}, TWICE_UNSAID),
    "a vanished holder is forgotten": ({"store": ForgetsWhoVanished}, TWICE_UNSAID),
    "a lost answer is forgotten": ({"store": ForgetsTheLost}, TWICE_UNSAID),
    "no lease": ({"store": HoldsNoLease}, TWICE_UNSAID),
    "a lease that is shorter than the function": ({"store": LetsLeasesRunOutEarly}, TWICE_UNSAID),
    "the tally is not in the transaction": (
        {"store": CountsLater},
        "the books do not balance",
    ),
    "an event's key is not fixed beforehand": ({"store": RecordsAnew}, "a message ended twice"),
    "a batch is refused as a whole": ({"store": RefusesTheRest}, "a message never ended"),
    "states are saved before the ledger": ({"sender": TellsLater}, "a message never ended"),
    "a campaign is looked at once": (
        {"campaigns": LooksOnce},
        "it was sent after the campaign was stopped",
    ),
    "an opt-out is not heard": (
        {"policy": AllowsForEver},
        "it was sent after the person opted out",
    ),
    "nobody is counted": ({"policy": CountsNobody}, "a cap was passed"),
    "at most once is sent again": ({"sender": SendsAgain}, "it was sent twice"),
    "a deadline is forgotten": ({"store": ForgetsTheDeadline}, "it was sent too late"),
    "a release is not waited for": (
        {"sender": ReleasesItself},
        "it was sent before its release",
    ),
}
"""Each breaks one rule, and what must come of it within the schedules of CI."""


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_seen(bug: str) -> None:
    parts, violation = BUGS[bug]
    assert any(
        violation in World(seed, mode, **_fresh(parts)).run()
        for seed in range(SCHEDULES)
        for mode in DeliveryMode
    )


def _fresh(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of one world; what is kept is not shared between worlds."""
    return {name: kind() if name == "campaigns" else kind for name, kind in parts.items()}
