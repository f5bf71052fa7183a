"""What tests of every kind share: options, DynamoDB Local, no network for unit tests."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import hypothesis
import pytest
from pytest_socket import disable_socket, enable_socket

from shared.platform import clients, dynamodb
from shared.platform.settings import settings
from tests import rights
from tests.dynamodb_local import running_dynamodb_local
from tests.infra.templates import Template
from tests.tables import REGION, MakeTables, drop_all, make_all

ROOT = Path(__file__).parents[1]

# A machine that others use as well is slow at times: no test is about how long it takes.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="run the long figures too, which CI leaves out"
    )
    parser.addoption(
        "--publish", action="store_true", help="write the generated documents instead of comparing"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Let several processes (``-n 2``) keep to the order below, and one of them run all of e2e."""
    if config.getoption("numprocesses"):
        config.option.dist = "loadgroup"
        config.option.loadscopereorder = False


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run quick kinds first, and leave the long ones out unless asked for.

    The deployed stack is started once: one process runs all that needs it. Where there are several
    it begins before the other slow kinds, which the others run meanwhile.
    """
    order = ["static", "unit", "sdk", "infra", "contract", "functional", "simulation", "e2e"]
    if "PYTEST_XDIST_WORKER" in os.environ:  # noqa: TID251
        order.insert(order.index("contract"), order.pop())
    items.sort(key=lambda item: order.index(_kind(item)) if _kind(item) in order else -1)
    for item in items:
        if _kind(item) == "e2e":
            item.add_marker(pytest.mark.xdist_group("e2e"))
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long: run with --long"))


def _kind(item: pytest.Item) -> str:
    return item.path.relative_to(ROOT / "tests").parts[0]


@pytest.fixture(autouse=True)
def sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take the network away from unit tests: they say the rules."""
    if _kind(request.node) == "unit":
        disable_socket(allow_unix_socket=True)
        yield
        enable_socket()
    else:
        yield


@pytest.fixture(scope="session", autouse=True)
def botocores_data() -> Iterator[None]:
    """Read botocore's models of services once, not for each process that a test stands for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session")
def dynamodb_url() -> Iterator[str]:
    with running_dynamodb_local() as url:
        yield url


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, dynamodb_url: str) -> Iterator[None]:
    """Let the code under test reach DynamoDB Local, and nothing else of AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:  # noqa: TID251
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_url)
    _forget_process()
    yield
    _forget_process()


@pytest.fixture
def tables(aws: None, make_tables: MakeTables, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make every table of the deployment anew, and name them in the environment."""
    made = make_tables()
    for name, table in made.items():
        monkeypatch.setenv(f"{name.upper()}_TABLE", table)
    return made


@pytest.fixture
def make_tables(dynamodb_client: Any) -> Iterator[MakeTables]:
    """Return what makes every table anew, as often as a test wants; they go with the test."""
    every: list[dict[str, str]] = []

    def make(*, indexed: bool = True) -> dict[str, str]:
        every.append(make_all(dynamodb_client, indexed=indexed))
        return every[-1]

    yield make
    for made in every:
        drop_all(dynamodb_client, made)


@pytest.fixture(scope="session")
def dynamodb_client(dynamodb_url: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=dynamodb_url,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@pytest.fixture(scope="session")
def roles_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Return the stack of the functions, whose roles say what each may do."""
    return rights.read(tmp_path_factory.mktemp("roles"))


def _forget_process() -> None:
    """Drop what a Lambda process would keep."""
    settings.cache_clear()
    dynamodb.connection.cache_clear()
    clients.client.cache_clear()
