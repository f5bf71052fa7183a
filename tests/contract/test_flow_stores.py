"""What was given of flights, on the fake and on DynamoDB Local."""

import pytest

from shared.placements.model.pacing import Flow, Sample
from shared.placements.ports.pacing import FlowStore
from tests.fakes.clock import NOON
from tests.fakes.pacing import InMemoryFlowStore

APP, FLIGHT = "app_1", "flt_1"
SAMPLE = Sample(at=NOON, given=3, brought=2.5, share=0.125)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> FlowStore:
    if request.param == "memory":
        return InMemoryFlowStore()
    from shared.placements.store.flows import DynamoFlowStore  # noqa: PLC0415 - needs the tables

    return DynamoFlowStore(table=request.getfixturevalue("tables")["placements"])


def flow(it: FlowStore) -> Flow:
    return it.of(APP, [FLIGHT])[FLIGHT]


def test_what_is_taken_is_given_and_no_more_than_may_be(it: FlowStore) -> None:
    assert flow(it) == Flow()
    assert it.take(APP, FLIGHT, amount=3, most=4)
    assert not it.take(APP, FLIGHT, amount=2, most=4)
    assert it.take(APP, FLIGHT, amount=1, most=4)
    assert not it.take(APP, "flt_2", amount=1, most=0)
    assert it.of(APP, [FLIGHT, "flt_2"]) == {FLIGHT: Flow(given=4), "flt_2": Flow()}


def test_of_two_who_keep_a_sample_one_does(it: FlowStore) -> None:
    before = flow(it)
    it.put_samples(APP, FLIGHT, before=before, after=before.sampled(SAMPLE))
    it.put_samples(APP, FLIGHT, before=before, after=before)
    assert flow(it).samples == (SAMPLE,)
    it.take(APP, FLIGHT, amount=5, most=5)
    now = flow(it)
    it.put_samples(APP, FLIGHT, before=now, after=now.sampled(SAMPLE))
    assert flow(it) == Flow(given=5, samples=(SAMPLE, SAMPLE))
