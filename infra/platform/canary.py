"""New versions tried on a few calls first, by CodeDeploy, which takes back one that fails."""

from typing import cast

from aws_cdk import Duration, Stack
from aws_cdk.aws_codedeploy import (
    LambdaApplication,
    LambdaDeploymentConfig,
    LambdaDeploymentGroup,
)
from aws_cdk.aws_iam import Role, ServicePrincipal
from aws_cdk.aws_lambda import Alias

from infra.platform.alarms import EngageAlarm
from infra.platform.nag import accept


def try_first(alias: Alias, *, package: str) -> None:
    """Give a new version a tenth of the alias's calls for five minutes, and all if none failed."""
    failures = EngageAlarm(
        alias,
        "Failures",
        metric=alias.metric_errors(period=Duration.minutes(1), statistic="Sum"),
        above=0,
        meaning=f"{package} failed: a version that is being deployed is taken back.",
        runbook="operations.md#a-deployment-is-rolled-back",
    )
    application, role = _of_stack(Stack.of(alias))
    LambdaDeploymentGroup(
        alias,
        "Deployment",
        alias=alias,
        application=application,
        role=role,
        deployment_config=LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
        alarms=[failures],
    )


def _of_stack(stack: Stack) -> tuple[LambdaApplication, Role]:
    """Return the stack's application and role of CodeDeploy; its functions share them."""
    if found := stack.node.try_find_child("Deployments"):
        return cast("LambdaApplication", found), cast("Role", stack.node.find_child("DeployRole"))
    role = Role(stack, "DeployRole", assumed_by=ServicePrincipal("codedeploy.amazonaws.com"))
    accept(
        role,
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
        "AWSCodeDeployRoleForLambdaLimited]",
        because="AWS keeps this policy; it moves aliases, reads alarms, and calls hooks by name.",
    )
    return LambdaApplication(stack, "Deployments"), role
