"""Alarms, the dashboard, costs, tables that stay, and teardown that leaves nothing."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.app import build
from infra.errors import DeploymentError
from infra.local import costs
from infra.local.health import ADVANCER_LOGS
from infra.local.letters import RELAY
from infra.platform.function import ROOT
from tests.infra.conftest import UNBUNDLED
from tests.infra.templates import Json, Template, shown

RUNBOOKS = ROOT / "docs" / "runbooks"
TABLES = Path(__file__).with_name("tables.json")
STACKS = ("EngageData", "EngageService", "EngageGateway", "EngageOps")


@pytest.fixture(scope="session")
def alarms(service: Template, gateway: Template, ops: Template) -> list[Json]:
    return [
        alarm
        for template in (service, gateway, ops)
        for alarm in template.all("AWS::CloudWatch::Alarm").values()
    ]


@pytest.fixture(scope="session")
def open_stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stage whose data may go, and whose costs are watched."""
    folder = tmp_path_factory.mktemp("open")
    said = {"stage": "dev", "deletion_protection": "false", "cost_alerts": "ops@example.com"}
    build(context=UNBUNDLED | said, outdir=folder)
    return folder


def headings(page: Path) -> Iterator[str]:
    """Yield the anchors of a page's headings, as GitHub makes them."""
    for title in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE):
        yield re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def assert_has_runbook(alarm: Json) -> None:
    described = alarm["AlarmDescription"]
    found = re.search(r" Runbook: docs/runbooks/([\w-]+\.md)#([\w-]+)$", described)
    assert found, described
    assert found[2] in headings(RUNBOOKS / found[1]), found[0]


def test_every_alarm_names_its_runbook(alarms: list[Json]) -> None:
    assert len(alarms) > 50
    for alarm in alarms:
        assert_has_runbook(alarm)


def test_every_link_of_the_runbooks_leads_somewhere() -> None:
    for page in RUNBOOKS.glob("*.md"):
        for file, anchor in re.findall(r"\]\(([\w./-]*\.md)?#([\w-]+)\)", page.read_text()):
            target = page.parent / file if file else page
            assert anchor in headings(target), f"{page.name}: {file}#{anchor}"


def test_what_spans_parts_is_watched(ops: Template) -> None:
    assert set(ops.all("AWS::CloudWatch::Alarm")) == {
        "TurnedAway",
        "Unknown",
        "Unpublished",
        "Slow",
        *(
            f"{table}Throttled"
            for table in (
                "ContactEvents",
                "ContactPolicy",
                "Coupons",
                "Placements",
                "Push",
                "Registrations",
            )
        ),
    }


