"""Deploys contact events: the ledger's API with the wires into it, and the workers behind it."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk.aws_events import Rule, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from aws_cdk.aws_lambda import (
    EventSourceMapping,
    FilterCriteria,
    FilterRule,
    StartingPosition,
)
from aws_cdk.aws_lambda_event_sources import SqsDlq
from constructs import Construct

from infra.context import Context
from infra.platform.alarms import EngageAlarm
from infra.platform.bus import Subscription
from infra.platform.function import ApiFunction, EngageFunction
from infra.platform.queue import EngageDeadLetters, EngageQueue
from infra.stacks.data import EngageData

FILED_AFTER = Duration.minutes(5)
"""The longest that a queue gathers a batch: fewer files to write and to make one of."""

FILED_AT_ONCE = 10_000
"""Events of a batch; an invocation takes 6 MB, whatever comes first."""

COUNTED_EVERY = Duration.minutes(10)
"""The hour that has begun is read again each time."""


class ContactEvents(Construct):
    """The API of timelines, wires and reports, and the workers behind the ledger.

    ``relay_events`` publishes each committed event, ``fold_channels`` counts what was recorded,
    ``archive_events`` files what the bus tells, ``compact_archive`` keeps the files, and
    ``follow_triggers`` and ``fire_triggers`` answer what happens.
    ``deliver_webhooks`` sends what the bus brings to subscriptions, and each minute what is due,
    and some of each range that is sent again.
    ``rebuild_projections`` makes again what is made of the ledger.

    Attributes:
        api: answers the routes of the domain.
        relay: reads the ledger's stream, and audits it every hour.
        compactor: keeps the archive, and says what is in it.
        rebuilder: is called by operators alone.
    """

    def __init__(self, scope: Construct, id_: str, *, data: EngageData) -> None:
        super().__init__(scope, id_)
        tables = {
            "REGISTRATIONS_TABLE": data.registrations.table_name,
            "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
        }
        self.api = ApiFunction(
            self,
            "Api",
            package="contact_events_api",
            environment={
                **tables,
                "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
                "COUPONS_TABLE": data.coupons.table_name,
                "PLACEMENTS_TABLE": data.placements.table_name,
                # Some vendors sign the URL that they were given.
                "PUBLIC_URL": Context.of(self).public_url,
                **local_hosts(self),
            },
        )
        data.doors.open_to(self.api)
        data.doors.show_encryption_key(self.api)
        data.contact_events.allow_reading(self.api, index="time")
        # Events with their guards, what was refused of them, what marketers did; triggers and
        # subscriptions as they come and go.
        data.contact_events.allow(self.api, "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
        # Whom an event names is made, named and joined on the way, in each domain that knows them.
        data.registrations.allow_reading(self.api, index="anonymous")
        data.registrations.allow_writing(self.api)
        # There it heeds complaints and refusals too, each once: it looks for the case or the proof.
        data.contact_policy.allow(self.api, "GetItem", "Query", "BatchGetItem", "PutItem")
        data.coupons.allow(self.api, "GetItem", "Query", "PutItem", "DeleteItem")
        data.placements.allow(self.api, "GetItem", "PutItem")

        dead_letters = EngageDeadLetters(self, "RelayDeadLetters")
        self.relay = EngageFunction(
            self,
            "Relay",
            package="relay_events",
            environment={**tables, "EVENT_BUS": data.bus.event_bus_name},
            # An audit pages the keys of whole hours.
            timeout=Duration.minutes(5),
            on_failure=dead_letters,
        )
        data.contact_events.allow_reading(self.relay, index="time")
        data.contact_events.allow(self.relay, "PutItem")
        data.registrations.allow_reading(self.relay)
        data.bus.allow_publishing(self.relay)
        self._follow(data, dead_letters)
        self._audit(dead_letters)
        self._count(data, tables)
        self._archive(data)
        self.compactor = self._keep_archive(data, tables)
        self.rebuilder = self._rebuild(data, tables)
        triggers_left = EngageDeadLetters(self, "TriggerDeadLetters")
        self._follow_triggers(data, tables, triggers_left)
        self._fire_triggers(data, tables, triggers_left)
        self._send_out(data, tables)

    def _follow(self, data: EngageData, dead_letters: EngageDeadLetters) -> None:
        """Feed the relay from the ledger's stream: new rows that are events.

        A batch that fails is halved until the bad record is alone. Records are given up after an
        hour: by then the audit finds and publishes what is missing, while others keep flowing.
        """
        data.contact_events.grant_stream_read(self.relay)
        EventSourceMapping(
            self,
            "Stream",
            target=self.relay,
            event_source_arn=data.contact_events.table_stream_arn,
            starting_position=StartingPosition.TRIM_HORIZON,
            batch_size=100,
            filters=[
                FilterCriteria.filter(
                    {
                        "eventName": FilterRule.is_equal("INSERT"),
                        "dynamodb": {"NewImage": {"sequence": {"S": FilterRule.exists()}}},
                    }
                )
            ],
            report_batch_item_failures=True,
            bisect_batch_on_error=True,
            retry_attempts=10,
            max_record_age=Duration.hours(1),
            on_failure=SqsDlq(dead_letters),
        )
        EngageAlarm(
            self,
            "RelayLag",
            metric=self.relay.metric(
                "IteratorAge", period=Duration.minutes(5), statistic="Maximum"
            ),
            above=Duration.minutes(5).to_milliseconds(),
            meaning=(
                "Events reach the bus more than five minutes late. The log of relay_events says"
                " why; the stream forgets after a day, and the audit repairs what it forgot."
            ),
            runbook="events.md#events-reach-the-bus-late",
        )

    def _audit(self, dead_letters: EngageDeadLetters) -> None:
        """Let the relay publish every hour what the stream swallowed.

        It covers the hours that closed at least five minutes ago, hence the minute.
        """
        rule = Rule(self, "Audit", schedule=Schedule.cron(minute="7"))
        rule.add_target(
            LambdaFunction(
                self.relay,
                dead_letter_queue=dead_letters,
                max_event_age=Duration.hours(1),
                retry_attempts=10,
            )
        )

    def _count(self, data: EngageData, tables: Mapping[str, str]) -> None:
        """Count the ledger for reports; a call that fails leaves its hours to the next one."""
        dead_letters = EngageDeadLetters(self, "CounterDeadLetters")
        counter = EngageFunction(
            self,
            "Counter",
            package="fold_channels",
            environment=tables,
            # The largest hours have some hundred thousand events.
            timeout=Duration.minutes(15),
            on_failure=dead_letters,
        )
        data.contact_events.allow_reading(counter, index="time")
        data.contact_events.allow(counter, "PutItem")
        data.registrations.allow(counter, "Query")
        rule = Rule(self, "Count", schedule=Schedule.rate(COUNTED_EVERY))
        rule.add_target(
            LambdaFunction(
                counter,
                dead_letter_queue=dead_letters,
                # The next call does what this one did not.
                max_event_age=COUNTED_EVERY,
                retry_attempts=0,
            )
        )

    def _archive(self, data: EngageData) -> None:
        """File all that the bus tells of the ledger."""
        dead_letters = EngageDeadLetters(self, "ArchiveDeadLetters")
        timeout = Duration.minutes(2)
        queue = EngageQueue(self, "ArchiveQueue", timeout=timeout, dead_letters=dead_letters)
        Subscription(self, "ToArchive", bus=data.bus, queue=queue, dead_letters=dead_letters)
        archiver = EngageFunction(
            self,
            "Archiver",
            package="archive_events",
            layers=("core", "archive"),
            environment={"ARCHIVE_BUCKET": data.archive.bucket_name},
            timeout=timeout,
        )
        archiver.work_off(queue, batch_size=FILED_AT_ONCE, window=FILED_AFTER)
        data.archive.allow(archiver, "PutObject")

    def _keep_archive(self, data: EngageData, tables: Mapping[str, str]) -> EngageFunction:
        """Compact every night what is over, and take out who was erased.

        What one call has no time for, or fails at, is the next one's.
        """
        dead_letters = EngageDeadLetters(self, "CompactorDeadLetters")
        compactor = EngageFunction(
            self,
            "Compactor",
            package="compact_archive",
            layers=("core", "archive"),
            environment={**tables, "ARCHIVE_BUCKET": data.archive.bucket_name},
            timeout=Duration.minutes(15),
            on_failure=dead_letters,
        )
        data.archive.allow(compactor, "GetObject", "PutObject", "DeleteObject")
        data.archive.allow_listing(compactor)
        data.contact_events.allow_reading(compactor, index="time")
        data.registrations.allow(compactor, "Query")
        rule = Rule(self, "Compact", schedule=Schedule.cron(hour="2", minute="30"))
        rule.add_target(
            LambdaFunction(
                compactor,
                dead_letter_queue=dead_letters,
                max_event_age=Duration.hours(6),
                retry_attempts=1,
            )
        )
        return compactor

    def _rebuild(self, data: EngageData, tables: Mapping[str, str]) -> EngageFunction:
        """Make projections again, for whoever may call the function by its name."""
        rebuilder = EngageFunction(
            self,
            "Rebuilder",
            package="rebuild_projections",
            environment={
                **tables,
                "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
                "PLACEMENTS_TABLE": data.placements.table_name,
                "PUSH_TABLE": data.push.table_name,
            },
            # An hour's events, or a day's of ads, are read at once.
            timeout=Duration.minutes(15),
        )
        # The ledger, how far it is, and what hours came to.
        data.contact_events.allow_reading(rebuilder, index="time")
        data.contact_events.allow(rebuilder, "PutItem", "DeleteItem")
        # What segments ask of people, and what people said.
        data.registrations.allow_reading(rebuilder, index="anonymous")
        data.registrations.allow(
            rebuilder, "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"
        )
        data.contact_policy.allow(rebuilder, "Query")
        # Marks and goals of campaigns; counters of flights.
        data.push.allow(rebuilder, "Query", "PutItem", "UpdateItem", "DeleteItem")
        data.placements.allow(rebuilder, "Query", "GetItem", "PutItem", "UpdateItem")
        return rebuilder

    def _follow_triggers(
        self, data: EngageData, tables: Mapping[str, str], dead_letters: EngageDeadLetters
    ) -> None:
        """Hold every event about a contact against the triggers in force."""
        patience = Duration.seconds(30)
        queue = EngageQueue(self, "ToFollow", timeout=patience, dead_letters=dead_letters)
        Subscription(
            self,
            "AboutContacts",
            bus=data.bus,
            about="contact",
            queue=queue,
            dead_letters=dead_letters,
        )
        follower = EngageFunction(
            self,
            "Follower",
            package="follow_triggers",
            environment={**tables, "COUPONS_TABLE": data.coupons.table_name},
            timeout=patience,
        )
        # Triggers, timelines, instances; whom a contact stands for; reservations to give back.
        data.contact_events.allow(follower, "GetItem", "Query", "PutItem", "DeleteItem")
        data.registrations.allow(follower, "GetItem", "Query")
        data.coupons.allow(
            follower, "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"
        )
        follower.work_off(queue, batch_size=10)

    def _fire_triggers(
        self, data: EngageData, tables: Mapping[str, str], dead_letters: EngageDeadLetters
    ) -> None:
        """Fire every minute what is due; a call that fails leaves its minutes to the next one."""
        firer = EngageFunction(
            self,
            "Firer",
            package="fire_triggers",
            environment={**tables, "CONTACT_POLICY_TABLE": data.contact_policy.table_name},
            timeout=Duration.minutes(5),
            on_failure=dead_letters,
        )
        data.contact_events.allow(
            firer, "GetItem", "Query", "PutItem", "DeleteItem", "BatchWriteItem"
        )
        data.registrations.allow(firer, "GetItem", "Query")
        # The rules, and a person whose place is held.
        data.contact_policy.allow(firer, "GetItem", "BatchGetItem", "Query", "PutItem")
        rule = Rule(self, "EveryMinute", schedule=Schedule.rate(Duration.minutes(1)))
        rule.add_target(
            LambdaFunction(
                firer,
                dead_letter_queue=dead_letters,
                max_event_age=Duration.minutes(1),
                retry_attempts=0,
            )
        )

    def _send_out(self, data: EngageData, tables: Mapping[str, str]) -> None:
        """Send events to subscriptions; what is not taken waits in the table, not in the queue."""
        patience = Duration.minutes(1)
        dead_letters = EngageDeadLetters(self, "WebhookDeadLetters")
        queue = EngageQueue(self, "Outgoing", timeout=patience, dead_letters=dead_letters)
        Subscription(self, "GoOut", bus=data.bus, queue=queue, dead_letters=dead_letters)
        sender = EngageFunction(
            self,
            "WebhookSender",
            package="deliver_webhooks",
            environment={**tables, **local_hosts(self)},
            timeout=patience,
            on_failure=dead_letters,
        )
        # Subscriptions, what waits for them, what they are sent again, the events of both; that one
        # is paused is an event too.
        data.contact_events.allow_reading(sender, index="time")
        data.contact_events.allow(sender, "PutItem", "UpdateItem", "DeleteItem")
        # The list of all apps, and an app's organisation.
        data.registrations.allow(sender, "Query", "GetItem")
        data.doors.show_encryption_key(sender)
        sender.work_off(queue, batch_size=10, at_once=20)
        rule = Rule(self, "TryAgain", schedule=Schedule.rate(Duration.minutes(1)))
        rule.add_target(
            LambdaFunction(
                sender,
                dead_letter_queue=dead_letters,
                # The next minute's call does what this one did not.
                max_event_age=Duration.minutes(1),
                retry_attempts=0,
            )
        )


def local_hosts(scope: Construct) -> Mapping[str, str]:
    """Return the setting by which webhooks may reach receivers on the machine of a local run."""
    return {"WEBHOOK_LOCAL_HOSTS": " ".join(Context.of(scope).webhook_local_hosts)}
