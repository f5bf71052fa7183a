import json

from tests.infra.rights import DOORS, READ, dynamodb
from tests.infra.templates import Template, shown


def test_the_api_only_reads(service: Template) -> None:
    assert service.rights("contact_events_api") == DOORS | {
        "ContactEvents": READ,
        "ContactEvents/index/time": dynamodb("Query"),
        "Registrations": READ,
        "Registrations/index/anonymous": dynamodb("Query"),
        "DoorsEncryptionKey": {"secretsmanager:GetSecretValue"},
    }


def test_the_relay_reads_the_ledger_writes_receipts_and_publishes(service: Template) -> None:
    assert service.rights("relay_events") == {
        "ContactEvents": READ
        | dynamodb("PutItem")
        | dynamodb("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"),
        "ContactEvents/index/time": dynamodb("Query"),
        "Registrations": READ,
        "Bus": {"events:PutEvents"},
        "ContactEventsRelayDeadLetters": {
            "sqs:SendMessage",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
        },
    }


def test_the_ledger_streams_new_rows(data: Template) -> None:
    table = data.all("AWS::DynamoDB::GlobalTable")["ContactEvents"]
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}


def test_a_poison_record_is_cut_out_and_kept_while_the_others_flow(service: Template) -> None:
    stream = service.one("AWS::Lambda::EventSourceMapping", StartingPosition="TRIM_HORIZON")

    assert shown(stream["EventSourceArn"]) == "ContactEvents"
    assert shown(stream["FunctionName"]) == "ContactEventsRelay"
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["MaximumRetryAttempts"] == 10
    assert stream["MaximumRecordAgeInSeconds"] == 3600
    kept = stream["DestinationConfig"]["OnFailure"]["Destination"]
    assert shown(kept) == "ContactEventsRelayDeadLetters"


def test_only_new_rows_that_are_events_reach_the_relay(service: Template) -> None:
    stream = service.one("AWS::Lambda::EventSourceMapping", StartingPosition="TRIM_HORIZON")
    (filtered,) = stream["FilterCriteria"]["Filters"]

    assert json.loads(filtered["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"NewImage": {"sequence": {"S": [{"exists": True}]}}},
    }


def test_the_audit_runs_every_hour_once_the_last_hour_is_closed(service: Template) -> None:
    audit = service.one("AWS::Events::Rule", ScheduleExpression="cron(7 * * * ? *)")
    (target,) = audit["Targets"]

    assert shown(target["Arn"]) == "ContactEventsRelay"
    assert target["RetryPolicy"] == {
        "MaximumRetryAttempts": 10,
        "MaximumEventAgeInSeconds": 3600,
    }
    assert shown(target["DeadLetterConfig"]["Arn"]) == "ContactEventsRelayDeadLetters"


def test_an_audit_that_fails_is_kept(service: Template) -> None:
    ends = {
        shown(found["FunctionName"]): shown(found["DestinationConfig"]["OnFailure"]["Destination"])
        for found in service.all("AWS::Lambda::EventInvokeConfig").values()
    }
    assert ends["ContactEventsRelay"] == "ContactEventsRelayDeadLetters"


def test_a_late_relay_rings(service: Template) -> None:
    assert "IteratorAge" in service.alarms_of("ContactEventsRelay")
    alarm = service.one("AWS::CloudWatch::Alarm", MetricName="IteratorAge")
    assert alarm["Threshold"] == 5 * 60 * 1000
