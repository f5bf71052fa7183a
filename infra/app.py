"""The CDK app: run by ``cdk`` as cdk.json says, or built by a Python caller."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, Validations
from aws_cdk.cx_api import CloudAssembly
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.context import Context
from infra.errors import DeploymentError
from infra.platform.function import ROOT
from infra.stacks.data import EngageData
from infra.stacks.gateway import EngageGateway
from infra.stacks.ops import EngageOps
from infra.stacks.service import EngageService


def build(*, context: Mapping[str, Any] | None = None, outdir: Path | None = None) -> CloudAssembly:
    """Synthesise the deployment, and return its cloud assembly.

    Args:
        context: what differs from ``cdk.json``, as ``-c`` would say it.
        outdir: where the templates and bundles go; unless said, where ``cdk`` wants them, else a
            temporary folder.

    Raises:
        DeploymentError: the context, the routes or the bundles do not allow it.
    """
    defaults = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(
        context=defaults | dict(context or {}),
        outdir=str(outdir) if outdir else None,
        analytics_reporting=False,
    )
    said = Context.of(app)
    data = EngageData(app, "EngageData")
    service = EngageService(app, "EngageService", data=data)
    gateway = EngageGateway(app, "EngageGateway", service=service)
    if said.target == "aws":
        EngageOps(app, "EngageOps", data=data, service=service, gateway=gateway)
    if said.nag:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return app.synth()


if __name__ == "__main__":
    try:
        build()
    except DeploymentError as refusal:
        sys.exit(str(refusal))
