from datetime import timedelta

from functions.run_import.wiring import LAST_CALL
from shared.registrations.service.import_runs import LEASE
from tests.infra.conftest import OPERATOR
from tests.infra.rights import DOORS, READ, RECEIVE, WRITE, dynamodb
from tests.infra.templates import Template, shown


def test_the_api_changes_registrations_and_only_appends_to_the_ledger(service: Template) -> None:
    assert service.rights("registrations_api") == DOORS | {
        "DoorsEncryptionKey": {"secretsmanager:GetSecretValue"},
        "Registrations": READ | WRITE,
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactEvents": dynamodb("PutItem", "Query"),
        "ContactPolicy": dynamodb("Query", "BatchGetItem", "PutItem"),
        "Push": dynamodb("BatchGetItem", "Query"),
        "Coupons": READ | dynamodb("PutItem", "DeleteItem"),
        "Placements": dynamodb("GetItem", "PutItem"),
        "Files/APP/*": {"s3:GetObject", "s3:PutObject"},
        "Files": {"s3:ListBucket"},
    }


def test_the_api_is_told_where_things_are_and_who_may_come_in(service: Template) -> None:
    told = service.function("registrations_api")["Environment"]["Variables"]

    assert {name: shown(value) for name, value in told.items()} == {
        "REGISTRATIONS_TABLE": "Registrations",
        "CONTACT_EVENTS_TABLE": "ContactEvents",
        "CONTACT_POLICY_TABLE": "ContactPolicy",
        "PUSH_TABLE": "Push",
        "COUPONS_TABLE": "Coupons",
        "PLACEMENTS_TABLE": "Placements",
        "FILES_BUCKET": "Files",
        "DEVICE_TOKEN_SECRET": "DoorsDeviceTokenKey",
        "IDENTIFIER_SECRET": "DoorsIdentifierKey",
        "ENCRYPTION_SECRET": "DoorsEncryptionKey",
        "OIDC_ISSUER": "https://cognito-idp.AWS::Region.amazonaws.com/DoorsMarketers",
        "OIDC_AUDIENCE": "DoorsMarketersClient",
        "OPERATOR_ROLE_ARN": OPERATOR,
        "SERVICE_VERSION": "0.1.0",
        "POWERTOOLS_SERVICE_NAME": "registrations_api",
        "POWERTOOLS_METRICS_NAMESPACE": "Engage",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
    }


def test_the_settler_may_delete_what_others_keep_and_invent_nothing(service: Template) -> None:
    assert service.rights("settle_contacts") == {
        "Registrations": READ | WRITE,
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactEvents": dynamodb("PutItem", "Query", "BatchWriteItem"),
        "ContactPolicy": dynamodb(
            "Query", "BatchGetItem", "PutItem", "DeleteItem", "BatchWriteItem"
        ),
        "Push": dynamodb("BatchGetItem", "Query", "UpdateItem", "DeleteItem"),
        "Coupons": READ | dynamodb("PutItem", "DeleteItem"),
        "Placements": dynamodb("GetItem", "PutItem", "DeleteItem"),
        "DoorsIdentifierKey": {"secretsmanager:GetSecretValue"},
        "DoorsEncryptionKey": {"secretsmanager:GetSecretValue"},
        "RegistrationsErasures": RECEIVE,
        "RegistrationsSettlerDeadLetters": {
            "sqs:SendMessage",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
        },
    }


def test_the_projector_copies_to_devices_and_reads_what_people_said(service: Template) -> None:
    assert service.rights("project_audience") == {
        "Registrations": READ | dynamodb("PutItem", "UpdateItem", "ConditionCheckItem"),
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactPolicy": dynamodb("Query"),
        "RegistrationsAudience": RECEIVE,
    }


def test_every_event_about_a_contact_reaches_the_projector(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["RegistrationsContactTold"]
    (target,) = rule["Targets"]
    assert rule["EventPattern"] == {
        "source": ["engage"],
        "detail": {"subject": [{"prefix": "contact/"}]},
    }
    assert shown(target["Arn"]) == "RegistrationsAudience"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "RegistrationsProjectorDeadLetters"

    mapping = service.source_of("RegistrationsProjector")
    assert shown(mapping["EventSourceArn"]) == "RegistrationsAudience"
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (100, 2)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    queue = service.all("AWS::SQS::Queue")["RegistrationsAudience"]
    assert queue["VisibilityTimeout"] == 6 * service.function("project_audience")["Timeout"]
    assert shown(queue["RedrivePolicy"]["deadLetterTargetArn"]) == (
        "RegistrationsProjectorDeadLetters"
    )


def test_an_erasure_is_begun_by_its_event(service: Template) -> None:
    rule = service.one(
        "AWS::Events::Rule",
        EventPattern={"source": ["engage"], "detail-type": ["contact.erasure_requested.v1"]},
    )
    assert [shown(target["Arn"]) for target in rule["Targets"]] == ["RegistrationsErasures"]
    mapping = service.source_of("RegistrationsSettler")
    assert shown(mapping["EventSourceArn"]) == "RegistrationsErasures"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_what_was_left_open_is_swept_every_five_minutes(service: Template) -> None:
    rule = service.one("AWS::Events::Rule", ScheduleExpression="rate(5 minutes)")
    (target,) = rule["Targets"]
    assert shown(target["Arn"]) == "RegistrationsSettler"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "RegistrationsSettlerDeadLetters"


def test_the_importer_writes_registrations_and_touches_and_calls_itself(service: Template) -> None:
    assert service.rights("run_import") == {
        "Registrations": READ | WRITE,
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactEvents": dynamodb("GetItem", "PutItem"),
        "ContactPolicy": dynamodb("GetItem", "Query", "BatchGetItem", "PutItem"),
        "Coupons": dynamodb("GetItem", "Query", "PutItem", "DeleteItem"),
        "Placements": dynamodb("GetItem", "PutItem"),
        "DoorsIdentifierKey": {"secretsmanager:GetSecretValue"},
        "DoorsEncryptionKey": {"secretsmanager:GetSecretValue"},
        "Files/APP/*": {"s3:GetObject", "s3:PutObject"},
        "Files": {"s3:ListBucket"},
        "RegistrationsImports": RECEIVE | {"sqs:SendMessage"},
    }
    assert service.function("run_import")["RecursiveLoop"] == "Allow"


def test_an_import_is_begun_by_its_event(service: Template) -> None:
    rule = service.one(
        "AWS::Events::Rule",
        EventPattern={"source": ["engage"], "detail-type": ["import.started.v1"]},
    )
    assert [shown(target["Arn"]) for target in rule["Targets"]] == ["RegistrationsImports"]
    mapping = service.source_of("RegistrationsImporter")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 1


def test_a_batch_outlives_neither_its_lease_nor_the_last_call(service: Template) -> None:
    timeout = timedelta(seconds=service.function("run_import")["Timeout"])
    assert LAST_CALL < LEASE < timeout
