"""Which deployment a command looks at: the local stack, or one on AWS with the shell's rights."""

from dataclasses import dataclass
from typing import Annotated, Any

import boto3
import typer
from botocore.config import Config

from infra.local.errors import LocalStackError
from infra.local.functions import PATIENCE_SECONDS
from infra.local.resources import STACK, Clients
from infra.local.stack import Stack

OnAws = Annotated[
    str | None,
    typer.Option("--stack", help="The stack on AWS, such as EngageService-prod. Unset: this one."),
]
Profile = Annotated[str | None, typer.Option(help="The profile of AWS; implies --stack.")]
Region = Annotated[str | None, typer.Option(help="The region of AWS; implies --stack.")]


@dataclass(frozen=True, slots=True)
class Account:
    """AWS, as the shell's credentials or a profile see it."""

    session: boto3.Session

    def client(self, service: str) -> Any:
        """Return boto3's client of a service."""
        # An audit of many hours takes as long as its function may.
        config = Config(read_timeout=PATIENCE_SECONDS)
        return self.session.client(service, config=config)  # type: ignore[call-overload] # any service


def clients_of(
    context: typer.Context, stack: str | None, profile: str | None, region: str | None
) -> tuple[Clients, str]:
    """Return AWS, the local one unless something of another was said, and the stack there.

    Raises:
        LocalStackError: the local stack is not up.
    """
    if stack or profile or region:
        session = boto3.Session(profile_name=profile, region_name=region)
        return Account(session), stack or STACK
    here: Stack = context.obj
    cloud = here.emulator.cloud()
    if cloud is None:
        raise LocalStackError(
            "The stack is not up.", fix="Run `engage up`, or say --stack for one on AWS."
        )
    return cloud, STACK
