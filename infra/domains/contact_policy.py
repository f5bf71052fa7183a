"""Deploys contact policy: its API, what it learns from events, and what it puts off."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk.aws_events import Rule, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from constructs import Construct

from infra.context import Context
from infra.platform.bus import Subscription
from infra.platform.function import ApiFunction, EngageFunction
from infra.platform.queue import EngageDeadLetters, EngageQueue
from infra.stacks.data import EngageData

LEARNT_FROM = (
    "device.registered.v1",
    "device.updated.v1",
    "device.logged_out.v1",
    "device.unregistered.v1",
    "contact.identified.v1",
    "contact.updated.v1",
)
"""Events that tell where people are."""


class ContactPolicy(Construct):
    """The policy's API, two workers behind queues of the bus, ``release_deferrals`` by schedule.

    Attributes:
        api: answers the routes of the domain.
    """

    def __init__(
        self, scope: Construct, id_: str, *, data: EngageData, push_queue: EngageQueue
    ) -> None:
        super().__init__(scope, id_)
        tables = {
            "REGISTRATIONS_TABLE": data.registrations.table_name,
            "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
            "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
        }
        self.api = ApiFunction(
            self,
            "Api",
            package="contact_policy_api",
            environment={
                **tables,
                "COUPONS_TABLE": data.coupons.table_name,
                "PLACEMENTS_TABLE": data.placements.table_name,
                "PUBLIC_URL": Context.of(self).public_url,
            },
            # A simulation reads the ledger for 20 seconds; the gateway waits for 30.
            timeout=Duration.seconds(29),
        )
        data.doors.open_to(self.api)
        data.doors.show_encryption_key(self.api)
        data.contact_policy.allow_reading(self.api)
        data.contact_policy.allow(self.api, "PutItem")
        # Who asks by an identifier makes, names and joins contacts on the way.
        data.registrations.allow_reading(self.api, index="anonymous")
        data.registrations.allow_writing(self.api)
        data.coupons.allow(self.api, "GetItem", "Query", "PutItem", "DeleteItem")
        data.placements.allow(self.api, "GetItem", "PutItem")
        data.contact_events.allow(self.api, "PutItem")
        # A draft is played to what the ledger has of the last days.
        data.contact_events.allow_reading(self.api, index="time")

        dead_letters = EngageDeadLetters(self, "DeadLetters")
        self._learn(data, dead_letters)
        self._apply(data, dead_letters, tables)
        self._release(data, dead_letters, push_queue)

    def _learn(self, data: EngageData, dead_letters: EngageDeadLetters) -> None:
        patience = Duration.seconds(30)
        queue = EngageQueue(self, "Whereabouts", timeout=patience, dead_letters=dead_letters)
        Subscription(
            self,
            "Learn",
            bus=data.bus,
            detail_types=LEARNT_FROM,
            queue=queue,
            dead_letters=dead_letters,
        )
        learner = EngageFunction(
            self,
            "Learner",
            package="note_whereabouts",
            environment={
                "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
                "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
            },
            timeout=patience,
        )
        # One person at a time; what is learnt is no event.
        data.contact_policy.allow(learner, "Query", "PutItem")
        learner.work_off(queue, batch_size=10)

    def _apply(
        self, data: EngageData, dead_letters: EngageDeadLetters, tables: Mapping[str, str]
    ) -> None:
        """Let what other systems tell of contacts count: ``apply_contact_events``."""
        patience = Duration.seconds(30)
        queue = EngageQueue(self, "ToldByOthers", timeout=patience, dead_letters=dead_letters)
        Subscription(
            self,
            "Hear",
            bus=data.bus,
            about="contact",
            of_others=True,
            queue=queue,
            dead_letters=dead_letters,
        )
        applier = EngageFunction(
            self,
            "Applier",
            package="apply_contact_events",
            environment=tables,
            timeout=patience,
        )
        # The app's place; a person and the rules; proofs, cases and what is told of them.
        data.registrations.allow(applier, "GetItem")
        data.contact_policy.allow(applier, "GetItem", "Query", "PutItem")
        data.contact_events.allow(applier, "PutItem")
        applier.work_off(queue, batch_size=10)

    def _release(
        self,
        data: EngageData,
        dead_letters: EngageDeadLetters,
        push_queue: EngageQueue,
    ) -> None:
        releaser = EngageFunction(
            self,
            "Releaser",
            package="release_deferrals",
            environment={
                "REGISTRATIONS_TABLE": data.registrations.table_name,
                "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
                "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
                "PUSH_QUEUE_URL": push_queue.queue_url,
            },
            timeout=Duration.minutes(5),
            on_failure=dead_letters,
        )
        # The list of all apps, and what each has put off.
        data.registrations.allow(releaser, "Query")
        data.contact_policy.allow(releaser, "GetItem", "Query", "PutItem", "DeleteItem")
        releaser.allow("sqs:SendMessage", on=[push_queue.queue_arn])
        rule = Rule(self, "EveryMinute", schedule=Schedule.rate(Duration.minutes(1)))
        rule.add_target(
            LambdaFunction(
                releaser,
                dead_letter_queue=dead_letters,
                # The next minute's call does what this one did not.
                max_event_age=Duration.minutes(1),
                retry_attempts=0,
            )
        )
