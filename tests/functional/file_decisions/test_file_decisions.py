"""Decisions are filed by the minute, and found again by their ids."""

import json
from datetime import timedelta
from typing import Any

import pytest

from functions.file_decisions.wiring import records
from shared.kernel.ids import ulid_of
from shared.placements.errors import DecisionNotFoundError
from tests.deployment import Deployment
from tests.fakes.ads import CAFE, SHOP
from tests.fakes.clock import NOON

MINUTE = timedelta(minutes=1)


def record(number: int, *, app_id: str = SHOP, later: timedelta = MINUTE * 0) -> dict[str, Any]:
    ulid = ulid_of(NOON + later, chance=number)
    return {"app_id": app_id, "decision_id": f"dec_{ulid}", "record": {"number": number}}


def batch(*some: dict[str, Any]) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": str(place), "body": json.dumps(one)} for place, one in enumerate(some)
        ]
    }


def test_each_app_and_minute_of_a_batch_is_a_file(deployed: Deployment) -> None:
    filed = [
        record(1),
        record(2),
        record(3, later=MINUTE),
        record(4, app_id=CAFE),
    ]
    assert deployed.invoke("file_decisions", batch(*filed)) is None
    folders = [key.rpartition("/")[0] for key in sorted(deployed.aws.objects)]
    assert folders == [
        f"/decisions/APP/{SHOP}/decisions/2026/03/01/12/00",
        f"/decisions/APP/{SHOP}/decisions/2026/03/01/12/01",
        f"/decisions/APP/{CAFE}/decisions/2026/03/01/12/00",
    ]
    for one in filed:
        assert records().find(one["decision_id"], app_id=one["app_id"]) == one
    with pytest.raises(DecisionNotFoundError):
        records().find(filed[0]["decision_id"], app_id=CAFE)


def test_a_batch_that_comes_again_does_no_harm(deployed: Deployment) -> None:
    for _ in range(2):
        deployed.invoke("file_decisions", batch(record(1)))
    assert records().find(record(1)["decision_id"], app_id=SHOP) == record(1)
