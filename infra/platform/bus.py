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


OUR_SOURCES = (
    "contact_events",
    "contact_policy",
    "coupons",
    "placements",
    "push",
    "registrations",
)
"""Who of ours tells events; everybody else's source has another name, or a slash in it."""


class EngageBus(EventBus):
    """The bus. ``relay_events`` alone of our functions publishes on it."""

    def allow_publishing(self, function: EngageFunction) -> None:
        """Let ``function`` put events on this bus."""
        function.allow("events:PutEvents", on=[self.event_bus_arn])


class Subscription(Rule):
    """Brings what the ledger tells to a queue: of some types, about subjects of a kind, of others.

    ``of_others`` lets through only what other systems told us. EventBridge tries for a day, its
    default said out loud, then leaves the event in the dead letters. What others put on the bus
    themselves does not pass, whatever type it claims.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        bus: IEventBus,
        detail_types: Sequence[str] | None = None,
        about: str | None = None,
        of_others: bool = False,
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
                detail=_detail(about=about, of_others=of_others) or None,
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


def _detail(*, about: str | None, of_others: bool) -> dict[str, list[str]]:
    detail = {}
    if about:
        detail["subject"] = Match.prefix(f"{about}/")
    if of_others:
        # A source is ``/apps/<app>/<name>``, and others' names may have more slashes.
        ours = [f"/apps/*/{name}" for name in OUR_SOURCES]
        detail["source"] = Match.any_of(
            Match.wildcard("/apps/*/*/*"), Match.anything_but_wildcard(*ours)
        )
    return detail
