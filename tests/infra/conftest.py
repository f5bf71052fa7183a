"""Synthesises the deployment once per target, without bundles: rights need no code."""

from pathlib import Path
from typing import Any

import pytest

from infra.app import build
from tests.infra.templates import Template

OPERATOR = "arn:aws:iam::111122223333:role/operator"
UNBUNDLED: dict[str, Any] = {"aws:cdk:bundling-stacks": [], "operator_role_arn": OPERATOR}


@pytest.fixture(scope="session")
def for_aws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the cloud assembly for AWS, checked by cdk-nag, with all that context can say."""
    folder = tmp_path_factory.mktemp("aws")
    said = {
        "nag": True,
        "cors_origins": "https://shop.example,https://www.shop.example",
        "alarm_topic_arn": "arn:aws:sns:eu-west-1:111122223333:on-call",
        "reserved_concurrency": '{"send_push": 7}',
    }
    build(context=UNBUNDLED | said, outdir=folder)
    return folder


@pytest.fixture(scope="session")
def data(for_aws: Path) -> Template:
    return Template.read(for_aws, "EngageData")


@pytest.fixture(scope="session")
def service(for_aws: Path) -> Template:
    return Template.read(for_aws, "EngageService")


@pytest.fixture(scope="session")
def gateway(for_aws: Path) -> Template:
    return Template.read(for_aws, "EngageGateway")


@pytest.fixture(scope="session")
def ops(for_aws: Path) -> Template:
    return Template.read(for_aws, "EngageOps")
