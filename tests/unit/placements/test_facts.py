"""What other domains are asked about a person, and what is kept of their answers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.kernel.decisions import Allow, Candidate, Decision, Defer, Drop, Gate, Reason
from shared.kernel.events import Channel, Purpose
from shared.placements.model.ad_state import CouponStanding, Hold, Known, Topic
from shared.placements.model.holds import holds_of
from shared.placements.service.facts import AskedFacts
from tests.fakes.clock import NOON

HOUR = timedelta(hours=1)
ADA, JOINED = "con_1", "con_2"
SHOES = Topic(Purpose.MARKETING, "shoes")


def reason(until: datetime | None = None) -> Reason:
    return Reason(gate=Gate.CASE, rule="open", detail="A complaint is open.", until=until)


def test_what_is_allowed_is_not_held() -> None:
    assert holds_of({Purpose.MARKETING: Allow()}) == {}


def test_what_is_deferred_is_held_until_then() -> None:
    deferred = Defer(until=NOON + HOUR, because=(reason(NOON + 2 * HOUR),))
    assert holds_of({Purpose.MARKETING: deferred}) == {
        Purpose.MARKETING: Hold(reason="case", detail="A complaint is open.", until=NOON + HOUR)
    }


def test_what_is_dropped_is_held_until_its_first_reason_ends() -> None:
    for until in (None, NOON + 30 * HOUR):
        dropped = Drop(because=(reason(until), reason(NOON)))
        assert holds_of({Purpose.SERVICE: dropped})[Purpose.SERVICE].until == until


@dataclass(frozen=True, kw_only=True)
class Told:
    """What registrations and coupons answer."""

    contact_id: str = JOINED
    segments: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset({"vip", "private"})
    timezone: str | None = "Europe/Zurich"
    country: str | None = "CH"
    epochs: Mapping[str, int] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Version:
    version: int


@dataclass
class Everything:
    """All other domains; ``asked`` are the contacts that they were asked about."""

    refused: Collection[tuple[Purpose, str | None]] = ()
    asked: list[str] = field(default_factory=list)
    topics: frozenset[Topic] = frozenset({SHOES})
    segments: frozenset[str] = frozenset({"seg_1"})
    tags: frozenset[str] = frozenset({"vip"})
    coupons: frozenset[str] = frozenset({"cpn_1", "cpn_2"})
    digest_of_names: int = 99

    @property
    def rules(self) -> "Everything":
        return self

    def rules_of(self, app_id: str) -> Version:
        return Version(version=7)

    def decide_many(self, candidates: Sequence[Candidate], *, at: datetime) -> Sequence[Decision]:
        self.asked += {one.contact_id for one in candidates}
        assert {one.channel for one in candidates} == {Channel.AD}
        return [
            Drop(because=(reason(),)) if (one.purpose, one.topic) in self.refused else Allow()
            for one in candidates
        ]

    def standing_of(
        self,
        contact_id: str,
        *,
        app_id: str,
        at: datetime,
        device_id: str | None = None,
        segment_ids: Collection[str] = (),
        coupon_ids: Collection[str] = (),
    ) -> Told:
        if coupon_ids:
            self.asked.append(contact_id)
        return Told(
            segments=frozenset({"seg_1", "seg_2"} & {*segment_ids}),
            epochs={device_id or "": 3},
            held=frozenset({"cpn_1"} & {*coupon_ids}),
            used=frozenset({"cpn_2"} & {*coupon_ids}),
        )


def known(world: Everything) -> Known:
    facts = AskedFacts(names=lambda _: world, policy=world, people=world, coupons=world)
    return facts.of(ADA, device_id="dev_1", app_id="app_1", at=NOON)


def test_of_a_person_only_what_live_ads_ask_is_known() -> None:
    found = known(Everything(refused=[(Purpose.MARKETING, None)]))
    assert found.holds.keys() == {Purpose.MARKETING}
    assert found.segments == {"seg_1"}
    assert found.tags == {"vip"}
    assert found.coupons == {"cpn_1": CouponStanding.CLAIMED, "cpn_2": CouponStanding.REDEEMED}
    assert found.device_epochs == {"dev_1": 3}
    assert (found.timezone, found.country, found.policy_version) == ("Europe/Zurich", "CH", 7)
    assert found.names == 99


def test_a_topic_is_answered_by_itself() -> None:
    no_shoes = known(Everything(refused=[SHOES]))
    assert no_shoes.holds == {}
    assert no_shoes.topic_holds.keys() == {SHOES}
    shoes_alone = known(Everything(refused=[(Purpose.MARKETING, None)]))
    assert shoes_alone.topic_holds == {}


def test_the_contact_that_stands_for_the_person_is_asked_about() -> None:
    world = Everything()
    known(world)
    assert world.asked == [JOINED, JOINED]
