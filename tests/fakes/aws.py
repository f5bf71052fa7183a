"""Those parts of AWS that DynamoDB Local lacks, on the wire: secrets, bus, queue, keys, objects.

The code under test speaks to it through its own botocore clients; nothing is patched.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import Any

from typing_extensions import override

from tests.fakes.objects import ObjectsHandler


@dataclass
class Aws:
    """What the fake holds, and what it was told."""

    url: str = ""
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=lambda: {"keys": []})
    published: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    """S3's objects, by ``/<bucket>/<key>``."""
    failing_entries: set[int] = field(default_factory=set)
    """Places in the next call of PutEvents that are refused."""

    def get_secret_value(self, asked: dict[str, Any]) -> dict[str, Any]:
        value = self.secrets[asked["SecretId"]]
        return {"ARN": asked["SecretId"], "SecretString": json.dumps(value)}

    def put_events(self, asked: dict[str, Any]) -> dict[str, Any]:
        failing, self.failing_entries = self.failing_entries, set()
        answers = []
        for place, entry in enumerate(asked["Entries"]):
            if place in failing:
                answers.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"})
            else:
                self.published.append({**entry, "Detail": json.loads(entry["Detail"])})
                answers.append({"EventId": str(len(self.published))})
        return {"FailedEntryCount": len(failing & set(range(len(answers)))), "Entries": answers}

    def send_message(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.jobs.append({**asked, "MessageBody": json.loads(asked["MessageBody"])})
        return {"MessageId": str(len(self.jobs)), "MD5OfMessageBody": ""}


@contextmanager
def running_aws() -> Iterator[Aws]:
    """Serve the fake on a free port of the loopback."""
    aws = Aws()
    answers = {
        "secretsmanager.GetSecretValue": aws.get_secret_value,
        "AWSEvents.PutEvents": aws.put_events,
        "AmazonSQS.SendMessage": aws.send_message,
    }

    class Handler(ObjectsHandler):
        protocol_version = "HTTP/1.1"

        @override
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                answer = answers[self.headers["X-Amz-Target"]](json.loads(body))
            except KeyError as error:
                self._reply(400, {"__type": "ResourceNotFoundException", "message": str(error)})
            else:
                self._reply(200, answer)

        objects = aws.objects

        @override
        def do_GET(self) -> None:
            if self.is_about_objects():
                super().do_GET()
            else:
                self._reply(200, aws.keys)

        def _reply(self, status: int, value: dict[str, Any]) -> None:
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    aws.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield aws
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
