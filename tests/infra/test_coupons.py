from datetime import timedelta
from pathlib import Path

from functions.generate_codes.wiring import LAST_CALL
from infra.app import build
from shared.coupons.service.code_runs import LEASE
from tests.infra.conftest import UNBUNDLED
from tests.infra.rights import DOORS, KEYS, READ, RECEIVE, WRITE, dynamodb
from tests.infra.templates import Template, shown

END_OF_LINE = {"sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"}


def test_the_api_writes_coupons_and_reads_what_rules_ask(service: Template) -> None:
    assert service.rights("coupons_api") == DOORS | {
        "DoorsCodeKey": KEYS,
        "DoorsEncryptionKey": KEYS,
        "Coupons": READ | WRITE,
        "Registrations": READ | dynamodb("PutItem"),
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactPolicy": READ,
        "Push": dynamodb("GetItem"),
        "Placements": dynamodb("GetItem"),
        "ContactEvents": dynamodb("PutItem", "GetItem", "Query"),
        "CodeFiles/APP/*": {"s3:GetObject", "s3:PutObject"},
        "CodeFiles": {"s3:ListBucket"},
        "CouponsPublications": {"sqs:SendMessage"},
    }


def test_who_makes_codes_writes_codes_and_their_files_and_calls_itself(service: Template) -> None:
    assert service.rights("generate_codes") == {
        "DoorsCodeKey": KEYS,
        "DoorsEncryptionKey": KEYS,
        "Coupons": READ | dynamodb("PutItem", "PartiQLInsert"),
        "ContactEvents": dynamodb("PutItem"),
        "CodeFiles/APP/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        "CodeFiles": {"s3:ListBucket"},
        "CouponsCodes": RECEIVE | {"sqs:SendMessage"},
    }
    assert service.function("generate_codes")["RecursiveLoop"] == "Allow"


def test_who_gives_coupons_away_finds_people_and_claims_for_them(service: Template) -> None:
    assert service.rights("publish_coupon") == {
        "DoorsCodeKey": KEYS,
        "DoorsEncryptionKey": KEYS,
        "Coupons": READ | dynamodb("PutItem", "UpdateItem"),
        "Registrations": READ | dynamodb("PutItem"),
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactEvents": dynamodb("PutItem"),
        "CouponsPublications": RECEIVE | {"sqs:SendMessage"},
    }
    assert service.function("publish_coupon")["RecursiveLoop"] == "Allow"


def test_who_sweeps_ends_what_coupons_held_and_queues_reminders(service: Template) -> None:
    assert service.rights("sweep_coupons") == {
        "Coupons": READ | WRITE,
        "Registrations": READ,
        "Registrations/index/anonymous": dynamodb("Query"),
        "Push": dynamodb("GetItem", "Query", "PutItem"),
        "ContactEvents": dynamodb("PutItem"),
        "CouponsDeadLetters": END_OF_LINE,
    }


def test_the_functions_are_told_where_things_are(service: Template) -> None:
    tables = {
        "REGISTRATIONS_TABLE": "Registrations",
        "CONTACT_EVENTS_TABLE": "ContactEvents",
        "CONTACT_POLICY_TABLE": "ContactPolicy",
        "COUPONS_TABLE": "Coupons",
    }
    wanted = {
        "coupons_api": {
            **tables,
            "PUSH_TABLE": "Push",
            "PLACEMENTS_TABLE": "Placements",
            "PUBLICATION_QUEUE_URL": "CouponsPublications",
            "CODE_FILES_BUCKET": "CodeFiles",
        },
        "generate_codes": {
            "CONTACT_EVENTS_TABLE": "ContactEvents",
            "COUPONS_TABLE": "Coupons",
            "CODE_QUEUE_URL": "CouponsCodes",
            "CODE_FILES_BUCKET": "CodeFiles",
        },
        "publish_coupon": {**tables, "PUBLICATION_QUEUE_URL": "CouponsPublications"},
        "sweep_coupons": {**tables, "PUSH_TABLE": "Push"},
    }
    for package, places in wanted.items():
        told = service.function(package)["Environment"]["Variables"]
        assert {
            name: shown(value)
            for name, value in told.items()
            if name.endswith(("_TABLE", "_QUEUE_URL", "_BUCKET"))
        } == places, package


def test_a_job_about_codes_is_begun_by_its_event(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["CouponsCodeJobStarted"]
    (target,) = rule["Targets"]
    assert rule["EventPattern"] == {"source": ["engage"], "detail-type": ["code_job.started.v1"]}
    assert shown(target["Arn"]) == "CouponsCodes"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "CouponsDeadLetters"
    assert shown(service.source_of("CouponsCodeMaker")["EventSourceArn"]) == "CouponsCodes"


def test_a_batch_of_codes_outlives_neither_its_lease_nor_the_last_call(service: Template) -> None:
    timeout = timedelta(seconds=service.function("generate_codes")["Timeout"])
    assert LAST_CALL < LEASE < timeout


def test_jobs_come_one_at_a_time_and_are_given_up_after_five_receives(service: Template) -> None:
    for worker, package, name in (
        ("CouponsCodeMaker", "generate_codes", "CouponsCodes"),
        ("CouponsPublisher", "publish_coupon", "CouponsPublications"),
    ):
        mapping = service.source_of(worker)
        queue = service.all("AWS::SQS::Queue")[name]
        assert shown(mapping["EventSourceArn"]) == name
        assert mapping["BatchSize"] == 1
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert queue["VisibilityTimeout"] == 6 * service.function(package)["Timeout"]
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
        assert shown(queue["RedrivePolicy"]["deadLetterTargetArn"]) == "CouponsDeadLetters"


def test_what_ran_out_is_swept_every_minute(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["CouponsEveryMinute"]
    (target,) = rule["Targets"]
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert shown(target["Arn"]) == "CouponsSweeper"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "CouponsDeadLetters"
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}


def test_codes_tried_in_vain_all_over_ring(service: Template) -> None:
    alarm = service.one("AWS::CloudWatch::Alarm", MetricName="CodeMisses")
    assert alarm["Namespace"] == "Engage"
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "coupons_api"}]
    assert (alarm["Period"], alarm["Threshold"]) == (300, 1000)


def test_the_table_is_warmed_for_a_big_coupon_when_context_says_so(
    data: Template, tmp_path: Path
) -> None:
    build(context=UNBUNDLED | {"coupons_warm_writes": "40000"}, outdir=tmp_path)
    warmed = Template.read(tmp_path, "EngageData").all("AWS::DynamoDB::GlobalTable")

    assert warmed["Coupons"]["WarmThroughput"] == {"WriteUnitsPerSecond": 40_000}
    assert "WarmThroughput" not in data.all("AWS::DynamoDB::GlobalTable")["Coupons"]
