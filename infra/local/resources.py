"""What a stack of a deployment consists of: the template's names, and what AWS calls them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from infra.local.errors import LocalStackError

STACK = "EngageService"
"""The stack that has the functions and queues, where no stage is said."""

_HASHED = re.compile(r"(?P<name>.+?)[0-9A-F]{8}")


class Clients(Protocol):
    """AWS: boto3's clients of one account and region."""

    def client(self, service: str) -> Any:
        """Return the client of a service, for example ``sqs``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """A stack's resources.

    Attributes:
        ids: AWS's id, by the template's name without its hash: of a queue its URL.
        names: the template's name, by the last part of AWS's id.
    """

    ids: Mapping[str, str]
    names: Mapping[str, str]

    @classmethod
    def read(cls, clients: Clients, stack: str) -> "Resources":
        """Return those of a stack.

        Raises:
            LocalStackError: there is no such stack, or it may not be read.
        """
        pages = clients.client("cloudformation").get_paginator("list_stack_resources")
        try:
            ids = {
                _plain(one["LogicalResourceId"]): one["PhysicalResourceId"]
                for page in pages.paginate(StackName=stack)
                for one in page["StackResourceSummaries"]
                if one.get("PhysicalResourceId")
            }
        except ClientError as error:
            raise LocalStackError(
                f"The stack {stack} cannot be read: {error}",
                fix="Name it by --stack, such as EngageService-prod, and see --region.",
            ) from error
        return cls(ids=ids, names={id_.rpartition("/")[2]: name for name, id_ in ids.items()})

    def id_of(self, name: str) -> str:
        """Return AWS's id of a resource, by the template's name.

        Raises:
            LocalStackError: the stack has none of that name.
        """
        if found := self.ids.get(name):
            return found
        raise LocalStackError(
            f"The stack has no {name}.", fix=f"Name the stack of functions, such as {STACK}-prod."
        )

    def name_of(self, arn: str) -> str:
        """Return the template's name of the queue or function with an ARN; else AWS's name."""
        parts = arn.split(":")
        # A function's ARN may end with its version or alias.
        physical = parts[6] if parts[2:3] == ["lambda"] else parts[-1]
        return self.names.get(physical, physical)


def _plain(id_: str) -> str:
    match = _HASHED.fullmatch(id_)
    return match["name"] if match else id_
