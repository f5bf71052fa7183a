"""Whatever comes, a dialect answers with a translation, and leaves out nothing."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.dialects import DIALECTS
from shared.contact_events.model.translations import Translation
from tests.unit.contact_events.dialects.samples import APP, Sample, payload, samples

VENDORS = pytest.mark.parametrize("vendor", DIALECTS)
TEXTS = st.text(max_size=20) | st.sampled_from(["\ud800", "\x00", "a" * 5000, "9" * 400, "1e999"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
HEADERS = st.sampled_from(
    [
        {},
        {"content-type": "application/x-www-form-urlencoded"},
        *({"x-shopify-topic": topic} for topic in ("orders/create", "orders/updated", "x", "")),
    ]
)
WITH_JSON_BODIES = [sample for sample in samples() if not isinstance(sample.body, str)]


@VENDORS
@given(body=st.binary(max_size=200), headers=HEADERS)
def test_any_bytes_give_a_translation(vendor: str, body: bytes, headers: dict[str, str]) -> None:
    text = payload(body.decode("latin-1"), headers=headers)
    assert isinstance(DIALECTS[vendor].translate(text, app_id=APP), Translation)


@VENDORS
@given(body=JSON, headers=HEADERS)
def test_any_json_gives_a_translation(vendor: str, body: Any, headers: dict[str, str]) -> None:
    came = payload(json.dumps(body), headers=headers)
    told = DIALECTS[vendor].translate(came, app_id=APP)
    assert not told.events
    if not isinstance(body, list):
        assert len(told.rejects) + told.ignored == 1


@VENDORS
def test_json_of_any_depth_gives_a_translation(vendor: str) -> None:
    came = payload("[" * 100_000, headers={"x-shopify-topic": "orders/create"})
    (reject,) = DIALECTS[vendor].translate(came, app_id=APP).rejects
    assert reject.code == "unreadable"


@given(sample=st.sampled_from(WITH_JSON_BODIES), value=JSON, draw=st.data())
def test_a_sample_with_one_wrong_field_gives_a_translation(
    sample: Sample, value: Any, draw: st.DataObject
) -> None:
    body = copy.deepcopy(sample.body)
    holder, name = draw.draw(st.sampled_from(list(places(body))))
    if draw.draw(st.booleans()):
        del holder[name]
    else:
        holder[name] = value
    came = payload(json.dumps(body), headers=sample.headers)
    told = DIALECTS[sample.vendor].translate(came, app_id=APP)
    for reject in told.rejects:
        assert reject.pointer == "" or is_in(reject.pointer, body)
    for event in told.events:  # what is stored is UTF-8
        json.dumps([dict(event.data), event.identifiers], ensure_ascii=False).encode()


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a document, as what holds it and by which name."""
    names: Any = value if isinstance(value, dict) else range(len(value))
    for name in names:
        yield value, name
        if isinstance(value[name], dict | list) and value[name]:
            yield from places(value[name])


def is_in(pointer: str, document: Any) -> bool:
    """Say whether a pointer leads to a place of a document, or to one that is missing there."""
    *steps, _last = pointer.split("/")[1:]
    at = document
    for step in steps:
        if isinstance(at, str):
            return True  # a document within a text, as SNS carries them
        at = at[int(step)] if isinstance(at, list) else at[step]
    return isinstance(at, dict | list | str)
