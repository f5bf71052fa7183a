"""Functions that have no address: operators call them by their names, here or on AWS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from infra.local.errors import LocalStackError
from infra.local.stack import Stack

PATIENCE_SECONDS = 900
"""As long as a function may work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """A function of one deployment, asked about one app; ``client`` is boto3's of Lambda."""

    client: Any
    function: str
    app_id: str

    def ask(self, what: str, **asked: Any) -> dict[str, Any]:
        """Have the function do one thing for the app, and return its answer.

        Raises:
            LocalStackError: it failed, or refused.
        """
        payload = {what: {"app_id": self.app_id, **asked}}
        answer = self.client.invoke(
            FunctionName=self.function, Payload=json.dumps(payload).encode()
        )
        said = json.loads(answer["Payload"].read() or "null")
        if "FunctionError" in answer:
            raise LocalStackError(f"{self.function} failed: {said}", fix="Its log says why.")
        if refused := said.get("refused"):
            raise LocalStackError(refused["detail"], fix=f"The refusal is {refused['code']}.")
        return dict(said)


def callee(stack: Stack, package: str, *, function: str | None, app_id: str | None) -> Callee:
    """Return a function by its folder's name on the local stack, or by its own name on AWS.

    Raises:
        LocalStackError: the local stack is not up, or no app was named for AWS.
    """
    if function is not None:
        if app_id is None:
            raise LocalStackError("Of which app?", fix="Add --app, such as --app app_01J....")
        config = Config(read_timeout=PATIENCE_SECONDS, retries={"total_max_attempts": 1})
        return Callee(
            client=boto3.client("lambda", config=config), function=function, app_id=app_id
        )
    cloud, facts = stack.emulator.cloud(), _facts(stack)
    if cloud is None or not facts:
        raise LocalStackError(
            "The stack is not up.", fix="Run `engage up`, or say --function and --app."
        )
    return Callee(
        client=cloud.client("lambda"),
        function=cloud.functions()[package],
        app_id=app_id or facts["app_id"],
    )


def _facts(stack: Stack) -> Mapping[str, Any]:
    found: Mapping[str, Any] = stack.folder.notes().get("facts", {})
    return found
