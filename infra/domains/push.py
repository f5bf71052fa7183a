"""Deploys push: the API, the sender behind a queue, and the planner and releaser of campaigns."""

from collections.abc import Mapping

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk.aws_events import Match, Rule, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from constructs import Construct

from infra.context import Context
from infra.platform.alarms import EngageAlarm
from infra.platform.bus import Subscription
from infra.platform.function import ApiFunction, EngageFunction
from infra.platform.metrics import counted
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


PLANNERS = 16
"""Shards of audiences that are planned at once, at most."""


class Push(Construct):
    """The push API, the sender, and those who plan campaigns and take them on.

    ``send_push`` gives each queued message to FCM. ``plan_campaign`` makes chunks of an audience,
    ``advance_campaigns`` releases them at their time.

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
        policy = {"CONTACT_POLICY_TABLE": data.contact_policy.table_name}
        self.api = ApiFunction(self, "Api", package="push_api", environment={**tables, **policy})
        data.doors.open_to(self.api)
        data.push.allow_reading(self.api)
        data.push.allow_writing(self.api)
        data.registrations.allow_reading(self.api, index="anonymous")
        # What marketers do is kept there.
        data.registrations.allow(self.api, "PutItem")
        data.contact_events.allow(self.api, "PutItem", "GetItem", "Query")
        # A device reports on several messages at once.
        data.contact_events.allow_batches(self.api, "Insert")

        patience = Duration.minutes(2)
        # To explain: what the policy would answer, and what is known of whom it asks about.
        data.contact_policy.allow_reading(self.api)
        # Nobody gets a message into their inbox without a reservation.
        data.contact_policy.allow(self.api, "PutItem")
        data.contact_policy.allow_batches(self.api, "Insert", "Update")
        dead_letters = EngageDeadLetters(self, "DeadLetters")
        self.queue = EngageQueue(self, "Queue", timeout=patience, dead_letters=dead_letters)
        self._campaigns(data, tables, dead_letters)
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
                **policy,
                "PUSH_QUEUE_URL": self.queue.queue_url,
            },
            layers=("core", "push"),
            timeout=patience,
        )
        sender.work_off(self.queue, at_once=Context.of(self).push_concurrency)
        sender.may_call_itself()
        data.push.allow_reading(sender)
        data.push.allow_writing(sender)
        # Copies in inboxes, of a slice at once.
        data.push.allow_batches(sender, "Insert")
        # Nobody is sent anything without a reservation; what must wait is put off.
        data.contact_policy.allow_reading(sender)
        data.contact_policy.allow(sender, "PutItem")
        data.contact_policy.allow_batches(sender, "Insert", "Update")
        # Where an address is dead, the person's other devices are looked up, anonymous ones too.
        data.registrations.allow_reading(sender, index="anonymous")
        data.registrations.allow_writing(sender)
        # What a campaign's person was told before is looked up before they are counted no more.
        data.contact_events.allow(sender, "PutItem", "GetItem", "BatchGetItem", "Query")
        data.contact_events.allow_batches(sender, "Insert")
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
            runbook="push.md#a-push-waits",
        )

    def _campaigns(
        self, data: EngageData, tables: Mapping[str, str], dead_letters: EngageDeadLetters
    ) -> None:
        """Deploy the planner of campaigns, and who takes them on each minute."""
        patience = Duration.minutes(5)
        plan = EngageQueue(self, "PlanQueue", timeout=patience, dead_letters=dead_letters)
        advance = EngageQueue(self, "AdvanceQueue", timeout=patience, dead_letters=dead_letters)
        queues = {
            "PLAN_QUEUE_URL": plan.queue_url,
            "ADVANCE_QUEUE_URL": advance.queue_url,
            "PUSH_QUEUE_URL": self.queue.queue_url,
        }
        self.api.add_environment("ADVANCE_QUEUE_URL", advance.queue_url)
        self.api.allow("sqs:SendMessage", on=[advance.queue_arn])

        planner = EngageFunction(
            self,
            "Planner",
            package="plan_campaign",
            environment={**tables, **queues},
            timeout=patience,
        )
        # A page of devices, the version of the segment, the run; then chunks, while it is wanted.
        data.registrations.allow(planner, "Query", "GetItem")
        data.push.allow(planner, "GetItem", "Query", "PutItem", "ConditionCheckItem")
        planner.allow("sqs:SendMessage", on=[plan.queue_arn, advance.queue_arn])
        planner.work_off(plan, at_once=PLANNERS)
        planner.may_call_itself()

        advancer = EngageFunction(
            self,
            "Advancer",
            package="advance_campaigns",
            environment={**tables, **queues},
            timeout=patience,
        )
        data.registrations.allow(advancer, "Query")
        data.push.allow(advancer, "GetItem", "Query", "PutItem", "DeleteItem")
        data.contact_events.allow(advancer, "PutItem")
        advancer.allow(
            "sqs:SendMessage", on=[plan.queue_arn, advance.queue_arn, self.queue.queue_arn]
        )
        advancer.work_off(advance)
        rule = Rule(self, "EveryMinute", schedule=Schedule.rate(Duration.minutes(1)))
        rule.add_target(
            LambdaFunction(
                advancer,
                dead_letter_queue=dead_letters,
                # The next minute's call does what this one did not.
                max_event_age=Duration.minutes(1),
                retry_attempts=0,
            )
        )
        EngageAlarm(
            self,
            "Books",
            metric=counted("BooksOutOfBalance", service="advance_campaigns"),
            above=0,
            meaning=(
                "A campaign's messages do not add up to what was planned. The log of"
                " advance_campaigns names the run; it is not settled until they do."
            ),
            runbook="push.md#books-are-out-of-balance",
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
        folder.work_off(queue, batch_size=100, window=Duration.seconds(1))
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