def test_every_alarm_of_ops_tells_the_topic(ops: Template) -> None:
    for alarm in ops.all("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == ["arn:aws:sns:eu-west-1:111122223333:on-call"]
        assert alarm["OKActions"] == alarm["AlarmActions"]


def test_the_dashboard_shows_every_function_queue_and_table(
    service: Template, data: Template, ops: Template
) -> None:
    (dashboard,) = ops.all("AWS::CloudWatch::Dashboard").values()
    body = shown(dashboard["DashboardBody"])
    titles = set(re.findall(r'"title":"([^"]+)"', body))

    assert titles == {
        "Callers: answers",
        "Callers: milliseconds",
        "Requests",
        "Errors",
        "Milliseconds, p99",
        "Streams: how late, ms",
        "Dead letters",
        "Functions throttled",
        "Pushes: share of what FCM was asked, %",
        "Books and ledger",
        "Tables throttled",
    }
    queues = [name for name in service.all("AWS::SQS::Queue") if name.endswith("DeadLetters")]
    for name in (
        *service.all("AWS::Lambda::Function"),
        *queues,
        *data.all("AWS::DynamoDB::GlobalTable"),
    ):
        assert f'"{name}"' in body, name


def test_costs_are_watched_where_context_says_who_is_told(
    open_stage: Path, ops: Template, tmp_path: Path
) -> None:
    assert not any(type_.startswith("AWS::CE::") for type_ in ops.types)

    mailed = Template.read(open_stage, "EngageOps").one("AWS::CE::AnomalySubscription")
    assert (mailed["Frequency"], mailed["Subscribers"]) == (
        "DAILY",
        [{"Address": "ops@example.com", "Type": "EMAIL"}],
    )
    assert json.loads(mailed["ThresholdExpression"])["Dimensions"]["Values"] == ["50"]

    topic, monitor = (
        "arn:aws:sns:eu-west-1:111122223333:costs",
        "arn:aws:ce::111122223333:anomalymonitor/1",
    )
    said = {"cost_alerts": topic, "cost_monitor_arn": monitor, "cost_alert_usd": "7"}
    build(context=UNBUNDLED | said, outdir=tmp_path)
    told = Template.read(tmp_path, "EngageOps")
    subscription = told.one("AWS::CE::AnomalySubscription")
    assert (subscription["Frequency"], subscription["MonitorArnList"]) == ("IMMEDIATE", [monitor])
    assert "AWS::CE::AnomalyMonitor" not in told.types


def test_an_alert_of_nothing_is_refused() -> None:
    with pytest.raises(DeploymentError, match="cost_alert_usd"):
        build(context=UNBUNDLED | {"cost_alert_usd": "0"})


def test_no_deployment_replaces_a_table(data: Template) -> None:
    """A new logical id, key, index or name is a new table, without the items of the old one."""
    found = {
        id_: {
            "keys": table["Properties"]["KeySchema"],
            "attributes": table["Properties"]["AttributeDefinitions"],
            "indexes": table["Properties"].get("GlobalSecondaryIndexes", []),
            "name": table["Properties"].get("TableName"),
        }
        for id_, table in data.body["Resources"].items()
        if table["Type"] == "AWS::DynamoDB::GlobalTable"
    }
    assert found == json.loads(TABLES.read_text()), "bring items along, then change tables.json"


def test_what_holds_data_outlives_its_stack(data: Template) -> None:
    for resource in data.body["Resources"].values():
        if resource["Type"] in {"AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket"}:
            assert resource["DeletionPolicy"] == "Retain"
            assert resource["UpdateReplacePolicy"] == "Retain"
    for table in data.all("AWS::DynamoDB::GlobalTable").values():
        (replica,) = table["Replicas"]
        assert replica["DeletionProtectionEnabled"] is True
        assert replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_a_stage_without_protection_leaves_nothing(open_stage: Path) -> None:
    manifest: dict[str, Any] = json.loads((open_stage / "manifest.json").read_text())
    for stack in STACKS:
        artifact = manifest["artifacts"][stack]["properties"]
        assert artifact["stackName"] == f"{stack}-dev"
        assert not artifact.get("terminationProtection")
        for id_, resource in Template.read(open_stage, stack).body["Resources"].items():
            assert resource.get("DeletionPolicy", "Delete") == "Delete", id_


def test_operators_find_parts_by_their_names(service: Template) -> None:
    assert service.function("relay_events") == service.all("AWS::Lambda::Function")[RELAY]
    assert ADVANCER_LOGS in service.all("AWS::Logs::LogGroup")


def test_what_stands_there_is_what_costs_count(
    alarms: list[Json], data: Template, service: Template
) -> None:
    metrics = sum(
        sum("MetricStat" in one for one in alarm.get("Metrics", ({"MetricStat": {}},)))
        for alarm in alarms
    )
    rules = service.all("AWS::Events::Rule").values()
    each_minute = [rule for rule in rules if rule.get("ScheduleExpression") == "rate(1 minute)"]
    every_contact = [
        rule
        for rule in rules
        if (pattern := rule.get("EventPattern"))
        and not any(isinstance(type_, str) for type_ in pattern.get("detail-type", ()))
        and "source" not in pattern.get("detail", {})
    ]
    assert metrics == costs.ALARM_METRICS
    assert len(data.all("AWS::SecretsManager::Secret")) == costs.SECRETS
    assert len(each_minute) == costs.CALLS_A_MINUTE
    assert len(every_contact) == costs.QUEUES


def test_new_versions_are_tried_first_where_context_says_so(tmp_path: Path) -> None:
    build(context=UNBUNDLED | {"canary": "true", "nag": "true"}, outdir=tmp_path)
    template, gateway = (
        Template.read(tmp_path, stack) for stack in ("EngageService", "EngageGateway")
    )
    aliases = {
        id_: resource
        for id_, resource in template.body["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Alias"
    }
    groups = template.all("AWS::CodeDeploy::DeploymentGroup").values()

    assert len(aliases) == len(groups) == 8
    for alias in aliases.values():
        assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]
    for group in groups:
        assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        assert group["AlarmConfiguration"]["Enabled"] is True
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert {
        shown(integration["IntegrationUri"])
        for integration in gateway.all("AWS::ApiGatewayV2::Integration").values()
    } == {shown({"Ref": id_}) for id_ in aliases}
    assert len(template.body["Resources"]) < 500
    report = json.loads((tmp_path / "validation-report.json").read_text())
    assert not [one for one in report["pluginReports"] if one["conclusion"] != "success"]
    for alarm in template.all("AWS::CloudWatch::Alarm").values():
        assert_has_runbook(alarm)


def test_a_laptop_has_no_canary() -> None:
    with pytest.raises(DeploymentError, match="`canary` is 'true' and should be false"):
        build(context=UNBUNDLED | {"canary": "true", "target": "local"})
