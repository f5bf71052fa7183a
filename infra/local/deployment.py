"""Deploys a cloud assembly to the emulator's CloudFormation, without the CDK command line.

The CDK command line cannot do it here: with IAM enforcement on, the emulator refuses the role that
publishes assets. The templates and bundles are the very ones that `engage deploy` sends to AWS.
"""

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from infra.local.assembly import Assembly, FileAsset, StackTemplate
from infra.local.aws import REGION, Cloud
from infra.local.errors import LocalStackError
from infra.local.processes import wait_for

_BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION = "30"
_DEPLOYED_PARAMETER = "/engage/local/code-hash"
_OPERATION_SECONDS = 300
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_NEVER_LIVED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS")

Advance = Callable[[int, int], None]
"""Told how many parts are done, and of how many."""


def deployed_hash(cloud: Cloud) -> str | None:
    """Return the code hash of what runs, as the emulator itself remembers it.

    Kept there, not in a file of ours: an emulator that was killed forgets both at once.
    """
    try:
        answer = cloud.client("ssm").get_parameter(Name=_DEPLOYED_PARAMETER)
    except ClientError:
        return None
    return str(answer["Parameter"]["Value"])


def deploy(cloud: Cloud, assembly: Assembly, *, advance: Advance) -> None:
    """Bring every stack of the assembly to the emulator, in the order of their dependencies.

    Raises:
        LocalStackError: a stack failed; the reasons that CloudFormation gave are in the text.
    """
    stacks = assembly.stacks()
    assets = {asset.key: asset for stack in stacks for asset in stack.assets}
    sizes = [len(stack.template["Resources"]) for stack in stacks]
    total = len(assets) + sum(sizes)
    for done, asset in enumerate(assets.values(), 1):
        _upload(cloud, asset)
        advance(done, total)
    _put_parameter(cloud, _BOOTSTRAP_PARAMETER, _BOOTSTRAP_VERSION)
    before = len(assets)
    for stack, size in zip(stacks, sizes, strict=True):
        _Operation(cloud, stack).run(partial(_advance_from, before, total, advance))
        before += size
    mend(cloud, stacks)
    _put_parameter(cloud, _DEPLOYED_PARAMETER, assembly.code_hash)


def outputs(cloud: Cloud, names: Sequence[str]) -> dict[str, str]:
    """Return the outputs of the named stacks in one mapping."""
    return {
        output["OutputKey"]: output["OutputValue"]
        for name in names
        for output in cloud.client("cloudformation")
        .describe_stacks(StackName=name)["Stacks"][0]
        .get("Outputs", ())
    }


def mend(cloud: Cloud, stacks: Sequence[StackTemplate]) -> None:
    """Apply what the emulator's CloudFormation takes and forgets: CORS, reserved concurrency."""
    for stack in stacks:
        described = cloud.client("cloudformation").describe_stack_resources(StackName=stack.name)
        ids = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in described["StackResources"]
        }
        for logical_id, resource in stack.template["Resources"].items():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::ApiGatewayV2::Api" and "CorsConfiguration" in properties:
                cloud.client("apigatewayv2").update_api(
                    ApiId=ids[logical_id], CorsConfiguration=properties["CorsConfiguration"]
                )
            reserved = properties.get("ReservedConcurrentExecutions")
            if resource["Type"] == "AWS::Lambda::Function" and reserved is not None:
                cloud.client("lambda").put_function_concurrency(
                    FunctionName=ids[logical_id], ReservedConcurrentExecutions=reserved
                )


