"""Deploys contact events: the ledger's API, and the relay from the ledger to the bus."""

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

from infra.platform.alarms import EngageAlarm
from infra.platform.function import ApiFunction, EngageFunction
from infra.platform.queue import EngageDeadLetters
from infra.stacks.data import EngageData


class ContactEvents(Construct):
    """The timeline's API, and ``relay_events``, which publishes each committed event.

    Attributes:
        api: answers the routes of the domain.
        relay: reads the ledger's stream, and audits it every hour.
    """

    def __init__(self, scope: Construct, id_: str, *, data: EngageData) -> None:
        super().__init__(scope, id_)
        tables = {
            "REGISTRATIONS_TABLE": data.registrations.table_name,
            "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
        }
        self.api = ApiFunction(self, "Api", package="contact_events_api", environment=tables)
        data.doors.open_to(self.api)
        data.doors.show_encryption_key(self.api)
        data.contact_events.allow_reading(self.api, index="time")
        data.registrations.allow_reading(self.api, index="anonymous")

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
