"""Phones at the deployed stack: it has what they did, whatever the network does, once.

In CI twenty phones live, and five lead a day on a bad network; ``--long`` makes it 100, and fifty
with forty operations each.
"""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from engage_mobile import HttpTransport
from engage_mobile_fleet import Fleet, Phone
from engage_mobile_fleet.phones import EVENT_TYPE
from infra.local.grounds import Ground, GroundKeeper
from tests.e2e.conftest import Engage
from tests.e2e.deployed import REDEEMED, SEEN, DeployedServer, Timelines
from tests.e2e.test_ads import eventually
from tests.sdk.chaos import day
from tests.sdk.phones import TurnedClock

AT_ONCE = 16

TYPES = {
    "page_viewed": EVENT_TYPE,
    "coupon_claimed": "coupon.claimed.v1",
    "coupon_redeemed": "coupon.redeemed.v1",
    "ad_shown": "ad.shown.v1",
    "ad_clicked": "ad.clicked.v1",
    "message_opened": "message.opened.v1",
}
"""What each deed is in a timeline, without the organisation before it."""

WANTED_OF_DEVICES = ("platform", "locale", "timezone", "app_version", "push_permission")


@pytest.fixture
def keeper(stack: dict[str, Any], http: httpx.Client) -> GroundKeeper:
    # Other tests leave policies behind that would hold ads.
    admin = {"Authorization": f"Bearer {stack['role_tokens']['admin']}"}
    freed = http.put(f"/v1/apps/{stack['app_id']}/policy", json={}, headers=admin)
    assert freed.status_code == 200, freed.text
    return GroundKeeper(stack, http)


@pytest.fixture
def timelines(stack: dict[str, Any], http: httpx.Client) -> Timelines:
    return Timelines(http, stack)


@pytest.fixture
def transport(stack: dict[str, Any]) -> Iterator[HttpTransport]:
    with HttpTransport(stack["base_url"], timeout=60) as found:
        yield found


def deeds_of(timelines: Timelines, phone: Phone) -> Counter[str]:
    """Return what a phone's owner did, as the timeline tells it."""
    told = timelines.types_of(str(phone.engage.contact_id))
    return +Counter(
        {
            deed: sum(times for one, times in told.items() if one.endswith(type_))
            for deed, type_ in TYPES.items()
        }
    )


def lived(keeper: GroundKeeper, ground: Ground, transport: HttpTransport, phones: int) -> Fleet:
    """Let phones register, get a push, live eight rounds, and tell everything."""
    plan = ground.plan(phones=phones, seed=1, at_once=AT_ONCE, stack=keeper)
    fleet = Fleet(transport, plan)

    async def live() -> None:
        await fleet.start()
        for address, message_id in keeper.push([one.engage.device_id for one in fleet.phones]):
            fleet.deliver(address, message_id)
        await fleet.live(8)
        await fleet.finish()

    asyncio.run(live())
    return fleet


@pytest.mark.parametrize("phones", [20, pytest.param(100, marks=pytest.mark.long)])
def test_the_server_says_what_the_fleet_did(
    phones: int,
    keeper: GroundKeeper,
    transport: HttpTransport,
    timelines: Timelines,
    engage: Engage,
) -> None:
    ground = keeper.prepare()
    fleet = lived(keeper, ground, transport, phones)
    summary = fleet.summary()
    assert summary.most_in_flight <= AT_ONCE
    assert set(summary.deeds) == set(TYPES)
    for phone in fleet.phones:
        found = eventually(partial(deeds_of, timelines, phone), phone.deeds.counts.__eq__)
        assert found == +phone.deeds.counts, phone.name
        known = timelines.device_of(str(phone.engage.contact_id), phone.engage.device_id)
        said = phone.deeds.state
        assert {name: known[name] for name in WANTED_OF_DEVICES} == {
            name: said[name] for name in WANTED_OF_DEVICES
        }
        assert known["is_anonymous"] == (not phone.is_logged_in)
    ads = {"impressions": summary.deeds["ad_shown"], "clicks": summary.deeds["ad_clicked"]}
    results = eventually(
        lambda: engage.run("ads", "results", ground.flight_id),
        lambda one: ads.items() <= one["total"].items(),
    )
    assert ads.items() <= results["total"].items()


@pytest.mark.parametrize(
    ("phones", "operations"), [(5, 10), pytest.param(50, 40, marks=pytest.mark.long)]
)
def test_a_bad_network_loses_and_doubles_nothing_at_the_server(
    phones: int,
    operations: int,
    keeper: GroundKeeper,
    transport: HttpTransport,
    timelines: Timelines,
) -> None:
    ground = keeper.prepare()
    server = DeployedServer(transport, timelines, keeper, ground)
    expected, network = day(
        server,
        TurnedClock(),
        seed=1,
        phones=phones,
        operations=operations,
        trouble=lambda: None,  # tokens of the deployed stack do not expire at our word
        names=ground.name,
    )
    assert network.lost > phones * operations // 10
    told = Counter({one: times for one, times in expected.items() if one.kind != "receipt"})
    assert told
    assert server.effects() == told


@pytest.mark.parametrize("lines", [2, 5, 8])
def test_a_process_killed_amid_its_requests_loses_and_doubles_nothing(
    lines: int,
    stack: dict[str, Any],
    keeper: GroundKeeper,
    timelines: Timelines,
    tmp_path: Path,
) -> None:
    ground = keeper.prepare()
    order = [
        *(sys.executable, "-m", "tests.e2e.killed_phone"),
        *(str(tmp_path / "queue.sqlite"), stack["base_url"], stack["app_id"], ground.coupon.code),
    ]
    marks = [f"{uuid4().hex[:8]}-{number}" for number in range(4)]
    with subprocess.Popen([*order, *marks], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(lines):
            assert process.stdout.readline(), "it ended before it was killed"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL

    again = subprocess.run(order, capture_output=True, text=True, check=True, timeout=120)
    events = list(timelines.events_of(again.stdout.splitlines()[-1]))
    seen = Counter(one["data"]["mark"] for one in events if one["type"].endswith(SEEN))
    saved = Counter(one["data"]["discount"] for one in events if one["type"].endswith(REDEEMED))
    assert seen == dict.fromkeys(marks, 1)
    assert saved == dict.fromkeys([100, 200, 300, 400], 1)


def test_the_command_tells_what_a_fleet_did(engage: Engage, stack: dict[str, Any]) -> None:
    told = engage.run("fleet", "--phones", "3", "--rounds", "3", "--seed", "5")
    assert (told["phones"], told["waiting"]) == (3, 0)
    assert told["answers"]["register"]["answered"] >= 3
    assert sum(told["deeds"].values()) > 3
