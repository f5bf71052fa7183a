import json

import pytest

from tests.infra.rights import DOORS, KEYS, READ, RECEIVE, WRITE, dynamodb
from tests.infra.templates import Template, shown

DEAD_LETTERS = {"sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"}


def test_the_api_records_events_and_names_contacts_on_the_way(service: Template) -> None:
    assert service.rights("contact_events_api") == DOORS | {
        "DoorsEncryptionKey": KEYS,
        "ContactEvents": READ | dynamodb("PutItem", "BatchWriteItem", "UpdateItem", "DeleteItem"),
        "ContactEvents/index/time": dynamodb("Query"),
        "Registrations": READ | WRITE,
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactPolicy": READ | dynamodb("PutItem"),
        "Coupons": dynamodb("GetItem", "Query", "PutItem", "DeleteItem"),
        "Placements": dynamodb("GetItem", "PutItem"),
    }


def test_the_relay_reads_the_ledger_writes_receipts_and_publishes(service: Template) -> None:
    assert service.rights("relay_events") == {
        "ContactEvents": READ
        | dynamodb("PutItem")
        | dynamodb("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"),
        "ContactEvents/index/time": dynamodb("Query"),
        "Registrations": READ,
        "Bus": {"events:PutEvents"},
        "ContactEventsRelayDeadLetters": DEAD_LETTERS,
    }


def test_the_counter_reads_the_ledger_and_the_list_of_apps(service: Template) -> None:
    assert service.rights("fold_channels") == {
        "ContactEvents": READ | dynamodb("PutItem"),
        "ContactEvents/index/time": dynamodb("Query"),
        "Registrations": dynamodb("Query"),
        "ContactEventsCounterDeadLetters": DEAD_LETTERS,
    }


def test_the_archiver_writes_files_alone(service: Template) -> None:
    assert service.rights("archive_events") == {
        "Archive/APP/*": {"s3:PutObject"},
        "ContactEventsArchiveQueue": RECEIVE,
    }


def test_the_compactor_reads_the_ledger_and_moves_files(service: Template) -> None:
    assert service.rights("compact_archive") == {
        "Archive/APP/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        "Archive": {"s3:ListBucket"},
        "ContactEvents": READ,
        "ContactEvents/index/time": dynamodb("Query"),
        "Registrations": dynamodb("Query"),
        "ContactEventsCompactorDeadLetters": DEAD_LETTERS,
    }


def test_the_rebuilder_writes_what_is_made_of_the_ledger(service: Template) -> None:
    assert service.rights("rebuild_projections") == {
        "ContactEvents": READ | dynamodb("PutItem", "DeleteItem"),
        "ContactEvents/index/time": dynamodb("Query"),
        "Registrations": READ | WRITE,
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactPolicy": dynamodb("Query"),
        "Push": dynamodb("Query", "PutItem", "UpdateItem", "DeleteItem"),
        "Placements": dynamodb("Query", "GetItem", "PutItem", "UpdateItem"),
    }


def test_everything_that_the_ledger_tells_is_archived(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["ContactEventsToArchive"]
    assert rule["EventPattern"] == {"source": ["engage"]}
    (target,) = rule["Targets"]
    assert shown(target["Arn"]) == "ContactEventsArchiveQueue"


def test_files_are_made_of_many_events(service: Template) -> None:
    source = service.source_of("ContactEventsArchiver")
    assert (source["BatchSize"], source["MaximumBatchingWindowInSeconds"]) == (10_000, 300)


@pytest.mark.parametrize("package", ["archive_events", "compact_archive"])
def test_parquet_is_a_layer_of_the_archives_workers(service: Template, package: str) -> None:
    layers = set(map(shown, service.function(package)["Layers"]))
    assert layers == {"CoreLayer", "ArchiveLayer"}


def test_nobody_else_carries_parquet(service: Template) -> None:
    carrying = {
        function["Handler"].split(".")[1]
        for function in service.all("AWS::Lambda::Function").values()
        if "ArchiveLayer" in map(shown, function["Layers"])
    }
    assert carrying == {"archive_events", "compact_archive"}


def test_the_archive_stays(data: Template) -> None:
    bucket = data.all("AWS::S3::Bucket")["Archive"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert "ExpirationInDays" not in rule


def test_what_goes_out_is_read_from_the_ledger_and_waits_in_its_table(service: Template) -> None:
    assert service.rights("deliver_webhooks") == {
        "ContactEvents": READ | dynamodb("PutItem", "UpdateItem", "DeleteItem"),
        "ContactEvents/index/time": dynamodb("Query"),
        "Registrations": dynamodb("Query", "GetItem"),
        "DoorsEncryptionKey": KEYS,
        "ContactEventsOutgoing": RECEIVE,
        "ContactEventsWebhookDeadLetters": DEAD_LETTERS,
    }


def test_every_event_goes_out_and_on_aws_to_no_local_host(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["ContactEventsGoOut"]
    (target,) = rule["Targets"]
    assert rule["EventPattern"] == {"source": ["engage"]}
    assert shown(target["Arn"]) == "ContactEventsOutgoing"
    sender = service.all("AWS::Lambda::Function")["ContactEventsWebhookSender"]
    assert sender["Environment"]["Variables"]["WEBHOOK_LOCAL_HOSTS"] == ""
    again = service.all("AWS::Events::Rule")["ContactEventsTryAgain"]
    assert again["ScheduleExpression"] == "rate(1 minute)"


def test_the_ledger_is_counted_every_ten_minutes(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["ContactEventsCount"]
    (target,) = rule["Targets"]
    assert rule["ScheduleExpression"] == "rate(10 minutes)"
    assert shown(target["Arn"]) == "ContactEventsCounter"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "ContactEventsCounterDeadLetters"
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 600, "MaximumRetryAttempts": 0}


def test_the_ledger_streams_new_rows(data: Template) -> None:
    table = data.all("AWS::DynamoDB::GlobalTable")["ContactEvents"]
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}


def test_a_poison_record_is_cut_out_and_kept_while_the_others_flow(service: Template) -> None:
    stream = service.source_of("ContactEventsRelay")

    assert shown(stream["EventSourceArn"]) == "ContactEvents"
    assert shown(stream["FunctionName"]) == "ContactEventsRelay"
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["MaximumRetryAttempts"] == 10
    assert stream["MaximumRecordAgeInSeconds"] == 3600
    kept = stream["DestinationConfig"]["OnFailure"]["Destination"]
    assert shown(kept) == "ContactEventsRelayDeadLetters"


def test_only_new_rows_that_are_events_reach_the_relay(service: Template) -> None:
    stream = service.source_of("ContactEventsRelay")
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
    alarm = service.all("AWS::CloudWatch::Alarm")["ContactEventsRelayLag"]
    assert alarm["Threshold"] == 5 * 60 * 1000
