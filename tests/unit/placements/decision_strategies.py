"""Any small market, and any request and person that come to it."""

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.kernel.events import Purpose
from shared.placements.model.ad_state import AdState, CouponStanding, Hold, Topic
from shared.placements.model.demand import (
    AdSettings,
    CapMode,
    Choosing,
    Daypart,
    FrequencyCap,
    Pricing,
    Rate,
    Size,
    Target,
)
from shared.placements.model.requests import Consent, DecisionRequest, Outcome, Wanted
from shared.placements.model.snapshot import Snapshot
from tests.unit.placements.markets import APP, AT, BANNER, Market, asked, person, saw

TALL = Size(width=300, height=600)
NAMES = ("top", "bottom", "side")
FLIGHTS = ("a", "b", "c", "d", "e", "f")
LABELS = ("cars", "beer")
MINUTES = st.integers(-90, 90).map(lambda minutes: timedelta(minutes=minutes))

CAPS = st.lists(
    st.builds(
        FrequencyCap,
        times=st.integers(1, 2),
        window_seconds=st.sampled_from([3_600, 86_400]),
        mode=st.sampled_from(CapMode),
    ),
    max_size=1,
).map(tuple)
SETS = st.frozensets(st.sampled_from(LABELS), max_size=2)
DAYPARTS = st.builds(
    Daypart,
    weekdays=st.frozensets(st.integers(0, 6), min_size=3),
    start=st.sampled_from([time(0), time(9), time(22)]),
    until=st.sampled_from([time(0), time(6), time(18)]),
)
TARGETINGS = st.sampled_from(
    [
        "",
        '$country = "FR"',
        'not $country = "FR"',
        '$tag contains "vip"',
        '$placement <> "top" or level = 1',
        '$coupon["cpn_1"] = "claimed" or $keywords contains "sale"',
    ]
)
FLIGHT: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "tier": st.sampled_from([4, 8, 16]),
        "ads": st.integers(1, 3),
        "size": st.sampled_from([BANNER, TALL]),
        "weight": st.integers(1, 9),
        "rate": st.builds(
            Rate,
            pricing=st.sampled_from(Pricing),
            amount=st.integers(1, 500),
            currency=st.just("EUR"),
        ),
        "targeting": TARGETINGS,
        "starts_at": st.sampled_from([AT, AT + timedelta(minutes=1)]),
        "labels": SETS,
        "caps": CAPS,
        "dayparts": st.lists(DAYPARTS, max_size=1).map(tuple),
        "keywords": st.just(frozenset({"sale"})),
        "purpose": st.sampled_from(Purpose),
        "topic": st.just("shoes"),
        "coupon_id": st.just("cpn_1"),
        "ghost_percent": st.sampled_from([30, 100]),
        "target": st.builds(Target, lifetime=st.just(9), exact=st.booleans()),
        "placements": st.just(("plc_bottom", "plc_side")),
        "campaign": st.just("shared"),
    },
)
PLAIN: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"ads": st.integers(2, 3), "caps": CAPS},
    optional={"tier": st.sampled_from([4, 8, 16]), "labels": SETS},
)
COMPANION: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"companions": st.just("set"), "campaign": st.just("shared")},
    optional={"size": st.just(TALL), "labels": SETS, "ads": st.integers(1, 2)},
)


@st.composite
def markets(draw: st.DrawFn) -> Market:
    """Draw an app with three slots and a few flights."""
    made = Market()
    choosing = draw(st.dictionaries(st.sampled_from([4, 8, 16]), st.sampled_from(Choosing)))
    made.settings = AdSettings(
        app_id=APP, choosing=choosing, caps=draw(CAPS), apart_minutes=draw(st.integers(0, 60))
    )
    for name in NAMES:
        sizes = (TALL,) if name == "side" else (BANNER,)
        made.placement(name, sizes=sizes, caps=draw(CAPS))
    made.advertiser("shared", labels=draw(SETS), caps=draw(CAPS))
    for name in FLIGHTS[: draw(st.integers(2, len(FLIGHTS)))]:
        made.flight(name, **draw(PLAIN | COMPANION | FLIGHT))
    return made


WANTED = st.builds(
    Wanted,
    name=st.sampled_from([*NAMES, *NAMES, "nowhere"]),
    count=st.integers(1, 3),
    keywords=st.frozensets(st.just("sale")),
    attributes=st.dictionaries(st.just("level"), st.sampled_from([1, True, "1"])),
    test_flight=st.sampled_from([None, None, None, "flt_a"]),
)
REQUESTS: st.SearchStrategy[DecisionRequest] = st.builds(
    lambda wanted, number, more: asked(*wanted, number=number, **more),
    st.lists(WANTED, min_size=2, max_size=4, unique_by=lambda one: one.name),
    st.integers(1, 1_000),
    st.fixed_dictionaries(
        {},
        optional={
            "consent": st.builds(Consent, capping=st.booleans(), personalisation=st.booleans()),
            "country": st.sampled_from(["FR", "DE"]),
            "timezone": st.sampled_from(["Europe/Paris", "Pacific/Auckland"]),
            "seen": st.dictionaries(st.just("flt_a"), st.integers(0, 2)),
            "attributes": st.dictionaries(st.just("level"), st.integers(0, 1)),
        },
    ),
)
SHOES = Topic(Purpose.MARKETING, "shoes")
SEEN = st.builds(
    saw,
    st.sampled_from(FLIGHTS),
    ago=st.integers(0, 90).map(lambda minutes: timedelta(minutes=minutes)),
    labels=SETS,
    held_until=st.none() | MINUTES.map(lambda after: AT + after),
)
HOLDS = st.builds(
    Hold,
    reason=st.sampled_from(["case", "consent", "cap"]),
    detail=st.just("why"),
    until=st.none() | MINUTES.map(lambda after: AT + after),
)
STATES: st.SearchStrategy[AdState] = st.builds(
    lambda seen, more: person(*seen, **more),
    st.lists(SEEN, max_size=4),
    st.fixed_dictionaries(
        {},
        optional={
            "holds": st.dictionaries(st.sampled_from([*Purpose][:2]), HOLDS, max_size=1),
            "topic_holds": st.dictionaries(st.just(SHOES), HOLDS, max_size=1),
            "tags": st.just(frozenset({"vip"})),
            "coupons": st.dictionaries(st.just("cpn_1"), st.sampled_from(CouponStanding)),
            "country": st.sampled_from(["FR", "DE"]),
        },
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that a decision comes from."""

    snapshot: Snapshot
    request: DecisionRequest
    state: AdState
    rates: dict[str, float]
    refused: frozenset[str]

    @property
    def turn(self) -> dict[str, Any]:
        """Return the shares and the refused leases, as arguments."""
        return {"rates": self.rates, "refused": self.refused}


CASES: st.SearchStrategy[Case] = st.builds(
    Case,
    snapshot=markets().map(lambda market: market.snapshot()),
    request=REQUESTS,
    state=STATES,
    rates=st.dictionaries(
        st.sampled_from(["flt_b", "flt_c"]), st.sampled_from([0.0, 0.5, 1.0]), max_size=1
    ),
    refused=st.frozensets(st.just("flt_d")),
)


def given_in(outcome: Outcome) -> list[Any]:
    """Return all choices that no test forced, slot by slot."""
    return [choice for some in outcome.choices.values() for choice in some if not choice.test]
