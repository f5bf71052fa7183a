"""The bus: every contact event as a CloudEvent, for us and for the company's other systems."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk.aws_events import EventBus, EventPattern, IEventBus, Match, Rule
from aws_cdk.aws_events_targets import SqsQueue
from constructs import Construct

from infra.platform.function import EngageFunction
from infra.platform.queue import EngageDeadLetters, EngageQueue

SOURCE = "engage"
"""The source of what ``relay_events`` publishes."""


class EngageBus(EventBus):
    """The bus. ``relay_events`` alone of our functions publishes on it."""

    def allow_publishing(self, function: EngageFunction) -> None:
        """Let ``function`` put events on this bus."""
        function.allow("events:PutEvents", on=[self.event_bus_arn])


class Subscription(Rule):
    """Brings our own events to a queue: of some types, or about subjects of a kind, or both.

    EventBridge tries for a day, its default said out loud, then leaves the event in the dead
    letters. Events of other sources do not pass, whatever type they claim.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        bus: IEventBus,
        detail_types: Sequence[str] | None = None,
        about: str | None = None,
        queue: EngageQueue,
        dead_letters: EngageDeadLetters,
    ) -> None:
        super().__init__(
            scope,
            id_,
            event_bus=bus,
            event_pattern=EventPattern(
                source=[SOURCE],
                detail_type=list(detail_types) if detail_types else None,
                detail={"subject": Match.prefix(f"{about}/")} if about else None,
            ),
            targets=[
                SqsQueue(
                    queue,
                    dead_letter_queue=dead_letters,
                    max_event_age=Duration.hours(24),
                    retry_attempts=185,
                )
            ],
        )
