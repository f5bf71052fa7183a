"""Deploys registrations: apps, devices, contacts, segments, imports, what contacts leave open."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk.aws_events import Rule, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from constructs import Construct

from infra.platform.bus import Subscription
from infra.platform.function import ApiFunction, EngageFunction
from infra.platform.queue import EngageDeadLetters, EngageQueue
from infra.stacks.data import EngageData

IMPORTS = 5
"""How many files are worked on at once, of all apps: each takes 16 requests at a time."""


class Registrations(Construct):
    """The API over the registrations table, and the workers on what it leaves to do.

    ``settle_contacts`` completes what merges and erasures left open, ``project_audience`` copies
    what segments ask of people to their devices, ``run_import`` reads files.

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
            "COUPONS_TABLE": data.coupons.table_name,
            "PLACEMENTS_TABLE": data.placements.table_name,
        }
        self.api = ApiFunction(self, "Api", package="registrations_api", environment=tables)
        data.doors.open_to(self.api)
        data.doors.show_encryption_key(self.api)
        data.registrations.allow_reading(self.api, index="anonymous")
        data.registrations.allow_writing(self.api)
        # An export reads what the other domains keep about a person.
        data.contact_events.allow(self.api, "PutItem", "Query")
        data.push.allow(self.api, "BatchGetItem", "Query")
        # Who is merged is contacted as strictly as the stricter of the two, at once.
        data.contact_policy.allow(self.api, "Query", "BatchGetItem", "PutItem")
        # What two people used and claimed of coupons is one person's, also at once.
        data.coupons.allow_reading(self.api)
        data.coupons.allow(self.api, "PutItem", "DeleteItem")
        # And what they saw of ads.
        data.placements.allow(self.api, "GetItem", "PutItem")
        # It signs uploads and downloads with its own rights, and looks whether a file came.
        self.api.add_environment("FILES_BUCKET", data.files.bucket_name)
        data.files.allow(self.api, "GetObject", "PutObject")
        data.files.allow_listing(self.api)

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
        data.push.allow(self.settler, "BatchGetItem", "Query", "UpdateItem", "DeleteItem")
        data.contact_policy.allow(
            self.settler, "Query", "BatchGetItem", "PutItem", "DeleteItem", "BatchWriteItem"
        )
        data.coupons.allow_reading(self.settler)
        data.coupons.allow(self.settler, "PutItem", "DeleteItem")
        data.placements.allow(self.settler, "GetItem", "PutItem", "DeleteItem")
        self.settler.work_off(queue)
        self._sweep(dead_letters)
        self._project(data)
        self._import(tables, data)

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
        projector.work_off(
            queue,
            # Most events are passed over: a campaign's are many, and come together.
            batch_size=100,
            window=Duration.seconds(2),
        )

    def _import(self, tables: Mapping[str, str], data: EngageData) -> None:
        """Work on files that were uploaded, for as long as it takes, in runs of five minutes."""
        patience = Duration.minutes(5)
        dead_letters = EngageDeadLetters(self, "ImportDeadLetters")
        queue = EngageQueue(self, "Imports", timeout=patience, dead_letters=dead_letters)
        Subscription(
            self,
            "ImportStarted",
            bus=data.bus,
            detail_types=["import.started.v1"],
            queue=queue,
            dead_letters=dead_letters,
        )
        names = {name: tables[name] for name in tables if name != "PUSH_TABLE"}
        importer = EngageFunction(
            self,
            "Importer",
            package="run_import",
            environment={
                **names,
                "FILES_BUCKET": data.files.bucket_name,
                "IMPORT_QUEUE_URL": queue.queue_url,
            },
            timeout=patience,
        )
        importer.work_off(queue, at_once=IMPORTS)
        importer.may_call_itself()
        data.doors.show_identifier_key(importer)
        data.doors.show_encryption_key(importer)
        data.registrations.allow_reading(importer, index="anonymous")
        data.registrations.allow_writing(importer)
        # A touch is recorded with its guard, which a dry run and a second run look up.
        data.contact_events.allow(importer, "GetItem", "PutItem")
        # A row that names two people joins them, and the policy first, as an event would. What a
        # row complains of is heeded at once, and once: it looks for the case.
        data.contact_policy.allow(importer, "GetItem", "Query", "BatchGetItem", "PutItem")
        data.coupons.allow(importer, "GetItem", "Query", "PutItem", "DeleteItem")
        data.placements.allow(importer, "GetItem", "PutItem")
        data.files.allow(importer, "GetObject", "PutObject")
        data.files.allow_listing(importer)
        importer.allow("sqs:SendMessage", on=[queue.queue_arn])

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
