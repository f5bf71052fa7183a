"""A stack of this project, named after the deployment's stage."""

from aws_cdk import Stack
from constructs import Construct

from infra.context import Context


class EngageStack(Stack):
    """A stack whose name ends with context ``stage``, so that an account can hold several."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        description: str,
        termination_protection: bool = False,
    ) -> None:
        stage = Context.of(scope).stage
        super().__init__(
            scope,
            id_,
            stack_name=f"{id_}-{stage}" if stage else id_,
            description=description,
            termination_protection=termination_protection,
        )
