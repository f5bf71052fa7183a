"""Deploys ads: what is booked, decisions about what is shown, and what counts of it."""

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

BOOKED = (
    "ad_demand.created.v1",
    "ad_demand.updated.v1",
    "ad_settings.updated.v1",
    "policy.updated.v1",
)
"""Events after which decisions are made from another snapshot."""

TOLD = (
    "case.opened.v1",
    "case.closed.v1",
    "consent.granted.v1",
    "consent.withdrawn.v1",
    "preferences.updated.v1",
    "contact.identified.v1",
    "contact.updated.v1",
    "device.registered.v1",
    "device.updated.v1",
    "device.logged_out.v1",
    "device.unregistered.v1",
    "coupon.claimed.v1",
    "coupon.redeemed.v1",
    "coupon.rolled_back.v1",
)
"""Events that change what a person may be shown, or that an ad was there for."""


class Placements(Construct):
    """The API of what is booked, the API of decisions, and the workers behind them.

    ``compile_snapshot`` makes what decisions are made from, ``project_ad_state`` keeps what they
    know of a person, ``fold_ad_events`` counts, ``sweep_leases`` gives back what was not shown, and
    ``file_decisions`` keeps decisions so that they can be explained.

    Attributes:
        api: answers the routes of marketers.
        decisions: answers the routes of devices.
    """

    def __init__(self, scope: Construct, id_: str, *, data: EngageData) -> None:
        super().__init__(scope, id_)
        tables = {
            "REGISTRATIONS_TABLE": data.registrations.table_name,
            "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
            "PLACEMENTS_TABLE": data.placements.table_name,
        }
        snapshots = {"SNAPSHOTS_BUCKET": data.snapshots.bucket_name}
        dead_letters = EngageDeadLetters(self, "DeadLetters")
        self.api = self._book(data, {**tables, **snapshots})
        self.decisions = self._decide(data, {**tables, **snapshots}, dead_letters)
        self._compile(data, {**tables, **snapshots}, dead_letters)
        self._project(data, {**tables, **snapshots}, dead_letters)
        self._fold(data, {**tables, **snapshots})
        self._sweep(data, tables, dead_letters)

    def _book(self, data: EngageData, environment: Mapping[str, str]) -> ApiFunction:
        """Deploy the API of marketers: what is booked, results, and why something was shown."""
        api = ApiFunction(
            self,
            "Api",
            package="placements_api",
            environment={
                **environment,
                "COUPONS_TABLE": data.coupons.table_name,
                "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
                "DECISIONS_BUCKET": data.decisions.bucket_name,
            },
        )
        data.doors.open_to(api)
        data.placements.allow_reading(api)
        data.placements.allow_writing(api)
        data.registrations.allow_reading(api, index="anonymous")
        # What marketers do is kept there.
        data.registrations.allow(api, "PutItem")
        # And what counters are set right by.
        data.contact_events.allow_reading(api, index="time")
        data.contact_events.allow(api, "PutItem")
        # That what a flight names exists; to explain, what they and the policy would answer.
        data.coupons.allow(api, "GetItem", "Query")
        data.contact_policy.allow_reading(api)
        for bucket in (data.snapshots, data.decisions):
            bucket.allow(api, "GetObject")
            bucket.allow_listing(api)
        return api

    def _decide(
        self, data: EngageData, environment: Mapping[str, str], dead_letters: EngageDeadLetters
    ) -> ApiFunction:
        """Deploy the API of devices, and who files what was decided."""
        records = EngageQueue(
            self, "Records", timeout=Duration.minutes(1), dead_letters=dead_letters
        )
        decisions = ApiFunction(
            self,
            "Decisions",
            package="ad_decisions_api",
            environment={
                **environment,
                "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
                "COUPONS_TABLE": data.coupons.table_name,
                "DECISION_QUEUE_URL": records.queue_url,
                "PUBLIC_URL": Context.of(self).public_url,
            },
        )
        data.doors.open_to(decisions)
        # One item for a decision; a promise, a lease, and what other domains said, where it must.
        data.placements.allow_reading(decisions)
        data.placements.allow_writing(decisions)
        data.contact_events.allow(decisions, "PutItem", "GetItem", "Query")
        data.contact_events.allow_batches(decisions, "Insert")
        data.registrations.allow_reading(decisions, index="anonymous")
        data.contact_policy.allow_reading(decisions)
        data.coupons.allow(decisions, "GetItem", "Query")
        data.snapshots.allow(decisions, "GetObject")
        data.snapshots.allow_listing(decisions)
        decisions.allow("sqs:SendMessage", on=[records.queue_arn])

        recorder = EngageFunction(
            self,
            "Recorder",
            package="file_decisions",
            environment={"DECISIONS_BUCKET": data.decisions.bucket_name},
            timeout=Duration.minutes(1),
        )
        # Many decisions are one object: objects are what S3 is paid for.
        recorder.work_off(records, batch_size=1000, window=Duration.seconds(5))
        data.decisions.allow(recorder, "PutObject")
        return decisions

    def _compile(
        self, data: EngageData, environment: Mapping[str, str], dead_letters: EngageDeadLetters
    ) -> None:
        """Compile what is booked: when it changes, and each minute where one starts or ends."""
        patience = Duration.minutes(1)
        queue = EngageQueue(self, "Booked", timeout=patience, dead_letters=dead_letters)
        Subscription(
            self,
            "Changed",
            bus=data.bus,
            detail_types=BOOKED,
            queue=queue,
            dead_letters=dead_letters,
        )
        compiler = EngageFunction(
            self,
            "Compiler",
            package="compile_snapshot",
            environment={**environment, "CONTACT_POLICY_TABLE": data.contact_policy.table_name},
            timeout=patience,
            on_failure=dead_letters,
        )
        # Whoever books an ad changes several things: one snapshot has them all.
        compiler.work_off(queue, batch_size=100, window=Duration.seconds(1))
        # Snapshots' pointers, and the budgets of exact flights, which follow what is booked.
        data.placements.allow_reading(compiler)
        data.placements.allow(compiler, "PutItem", "UpdateItem")
        # The list of all apps, and the version of a policy.
        data.registrations.allow(compiler, "Query")
        data.contact_policy.allow(compiler, "Query")
        data.snapshots.allow(compiler, "GetObject", "PutObject")
        data.snapshots.allow_listing(compiler)
        self._every_minute("Compile", compiler, dead_letters)

    def _project(
        self, data: EngageData, environment: Mapping[str, str], dead_letters: EngageDeadLetters
    ) -> None:
        """Keep what decisions know of a person as other domains say, within ten seconds."""
        patience = Duration.minutes(1)
        queue = EngageQueue(self, "Told", timeout=patience, dead_letters=dead_letters)
        Subscription(
            self,
            "ContactTold",
            bus=data.bus,
            detail_types=TOLD,
            queue=queue,
            dead_letters=dead_letters,
        )
        projector = EngageFunction(
            self,
            "Projector",
            package="project_ad_state",
            environment={
                **environment,
                "CONTACT_POLICY_TABLE": data.contact_policy.table_name,
                "COUPONS_TABLE": data.coupons.table_name,
            },
            timeout=patience,
        )
        projector.work_off(queue, batch_size=25, window=Duration.seconds(1))
        data.placements.allow(projector, "GetItem", "PutItem")
        data.registrations.allow_reading(projector, index="anonymous")
        data.contact_policy.allow(projector, "Query", "BatchGetItem")
        data.coupons.allow(projector, "Query")
        # What a coupon's use owes to an ad is found on the contact's timeline, and told there.
        data.contact_events.allow(projector, "PutItem", "Query")
        data.snapshots.allow(projector, "GetObject")
        data.snapshots.allow_listing(projector)

    def _fold(self, data: EngageData, environment: Mapping[str, str]) -> None:
        """Count what the ledger's stream tells of ads: its second reader, DynamoDB's limit.

        A batch names its shard because the mapping has a window: counters remember how far each
        shard is counted.
        """
        dead_letters = EngageDeadLetters(self, "FolderDeadLetters")
        folder = EngageFunction(
            self,
            "Folder",
            package="fold_ad_events",
            environment={**environment, "CONTACT_POLICY_TABLE": data.contact_policy.table_name},
            timeout=Duration.minutes(1),
            on_failure=dead_letters,
        )
        data.placements.allow(folder, "GetItem", "PutItem", "UpdateItem")
        # Where an app is, and who was erased.
        data.registrations.allow(folder, "GetItem")
        # What was shown is a touch like others.
        data.contact_policy.allow(folder, "Query", "BatchGetItem", "PutItem")
        # All ads of an hour are one touch: whatever was counted before.
        data.contact_events.allow(folder, "Query")
        data.snapshots.allow(folder, "GetObject")
        data.snapshots.allow_listing(folder)
        data.contact_events.grant_stream_read(folder)
        EventSourceMapping(
            self,
            "Stream",
            target=folder,
            event_source_arn=data.contact_events.table_stream_arn,
            starting_position=StartingPosition.TRIM_HORIZON,
            batch_size=1000,
            max_batching_window=Duration.seconds(2),
            tumbling_window=Duration.seconds(30),
            filters=[
                FilterCriteria.filter(
                    {
                        "eventName": FilterRule.is_equal("INSERT"),
                        "dynamodb": {
                            "NewImage": {
                                "sequence": {"S": FilterRule.exists()},
                                "source": {"S": FilterRule.is_equal("placements")},
                            }
                        },
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
            "FolderLag",
            metric=folder.metric("IteratorAge", period=Duration.minutes(5), statistic="Maximum"),
            above=Duration.minutes(5).to_milliseconds(),
            meaning=(
                "Ads are counted more than five minutes late: flights are paced by old figures,"
                " and caps that count at the impression pass. The log of fold_ad_events says why."
            ),
            runbook="README.md#ads-are-counted-late",
        )

    def _sweep(
        self, data: EngageData, tables: Mapping[str, str], dead_letters: EngageDeadLetters
    ) -> None:
        """Give back each minute what was promised of exact flights, and never shown."""
        sweeper = EngageFunction(
            self,
            "Sweeper",
            package="sweep_leases",
            environment=tables,
            timeout=Duration.minutes(5),
            on_failure=dead_letters,
        )
        data.placements.allow_reading(sweeper)
        data.placements.allow(sweeper, "PutItem", "UpdateItem", "ConditionCheckItem")
        # The list of all apps.
        data.registrations.allow(sweeper, "Query")
        self._every_minute("Sweep", sweeper, dead_letters)

    def _every_minute(
        self, id_: str, function: EngageFunction, dead_letters: EngageDeadLetters
    ) -> None:
        rule = Rule(self, id_, schedule=Schedule.rate(Duration.minutes(1)))
        rule.add_target(
            LambdaFunction(
                function,
                dead_letter_queue=dead_letters,
                # The next minute's call does what this one did not.
                max_event_age=Duration.minutes(1),
                retry_attempts=0,
            )
        )
