"""Deploys coupons: the API, the makers of codes, who gives coupons away, and who sweeps."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk.aws_events import Rule, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from constructs import Construct

from infra.platform.alarms import EngageAlarm
from infra.platform.bus import Subscription
from infra.platform.function import ApiFunction, EngageFunction
from infra.platform.metrics import counted
from infra.platform.queue import EngageDeadLetters, EngageQueue
from infra.stacks.data import EngageData

MAKERS = 5
"""Jobs about codes that are worked on at once: each writes some hundred codes a second."""

PUBLISHERS = 5
"""Coupons that are given away at once, of all apps: each claims for one person at a time."""

MISSES = 1000
"""Codes tried in vain in five minutes, of a whole deployment, that ring: a thousand is no typing
error, and an attack on codes of twelve letters from many places is more."""


class Coupons(Construct):
    """The coupons API, and the workers on what it leaves to do.

    ``generate_codes`` makes codes and reads files of them, ``publish_coupon`` gives a coupon to
    many people, ``sweep_coupons`` ends what nobody ends.

    Attributes:
        api: answers the routes of the domain.
    """

    def __init__(self, scope: Construct, id_: str, *, data: EngageData) -> None:
        super().__init__(scope, id_)
        tables = {
            "REGISTRATIONS_TABLE": data.registrations.table_name,
            "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
            "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
            "COUPONS_TABLE": data.coupons.table_name,
        }
        dead_letters = EngageDeadLetters(self, "DeadLetters")
        publications = EngageQueue(
            self, "Publications", timeout=Duration.minutes(5), dead_letters=dead_letters
        )
        tables_and_queue = {**tables, "PUBLICATION_QUEUE_URL": publications.queue_url}
        self.api = ApiFunction(
            self,
            "Api",
            package="coupons_api",
            environment={
                **tables_and_queue,
                "PUSH_TABLE": data.push.table_name,
                "PLACEMENTS_TABLE": data.placements.table_name,
                "CODE_FILES_BUCKET": data.code_files.bucket_name,
            },
        )
        data.doors.open_to(self.api)
        data.doors.show_code_key(self.api)
        data.doors.show_encryption_key(self.api)
        data.coupons.allow_reading(self.api)
        data.coupons.allow_writing(self.api)
        # What rules ask: who it is, what they allow, and what they did before.
        data.registrations.allow_reading(self.api, index="anonymous")
        data.contact_policy.allow_reading(self.api)
        data.placements.allow(self.api, "GetItem")
        # The template of reminders that a coupon names.
        data.push.allow(self.api, "GetItem")
        # What marketers do is kept there, and the data key of whose code is the first secret.
        data.registrations.allow(self.api, "PutItem")
        data.contact_events.allow(self.api, "PutItem", "GetItem", "Query")
        # It signs uploads and downloads with its own rights, and looks whether a file came.
        data.code_files.allow(self.api, "GetObject", "PutObject")
        data.code_files.allow_listing(self.api)
        self.api.allow("sqs:SendMessage", on=[publications.queue_arn])

        self._make_codes(data, dead_letters)
        self._publish(data, tables_and_queue, publications)
        self._sweep(data, tables, dead_letters)
        EngageAlarm(
            self,
            "Misses",
            metric=counted("CodeMisses", service="coupons_api"),
            above=MISSES,
            meaning=(
                "Somebody tries codes from many places. Each place is throttled by itself; look in"
                " the API's access log for who, and pause the coupon if its codes are short."
            ),
            runbook="README.md#many-codes-are-tried-in-vain",
        )

    def _make_codes(self, data: EngageData, dead_letters: EngageDeadLetters) -> None:
        """Work on jobs about codes, for as long as it takes, in runs of five minutes."""
        patience = Duration.minutes(5)
        queue = EngageQueue(self, "Codes", timeout=patience, dead_letters=dead_letters)
        Subscription(
            self,
            "CodeJobStarted",
            bus=data.bus,
            detail_types=["code_job.started.v1"],
            queue=queue,
            dead_letters=dead_letters,
        )
        maker = EngageFunction(
            self,
            "CodeMaker",
            package="generate_codes",
            environment={
                "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
                "COUPONS_TABLE": data.coupons.table_name,
                "CODE_FILES_BUCKET": data.code_files.bucket_name,
                "CODE_QUEUE_URL": queue.queue_url,
            },
            timeout=patience,
        )
        maker.work_off(queue, at_once=MAKERS)
        maker.may_call_itself()
        data.doors.show_code_key(maker)
        data.doors.show_encryption_key(maker)
        data.coupons.allow(maker, "GetItem", "BatchGetItem", "Query", "PutItem")
        data.coupons.allow_batches(maker, "Insert")
        data.contact_events.allow(maker, "PutItem")
        data.code_files.allow(maker, "GetObject", "PutObject", "DeleteObject")
        data.code_files.allow_listing(maker)
        maker.allow("sqs:SendMessage", on=[queue.queue_arn])

    def _publish(
        self, data: EngageData, environment: Mapping[str, str], queue: EngageQueue
    ) -> None:
        """Give coupons away, some people at a call."""
        publisher = EngageFunction(
            self,
            "Publisher",
            package="publish_coupon",
            environment=environment,
            timeout=Duration.minutes(5),
        )
        publisher.work_off(queue, at_once=PUBLISHERS)
        publisher.may_call_itself()
        # Who is given a code of their own can read it, by a data key of their own.
        data.doors.show_code_key(publisher)
        data.doors.show_encryption_key(publisher)
        data.coupons.allow_reading(publisher)
        data.coupons.allow(publisher, "PutItem", "UpdateItem")
        data.registrations.allow_reading(publisher, index="anonymous")
        data.registrations.allow(publisher, "PutItem")
        data.contact_events.allow(publisher, "PutItem")
        publisher.allow("sqs:SendMessage", on=[queue.queue_arn])

    def _sweep(
        self, data: EngageData, tables: Mapping[str, str], dead_letters: EngageDeadLetters
    ) -> None:
        """End each minute what ran out, and remind people of what is about to."""
        sweeper = EngageFunction(
            self,
            "Sweeper",
            package="sweep_coupons",
            environment={**tables, "PUSH_TABLE": data.push.table_name},
            timeout=Duration.minutes(5),
            on_failure=dead_letters,
        )
        data.coupons.allow_reading(sweeper)
        data.coupons.allow_writing(sweeper)
        # The list of all apps; then the people who are reminded, with their devices.
        data.registrations.allow_reading(sweeper, index="anonymous")
        # A reminder is a message of push's: its sender asks the policy.
        data.push.allow(sweeper, "GetItem", "Query", "PutItem")
        data.contact_events.allow(sweeper, "PutItem")
        rule = Rule(self, "EveryMinute", schedule=Schedule.rate(Duration.minutes(1)))
        rule.add_target(
            LambdaFunction(
                sweeper,
                dead_letter_queue=dead_letters,
                # The next minute's call does what this one did not.
                max_event_age=Duration.minutes(1),
                retry_attempts=0,
            )
        )
