"""What FCM answers is counted, for alarms on what it turns away or leaves open."""

import json
from collections.abc import Sequence

import pytest

from functions.send_push.wiring import CountedChannel
from shared.kernel.addresses import Address, AddressKind
from shared.push.model import Content, Delivery, DeliveryResult, Outcome

ANSWERS = [
    DeliveryResult(outcome=Outcome.SENT),
    DeliveryResult(outcome=Outcome.RETRY, code="QUOTA_EXCEEDED"),
    DeliveryResult(outcome=Outcome.RETRY, code="RESOURCE_EXHAUSTED"),
    DeliveryResult(outcome=Outcome.RETRY, code="UNAVAILABLE"),
    DeliveryResult(outcome=Outcome.UNKNOWN),
]


class Answering:
    """A channel that answers as it was told."""

    def send(
        self, deliveries: Sequence[Delivery], *, validate_only: bool = False
    ) -> Sequence[DeliveryResult]:
        assert validate_only
        return ANSWERS[: len(deliveries)]


def test_each_batch_is_one_line_of_counts(capsys: pytest.CaptureFixture[str]) -> None:
    address = Address(kind=AddressKind.FID, value="c" * 22)
    deliveries = [
        Delivery(message_id=str(number), address=address, content=Content(title="Hello"))
        for number in range(len(ANSWERS))
    ]

    assert CountedChannel(Answering()).send(deliveries, validate_only=True) == ANSWERS

    line = json.loads(capsys.readouterr().out)
    told = line.pop("_aws")
    assert line == {
        "service": "send_push",
        "PushesAsked": 5,
        "PushesTurnedAway": 2,
        "PushesUnknown": 1,
    }
    (metrics,) = told["CloudWatchMetrics"]
    assert (metrics["Namespace"], metrics["Dimensions"]) == ("Engage", [["service"]])
    assert [one["Name"] for one in metrics["Metrics"]] == list(line)[1:]
    assert told["Timestamp"] > 1_700_000_000_000
