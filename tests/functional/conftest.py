"""A deployment in one process: the real handlers over DynamoDB Local and a fake of the rest."""

import importlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from shared.platform.auth import deployment
from tests import rights
from tests.deployment import FUNCTIONS, OPERATOR_ROLE, POOL, Answer, Deployment
from tests.fakes.aws import Aws, running_aws
from tests.fakes.clock import ManualClock
from tests.fakes.issuer import OidcIssuer
from tests.functional.adverts import Adverts
from tests.functional.furnishing import Furnisher
from tests.functional.shops import Shop, moved_clock
from tests.functional.tenants import Tenant
from tests.infra.templates import Template

__all__ = ["OPERATOR_ROLE", "POOL", "Answer", "Deployment"]


@pytest.fixture(scope="session")
def aws_on_wire() -> Iterator[Aws]:
    with running_aws() as aws:
        yield aws


@pytest.fixture
def deployed(
    tables: dict[str, str],
    aws_on_wire: Aws,
    dynamodb_client: Any,
    roles_template: Template,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Deployment]:
    pool = OidcIssuer(POOL, audience="marketers")
    aws_on_wire.secrets = {
        "device-tokens": {"current": "a device token key"},
        "identifiers": {"current": "an identifier key"},
        "data-keys": {"current": "an encryption key"},
        "codes": {"current": "a key of codes"},
    }
    aws_on_wire.keys = pool.jwks()
    aws_on_wire.published.clear()
    aws_on_wire.jobs.clear()
    aws_on_wire.objects.clear()
    settings = {
        "AWS_ENDPOINT_URL": aws_on_wire.url,
        "DEVICE_TOKEN_SECRET": "device-tokens",
        "IDENTIFIER_SECRET": "identifiers",
        "ENCRYPTION_SECRET": "data-keys",
        "CODE_SECRET": "codes",
        "EVENT_BUS": "contact-events",
        "PUSH_QUEUE_URL": f"{aws_on_wire.url}/push",
        "PLAN_QUEUE_URL": f"{aws_on_wire.url}/plan",
        "ADVANCE_QUEUE_URL": f"{aws_on_wire.url}/advance",
        "IMPORT_QUEUE_URL": f"{aws_on_wire.url}/imports",
        "CODE_QUEUE_URL": f"{aws_on_wire.url}/codes",
        "PUBLICATION_QUEUE_URL": f"{aws_on_wire.url}/publications",
        "DECISION_QUEUE_URL": f"{aws_on_wire.url}/decisions",
        "FILES_BUCKET": "files",
        "CODE_FILES_BUCKET": "codes",
        "SNAPSHOTS_BUCKET": "snapshots",
        "DECISIONS_BUCKET": "decisions",
        "ARCHIVE_BUCKET": "archive",
        "WEBHOOK_LOCAL_HOSTS": "localhost",
        "OIDC_ISSUER": POOL,
        "OIDC_AUDIENCE": "marketers",
        "OPERATOR_ROLE_ARN": OPERATOR_ROLE,
        "SERVICE_VERSION": "1.2.3",
        "POWERTOOLS_SERVICE_NAME": "engage",
        "POWERTOOLS_METRICS_NAMESPACE": "Engage",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    _start_processes_anew()
    dynamodb_client.put_item(
        TableName=tables["registrations"],
        Item={
            "pk": {"S": f"GRANT#{POOL}#group/operators"},
            "sk": {"S": "APP#*"},
            "role": {"S": "admin"},
        },
    )
    roles = rights.Roles(service=roles_template, tables=rights.resources(tables))
    with roles.enforced():
        yield Deployment(aws=aws_on_wire, tables=tables, pool=pool, roles=roles)


@pytest.fixture(scope="session")
def furnisher(dynamodb_client: Any) -> Furnisher:
    return Furnisher(dynamodb_client)


@pytest.fixture
def tenant(deployed: Deployment, furnisher: Furnisher) -> Tenant:
    """Return an app with one thing of each kind in it."""
    return furnisher.tenant(deployed, "shop")


@pytest.fixture
def clock(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    return moved_clock(monkeypatch)


@pytest.fixture
def adverts(shop: Shop, dynamodb_client: Any) -> Adverts:
    return Adverts(shop=shop, dynamodb=dynamodb_client)


@pytest.fixture
def shop(deployed: Deployment, clock: ManualClock) -> Shop:
    return Shop.opened(deployed, clock)


def _start_processes_anew() -> None:
    """Drop what warm Lambda processes would keep."""
    deployment.own_issuer.cache_clear()
    deployment.device_tokens.cache_clear()
    deployment.token_verifier.cache_clear()
    for name in FUNCTIONS:
        wiring = importlib.import_module(f"functions.{name}.wiring").__name__
        rooms = [room for room in sys.modules if room == wiring or room.startswith(f"{wiring}.")]
        for room in rooms:
            for value in vars(sys.modules[room]).values():
                if hasattr(value, "cache_clear") and value.__module__ == room:
                    value.cache_clear()