def zipped(folder: Path, target: Path) -> Path:
    """Zip a folder; the same files give the same bytes. Fast rather than small: it stays here."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _LONG_AGO)
            entry.external_attr = path.stat().st_mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return target


def _advance_from(before: int, total: int, advance: Advance, done: int) -> None:
    advance(before + done, total)


def _upload(cloud: Cloud, asset: FileAsset) -> None:
    """Upload an asset unless it is there: its key is the hash of its content."""
    s3 = cloud.client("s3")
    try:
        s3.head_object(Bucket=asset.bucket, Key=asset.key)
    except ClientError:
        s3.create_bucket(Bucket=asset.bucket)
    else:
        return
    with TemporaryDirectory() as scratch:
        packed = zipped(asset.source, Path(scratch) / "asset") if asset.is_folder else asset.source
        s3.upload_file(str(packed), asset.bucket, asset.key)


def _put_parameter(cloud: Cloud, name: str, value: str) -> None:
    cloud.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)


@dataclass(frozen=True, slots=True)
class _Operation:
    """The creation or the update of one stack, through a change set."""

    cloud: Cloud
    stack: StackTemplate

    def run(self, advance: Callable[[int], None]) -> None:
        change_set = self._prepare()
        if change_set is None:
            return
        formation = self.cloud.client("cloudformation")
        formation.execute_change_set(ChangeSetName=change_set)

        def ended() -> str | None:
            advance(self._finished_resources())
            status = formation.describe_change_set(ChangeSetName=change_set)["ExecutionStatus"]
            return None if status == "EXECUTE_IN_PROGRESS" else str(status)

        outcome = wait_for(ended, within=_OPERATION_SECONDS, every=0.2)
        if outcome != "EXECUTE_COMPLETE":
            raise LocalStackError(
                f"Stack {self.stack.name} failed ({outcome}):\n" + "\n".join(self._reasons()),
                fix="Mend the template and run `engage up` again. `engage down --purge` starts "
                "from nothing, and local data is lost.",
            )

    def _prepare(self) -> str | None:
        """Create the change set and return its ARN; ``None`` when nothing would change."""
        formation = self.cloud.client("cloudformation")
        status = self._settled_status()
        if status in _NEVER_LIVED:
            formation.delete_stack(StackName=self.stack.name)
            wait_for(lambda: self._status() is None, within=_OPERATION_SECONDS)
            status = None
        change_set = self._create_change_set("UPDATE" if status else "CREATE")

        def ready() -> Mapping[str, Any] | None:
            said = formation.describe_change_set(ChangeSetName=change_set)
            return said if said["Status"] in ("CREATE_COMPLETE", "FAILED") else None

        said = wait_for(ready, within=_OPERATION_SECONDS) or {}
        if said.get("Status") == "CREATE_COMPLETE":
            return change_set
        reason = str(said.get("StatusReason", "it was not ready in time"))
        formation.delete_change_set(ChangeSetName=change_set)
        if "didn't contain changes" in reason or "No updates" in reason:
            return None
        raise self._refused(reason)

    def _create_change_set(self, kind: str) -> str:
        try:
            created = self.cloud.client("cloudformation").create_change_set(
                StackName=self.stack.name,
                ChangeSetName=f"engage-{uuid4().hex}",
                ChangeSetType=kind,
                # Inline, CloudFormation refuses a template of more than 51,200 bytes.
                TemplateURL=f"https://s3.{REGION}.amazonaws.com/{self.stack.url}",
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            )
        except ClientError as refusal:
            raise self._refused(str(refusal)) from refusal
        return str(created["Id"])

    def _refused(self, reason: str) -> LocalStackError:
        return LocalStackError(
            f"Stack {self.stack.name} is refused: {reason}",
            fix="The emulator knows fewer types than AWS: put the resource behind target=aws.",
        )

    def _settled_status(self) -> str | None:
        """Return the status once an operation that a command left behind has ended."""

        def settled() -> list[str | None] | None:
            status = self._status()
            is_busy = status and status.endswith("_IN_PROGRESS") and status not in _NEVER_LIVED
            return None if is_busy else [status]

        return (wait_for(settled, within=_OPERATION_SECONDS, every=0.2) or [self._status()])[0]

    def _status(self) -> str | None:
        try:
            answer = self.cloud.client("cloudformation").describe_stacks(StackName=self.stack.name)
        except ClientError:
            return None
        status = str(answer["Stacks"][0]["StackStatus"])
        return None if status == "DELETE_COMPLETE" else status

    def _finished_resources(self) -> int:
        resources = self.cloud.client("cloudformation").describe_stack_resources(
            StackName=self.stack.name
        )["StackResources"]
        return sum(each["ResourceStatus"].endswith("_COMPLETE") for each in resources)

    def _reasons(self) -> Iterator[str]:
        events = self.cloud.client("cloudformation").describe_stack_events(
            StackName=self.stack.name
        )
        for event in reversed(events["StackEvents"]):
            if event["ResourceStatus"].endswith("_FAILED"):
                reason = event.get("ResourceStatusReason", "no reason given")
                yield f"  {event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
