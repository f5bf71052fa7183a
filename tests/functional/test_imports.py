"""Import is cheap: which modules a handler may load, each in an interpreter of its own.

What is named here was measured: docs/performance.md says what each costs.
"""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.deployment import FUNCTIONS

APIS = {name for name in FUNCTIONS if name.endswith("_api")}
NOWHERE = {
    "aiohttp",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.idempotency",
    "aws_lambda_powertools.utilities.parameters",
    "aws_xray_sdk",
    "boto3",
    "cloudevents",
    "google.cloud",
    "grpc",
    "holidays",
    "httpx",
    "jwt",
    "liquid",
    "niquests",
    "orjson",
    "phonenumbers",
    "s3transfer",
    "segno",
    "firebase_admin.app_check",
    "firebase_admin.auth",
    "firebase_admin.messaging",
}
SENDER_ONLY = {"cryptography", "firebase_admin", "google.auth", "pycurl", "requests"}
"""``firebase_admin`` loads the others; libcurl comes with the first channel that is made."""

ARCHIVE_ONLY = {"pyarrow"}
ARCHIVISTS = {"archive_events", "compact_archive"}
API_ONLY = {"aws_lambda_powertools.event_handler", "pydantic"}
WITHOUT_DATA = {"service_api"}
DATA = {"botocore.client", "pynamodb"}


def loaded_by(function: str) -> set[str]:
    code = f"import functions.{function}.handler, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(  # noqa: S603 - our own handler
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def forbidden_to(function: str) -> set[str]:
    forbidden = set(NOWHERE)
    if function != "send_push":
        forbidden |= SENDER_ONLY
    if function not in ARCHIVISTS:
        forbidden |= ARCHIVE_ONLY
    if function not in APIS:
        forbidden |= API_ONLY
    if function in WITHOUT_DATA:
        forbidden |= DATA
    return forbidden


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_loads_nothing_that_it_may_do_without(function: str) -> None:
    needless = loaded_by(function) & forbidden_to(function)
    assert needless == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_loads_its_own_function_alone(function: str) -> None:
    rooms = {name.split(".")[1] for name in loaded_by(function) if name.startswith("functions.")}
    assert rooms == {function}
