"""Deploys push: the API that accepts messages, and the sender behind a queue."""

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk.aws_events import Match
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from infra.context import Context
from infra.platform.alarms import EngageAlarm
from infra.platform.bus import Subscription
from infra.platform.function import ApiFunction, EngageFunction
from infra.platform.nag import accept
from infra.platform.queue import EngageDeadLetters, EngageQueue
from infra.stacks.data import EngageData

UNMARKED = (
    "message.queued.v1",
    "message.sent.v1",
    "message.failed.v1",
    "message.expired.v1",
    "message.unconfirmed.v1",
    "message.suppressed.v1",
)
"""Events that are no result: the most of all, and the books have them."""


class Push(Construct):
    """The push API, ``send_push``, which gives each queued message to FCM, and ``fold_results``.

    Attributes:
        api: answers the routes of the domain.
        queue: what is to be sent; a message of it is one event of the bus.
    """

    def __init__(self, scope: Construct, id_: str, *, data: EngageData) -> None:
        super().__init__(scope, id_)
        tables = {
            "REGISTRATIONS_TABLE": data.registrations.table_name,
            "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
            "PUSH_TABLE": data.push.table_name,
        }
        self.api = ApiFunction(self, "Api", package="push_api", environment=tables)
        data.doors.open_to(self.api)
        data.push.allow_reading(self.api)
        data.push.allow_writing(self.api)
        data.registrations.allow_reading(self.api, index="anonymous")
        # What marketers do is kept there.
        data.registrations.allow(self.api, "PutItem")
        data.contact_events.allow(self.api, "PutItem", "GetItem", "Query")

        patience = Duration.minutes(2)
        dead_letters = EngageDeadLetters(self, "DeadLetters")
        self.queue = EngageQueue(self, "Queue", timeout=patience, dead_letters=dead_letters)
        Subscription(
            self,
            "Queued",
            bus=data.bus,
            detail_types=["message.queued.v1"],
            queue=self.queue,
            dead_letters=dead_letters,
        )

        sender = EngageFunction(
            self,
            "Sender",
            package="send_push",
            environment={
                **tables,
                "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
                "PUSH_QUEUE_URL": self.queue.queue_url,
            },
            layers=("core", "push"),
            timeout=patience,
        )
        sender.add_event_source(
            SqsEventSource(
                self.queue,
                batch_size=1,
                report_batch_item_failures=True,
                max_concurrency=Context.of(self).push_concurrency,
            )
        )
        accept(
            sender,
            "Serverless-LambdaEventSourceMappingDestination",
            because="A queue has no such destination: its redrive policy is the way out.",
        )
        data.push.allow_reading(sender)
        data.push.allow_writing(sender)
        # Nobody is sent anything without a reservation; what must wait is put off.
        data.contact_policy.allow_reading(sender)
        data.contact_policy.allow(sender, "PutItem")
        data.registrations.allow_reading(sender)
        data.registrations.allow_writing(sender)
        # What a campaign's person was told before is looked up before they are counted no more.
        data.contact_events.allow(sender, "PutItem", "GetItem", "BatchGetItem", "Query")
        # What must wait, for FCM's quota say, goes back to the queue with a delay.
        sender.allow("sqs:SendMessage", on=[self.queue.queue_arn])
        self._show_credentials(sender)
        self._fold(data, dead_letters)
        EngageAlarm(
            self,
            "Backlog",
            metric=self.queue.metric_approximate_age_of_oldest_message(
                period=Duration.minutes(5), statistic="Maximum"
            ),
            above=Duration.minutes(15).to_seconds(),
            meaning=(
                "A push waits for more than 15 minutes. FCM refuses (see the log of send_push), or"
                " context push_concurrency is too low."
            ),
        )

    def _fold(self, data: EngageData, dead_letters: EngageDeadLetters) -> None:
        """Mark what follows on messages; what a campaign is for may be any other event."""
        patience = Duration.minutes(1)
        queue = EngageQueue(self, "Results", timeout=patience, dead_letters=dead_letters)
        Subscription(
            self,
            "Happened",
            bus=data.bus,
            detail_types=Match.anything_but(*UNMARKED),
            queue=queue,
            dead_letters=dead_letters,
        )
        folder = EngageFunction(
            self,
            "Folder",
            package="fold_results",
            environment={
                "REGISTRATIONS_TABLE": data.registrations.table_name,
                "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
                "PUSH_TABLE": data.push.table_name,
            },
            timeout=patience,
        )
        # Marks of one chunk that come together are one write.
        folder.add_event_source(
            SqsEventSource(queue, batch_size=100, max_batching_window=Duration.seconds(1))
        )
        accept(
            folder,
            "Serverless-LambdaEventSourceMappingDestination",
            because="A queue has no such destination: its redrive policy is the way out.",
        )
        data.push.allow(folder, "Query", "PutItem", "UpdateItem")
        data.contact_events.allow(folder, "Query")
        data.registrations.allow(folder, "GetItem", "BatchGetItem", "Query")

    def _show_credentials(self, sender: EngageFunction) -> None:
        """Let the sender read FCM's credentials: an app names one of the secrets engage/fcm/*."""
        credentials = Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name="engage/fcm/*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        sender.allow("secretsmanager:GetSecretValue", on=[credentials])
        accept(
            self,
            "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>"
            ":<AWS::AccountId>:secret:engage/fcm/*]",
            because="Each app brings its own Firebase project, so its secret is made later.",
        )
