"""Synthesises the real CDK app for the local target, and reads what it wrote."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from infra.local.aws import ACCOUNT, REGION
from infra.local.checkout import Checkout
from infra.local.errors import LocalStackError
from infra.local.processes import clean_environment

_KEY_FILE = "engage-code-hash"
WORKERS = (
    "advance_campaigns",
    "apply_contact_events",
    "archive_events",
    "compile_snapshot",
    "deliver_webhooks",
    "file_decisions",
    "fold_results",
    "follow_triggers",
    "generate_codes",
    "note_whereabouts",
    "plan_campaign",
    "project_ad_state",
    "project_audience",
    "publish_coupon",
    "run_import",
    "send_push",
    "settle_contacts",
)
LOCAL = {
    "target": "local",
    "public_url": "http://localhost:8000",
    "webhook_local_hosts": ["localhost", "127.0.0.1"],
    # Each that runs at once is a process of this machine's: two are SQS's least.
    "queue_concurrency": dict.fromkeys(WORKERS, 2),
}
"""What differs from ``cdk.json``; links that are made here lead to the port that is usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAsset:
    """A file, or a folder to be zipped, and the bucket and key that templates know it by."""

    source: Path
    is_folder: bool
    bucket: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StackTemplate:
    """One stack of the app."""

    name: str
    template: Mapping[str, Any]
    url: str
    assets: tuple[FileAsset, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What ``cdk synth`` writes: templates and assets (cdk's cloud assembly, manifest.json)."""

    folder: Path
    code_hash: str

    def stacks(self) -> list[StackTemplate]:
        """Return the stacks, each after those that it depends on."""
        manifest = json.loads((self.folder / "manifest.json").read_text())["artifacts"]
        order = TopologicalSorter(
            {name: artifact.get("dependencies", ()) for name, artifact in manifest.items()}
        ).static_order()
        return [
            self._stack(name, manifest[name]["properties"], manifest)
            for name in order
            if manifest[name]["type"] == "aws:cloudformation:stack"
        ]

    def _stack(
        self, name: str, properties: Mapping[str, Any], manifest: Mapping[str, Any]
    ) -> StackTemplate:
        url = here(properties["stackTemplateAssetObjectUrl"]).removeprefix("s3://")
        assets = [
            asset
            for dependency in properties.get("additionalDependencies", ())
            if manifest[dependency]["type"] == "cdk:asset-manifest"
            for asset in self._assets(manifest[dependency]["properties"]["file"])
        ]
        return StackTemplate(
            name=properties.get("stackName", name),
            template=json.loads((self.folder / properties["templateFile"]).read_text()),
            url=url,
            assets=tuple(assets),
        )

    def _assets(self, file: str) -> Iterator[FileAsset]:
        for asset in json.loads((self.folder / file).read_text())["files"].values():
            source = asset["source"]
            for destination in asset["destinations"].values():
                yield FileAsset(
                    source=self.folder / source["path"],
                    is_folder=source["packaging"] == "zip",
                    bucket=here(destination["bucketName"]),
                    key=here(destination["objectKey"]),
                )


def here(text: str) -> str:
    """Return ``text`` with CloudFormation's placeholders filled for the emulator's account."""
    for name, value in (("AccountId", ACCOUNT), ("Region", REGION), ("Partition", "aws")):
        text = text.replace(f"${{AWS::{name}}}", value)
    return text


def synthesise(checkout: Checkout, *, folder: Path, log: Path) -> Assembly:
    """Return the assembly of the code as it is now: the one of last time when nothing changed.

    Raises:
        LocalStackError: the CDK app failed; its last lines are in the text.
    """
    code_hash = checkout.code_hash()
    kept = folder / _KEY_FILE
    if kept.is_file() and kept.read_text() == code_hash:
        return Assembly(folder=folder, code_hash=code_hash)
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    _run_app(checkout, out=fresh, log=log)
    (fresh / _KEY_FILE).write_text(code_hash)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return Assembly(folder=folder, code_hash=code_hash)


def _run_app(checkout: Checkout, *, out: Path, log: Path) -> None:
    """Run the app as the CDK command line runs it: context and output folder by environment."""
    settings = json.loads((checkout.root / "cdk.json").read_text())
    environment = clean_environment(
        CDK_OUTDIR=str(out),
        CDK_CONTEXT_JSON=json.dumps(settings.get("context", {}) | LOCAL),
        CDK_DEFAULT_ACCOUNT=ACCOUNT,
        CDK_DEFAULT_REGION=REGION,
    )
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as written:
        done = subprocess.run(
            [sys.executable, "-m", "infra.app"],
            cwd=checkout.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise LocalStackError(
            f"The CDK app failed (exit code {done.returncode}):\n{last}",
            fix=f"The whole output is {log}. Run `engage doctor` if a tool is missing.",
        )
