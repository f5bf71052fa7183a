"""Alerts on costs that are not usual, which AWS's own Cost Explorer looks for."""

import json

from aws_cdk.aws_ce import CfnAnomalyMonitor, CfnAnomalySubscription
from constructs import Construct

from infra.context import Context


class CostAlerts(Construct):
    """Tells context ``cost_alerts`` when a service of the account costs more than is usual.

    AWS allows an account one monitor by service, and gives one to new accounts: context
    ``cost_monitor_arn`` names it.
    """

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        context = Context.of(self)
        suffix = f"-{context.stage}" if context.stage else ""
        monitor = context.cost_monitor_arn
        if not monitor:
            monitor = CfnAnomalyMonitor(
                self,
                "Monitor",
                monitor_name=f"engage{suffix}",
                monitor_type="DIMENSIONAL",
                monitor_dimension="SERVICE",
            ).attr_monitor_arn
        is_topic = context.cost_alerts.startswith("arn:")
        above = {
            "Dimensions": {
                "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
                "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
                "Values": [str(context.cost_alert_usd)],
            }
        }
        CfnAnomalySubscription(
            self,
            "Subscription",
            subscription_name=f"engage{suffix}",
            monitor_arn_list=[monitor],
            subscribers=[
                CfnAnomalySubscription.SubscriberProperty(
                    address=context.cost_alerts, type="SNS" if is_topic else "EMAIL"
                )
            ],
            # Mail comes once a day at most; a topic is told at once (AWS: AnomalySubscription).
            frequency="IMMEDIATE" if is_topic else "DAILY",
            threshold_expression=json.dumps(above),
        )
