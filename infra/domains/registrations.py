"""Deploys registrations: apps, devices, contacts, segments, and what contacts leave to settle."""

from aws_cdk import Duration
from aws_cdk.aws_events import Rule, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from infra.platform.bus import Subscription
from infra.platform.function import ApiFunction, EngageFunction
from infra.platform.nag import accept
from infra.platform.queue import EngageDeadLetters, EngageQueue
from infra.stacks.data import EngageData


class Registrations(Construct):
    """The API over the registrations table, ``settle_contacts`` and ``project_audience``.

    Attributes:
        api: answers the routes of the domain.
        settler: erases who asked for it, and completes what was left half done.
    """

    def __init__(self, scope: Construct, id_: str, *, data: EngageData) -> None:
        super().__init__(scope, id_)
        tables = {
            "REGISTRATIONS_TABLE": data.registrations.table_name,
            "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
            "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
            "PUSH_TABLE": data.push.table_name,
        }
        self.api = ApiFunction(self, "Api", package="registrations_api", environment=tables)
        data.doors.open_to(self.api)
        data.doors.show_encryption_key(self.api)
        data.registrations.allow_reading(self.api, index="anonymous")
        data.registrations.allow_writing(self.api)
        # An export reads what the other domains keep about a person.
        data.contact_events.allow(self.api, "PutItem", "Query")
        data.push.allow(self.api, "BatchGetItem")
        # Who is merged is contacted as strictly as the stricter of the two, at once.
        data.contact_policy.allow(self.api, "Query", "BatchGetItem", "PutItem")

        patience = Duration.minutes(5)
        dead_letters = EngageDeadLetters(self, "SettlerDeadLetters")
        queue = EngageQueue(self, "Erasures", timeout=patience, dead_letters=dead_letters)
        Subscription(
            self,
            "ErasureRequested",
            bus=data.bus,
            detail_types=["contact.erasure_requested.v1"],
            queue=queue,
            dead_letters=dead_letters,
        )
        self.settler = EngageFunction(
            self,
            "Settler",
            package="settle_contacts",
            environment=tables,
            timeout=patience,
            on_failure=dead_letters,
        )
        data.doors.show_identifier_key(self.settler)
        data.doors.show_encryption_key(self.settler)
        data.registrations.allow_reading(self.settler, index="anonymous")
        data.registrations.allow_writing(self.settler)
        data.contact_events.allow(self.settler, "PutItem", "Query", "BatchWriteItem")
        data.push.allow(self.settler, "BatchGetItem", "UpdateItem", "DeleteItem")
        data.contact_policy.allow(
            self.settler, "Query", "BatchGetItem", "PutItem", "DeleteItem", "BatchWriteItem"
        )
        self.settler.add_event_source(
            SqsEventSource(queue, batch_size=1, report_batch_item_failures=True)
        )
        accept(
            self.settler,
            "Serverless-LambdaEventSourceMappingDestination",
            because="A queue has no such destination: its redrive policy is the way out.",
        )
        self._sweep(dead_letters)
        self._project(data)

    def _project(self, data: EngageData) -> None:
        """Let ``project_audience`` hear all events about contacts: it knows what segments ask."""
        patience = Duration.minutes(1)
        dead_letters = EngageDeadLetters(self, "ProjectorDeadLetters")
        queue = EngageQueue(self, "Audience", timeout=patience, dead_letters=dead_letters)
        Subscription(
            self,
            "ContactTold",
            bus=data.bus,
            about="contact",
            queue=queue,
            dead_letters=dead_letters,
        )
        projector = EngageFunction(
            self,
            "Projector",
            package="project_audience",
            environment={
                "REGISTRATIONS_TABLE": data.registrations.table_name,
                "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
                "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
            },
            timeout=patience,
        )
        data.registrations.allow_reading(projector, index="anonymous")
        # A copy is an update of one attribute; what happened is put unless somebody was erased.
        data.registrations.allow(projector, "PutItem", "UpdateItem", "ConditionCheckItem")
        data.contact_policy.allow(projector, "Query")
        projector.add_event_source(
            SqsEventSource(
                queue,
                # Most events are passed over: a campaign's are many, and come together.
                batch_size=100,
                max_batching_window=Duration.seconds(2),
                report_batch_item_failures=True,
            )
        )
        accept(
            projector,
            "Serverless-LambdaEventSourceMappingDestination",
            because="A queue has no such destination: its redrive policy is the way out.",
        )

    def _sweep(self, dead_letters: EngageDeadLetters) -> None:
        """Let the settler complete, every five minutes, what a crash or a wait left open."""
        rule = Rule(self, "Sweep", schedule=Schedule.rate(Duration.minutes(5)))
        rule.add_target(
            LambdaFunction(
                self.settler,
                dead_letter_queue=dead_letters,
                max_event_age=Duration.minutes(15),
                retry_attempts=2,
            )
        )
