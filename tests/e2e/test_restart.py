"""What outlives a stop of the stack, and what deploys without it. Minutes each: see --long."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local import deployment
from infra.local.amazon import CdkCommand
from infra.local.aws import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY, Cloud
from infra.local.checkout import Checkout
from infra.local.emulator import Emulator
from infra.local.processes import wait_for
from infra.local.state import StateFolder
from infra.node import node
from tests.e2e.calls import PATIENCE, consumer, register
from tests.e2e.conftest import Engage

pytestmark = pytest.mark.long


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Engage]:
    """A stack of this test's own, since it stops it."""
    engage = Engage(tmp_path / "state")
    try:
        yield engage
    finally:
        engage.run("down", "--purge")


def test_data_api_and_streams_work_after_a_stop_and_a_start(own: Engage) -> None:
    before = own.run("up", "--port", "0")
    with httpx.Client(base_url=before["base_url"], timeout=60) as http:
        phone = register(http, before["app_id"])
    assert set(own.run("down")["stopped"]) == {"emulator", "fcm", "proxy"}

    after = own.run("up", "--port", "0")
    for same in ("app_id", "tables", "event_bus", "base_url"):
        assert after[same] == before[same]
    assert after["device"]["device_id"] == before["device"]["device_id"]
    cloud = Cloud(after["emulator"]["endpoint"])
    with (
        httpx.Client(base_url=after["base_url"], timeout=60) as http,
        consumer(cloud, bus=after["event_bus"], detail_type="device.registered.v1") as queue,
    ):
        known = http.get(
            f"/v1/apps/{after['app_id']}/devices/{phone['device_id']}",
            headers={"Authorization": f"Bearer {phone['device_token']}"},
        )
        assert known.json()["address"] == phone["address"]
        fresh = register(http, after["app_id"])
        came = wait_for(
            lambda: [event["data"]["device_id"] for event in queue.events()], within=PATIENCE
        )
        assert came == [fresh["device_id"]]
    assert own.run("demo", "--port", "0")["story"]


@pytest.fixture
def open_emulator(tmp_path: Path) -> Iterator[Cloud]:
    """An emulator that does not enforce IAM, as the CDK command line wants it."""
    emulator = Emulator(StateFolder(tmp_path))
    try:
        yield emulator.start(enforce_iam=False)
    finally:
        emulator.stop()


def test_the_plain_cdk_command_line_deploys_the_same_app(
    open_emulator: Cloud, tmp_path: Path
) -> None:
    checkout = Checkout.here()
    command = CdkCommand(checkout)
    if not command.is_installed():
        command.install()
    shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}  # noqa: TID251
    aws = {
        "AWS_ENDPOINT_URL": open_emulator.endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
    }

    def cdk(*arguments: str) -> None:
        program = checkout.root / "infra" / "node_modules" / "aws-cdk" / "bin" / "cdk"
        local = ("-c", "target=local", "--output", str(tmp_path / "cdk.out"))
        done = subprocess.run(
            [str(node()), str(program), *arguments, *local],
            cwd=checkout.root,
            env=shell | aws,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    cdk("synth", "--quiet")
    cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    cdk("deploy", "--all", "--require-approval", "never")
    names = deployment.outputs(open_emulator, ["EngageData", "EngageService", "EngageGateway"])
    assert {"ApiId", "UserPoolId", "RegistrationsTable", "PushApiUrl"} <= names.keys()
