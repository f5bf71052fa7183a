"""What watches over the others, in types of resources that the emulator does not know."""

from aws_cdk import Duration
from aws_cdk.aws_events import Archive, EventPattern
from constructs import Construct

from infra.context import Context
from infra.platform.costs import CostAlerts
from infra.platform.dashboard import EngageDashboard
from infra.platform.stack import EngageStack
from infra.platform.watch import watch_over
from infra.stacks.data import EngageData
from infra.stacks.gateway import EngageGateway
from infra.stacks.service import EngageService


class EngageOps(EngageStack):
    """The bus's archive, the dashboard, alarms on more than one part, and those on costs.

    From the archive, events can be replayed to a consumer that was wrong or is new.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        data: EngageData,
        service: EngageService,
        gateway: EngageGateway,
    ) -> None:
        super().__init__(scope, id_, description="Engage: archive of the bus, dashboard, alarms.")
        Archive(
            self,
            "Archive",
            source_event_bus=data.bus,
            # Version 0 is all that EventBridge sends.
            event_pattern=EventPattern(version=["0"]),
            retention=Duration.days(Context.of(self).archive_days),
        )
        EngageDashboard(self, "Dashboard", data=data, service=service, api=gateway.api)
        watch_over(self, data=data, api=gateway.api)
        if Context.of(self).cost_alerts:
            CostAlerts(self, "Costs")
