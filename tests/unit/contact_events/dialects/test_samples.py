"""Every sample of every vendor: what it tells, that it tells it once, and of nobody in the open."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.contact_events.dialects import DIALECTS
from shared.contact_events.model.event_types import is_ours_alone
from shared.contact_events.model.events import fingerprint
from shared.contact_events.model.payloads import Payload
from tests.unit.contact_events.dialects.samples import APP, FOLDER, Sample, plain, samples


def name_of(sample: Sample) -> str:
    return f"{sample.vendor}/{sample.name}"


EVERY_SAMPLE = pytest.mark.parametrize("sample", samples(), ids=name_of)


@EVERY_SAMPLE
def test_a_sample_tells_what_stands_beside_it(sample: Sample, pytestconfig: pytest.Config) -> None:
    told = plain(DIALECTS[sample.vendor].translate(sample.payload, app_id=APP))
    if pytestconfig.getoption("--publish"):
        sample.told.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    assert json.loads(sample.told.read_text()) == json.loads(json.dumps(told))


def test_nothing_stands_beside_a_sample_that_is_gone() -> None:
    written = set(FOLDER.glob("*/*.told.json"))
    assert written == {sample.told for sample in samples()}


@pytest.mark.parametrize("vendor", DIALECTS)
def test_each_type_that_a_vendor_tells_has_a_sample(vendor: str) -> None:
    told = {
        event.type
        for sample in samples(vendor)
        for event in DIALECTS[vendor].translate(sample.payload, app_id=APP).events
    }
    assert told == {type_ for types in DIALECTS[vendor].MEANS.values() for type_ in types}
    assert not any(is_ours_alone(type_) for type_ in told)


@EVERY_SAMPLE
def test_what_comes_again_later_is_the_same_events(sample: Sample) -> None:
    first = DIALECTS[sample.vendor].translate(sample.payload, app_id=APP)
    again = DIALECTS[sample.vendor].translate(later(sample), app_id=APP)
    assert [(event.source, event.id, fingerprint(event)) for event in first.events] == [
        (event.source, event.id, fingerprint(event)) for event in again.events
    ]
    assert len({event.id for event in first.events}) == len(first.events)


def later(sample: Sample) -> Payload:
    """Return a sample as it comes an hour later, the fields of its JSON in another order."""
    came = replace(sample.payload, received_at=sample.payload.received_at + timedelta(hours=1))
    if isinstance(sample.body, str):
        return came
    return replace(came, body=json.dumps(turned(sample.body)).encode())


def turned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: turned(value[name]) for name in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@EVERY_SAMPLE
def test_nothing_that_leaves_the_app_names_the_person(sample: Sample) -> None:
    for event in DIALECTS[sample.vendor].translate(sample.payload, app_id=APP).events:
        open_to_all = json.dumps([event.source, event.id, event.type, dict(event.data)]).casefold()
        named = {value.casefold() for namespace, value in event.identifiers}
        assert not any(value in open_to_all for value in {*named, "ada", "lovelace", "192.0.2"})
