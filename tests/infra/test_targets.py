import platform
from pathlib import Path
from typing import Any

import pytest

from infra.app import build
from infra.errors import DeploymentError
from tests.infra.conftest import UNBUNDLED
from tests.infra.templates import Template, shown, without

# Found in the emulator by deploying: a stack with one of these types is refused as a whole.
UNKNOWN_TO_THE_EMULATOR = (
    "AWS::ApiGatewayV2::Deployment",
    "AWS::ApiGatewayV2::VpcLink",
    "AWS::ApplicationAutoScaling::",
    "AWS::Budgets::",
    "AWS::CloudFormation::CustomResource",
    "AWS::CloudWatch::AnomalyDetector",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::InsightRule",
    "AWS::CloudWatch::MetricStream",
    "AWS::CodeDeploy::",
    "AWS::Cognito::IdentityProvider",
    "AWS::Cognito::UserPoolUser",
    "AWS::Events::ApiDestination",
    "AWS::Events::Archive",
    "AWS::Events::Connection",
    "AWS::Events::EventBusPolicy",
    "AWS::Lambda::CodeSigningConfig",
    "AWS::Logs::QueryDefinition",
    "AWS::SNS::TopicInlinePolicy",
    "AWS::SQS::QueueInlinePolicy",
    "AWS::SecretsManager::ResourcePolicy",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::XRay::Group",
    "Custom::",
)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the cloud assemblies of both targets with the same context."""
    said: dict[str, Any] = UNBUNDLED | {"deletion_protection": "true"}
    folders = {target: tmp_path_factory.mktemp(target) for target in ("aws", "local")}
    for target, folder in folders.items():
        build(context=said | {"target": target}, outdir=folder)
    return folders


@pytest.mark.parametrize("stack", ["EngageData", "EngageService", "EngageGateway"])
def test_a_laptop_gets_what_aws_gets_but_for_the_processor(
    plain: dict[str, Path], stack: str
) -> None:
    aws, local = (_without_platform(plain[target], stack) for target in ("aws", "local"))
    for name in set(aws["Outputs"]) - set(local["Outputs"]):
        assert name.startswith("PublishOutput"), "what EngageOps reads"
        del aws["Outputs"][name]
    assert local == aws


def test_a_laptop_runs_functions_on_its_own_processor(plain: dict[str, Path]) -> None:
    own = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
    functions = Template.read(plain["local"], "EngageService").all("AWS::Lambda::Function")
    assert {tuple(function["Architectures"]) for function in functions.values()} == {(own,)}


def test_only_ops_is_left_out_on_a_laptop(plain: dict[str, Path]) -> None:
    stacks = {
        target: {file.name.split(".")[0] for file in folder.glob("*.template.json")}
        for target, folder in plain.items()
    }
    assert stacks["aws"] - stacks["local"] == {"EngageOps"}
    assert stacks["local"] == {"EngageData", "EngageService", "EngageGateway"}


def test_the_emulator_knows_every_type_that_it_is_given(
    data: Template, service: Template, gateway: Template
) -> None:
    for type_ in data.types | service.types | gateway.types:
        assert not type_.startswith(UNKNOWN_TO_THE_EMULATOR)


def test_policies_name_secrets_by_what_is_an_arn_everywhere(data: Template) -> None:
    named = [
        output["Value"]
        for output in data.body["Outputs"].values()
        if shown(output["Value"]).startswith("Doors") and shown(output["Value"]).endswith("Key")
    ]
    assert {shown(value) for value in named} == {
        "DoorsCodeKey",
        "DoorsDeviceTokenKey",
        "DoorsEncryptionKey",
        "DoorsIdentifierKey",
    }
    for value in named:
        assert value["Fn::GetAtt"][1] == "Id"


def test_on_a_laptop_nothing_is_protected_unless_context_says_so(tmp_path: Path) -> None:
    build(context=UNBUNDLED | {"target": "local", "stage": "blue"}, outdir=tmp_path)
    template = Template.read(tmp_path, "EngageData")

    for table in template.all("AWS::DynamoDB::GlobalTable").values():
        assert table["Replicas"][0]["DeletionProtectionEnabled"] is False
    for resource in template.body["Resources"].values():
        assert resource.get("DeletionPolicy") != "Retain"


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("target", "mars", "one of aws, local"),
        ("snap_start", "perhaps", "true or false"),
        ("push_concurrency", "1", "a number from 2 to 1000"),
        ("coupons_warm_writes", "100", "a number from 4000 to 1000000"),
        ("webhook_local_hosts", "localhost", "empty on AWS"),
        ("log_retention_days", "12", "one of 1, 7, 14"),
        ("reserved_concurrency", "many", "a JSON object"),
        ("queue_concurrency", "many", "a JSON object"),
    ],
)
def test_context_that_makes_no_sense_is_refused_by_name(key: str, value: str, wanted: str) -> None:
    with pytest.raises(DeploymentError, match=f"`{key}` is '{value}' and should be {wanted}"):
        build(context=UNBUNDLED | {key: value})


def test_snapshots_are_taken_of_the_functions_behind_the_api(tmp_path: Path) -> None:
    build(context=UNBUNDLED | {"snap_start": "true"}, outdir=tmp_path)
    template, gateway = (
        Template.read(tmp_path, stack) for stack in ("EngageService", "EngageGateway")
    )
    snapped = {
        name
        for name, function in template.all("AWS::Lambda::Function").items()
        if function.get("SnapStart") == {"ApplyOn": "PublishedVersions"}
    }
    assert snapped == {
        "RegistrationsApi",
        "ContactEventsApi",
        "ContactPolicyApi",
        "PushApi",
        "CouponsApi",
        "PlacementsApi",
        "PlacementsDecisions",
        "Fallback",
    }
    aliases = set(template.all("AWS::Lambda::Alias"))
    assert {
        shown(integration["IntegrationUri"])
        for integration in gateway.all("AWS::ApiGatewayV2::Integration").values()
    } == aliases
    assert {url["Qualifier"] for url in template.all("AWS::Lambda::Url").values()} == {"live"}


def _without_platform(folder: Path, stack: str) -> Any:
    """Return a template without what names the platform."""
    return without(Template.read(folder, stack).body, "Architectures", "S3Key")
