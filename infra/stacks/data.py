"""What must survive: tables, the ledger's bus, the keys and the people behind the doors."""

from aws_cdk import CfnOutput, Duration
from aws_cdk.aws_dynamodb import StreamViewType
from constructs import Construct

from infra.context import Context
from infra.platform.bucket import EngageBucket
from infra.platform.bus import EngageBus
from infra.platform.doors import Doors
from infra.platform.stack import EngageStack
from infra.platform.table import EngageTable, keys_index


class EngageData(EngageStack):
    """The state of a deployment.

    Attributes:
        registrations: apps, grants, devices, contacts.
        contact_events: the ledger; its stream feeds the bus.
        contact_policy: policies, what reached people, what they said.
        push: messages and their deliveries.
        coupons: coupons, codes, claims, what was drawn and redeemed.
        placements: what is booked for slots, budgets, each person's state for ads.
        files: uploads and what comes of them, for two weeks.
        code_files: coupon codes as they were made, for a week: they are nowhere else.
        snapshots: what decisions about ads are made from, for as long as they can be explained.
        decisions: what was decided, for two weeks.
        archive: what was recorded, for good.
        bus: contact events for whoever subscribes.
        doors: who may come in.
    """

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(
            scope,
            id_,
            description="Engage: tables, bus, keys and users.",
            termination_protection=Context.of(scope).deletion_protection,
        )
        self.registrations = EngageTable(
            self, "Registrations", indexes=(keys_index("anonymous", partition_key="anonymous"),)
        )
        self.contact_events = EngageTable(
            self,
            "ContactEvents",
            indexes=(keys_index("time", partition_key="hour", sort_key="sequence"),),
            stream=StreamViewType.NEW_IMAGE,
        )
        self.contact_policy = EngageTable(self, "ContactPolicy")
        self.push = EngageTable(self, "Push")
        self.coupons = EngageTable(
            self, "Coupons", warm_writes=Context.of(self).coupons_warm_writes
        )
        self.placements = EngageTable(self, "Placements")
        self.files = EngageBucket(self, "Files", kept=Duration.days(14))
        self.code_files = EngageBucket(self, "CodeFiles", kept=Duration.days(7))
        self.snapshots = EngageBucket(self, "Snapshots", kept=Duration.days(45))
        self.decisions = EngageBucket(self, "Decisions", kept=Duration.days(14))
        self.archive = EngageBucket(self, "Archive", kept=None)
        self.bus = EngageBus(self, "Bus")
        self.doors = Doors(self, "Doors")

        CfnOutput(self, "RegistrationsTable", value=self.registrations.table_name)
        CfnOutput(self, "ContactEventsTable", value=self.contact_events.table_name)
        CfnOutput(self, "ContactPolicyTable", value=self.contact_policy.table_name)
        CfnOutput(self, "PushTable", value=self.push.table_name)
        CfnOutput(self, "CouponsTable", value=self.coupons.table_name)
        CfnOutput(self, "PlacementsTable", value=self.placements.table_name)
        CfnOutput(self, "FilesBucket", value=self.files.bucket_name)
        CfnOutput(self, "CodeFilesBucket", value=self.code_files.bucket_name)
        CfnOutput(self, "ArchiveBucket", value=self.archive.bucket_name)
        CfnOutput(self, "EventBus", value=self.bus.event_bus_name)
        CfnOutput(self, "IdentifierKey", value=self.doors.identifier_key)
        CfnOutput(self, "EncryptionKey", value=self.doors.encryption_key)
        CfnOutput(self, "UserPoolId", value=self.doors.pool.user_pool_id)
        CfnOutput(self, "UserPoolClientId", value=self.doors.client.user_pool_client_id)
