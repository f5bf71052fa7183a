"""Queues that lose nothing: what cannot be handled waits where an alarm sees it."""

from aws_cdk import Duration
from aws_cdk.aws_sqs import DeadLetterQueue, Queue, QueueEncryption
from constructs import Construct

from infra.platform.alarms import EngageAlarm
from infra.platform.nag import accept

RECEIVES = 5
"""How often a message is handed out before it is given up."""


TLS = "AWS's clients speak TLS only, and a policy that says so shuts the emulator's HTTP out."
"""Why queues do without a policy that denies plain HTTP."""


class EngageDeadLetters(Queue):
    """The end of the line of a domain; one message in it rings an alarm."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(
            scope,
            id_,
            encryption=QueueEncryption.SQS_MANAGED,
            retention_period=Duration.days(14),
        )
        accept(
            self,
            "AwsSolutions-SQS3",
            "Serverless-SQSRedrivePolicy",
            because="It is itself where dead letters go.",
        )
        accept(self, "AwsSolutions-SQS4", because=TLS)
        EngageAlarm(
            self,
            "Depth",
            metric=self.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(5), statistic="Maximum"
            ),
            above=0,
            meaning=(
                "Something could not be handled and waits here for 14 days. Read a message and"
                " the function's log, mend the cause, then redrive: all consumers are idempotent."
            ),
            runbook=f"dead-letters.md#{self.short_name.lower()}",
        )

    @property
    def short_name(self) -> str:
        """Return what ``engage dlq`` calls it: its domain, and what of it."""
        return "".join(self.node.path.split("/")[1:]).removesuffix("DeadLetters")


class EngageQueue(Queue):
    """Work for a function that takes at most ``timeout`` for a message.

    A message is hidden for six timeouts, as Lambda asks, so that a second worker gets it only when
    the first is surely gone.
    """

    def __init__(
        self, scope: Construct, id_: str, *, timeout: Duration, dead_letters: EngageDeadLetters
    ) -> None:
        super().__init__(
            scope,
            id_,
            encryption=QueueEncryption.SQS_MANAGED,
            visibility_timeout=Duration.seconds(6 * timeout.to_seconds()),
            retention_period=Duration.days(4),
            dead_letter_queue=DeadLetterQueue(queue=dead_letters, max_receive_count=RECEIVES),
        )
        accept(self, "AwsSolutions-SQS4", because=TLS)
