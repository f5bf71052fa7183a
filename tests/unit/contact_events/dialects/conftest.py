"""The steps of CloudEvents' conformance features, against the parser."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent

from pytest_bdd import given, parsers, then, when

from shared.contact_events.dialects.cloudevents import CloudEvent, parse


def pytest_bdd_apply_tag(tag: str, function: object) -> bool:
    """Make no mark of a feature's tags: they are the suite's own."""
    return True


@dataclass
class Exchange:
    """An HTTP request as its bytes, and what was parsed of it."""

    headers: dict[str, str]
    body: bytes
    events: Sequence[CloudEvent] = ()


@given("HTTP Protocol Binding is supported")
def _supported() -> None:
    """Say nothing: it is."""


@given("an HTTP request", target_fixture="exchange")
def _request(docstring: str) -> Exchange:
    head, _, body = dedent(docstring).partition("\n\n")
    _, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    return Exchange(headers=headers, body=body.encode())


@when("parsed as HTTP request")
def _parsed(exchange: Exchange) -> None:
    exchange.events = parse(exchange.body, headers=exchange.headers)


@then("the attributes are:")
def _attributes(exchange: Exchange, datatable: list[list[str]]) -> None:
    (event,) = exchange.events
    assert event.attributes == dict(datatable[1:])


@then("the data is equal to the following JSON:")
def _data(exchange: Exchange, docstring: str) -> None:
    (event,) = exchange.events
    assert event.data == json.loads(docstring)


@then(parsers.parse("there are {count:d} events"))
def _count(exchange: Exchange, count: int) -> None:
    assert len(exchange.events) == count


@then(parsers.parse("event {number:d} has the attributes"))
def _attributes_of(exchange: Exchange, number: int, datatable: list[list[str]]) -> None:
    told = exchange.events[number - 1].attributes
    assert {name: told[name] for name, _ in datatable[1:]} == dict(datatable[1:])
