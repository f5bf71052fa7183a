"""Events leave as documents that readers of CloudEvents, not ours among them, take as they are."""

import json
from datetime import timedelta
from typing import Any

from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.model.outgoing import BATCH, STRUCTURED, batch, structured
from shared.kernel.envelope import Envelope, cloudevent, published
from shared.kernel.events import Subject
from shared.kernel.ids import ulid_of
from tests.fakes.clock import NOON

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
DATA = st.dictionaries(st.text(min_size=1), JSON, max_size=4)


def stored(data: dict[str, Any], *, number: int = 0) -> Envelope:
    return Envelope(
        app_id="app_1",
        sequence=ulid_of(NOON, chance=number),
        type="message.sent.v1",
        source="push",
        time=NOON + timedelta(milliseconds=7),
        subject=Subject(kind="contact", id="con_1"),
        channel="push",
        direction="out",
        purpose="marketing",
        data=data,
    )


@given(DATA)
def test_a_document_is_read_back_as_the_event_that_is_stored(data: dict[str, Any]) -> None:
    event = stored(data)
    document = json.loads(structured(cloudevent(event, org="com.example")))
    assert published(document, event_type=event.type) == event


@given(st.lists(DATA, max_size=4))
def test_a_batch_keeps_every_event_in_its_order(many: list[dict[str, Any]]) -> None:
    told = [
        cloudevent(stored(data, number=number), org="com.example")
        for number, data in enumerate(many)
    ]
    assert json.loads(batch(told)) == told


def test_the_reader_of_the_cloudevents_project_takes_a_document() -> None:
    event = stored({"text": "Grüße", "sent": True})
    message = HTTPMessage(
        headers={"content-type": STRUCTURED},
        body=structured(cloudevent(event, org="com.example")),
    )
    read = from_structured(message, JSONFormat(), CloudEvent)
    assert (read.get_id(), read.get_type()) == (event.id, "com.example.message.sent.v1")
    assert read.get_time() == event.time
    assert read.get_extension("channel") == "push"
    assert read.get_data() == event.data


def test_both_modes_have_the_media_types_of_the_specification() -> None:
    assert {STRUCTURED, BATCH} == {
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
    }
