from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import pytest

from infra.local import streams
from infra.local.aws import Cloud
from infra.local.processes import wait_for
from shared.kernel.clock import system_clock
from tests.e2e.calls import PATIENCE, Consumer, consumer, register, register_many

COUNT = 20


@pytest.fixture
def relay_mapping(cloud: Cloud, stack: dict[str, Any]) -> dict[str, Any]:
    relay = stack["functions"][streams.RELAY]
    (mapping,) = [each for each in streams.mappings(cloud) if relay in each["FunctionArn"]]
    return mapping


def heard(queue: Consumer, devices: set[str]) -> Counter[str]:
    """Count the events of ``devices`` that have come, once they are all there or time is up."""
    told: Counter[str] = Counter()

    def all_came() -> bool:
        ours = [event for event in queue.events() if event["data"]["device_id"] in devices]
        told.update(event["id"] for event in ours)
        return len(told) >= len(devices)

    wait_for(all_came, within=PATIENCE)
    told.update(event["id"] for event in queue.events() if event["data"]["device_id"] in devices)
    return told


def audit(cloud: Cloud) -> int:
    now = system_clock()
    report = streams.audit(cloud, since=now - timedelta(hours=1), until=now + timedelta(hours=1))
    assert report["failed"] == 0
    return int(report["republished"])


def test_what_the_stream_forgot_is_published_by_the_audit_once(
    cloud: Cloud, stack: dict[str, Any], http: httpx.Client, relay_mapping: dict[str, Any]
) -> None:
    lambda_ = cloud.client("lambda")
    audit(cloud)  # what others left behind
    bus = stack["event_bus"]
    with consumer(cloud, bus=bus, detail_type="device.registered.v1") as queue:
        lambda_.update_event_source_mapping(UUID=relay_mapping["UUID"], Enabled=False)
        devices = {each["device_id"] for each in register_many(http, stack["app_id"], COUNT)}
        lambda_.delete_event_source_mapping(UUID=relay_mapping["UUID"])
        try:
            assert audit(cloud) == COUNT
            assert audit(cloud) == 0
            told = heard(queue, devices)
            assert (len(told), set(told.values())) == (COUNT, {1})
        finally:
            settings = streams.settings_of(relay_mapping)
            lambda_.create_event_source_mapping(**settings | {"StartingPosition": "LATEST"})
        after = register(http, stack["app_id"])["device_id"]
        assert len(heard(queue, {after})) == 1, "the stream feeds the relay again"
