"""What was shown is noted where caps count it, and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from typing_extensions import override

from shared.placements.model.ad_state import AdState
from shared.placements.model.compiling import compile_snapshot
from shared.placements.model.demand import CapMode, FrequencyCap
from shared.placements.model.live import LiveAd
from shared.placements.model.snapshot import Snapshot
from shared.placements.ports.folding import Sighting
from shared.placements.service.promises import PromiseService
from shared.placements.service.seeing import SeenService
from tests.fakes.ad_states import InMemoryAdStates
from tests.unit.placements.markets import APP, AT, Market

ADA = "con_1"
DAY = timedelta(days=1)
NOTHING = compile_snapshot(Market().demand, at=AT)
DAILY = FrequencyCap(times=3, window_seconds=86_400, mode=CapMode.LAZY)


class Busy(InMemoryAdStates):
    """Somebody else is always first."""

    @override
    def replace(self, state: AdState, *, before: AdState) -> bool:
        return False


@dataclass(kw_only=True)
class Folder:
    live: Snapshot
    later: Snapshot | None = None
    states: InMemoryAdStates = field(default_factory=InMemoryAdStates)
    erased: set[str] = field(default_factory=set)

    def note(self, *seen: Sighting) -> bool:
        service = SeenService(
            promises=PromiseService(
                states=self.states,
                longest=lambda _: self.live.memory,
                pause=list[int]().append,
            ),
            ads=lambda _: self.live.by_id,
            ads_since=self._since,
            is_erased=lambda _, contact_id: contact_id in self.erased,
            clock=lambda: AT,
        )
        return service.note(ADA, seen, app_id=APP)

    def _since(self, _app_id: str, since: datetime) -> Mapping[str, LiveAd]:
        assert since == AT
        self.live = self.later or self.live
        return self.live.by_id

    @property
    def tokens(self) -> list[str]:
        return [one.token_id for one in self.states.read(ADA, app_id=APP).seen]

    @property
    def writes(self) -> int:
        return self.states.read(ADA, app_id=APP).version


def folder(*caps: FrequencyCap) -> Folder:
    market = Market()
    market.placement("top")
    market.flight("shoes", caps=caps)
    return Folder(live=Snapshot.load(compile_snapshot(market.demand, at=AT)))


def sighting(it: Folder, number: int, **others: str) -> Sighting:
    ad = it.live.ads[0]
    named = {"ad_id": ad.ad_id, "flight_id": ad.flight.flight_id, **others}
    return Sighting(placement_id="plc_top", token_id=f"token {number}", at=AT, **named)


def test_what_was_shown_is_noted_once_and_by_one_write() -> None:
    it = folder(DAILY)
    for _ in range(2):
        assert it.note(sighting(it, 1), sighting(it, 2))
        assert it.tokens == ["token 1", "token 2"]
        assert it.writes == 1
    (first, _) = it.states.read(ADA, app_id=APP).seen
    assert (first.advertiser_id, first.ad_campaign_id) == ("adv_shoes", "adc_shoes")


def test_where_no_cap_counts_nothing_is_written() -> None:
    it = folder()
    assert it.note(sighting(it, 1))
    assert it.writes == 0


def test_an_ad_that_is_not_live_any_more_is_not_noted() -> None:
    it = folder(DAILY)
    assert it.note(sighting(it, 1, ad_id="ad_gone"))
    assert it.writes == 0


def test_of_who_was_erased_nothing_is_noted() -> None:
    it = folder(DAILY)
    it.erased.add(ADA)
    assert it.note(sighting(it, 1))
    assert it.writes == 0


def test_who_is_busy_is_noted_when_the_batch_comes_again() -> None:
    it = folder(DAILY)

    it.states = Busy()
    assert not it.note(sighting(it, 1))


def test_an_ad_that_went_live_a_moment_ago_is_counted_too() -> None:
    it = folder(DAILY)
    seen, it.live, it.later = sighting(it, 1), Snapshot.load(NOTHING), it.live
    assert it.note(seen)
    assert it.tokens == ["token 1"]
