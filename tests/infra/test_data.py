from datetime import timedelta
from typing import Any

import pytest

from shared.coupons.model.code_jobs import FILES_KEPT as CODE_FILES_KEPT
from shared.registrations.model.imports import FILES_KEPT
from tests.infra.templates import Template
from tests.tables import INDEXES, definition

NAMES = {
    "registrations": "Registrations",
    "contact_events": "ContactEvents",
    "contact_policy": "ContactPolicy",
    "push": "Push",
    "coupons": "Coupons",
    "placements": "Placements",
}


@pytest.mark.parametrize("name", INDEXES)
def test_tables_are_deployed_as_tests_make_them(data: Template, name: str) -> None:
    deployed = data.all("AWS::DynamoDB::GlobalTable")[NAMES[name]]

    for key, wanted in definition(name, table="any").items():
        if key != "TableName":
            assert _sorted(deployed[key]) == _sorted(wanted), key


def test_every_table_is_recoverable_encrypted_and_protected(data: Template) -> None:
    tables = data.all("AWS::DynamoDB::GlobalTable")
    assert set(tables) == set(NAMES.values())
    for table in tables.values():
        (replica,) = table["Replicas"]
        assert replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert replica["DeletionProtectionEnabled"] is True
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
        assert table["TimeToLiveSpecification"] == {
            "AttributeName": "expires_at",
            "Enabled": True,
        }


def test_what_holds_state_outlives_its_stack(data: Template) -> None:
    kept = {"AWS::DynamoDB::GlobalTable", "AWS::SecretsManager::Secret", "AWS::Cognito::UserPool"}
    for resource in data.body["Resources"].values():
        if resource["Type"] in kept:
            assert resource["DeletionPolicy"] == "Retain"


@pytest.mark.parametrize(("name", "kept"), [("Files", FILES_KEPT), ("CodeFiles", CODE_FILES_KEPT)])
def test_files_are_private_encrypted_and_gone_when_said(
    data: Template, name: str, kept: timedelta
) -> None:
    bucket = data.all("AWS::S3::Bucket")[name]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (encrypted,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encrypted["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", kept.days)
    assert "VersioningConfiguration" not in bucket


def test_keys_are_made_on_aws_and_seen_by_nobody(data: Template) -> None:
    secrets = data.all("AWS::SecretsManager::Secret")
    assert set(secrets) == {
        "DoorsDeviceTokenKey",
        "DoorsIdentifierKey",
        "DoorsEncryptionKey",
        "DoorsCodeKey",
    }
    for secret in secrets.values():
        assert secret["GenerateSecretString"] == {
            "SecretStringTemplate": "{}",
            "GenerateStringKey": "current",
            "PasswordLength": 64,
            "ExcludePunctuation": True,
        }


def test_marketers_are_invited_never_self_made(data: Template) -> None:
    pool = data.one("AWS::Cognito::UserPool")

    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["MfaConfiguration"] == "OPTIONAL"
    assert pool["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 12
    assert data.one("AWS::Cognito::UserPoolClient")["ExplicitAuthFlows"] == [
        "ALLOW_ADMIN_USER_PASSWORD_AUTH",
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    ]


def test_the_stack_says_where_its_things_are(data: Template) -> None:
    assert {
        "RegistrationsTable",
        "ContactEventsTable",
        "ContactPolicyTable",
        "PushTable",
        "CouponsTable",
        "FilesBucket",
        "CodeFilesBucket",
        "EventBus",
        "UserPoolId",
        "UserPoolClientId",
    } <= set(data.body["Outputs"])


def test_the_archive_keeps_all_that_the_bus_carries(ops: Template) -> None:
    archive = ops.one("AWS::Events::Archive")
    assert archive["RetentionDays"] == 30
    assert archive["EventPattern"] == {"version": ["0"]}


def _sorted(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(value, key=lambda entry: str(sorted(entry.items())))
    return value
