import json
from pathlib import Path

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk.aws_sqs import Queue
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

STACKS = ["EngageData", "EngageService", "EngageGateway", "EngageOps"]


def test_cdk_nag_finds_nothing_without_a_reason(for_aws: Path) -> None:
    report = json.loads((for_aws / "validation-report.json").read_text())
    assert report["pluginReports"] == []


def test_cdk_nag_would_find_something(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    Queue(Stack(app, "Careless"), "Queue")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))

    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()

    report = json.loads((tmp_path / "validation-report.json").read_text())
    found = {
        violation["ruleName"]
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    }
    assert found == {"AwsSolutions-SQS3", "AwsSolutions-SQS4"}


@pytest.mark.parametrize("stack", STACKS)
def test_cfn_lint_finds_nothing(for_aws: Path, stack: str) -> None:
    template = (for_aws / f"{stack}.template.json").read_text()
    # W3005: CDK orders a function after its role twice, by DependsOn and by GetAtt.
    found = lint(template, config=ManualArgs(ignore_checks=["W3005"], regions=["eu-west-1"]))
    assert found == []
