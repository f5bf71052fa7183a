"""Fleets over the fake server: it has what the phones did, whatever the network does."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from threading import Lock

import pytest

from engage_mobile import Request, Response, Transport, system_clock
from engage_mobile_fleet import Coupon, Fleet, Plan, StillWaitingError
from tests.sdk.phones import Offline
from tests.sdk.servers import NOBODY, Effect, FakeServer, user_token

KINDS = {
    "page_viewed": "event",
    "coupon_redeemed": "redemption",
    "message_opened": "receipt",
}
"""What the fake server tells apart by who did it, and not by what."""

MESSAGE = "msg_1"


@dataclass(kw_only=True)
class Street:
    """The way to the fake server, which takes one request at a time and loses some."""

    server: FakeServer = field(default_factory=lambda: FakeServer(system_clock))
    loses: float = 0.0
    chance: Random = field(default_factory=lambda: Random(7))  # noqa: S311 - repeats
    lock: Lock = field(default_factory=Lock)

    def send(self, request: Request) -> Response | None:
        with self.lock:
            if self.chance.random() < self.loses:
                return None
            answer = self.server.send(request)
            return None if self.chance.random() < self.loses else answer


def a_plan(*, phones: int = 12, seed: int = 1, at_once: int = 4) -> Plan:
    return Plan(
        app_id="app_1",
        phones=phones,
        seed=seed,
        at_once=at_once,
        placement="home-top",
        coupon=Coupon(coupon_id="cpn_1", code="WELCOME10"),
        sign_in=user_token,
    )


def lived(transport: Transport, plan: Plan, *, rounds: int = 8) -> Fleet:
    """Let a fleet live, and tell everything; each phone gets one push."""
    fleet = Fleet(transport, plan)

    async def live() -> None:
        await fleet.start()
        for number, phone in enumerate(fleet.phones):
            fleet.deliver(phone.address, f"{MESSAGE}_{number}")
        await fleet.live(rounds)
        await fleet.finish()

    asyncio.run(live())
    return fleet


def expected(fleet: Fleet) -> Counter[Effect]:
    """Return what the server is to have done, of the kinds that name no thing of their own."""
    found: Counter[Effect] = Counter()
    for phone in fleet.phones:
        whose = phone.name if phone.is_logged_in else NOBODY
        for deed, kind in KINDS.items():
            found[Effect(kind, whose, "")] += phone.deeds.counts[deed]
    return +found


@pytest.mark.parametrize(("seed", "loses"), [(1, 0.0), (2, 0.1), (3, 0.25)])
def test_the_server_has_what_the_phones_did(seed: int, loses: float) -> None:
    street = Street(loses=loses)
    fleet = lived(street, a_plan(seed=seed))
    done = street.server.effects()
    told: Counter[Effect] = Counter()
    ads: Counter[str] = Counter()
    for effect, times in done.items():
        if effect.kind in KINDS.values():
            told[Effect(effect.kind, effect.whose, "")] += times
        if effect.kind == "ad_event":
            ads[effect.mark.split()[1]] += times
    deeds = fleet.summary().deeds
    assert told == expected(fleet)
    assert ads == +Counter(impression=deeds["ad_shown"], click=deeds["ad_clicked"])
    assert all(deeds[name] for name in (*KINDS, "ad_shown", "coupon_claimed"))


@pytest.mark.parametrize("loses", [0.0, 0.25])
def test_the_server_knows_each_phone_as_it_said_last(loses: float) -> None:
    street = Street(loses=loses)
    fleet = lived(street, a_plan())
    for phone in fleet.phones:
        known = street.server.devices[phone.engage.device_id]
        assert phone.deeds.state.items() <= known.state.items()
        assert known.whose == (phone.name if phone.is_logged_in else NOBODY)
    opted = {
        phone.name: {"channels_off": list(phone.deeds.channels_off)}
        for phone in fleet.phones
        if phone.deeds.channels_off is not None
    }
    assert opted
    assert street.server._wishes == opted


def test_a_seed_repeats_the_lives_however_many_are_lived_at_once() -> None:
    lives = [lived(Street(), a_plan(at_once=at_once)) for at_once in (1, 8)]
    one, other = ([phone.deeds.counts for phone in fleet.phones] for fleet in lives)
    assert one == other
    another = lived(Street(), a_plan(seed=2))
    assert one != [phone.deeds.counts for phone in another.phones]


def test_no_more_requests_are_in_flight_than_planned() -> None:
    class Crowded:
        def __init__(self) -> None:
            self.street = Street()
            self.now = self.most = 0
            self.lock = Lock()

        def send(self, request: Request) -> Response | None:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            answer = self.street.send(request)
            with self.lock:
                self.now -= 1
            return answer

    crowd = Crowded()
    summary = lived(crowd, a_plan(phones=30, at_once=3)).summary()
    assert summary.most_in_flight <= 3
    assert crowd.most <= 3


def test_every_operation_has_its_answer_in_the_summary() -> None:
    street = Street(loses=0.2)
    summary = lived(street, a_plan()).summary()
    assert summary.waiting == 0
    assert summary.unanswered > 0
    answers = summary.answers
    assert answers["redeem"] == {"answered": summary.deeds["coupon_redeemed"]}
    assert answers["track"] == {"answered": summary.deeds["page_viewed"]}
    assert answers["identify"] == {"answered": summary.logged_in}
    assert summary.as_json()["answers"]["redeem"] == answers["redeem"]


def test_offline_phones_tell_later_and_nothing_twice() -> None:
    street = Street()
    fleet = Fleet(street, a_plan(phones=40))

    async def live() -> int:
        await fleet.start()
        await fleet.live(2)
        waiting = fleet.summary().waiting
        await fleet.finish()
        return waiting

    assert asyncio.run(live()) > 0
    viewed = sum(
        times for effect, times in street.server.effects().items() if effect.kind == "event"
    )
    assert viewed == fleet.summary().deeds["page_viewed"]


def test_progress_is_told_phone_by_phone() -> None:
    heard: list[tuple[int, int]] = []
    fleet = Fleet(Street(), a_plan(phones=5), progress=lambda done, of: heard.append((done, of)))
    asyncio.run(fleet.start())
    assert heard == [(number, 5) for number in range(1, 6)]


def test_a_fleet_gives_up_where_no_server_answers() -> None:
    fleet = Fleet(Offline(), a_plan(phones=1))

    async def live() -> None:
        await fleet.start()
        await fleet.finish()

    with pytest.raises(StillWaitingError):
        asyncio.run(live())
