"""Alarms: something needs a person, and the description says what and where to look."""

from aws_cdk.aws_cloudwatch import Alarm, ComparisonOperator, IMetric, TreatMissingData
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_sns import Topic
from constructs import Construct

from infra.context import Context


class EngageAlarm(Alarm):
    """Rings as soon as one period of ``metric`` is above ``above``; silence is good news.

    ``runbook`` is the page and heading of ``docs/runbooks`` that say what to do, such as
    ``push.md#a-push-waits``; they end the description. It tells the topic of context
    ``alarm_topic_arn``, if there is one, also when all is well again.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        metric: IMetric,
        above: float,
        meaning: str,
        runbook: str,
    ) -> None:
        super().__init__(
            scope,
            id_,
            metric=metric,
            alarm_description=f"{meaning} Runbook: docs/runbooks/{runbook}",
            comparison_operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=above,
            evaluation_periods=1,
            treat_missing_data=TreatMissingData.NOT_BREACHING,
        )
        if arn := Context.of(self).alarm_topic_arn:
            topic = SnsAction(Topic.from_topic_arn(self, "Topic", arn))
            self.add_alarm_action(topic)
            self.add_ok_action(topic)
