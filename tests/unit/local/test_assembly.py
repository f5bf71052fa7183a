import json
from pathlib import Path
from typing import Any

from infra.local.assembly import Assembly, here

BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"


def stack(name: str, *dependencies: str) -> dict[str, Any]:
    return {
        "type": "aws:cloudformation:stack",
        "dependencies": [f"{name}.assets", *dependencies],
        "properties": {
            "templateFile": f"{name}.template.json",
            "stackTemplateAssetObjectUrl": f"s3://{BUCKET}/{name}.json",
            "additionalDependencies": [f"{name}.assets"],
        },
    }


def assembly(folder: Path, artifacts: dict[str, Any]) -> Assembly:
    names = [name for name, each in artifacts.items() if each["type"].endswith(":stack")]
    for name in names:
        file = f"{name}.assets.json"
        artifacts[f"{name}.assets"] = {"type": "cdk:asset-manifest", "properties": {"file": file}}
        destination = {"bucketName": BUCKET, "objectKey": f"{name}.zip"}
        source = {"path": f"asset.{name}", "packaging": "zip"}
        asset = {"source": source, "destinations": {"here": destination}}
        (folder / file).write_text(json.dumps({"files": {name: asset}}))
        (folder / f"{name}.template.json").write_text(json.dumps({"Resources": {name: {}}}))
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return Assembly(folder=folder, code_hash="x")


def test_a_stack_comes_after_those_it_depends_on(tmp_path: Path) -> None:
    artifacts = {
        "EngageService": stack("EngageService", "EngageData"),
        "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}},
        "EngageData": stack("EngageData"),
    }
    stacks = assembly(tmp_path, artifacts).stacks()
    assert [each.name for each in stacks] == ["EngageData", "EngageService"]
    assert stacks[0].template == {"Resources": {"EngageData": {}}}


def test_assets_go_to_the_bucket_of_the_emulators_account(tmp_path: Path) -> None:
    (only,) = assembly(tmp_path, {"EngageData": stack("EngageData")}).stacks()
    (asset,) = only.assets
    assert asset.bucket == "cdk-hnb659fds-assets-000000000000-us-east-1"
    assert (asset.key, asset.is_folder) == ("EngageData.zip", True)
    assert asset.source == tmp_path / "asset.EngageData"
    assert only.url == "cdk-hnb659fds-assets-000000000000-us-east-1/EngageData.json"


def test_placeholders_of_cloudformation_are_filled() -> None:
    assert here("arn:${AWS::Partition}:iam::${AWS::AccountId}:x") == "arn:aws:iam::000000000000:x"
