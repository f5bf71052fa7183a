"""What a phone and a test's consumer do, in a few words."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx

from infra.local.aws import Cloud

PATIENCE = 40
"""Seconds: streams, queues and cold starts of an emulator on a busy machine."""


def register(http: httpx.Client, app_id: str, device_id: str | None = None) -> dict[str, Any]:
    """Register a fresh phone, and return the API's answer."""
    device_id = device_id or f"phone-{uuid4().hex[:16]}"
    answer = http.put(
        f"/v1/apps/{app_id}/devices/{device_id}",
        json={
            "platform": "android",
            "address": {"kind": "fid", "value": f"fid-of-{device_id}"},
            "client_seq": 1,
        },
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def an_app(http: httpx.Client, stack: dict[str, Any], **said: Any) -> str:
    """Make an app that sends by the stack's FCM, and return its id.

    Who changes the rules of the stack's own app changes them for the tests that follow.
    """
    headers = {"Authorization": f"Bearer {stack['role_tokens']['admin']}"}
    own = http.get(f"/v1/apps/{stack['app_id']}", headers=headers).json()
    body = {"name": f"Shop {uuid4().hex[:6]}", "org": "com.example", "platforms": ["android"]}
    made = http.post("/v1/apps", json={**body, "fcm": own["fcm"], **said}, headers=headers)
    assert made.status_code == 201, made.text
    return str(made.json()["app_id"])


def register_many(http: httpx.Client, app_id: str, count: int) -> list[dict[str, Any]]:
    """Register fresh phones, a few at a time."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda _: register(http, app_id), range(count)))


class Consumer:
    """A queue of ours behind the bus."""

    def __init__(self, cloud: Cloud, url: str) -> None:
        self._sqs = cloud.client("sqs")
        self._url = url

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the CloudEvents that have come, each one once."""
        while True:
            got = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            ).get("Messages", [])
            for message in got:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                yield json.loads(message["Body"])["detail"]
            if not got:
                return


@contextmanager
def consumer(cloud: Cloud, *, bus: str, detail_type: str) -> Iterator[Consumer]:
    """Subscribe a queue to a type of event on the bus, while the context lasts."""
    name = f"consumer-{uuid4().hex[:8]}"
    sqs, events = cloud.client("sqs"), cloud.client("events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    pattern = json.dumps({"source": ["engage"], "detail-type": [detail_type]})
    events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    try:
        yield Consumer(cloud, url)
    finally:
        events.remove_targets(Rule=name, EventBusName=bus, Ids=["queue"])
        events.delete_rule(Name=name, EventBusName=bus)
        sqs.delete_queue(QueueUrl=url)
