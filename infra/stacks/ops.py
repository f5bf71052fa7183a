"""What watches over both, in types of resources that the emulator does not know."""

from aws_cdk import Duration
from aws_cdk.aws_events import Archive, EventPattern
from constructs import Construct

from infra.context import Context
from infra.platform.stack import EngageStack
from infra.stacks.data import EngageData


class EngageOps(EngageStack):
    """The bus's archive: events can be replayed to a consumer that was wrong or is new."""

    def __init__(self, scope: Construct, id_: str, *, data: EngageData) -> None:
        super().__init__(scope, id_, description="Engage: archive of the bus.")
        Archive(
            self,
            "Archive",
            source_event_bus=data.bus,
            # Version 0 is all that EventBridge sends.
            event_pattern=EventPattern(version=["0"]),
            retention=Duration.days(Context.of(self).archive_days),
        )
