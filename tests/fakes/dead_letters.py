"""SQS, Lambda and CloudFormation, as far as dead letters need them: what is taken is hidden."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError

ACCOUNT = "eu-west-1:111122223333"
HASH = "0A1B2C3D"
SENT = 1_795_500_000_000
"""When letters were sent, in milliseconds since 1970."""


def physical(name: str) -> str:
    """Return AWS's name of a resource of the stack."""
    return f"EngageService-{name}{HASH}-x1Y2z3"


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:{ACCOUNT}:{physical(name)}"


def function_arn(name: str) -> str:
    return f"arn:aws:lambda:{ACCOUNT}:function:{physical(name)}"


def queue_url(name: str) -> str:
    return f"https://sqs.eu-west-1.amazonaws.com/111122223333/{physical(name)}"


@dataclass
class DeployedQueues:
    """A stack of queues and functions; what was taken stays hidden until it is let go."""

    names: tuple[str, ...]
    functions: tuple[str, ...] = ()
    logs: dict[str, list[str]] = field(default_factory=dict)
    held: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    invoked: list[tuple[str, str, Any]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    """Queues and functions that refuse what they are sent."""
    ringing: list[str] = field(default_factory=list)

    def put(
        self,
        name: str,
        body: Any,
        *,
        source: str | None = None,
        attributes: dict[str, str] | None = None,
    ) -> str:
        """Put a letter into a queue, and return its id."""
        number = sum(map(len, self.held.values())) + 1
        system = {"SentTimestamp": str(SENT + number), "ApproximateReceiveCount": "6"}
        if source:
            system["DeadLetterQueueSourceArn"] = queue_arn(source)
        message = {
            "MessageId": f"letter-{number}",
            "ReceiptHandle": f"receipt-{number}",
            "Body": body if isinstance(body, str) else json.dumps(body),
            "Attributes": system,
            "MessageAttributes": {
                key: {"DataType": "String", "StringValue": value}
                for key, value in (attributes or {}).items()
            },
        }
        self.held.setdefault(queue_url(name), []).append(message)
        return str(message["MessageId"])

    def in_queue(self, name: str) -> list[Any]:
        """Return what anybody may take from a queue now."""
        found = self.held.get(queue_url(name), [])
        return [json.loads(one["Body"]) for one in found if one["ReceiptHandle"] not in self.hidden]

    def client(self, service: str, **_: Any) -> Any:
        assert service in {"sqs", "lambda", "cloudformation", "cloudwatch", "logs"}
        return self

    def get_paginator(self, operation: str) -> "Pages":
        return Pages(getattr(self, operation))

    def list_stack_resources(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        if StackName != "EngageService":
            raise _refused("ValidationError")
        ids = {name: queue_url(name) for name in self.names}
        ids |= {name: physical(name) for name in (*self.functions, *self.logs)}
        return {
            "StackResourceSummaries": [
                {"LogicalResourceId": f"{name}{HASH}", "PhysicalResourceId": id_}
                for name, id_ in ids.items()
            ]
        }

    def get_queue_attributes(self, *, QueueUrl: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        count = len(self.held.get(QueueUrl, []))
        return {"Attributes": {"ApproximateNumberOfMessages": str(count)}}

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:  # noqa: N803
        (found,) = [url for url in map(queue_url, self.names) if url.endswith(f"/{QueueName}")]
        return {"QueueUrl": found}

    def receive_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        MaxNumberOfMessages: int,  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        assert MaxNumberOfMessages <= 10
        seen = [
            one for one in self.held.get(QueueUrl, []) if one["ReceiptHandle"] not in self.hidden
        ]
        taken = seen[:MaxNumberOfMessages]
        self.hidden |= {one["ReceiptHandle"] for one in taken}
        return {"Messages": taken} if taken else {}

    def change_message_visibility_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        Entries: list[dict[str, Any]],  # noqa: N803
    ) -> None:
        assert QueueUrl in self.held
        assert len(Entries) <= 10
        self.hidden -= {one["ReceiptHandle"] for one in Entries if not one["VisibilityTimeout"]}

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803
        (name,) = [name for name in self.names if queue_url(name) == QueueUrl]
        if name in self.refuses:
            raise _refused("KmsThrottled")
        self.put(name, MessageBody)

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        self.held[QueueUrl] = [
            one for one in self.held[QueueUrl] if one["ReceiptHandle"] != ReceiptHandle
        ]
        self.hidden.discard(ReceiptHandle)

    def invoke(
        self,
        *,
        FunctionName: str,  # noqa: N803
        Payload: bytes,  # noqa: N803
        InvocationType: str = "RequestResponse",  # noqa: N803
    ) -> dict[str, Any]:
        self.invoked.append((FunctionName, InvocationType, json.loads(Payload)))
        if FunctionName in self.refuses:
            raise _refused("TooManyRequestsException")
        answer = json.dumps(self.answers.get(FunctionName))
        return {"Payload": BytesIO(answer.encode())}

    def describe_alarms(self, **asked: Any) -> dict[str, Any]:
        assert asked == {"AlarmNamePrefix": "Engage", "StateValue": "ALARM"}
        return {"MetricAlarms": [{"AlarmName": name} for name in self.ringing]}

    def filter_log_events(self, *, logGroupName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        (lines,) = [self.logs[name] for name in self.logs if physical(name) == logGroupName]
        return {"events": [{"message": line, "timestamp": SENT} for line in lines]}


@dataclass
class Pages:
    """One page of whatever is asked."""

    operation: Any

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        yield self.operation(**asked)


def _refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")
