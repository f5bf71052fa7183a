"""What breaks is told, and cured as the runbook says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from infra.local.aws import Cloud
from infra.local.processes import wait_for
from infra.local.resources import STACK, Resources
from tests.e2e.calls import PATIENCE, register
from tests.e2e.conftest import Engage

ENDS_IN = "RegistrationsProjector"

HASTE = 6
"""Seconds until a message that failed is given up: longer than a cold start on a busy machine."""


@contextmanager
def impatient(cloud: Cloud, queue: str) -> Iterator[None]:
    """Have a queue give a message up after the first time, not after five of minutes each."""
    sqs = cloud.client("sqs")
    names = ["VisibilityTimeout", "RedrivePolicy"]
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    policy = json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 1}
    hasty = {"VisibilityTimeout": str(HASTE), "RedrivePolicy": json.dumps(policy)}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=hasty)
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)


@contextmanager
def broken(cloud: Cloud, function: str) -> Iterator[None]:
    """Have a function look for a table that is not there."""
    lambda_ = cloud.client("lambda")
    settings = lambda_.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    wrong = settings | {"REGISTRATIONS_TABLE": "gone"}
    lambda_.update_function_configuration(FunctionName=function, Environment={"Variables": wrong})
    try:
        yield
    finally:
        lambda_.update_function_configuration(
            FunctionName=function, Environment={"Variables": settings}
        )


@pytest.fixture
def resources(cloud: Cloud) -> Resources:
    return Resources.read(cloud, STACK)


def waiting(cloud: Cloud, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    return sum(map(int, found["Attributes"].values()))


def is_idle(cloud: Cloud, queue: str) -> bool:
    return bool(wait_for(lambda: not waiting(cloud, queue), within=PATIENCE))


def listed(engage: Engage) -> int:
    queues = {one["name"]: one["letters"] for one in engage.run("dlq", "ls")["queues"]}
    return int(queues[ENDS_IN])


def verdict(engage: Engage, *, exit_code: int) -> str:
    findings = engage.run("doctor", exit_code=exit_code)["findings"]
    (found,) = [one for one in findings if one["name"] == "dead letters"]
    return str(found["verdict"])


def test_a_full_dead_letter_queue_is_told_and_emptied(
    engage: Engage,
    stack: dict[str, Any],
    cloud: Cloud,
    http: httpx.Client,
    resources: Resources,
) -> None:
    queue = resources.ids["RegistrationsAudience"]
    end = resources.ids[f"{ENDS_IN}DeadLetters"]

    # A function that changes while it works never answers, and the emulator waits for it.
    assert is_idle(cloud, queue)
    with impatient(cloud, queue), broken(cloud, stack["functions"]["project_audience"]):
        register(http, stack["app_id"])
        assert wait_for(lambda: waiting(cloud, end), within=PATIENCE)
        assert is_idle(cloud, queue)

    assert verdict(engage, exit_code=1) == "bad"
    count = listed(engage)
    (first, *_) = engage.run("dlq", "peek", ENDS_IN)["letters"]
    assert (first["kind"], first["of"]) == ("job", "RegistrationsAudience")
    assert first["about"]["type"].endswith(".v1")
    planned = engage.run("dlq", "redrive", ENDS_IN, "--dry-run")
    assert [(one["way"], one["letters"]) for one in planned["letters"]] == [("send", count)]
    engage.run("dlq", "redrive", ENDS_IN)

    assert is_idle(cloud, queue), "it was handled"
    assert listed(engage) == 0
