"""The use cases of those who book ads."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.clock import rfc3339
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from shared.placements.errors import (
    AdNotFoundError,
    DemandChangedError,
    DemandStateError,
    FlightNotFoundError,
    NameTakenError,
)
from shared.placements.model.demand import AdSettings, Kind, State, Thing
from shared.placements.model.things import id_field_of, id_of, kind_of
from shared.placements.service.demand import DemandService
from shared.placements.service.relations import Relations
from shared.placements.service.settings import AdSettingsService
from tests.fakes.clock import ManualClock
from tests.fakes.coupons import EveryApp
from tests.fakes.placements_demand import InMemoryDemandStore, ThoseOf, WordsOfTargeting
from tests.unit.placements.bookings import APP, AT, PLAIN, WHOLE

ATTEMPT = Attempt(caller="ada", key="k", fingerprint="f")


@dataclass(kw_only=True)
class Office:
    demand: InMemoryDemandStore = field(default_factory=InMemoryDemandStore)
    clock: ManualClock = field(default_factory=lambda: ManualClock(AT))

    def __post_init__(self) -> None:
        ids = Ids(clock=self.clock)
        self.service = DemandService(
            apps=EveryApp(),
            demand=self.demand,
            relations=Relations(
                targeting=WordsOfTargeting(),
                coupons=ThoseOf("cpn_1"),
                segments=ThoseOf("seg_1"),
            ),
            clock=self.clock,
            ids=ids,
        )
        self.settings = AdSettingsService(
            apps=EveryApp(), demand=self.demand, clock=self.clock, ids=ids
        )

    def create(self, kind: Kind, *about: Thing, **fields: Any) -> Thing:
        """Make a thing that names others; its fields are replaced by some."""
        named = {id_field_of(kind_of(one)): id_of(one) for one in about}
        document = {**PLAIN[kind], **named, **fields}
        thing, _ = self.service.create(kind, document, app_id=APP, by="ada", attempt=None)
        return thing

    def change(self, thing: Thing, **changes: Any) -> Thing:
        return self.service.change(
            kind_of(thing), id_of(thing), changes, app_id=APP, version=thing.version, by="ben"
        )

    def move(self, thing: Thing, state: State) -> Thing:
        return self.service.move(kind_of(thing), id_of(thing), state, app_id=APP, by="ben")

    def flight(self, **fields: Any) -> Thing:
        advertiser = self.create(Kind.ADVERTISER)
        ad_campaign = self.create(Kind.AD_CAMPAIGN, advertiser)
        return self.create(Kind.FLIGHT, ad_campaign, **fields)

    def advertised(self, flight: Thing, **fields: Any) -> Thing:
        """Give a flight an ad; return its creative."""
        ad_campaign = self.demand.get(Kind.AD_CAMPAIGN, flight.ad_campaign_id, app_id=APP)  # type: ignore[union-attr]
        creative = self.create(Kind.CREATIVE, advertiser_id=ad_campaign.advertiser_id, **fields)  # type: ignore[union-attr]
        self.create(Kind.AD, flight, creative)
        return creative

    def told(self) -> list[tuple[str, Any]]:
        return [(event.type, event.data["kind"]) for event in self.demand.events]


@pytest.fixture
def it() -> Office:
    return Office()


def problems(error: InvalidFieldsError) -> list[tuple[str, str]]:
    return [(one.pointer, one.code) for one in error.fields]


def test_what_is_made_is_there_and_told_of(it: Office) -> None:
    placement = it.create(Kind.PLACEMENT)
    assert id_of(placement).startswith("plc_")
    assert placement.created_at == AT
    assert it.service.get(Kind.PLACEMENT, id_of(placement), app_id=APP) == placement
    page = it.service.list_things(Kind.PLACEMENT, APP, limit=5, cursor=None)
    assert list(page.items) == [placement]
    assert it.told() == [("ad_demand.created.v1", "placement")]


def test_the_same_attempt_makes_one_thing(it: Office) -> None:
    def create(attempt: Attempt) -> tuple[Thing, bool]:
        document = PLAIN[Kind.PLACEMENT]
        return it.service.create(Kind.PLACEMENT, document, app_id=APP, by="ada", attempt=attempt)

    first, replayed = create(ATTEMPT)
    assert not replayed
    assert create(ATTEMPT) == (first, True)
    with pytest.raises(IdempotencyKeyReusedError):
        create(Attempt(caller="ada", key="k", fingerprint="g"))
    assert len(it.told()) == 1


@pytest.mark.parametrize(
    ("kind", "pointers"),
    [
        (Kind.AD_CAMPAIGN, ["/advertiser_id"]),
        (Kind.FLIGHT, ["/ad_campaign_id", "/placements/0", "/placements/1"]),
        (Kind.CREATIVE, ["/advertiser_id", "/ad_template_id"]),
        (Kind.AD, ["/flight_id", "/creative_id"]),
        (Kind.PLACEMENT, ["/templates/0", "/templates/1"]),
    ],
)
def test_what_a_thing_names_is_there(it: Office, kind: Kind, pointers: list[str]) -> None:
    with pytest.raises(InvalidFieldsError) as error:
        it.service.create(kind, WHOLE[kind], app_id=APP, by="ada", attempt=None)
    assert problems(error.value) == [(pointer, "unknown") for pointer in pointers]
    assert it.told() == []


def test_things_of_another_app_are_not_there(it: Office) -> None:
    advertiser = it.create(Kind.ADVERTISER)
    document = {**PLAIN[Kind.AD_CAMPAIGN], "advertiser_id": id_of(advertiser)}
    with pytest.raises(InvalidFieldsError):
        it.service.create(Kind.AD_CAMPAIGN, document, app_id="app_2", by="ada", attempt=None)


def test_nothing_is_booked_on_what_has_ended(it: Office) -> None:
    advertiser = it.create(Kind.ADVERTISER)
    it.move(advertiser, State.ENDED)
    with pytest.raises(InvalidFieldsError) as error:
        it.create(Kind.AD_CAMPAIGN, advertiser)
    assert problems(error.value) == [("/advertiser_id", "ended")]


def test_coupons_and_segments_of_a_flight_are_there(it: Office) -> None:
    it.flight(coupon_id="cpn_1", targeting="seg_1 cpn_1")
    with pytest.raises(InvalidFieldsError) as error:
        it.flight(coupon_id="cpn_9", targeting="seg_1 cpn_8 seg_9")
    assert [(one.pointer, one.detail) for one in error.value.fields] == [
        ("/coupon_id", "the app has no such coupon"),
        ("/targeting", "the app has no coupon cpn_8"),
        ("/targeting", "the app has no segment seg_9"),
    ]


def test_a_coupon_creative_names_a_coupon_and_fits_its_template(it: Office) -> None:
    template, advertiser = it.create(Kind.AD_TEMPLATE), it.create(Kind.ADVERTISER)
    about = {
        **WHOLE[Kind.CREATIVE],
        "ad_template_id": id_of(template),
        "advertiser_id": id_of(advertiser),
    }
    it.create(Kind.CREATIVE, **about)
    with pytest.raises(InvalidFieldsError) as error:
        it.create(Kind.CREATIVE, **{**about, "coupon_id": "cpn_9", "values": {"stars": 9}})
    assert problems(error.value) == [
        ("/values/title", "missing"),
        ("/values/stars", "range"),
        ("/coupon_id", "unknown"),
    ]


def test_an_ad_joins_flight_and_creative_of_one_advertiser(it: Office) -> None:
    flight = it.flight()
    creative = it.create(Kind.CREATIVE, it.create(Kind.ADVERTISER))
    with pytest.raises(InvalidFieldsError) as error:
        it.create(Kind.AD, flight, creative)
    assert problems(error.value) == [("/creative_id", "advertiser")]


def test_a_change_names_the_version_that_was_read(it: Office) -> None:
    before = it.flight()
    after = it.change(before, weight=5)
    assert (after.version, after.created_at) == (2, before.created_at)
    with pytest.raises(DemandChangedError):
        it.change(before, weight=6)
    assert it.service.get(Kind.FLIGHT, id_of(before), app_id=APP) == after
    with pytest.raises(FlightNotFoundError):
        it.service.change(Kind.FLIGHT, "flt_9", {}, app_id=APP, version=1, by="ben")


def test_a_move_may_name_the_version_that_was_read(it: Office) -> None:
    before = it.create(Kind.ADVERTISER)
    options = {"app_id": APP, "by": "ben"}
    it.change(before, name="Other")
    with pytest.raises(DemandChangedError):
        it.service.move(Kind.ADVERTISER, id_of(before), State.PAUSED, version=1, **options)
    after = it.service.move(Kind.ADVERTISER, id_of(before), State.PAUSED, version=2, **options)
    assert after.state is State.PAUSED


def test_a_change_is_held_to_the_same_rules(it: Office) -> None:
    with pytest.raises(InvalidFieldsError) as error:
        it.change(it.flight(), placements=["plc_9"])
    assert problems(error.value) == [("/placements/0", "unknown")]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Kind.PLACEMENT, {"name": "other"}),
        (Kind.AD_TEMPLATE, {"schema": {**WHOLE[Kind.AD_TEMPLATE]["schema"], "title": "new"}}),
        (Kind.CREATIVE, {"advertiser_id": "adv_9"}),
        (Kind.FLIGHT, {"ad_campaign_id": "adc_9"}),
    ],
)
def test_what_others_rely_on_is_not_changed(
    it: Office, kind: Kind, changes: dict[str, Any]
) -> None:
    if kind is Kind.FLIGHT:
        thing = it.flight()
    elif kind is Kind.CREATIVE:
        thing = it.create(kind, it.create(Kind.ADVERTISER))
    else:
        thing = it.create(kind)
    with pytest.raises(InvalidFieldsError) as error:
        it.change(thing, **changes)
    assert problems(error.value) == [(f"/{next(iter(changes))}", "fixed")]


def test_two_placements_of_one_name_are_refused(it: Office) -> None:
    it.create(Kind.PLACEMENT)
    with pytest.raises(NameTakenError):
        it.create(Kind.PLACEMENT)


def test_a_flight_starts_when_it_has_something_to_show(it: Office) -> None:
    flight = it.flight()
    reasons = []
    for make in (
        lambda: None,
        lambda: it.advertised(flight, size="300x250"),
        lambda: it.create(Kind.PLACEMENT),
    ):
        make()
        with pytest.raises(DemandStateError) as error:
            it.move(flight, State.ACTIVE)
        reasons.append(error.value.detail)
    assert reasons == [
        "it has no active ad with an active creative",
        "none of its placements is active",
        "no ad of it fits a placement: home-top does not take its size",
    ]
    it.advertised(flight)
    assert it.move(flight, State.ACTIVE).state is State.ACTIVE
    assert it.told()[-1] == ("ad_demand.updated.v1", "flight")
    assert it.demand.events[-1].data["state"] == "active"


def test_a_flight_is_shown_in_the_placements_that_it_names_alone(it: Office) -> None:
    fitting = it.create(Kind.PLACEMENT)
    other = it.create(Kind.PLACEMENT, name="other", sizes=["300x250"])
    flight = it.flight(placements=[id_of(other)])
    it.advertised(flight)
    with pytest.raises(DemandStateError):
        it.move(flight, State.ACTIVE)
    it.move(it.change(flight, placements=[id_of(other), id_of(fitting)]), State.ACTIVE)


def test_what_is_paused_is_not_shown(it: Office) -> None:
    it.create(Kind.PLACEMENT)
    flight = it.flight()
    creative = it.advertised(flight)
    it.move(creative, State.PAUSED)
    with pytest.raises(DemandStateError):
        it.move(flight, State.ACTIVE)
    it.move(creative, State.ACTIVE)
    it.move(flight, State.ACTIVE)


def test_a_flight_does_not_start_after_its_end(it: Office) -> None:
    it.create(Kind.PLACEMENT)
    flight = it.flight(ends_at=rfc3339(AT + timedelta(days=1)))
    it.advertised(flight)
    it.clock.advance(timedelta(days=1))
    with pytest.raises(DemandStateError, match="its end has passed"):
        it.move(flight, State.ACTIVE)


def test_of_a_flight_that_has_run_goal_and_currency_stay(it: Office) -> None:
    it.create(Kind.PLACEMENT)
    rate = {"pricing": "cpm", "amount": 100, "currency": "CHF"}
    draft = it.change(it.flight(rate=rate), target={"goal": "clicks", "daily": 5})
    it.advertised(draft)
    flight = it.move(draft, State.ACTIVE)
    with pytest.raises(InvalidFieldsError) as error:
        it.change(
            flight,
            target={"goal": "impressions", "daily": 5, "exact": True},
            rate={**rate, "currency": "EUR"},
        )
    assert problems(error.value) == [
        ("/target/goal", "fixed"),
        ("/target/exact", "fixed"),
        ("/rate/currency", "fixed"),
    ]
    it.change(flight, target={"goal": "clicks", "daily": 9}, rate={**rate, "amount": 200})


def test_what_has_ended_stays_so(it: Office) -> None:
    advertiser = it.move(it.create(Kind.ADVERTISER), State.ENDED)
    with pytest.raises(DemandStateError):
        it.move(advertiser, State.ACTIVE)
    with pytest.raises(DemandStateError):
        it.change(advertiser, name="Other")
    with pytest.raises(AdNotFoundError):
        it.service.move(Kind.AD, "ad_9", State.PAUSED, app_id=APP, by="ada")


def test_settings_are_replaced_by_who_read_them(it: Office) -> None:
    assert it.settings.get_settings(APP) == AdSettings(app_id=APP)
    first = it.settings.replace_settings({"apart_minutes": 5}, app_id=APP, version=0, by="ada")
    assert (first.version, first.apart_minutes) == (1, 5)
    with pytest.raises(DemandChangedError):
        it.settings.replace_settings({}, app_id=APP, version=0, by="ada")
    assert it.settings.get_settings(APP) == first
    assert [event.type for event in it.demand.events] == ["ad_settings.updated.v1"]
