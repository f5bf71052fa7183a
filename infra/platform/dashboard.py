"""The dashboard: what is asked, what is late, what waits, what is refused."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk.aws_apigatewayv2 import HttpApi
from aws_cdk.aws_cloudwatch import Dashboard, GraphWidget, IMetric, IWidget, TextWidget
from constructs import Construct

from infra.platform.function import ApiFunction, EngageFunction
from infra.platform.metrics import PERIOD, counted, share, throttled
from infra.platform.queue import EngageDeadLetters
from infra.platform.watch import tables_of

READERS_OF_STREAMS = ("relay_events", "fold_ad_events")

_WHOLE, _HALF, _THIRD = 24, 12, 8


class EngageDashboard(Dashboard):
    """One page for whoever is on call. What is added to the stacks is on it by itself."""

    def __init__(
        self, scope: Construct, id_: str, *, data: Construct, service: Construct, api: HttpApi
    ) -> None:
        super().__init__(scope, id_, default_interval=Duration.hours(12))
        functions = [one for one in service.node.find_all() if isinstance(one, EngageFunction)]
        apis = [one for one in functions if isinstance(one, ApiFunction)]
        queues = [one for one in service.node.find_all() if isinstance(one, EngageDeadLetters)]
        readers = [one for one in functions if one.package in READERS_OF_STREAMS]
        self.add_widgets(
            TextWidget(markdown="What each alarm asks of you: `docs/runbooks`.", width=_WHOLE)
        )
        self.add_widgets(
            _graph("Callers: answers", _of_api(api), width=_HALF),
            _graph(
                "Callers: milliseconds",
                [
                    api.metric_latency(statistic=one, label=one, period=PERIOD)
                    for one in ("p50", "p99")
                ],
                width=_HALF,
            ),
        )
        self.add_widgets(
            _graph("Requests", [_metric(one, "Invocations", "Sum") for one in apis]),
            _graph("Errors", [_metric(one, "Errors", "Sum") for one in functions]),
            _graph("Milliseconds, p99", [_metric(one, "Duration", "p99") for one in apis]),
        )
        self.add_widgets(
            _graph(
                "Streams: how late, ms", [_metric(one, "IteratorAge", "Maximum") for one in readers]
            ),
            _graph("Dead letters", [_depth(one) for one in queues]),
            _graph("Functions throttled", [_metric(one, "Throttles", "Sum") for one in functions]),
        )
        self.add_widgets(
            _graph(
                "Pushes: share of what FCM was asked, %",
                [
                    share("PushesTurnedAway", label="turned away (429)"),
                    share("PushesUnknown", label="unknown"),
                ],
            ),
            _graph(
                "Books and ledger",
                [
                    counted("BooksOutOfBalance", service="advance_campaigns"),
                    counted("Unpublished", service="relay_events"),
                    counted("CodeMisses", service="coupons_api"),
                ],
            ),
            _graph(
                "Tables throttled", [throttled(one, label=one.node.id) for one in tables_of(data)]
            ),
        )


def _graph(title: str, metrics: Sequence[IMetric], *, width: int = _THIRD) -> IWidget:
    return GraphWidget(title=title, left=list(metrics), width=width)


def _of_api(api: HttpApi) -> list[IMetric]:
    return [
        api.metric_count(label="requests", statistic="Sum", period=PERIOD),
        api.metric_client_error(label="4xx", statistic="Sum", period=PERIOD),
        api.metric_server_error(label="5xx", statistic="Sum", period=PERIOD),
    ]


def _metric(function: EngageFunction, name: str, statistic: str) -> IMetric:
    return function.metric(name, label=function.package, statistic=statistic, period=PERIOD)


def _depth(queue: EngageDeadLetters) -> IMetric:
    return queue.metric_approximate_number_of_messages_visible(
        label=queue.short_name, statistic="Maximum", period=PERIOD
    )
