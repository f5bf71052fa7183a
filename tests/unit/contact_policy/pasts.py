"""Ledgers of people for plays of policies: as tests write them, and any."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.contact_policy.events import SOURCE, CaseClosed, CaseOpened, ConsentGranted
from shared.contact_policy.model.past import past_of
from shared.contact_policy.model.people import Person
from shared.contact_policy.model.playing import History, Played, Stage, play
from shared.contact_policy.model.policy import Policy
from shared.contact_policy.model.standing import Part, Standing, Whereabouts
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Purpose
from tests.fakes.contact_policy import ADA, TUESDAY_NOON
from tests.fakes.told import an_event

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PARIS = Stage(zone="Europe/Paris")


def sent(number: int, *, channel: str = "push", purpose: str = "marketing", **told: Any) -> Any:
    """Return a message of a number, at so many ``minutes`` from noon."""
    at = TUESDAY_NOON + timedelta(minutes=told.pop("minutes", 0))
    attributes = {"channel": channel, "purpose": purpose, **told}
    return an_event("message.sent.v1", number, at=at, **attributes)


def a_person(*, zone: str | None = "Europe/Paris", **said: Any) -> Person:
    zones = {"phone": zone} if zone else {}
    part = Part(whereabouts=Whereabouts(device_zones=zones), **said)
    return Person(app_id="app_1", contact_id=ADA, standing=Standing(parts={ADA: part}))


def played(
    *events: Envelope,
    before: Policy,
    after: Policy,
    person: Person | None = None,
    since: datetime = LONG_AGO,
    history: History = History.HAPPENED,
    stage: Stage = PARIS,
    with_refused: bool = False,
) -> list[Played]:
    past = past_of(person or a_person(), events, with_refused=with_refused)
    return list(play(past, before=before, after=after, stage=stage, since=since, history=history))


MINUTES = st.integers(0, 20 * 24 * 60)
MESSAGES = st.builds(
    lambda number, minutes, channel, purpose, data: sent(
        number, minutes=minutes, channel=channel, purpose=purpose, data=data
    ),
    st.integers(0, 10_000),
    MINUTES,
    st.sampled_from([Channel.PUSH, Channel.EMAIL, Channel.PHONE, Channel.AD]),
    st.sampled_from(Purpose),
    st.fixed_dictionaries(
        {},
        optional={
            "topic": st.just("sport"),
            "offer_key": st.sampled_from(["spring", "autumn"]),
            "priority": st.integers(0, 100),
        },
    ),
)
WORDS = st.builds(
    lambda number, minutes, word: an_event(
        word[0],
        number,
        at=TUESDAY_NOON + timedelta(minutes=minutes),
        source=word[1],
        purpose="marketing" if word[0].startswith("consent") else None,
        channel="email" if word[0] == "message.bounced.v1" else None,
        data=word[2],
    ),
    st.integers(20_000, 30_000),
    MINUTES,
    st.sampled_from(
        [
            (CaseOpened.type, SOURCE, {"case_id": "cas_1", "kind": "complaint"}),
            (CaseClosed.type, SOURCE, {"case_id": "cas_1", "kind": "complaint"}),
            (ConsentGranted.type, SOURCE, {"consent_channel": None, "topic": None}),
            ("consent.withdrawn.v1", SOURCE, {"consent_channel": "phone", "topic": None}),
            ("message.bounced.v1", "suite", {"kind": "permanent"}),
        ]
    ),
)
LEDGERS = st.lists(MESSAGES | WORDS, max_size=20, unique_by=lambda event: event.sequence)
