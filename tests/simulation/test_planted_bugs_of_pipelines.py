"""The simulation of whole campaigns sees what it should: each bug here breaks one rule."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from typing_extensions import override

from shared.kernel.ids import ulid_of
from shared.push.errors import PlanAdvancedError
from shared.push.model import Chunk, DeliveryMode, State
from shared.push.model.books import books_of
from shared.push.model.campaigns import Campaign, CampaignState, Run
from shared.push.model.planning import ShardPlan
from shared.push.model.throttle import Allowance
from shared.push.ports import PlanStore, Waiting
from shared.push.service.planning import PlanService
from shared.push.service.releasing import Progress, ReleaseService
from tests.fakes.campaigns import InMemoryCampaignStore, InMemoryPlanStore
from tests.fakes.push import InMemoryChunkStore
from tests.simulation.pipeline import Parts, Pipeline
from tests.simulation.test_pipelines import SCHEDULES


class ChecksNoVersion(InMemoryCampaignStore):
    """Moves a campaign on from wherever it stands."""

    @override
    def replace_campaign(
        self, campaign: Campaign, event: Any, *, before: Campaign, **more: Any
    ) -> None:
        standing = self.kept[campaign.app_id, campaign.campaign_id]
        super().replace_campaign(campaign, event, before=standing, **more)


class NamesAnew(InMemoryPlanStore):
    """Gives each chunk an id that nothing else has, however often it is planned."""

    made = 0

    def _named(self, run: Run, chunks: Sequence[Chunk]) -> list[Chunk]:
        first, self.made = self.made, self.made + len(chunks)
        return [
            replace(chunk, chunk_id=ulid_of(run.started_at, chance=number))
            for number, chunk in enumerate(chunks, start=first)
        ]


class ChecksNoStep(NamesAnew):
    """Writes a step whoever has written it before; the same ids would write the same again."""

    @override
    def is_behind(self, run: Run, plan: ShardPlan) -> bool:
        return False

    @override
    def add_step(self, run: Run, plan: ShardPlan, chunks: Sequence[Chunk]) -> None:
        super().add_step(run, plan, self._named(run, chunks))


class PlansWhatIsOver(InMemoryPlanStore):
    """Writes a step whatever has become of the campaign."""

    @override
    def is_wanted(self, run: Run) -> bool:
        return True


class WritesInTwo(PlanService):
    """Writes chunks, under new ids, and then how far the shard is."""

    @override
    def _step(self, run: Run, plan: ShardPlan) -> ShardPlan:
        in_two = cast("PlanStore", InTwo(self.plans))
        return super(WritesInTwo, replace(self, plans=in_two))._step(run, plan)


class InTwo:
    """A store of which a step is two writes."""

    def __init__(self, real: PlanStore) -> None:
        self._real = cast("Any", real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def add_step(self, run: Run, plan: ShardPlan, chunks: Sequence[Chunk]) -> None:
        self._real.add_chunks(run, chunks)
        self._real.add_step(run, plan, ())


class TakesChunksAlone(NamesAnew):
    """Takes chunks of which no step tells."""

    def add_chunks(self, run: Run, chunks: Sequence[Chunk]) -> None:
        if not self.is_wanted(run):
            raise PlanAdvancedError
        self.chunks.plan(*self._named(run, chunks))


class NotesFirst(ReleaseService):
    """Notes that chunks wait no more, and then puts their jobs."""

    @override
    def _hand_over(self, run: Run, released: Sequence[tuple[Waiting, timedelta]]) -> None:
        self.plans.released(run, [one for one, _ in released])
        self.jobs.send(run, released)


class FinishesEarly(ReleaseService):
    """Finishes a campaign when all of it is released."""

    @override
    def _ended(
        self, run: Run, campaign: Campaign, released: int, *, ends: CampaignState | None
    ) -> Progress:
        if ends and not released and not self.plans.due(run, until=None, limit=1):
            self._finished(run, campaign, books_of(self.plans.lines(run)))
            self.campaigns.settle(run)
        return Progress(state=campaign.state)


class KeepsToNoSettlement(ReleaseService):
    """Leaves it to whoever finishes a campaign to settle its run."""

    @override
    def _advance(self, run: Run, campaign: Campaign) -> Progress:
        if campaign.state is CampaignState.DONE:
            return Progress(state=campaign.state)
        return super()._advance(run, campaign)


class ReleasesAtOnce(ReleaseService):
    """Has everything worked on at once that is due within the minute."""

    @override
    def _spread(
        self, run: Run, waiting: Sequence[Waiting], *, begun: int
    ) -> list[tuple[Waiting, timedelta]]:
        return [(one, timedelta(0)) for one in waiting]


class CountsForItself(InMemoryPlanStore):
    """Keeps what a throttle has left, whoever used some of it in between."""

    @override
    def replace_allowance(
        self, run: Run, allowance: Allowance, *, before: Allowance | None
    ) -> bool:
        self.allowances[run.run_id] = allowance
        return True


class PutsNothingBack(InMemoryChunkStore):
    """Forgets that a chunk waits for its release again."""

    @override
    def hold(self, chunk: Chunk, *, due_at: Any) -> None:
        if chunk.turn == 0:
            super().hold(chunk, due_at=due_at)


class BeginsAnew(InMemoryChunkStore):
    """Has a chunk that is over sent from its beginning, to whoever asks for it."""

    @override
    def take_lease(self, chunk_id: str, *, app_id: str, **lease: Any) -> Chunk | None:
        chunk = self.kept[app_id, chunk_id]
        if not chunk.pending:
            states = (State.PENDING,) * len(chunk.states)
            self.kept[app_id, chunk_id] = replace(chunk, states=states)
        return super().take_lease(chunk_id, app_id=app_id, **lease)


BUGS: Mapping[str, tuple[Parts, str]] = {
    "a campaign's version is not checked": (
        Parts(campaigns=ChecksNoVersion),
        "it was started twice",
    ),
    "a step's number is not checked": (Parts(plans=ChecksNoStep), "the books do not balance"),
    "a step is two writes": (
        Parts(planner=WritesInTwo, plans=TakesChunksAlone),
        "the books do not balance",
    ),
    "a step is written after the end": (
        Parts(plans=PlansWhatIsOver),
        "it was planned after its end",
    ),
    "a release is noted before its job": (Parts(releaser=NotesFirst), "it never ends"),
    "a campaign is finished when all is released": (
        Parts(releaser=FinishesEarly),
        "it was done before its messages were",
    ),
    "only who finishes settles": (Parts(releaser=KeepsToNoSettlement), "it never ends"),
    "a delay is left out": (Parts(releaser=ReleasesAtOnce), "it was sent before it was due"),
    "a throttle is not kept by compare and swap": (
        Parts(plans=CountsForItself),
        "the throttle was passed",
    ),
    "what is put back waits nowhere": (Parts(chunks=PutsNothingBack), "it never ends"),
    "what is over begins anew": (Parts(chunks=BeginsAnew), "it was sent again after its end"),
}
"""Each breaks one rule, and what must come of it within the schedules of CI."""


@pytest.mark.usefixtures("small_plans")
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_seen(bug: str) -> None:
    parts, violation = BUGS[bug]
    assert any(
        violation in Pipeline(seed, mode, parts=parts).run()
        for seed in range(SCHEDULES)
        for mode in DeliveryMode
    )
