"""How many ads of each flight were given, in DynamoDB.

| what             | pk                      | sk   |
| ---------------- | ----------------------- | ---- |
| flow of a flight | APP#<app>#FLOW#<flight> | FLOW |

Samples are ``<instant> <given> <brought> <share>``, one a line.
"""

from collections.abc import Collection, Mapping, Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.placements.model.pacing import Flow, Sample
from shared.placements.ports.pacing import FlowStore
from shared.platform.dynamodb import Row, Update, WriteRefusedError, bind, commit


class _FlowRow(Row):
    """How many ads of a flight were given."""

    given = NumberAttribute(null=True)
    samples = UnicodeAttribute(null=True)


class DynamoFlowStore(FlowStore):
    """Flows, in the placements table."""

    def __init__(self, *, table: str) -> None:
        self._flow = bind(_FlowRow, table=table)

    @override
    def of(self, app_id: str, flights: Collection[str]) -> Mapping[str, Flow]:
        keys = {_key(app_id, flight_id): flight_id for flight_id in flights}
        found = dict.fromkeys(flights, Flow())
        for row in self._flow.batch_get(list(keys), consistent_read=True):
            samples = _samples_of(row.samples)
            found[keys[row.pk, row.sk]] = Flow(given=int(row.given or 0), samples=samples)
        return found

    @override
    def take(self, app_id: str, flight_id: str, *, amount: int, most: int) -> bool:
        if amount > most:
            return False
        at = self._flow
        room = at.given.does_not_exist() | (at.given <= most - amount)
        write = Update(
            row=at(*_key(app_id, flight_id)), actions=[at.given.add(amount)], condition=room
        )
        try:
            commit({"flow": write})
        except WriteRefusedError:
            return False
        return True

    @override
    def put_samples(self, app_id: str, flight_id: str, *, before: Flow, after: Flow) -> None:
        at, known = self._flow, _text_of(before.samples)
        unchanged = at.samples == known if known else at.samples.does_not_exist()
        write = Update(
            row=at(*_key(app_id, flight_id)),
            actions=[at.samples.set(_text_of(after.samples))],
            condition=unchanged,
        )
        try:
            commit({"flow": write})
        except WriteRefusedError:
            return


def _key(app_id: str, flight_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#FLOW#{flight_id}", "FLOW"


def _text_of(samples: Sequence[Sample]) -> str:
    return "\n".join(
        f"{rfc3339(one.at)} {one.given} {one.brought!r} {one.share!r}" for one in samples
    )


def _samples_of(text: str | None) -> tuple[Sample, ...]:
    lines = (line.split() for line in text.splitlines()) if text else ()
    return tuple(
        Sample(at=from_rfc3339(at), given=int(given), brought=float(brought), share=float(share))
        for at, given, brought, share in lines
    )
