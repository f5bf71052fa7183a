import json

from tests.infra.rights import DOORS, READ, RECEIVE, WRITE, dynamodb
from tests.infra.templates import Template, shown

END_OF_LINE = {"sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"}
SNAPSHOTS = {"Snapshots/APP/*": {"s3:GetObject"}, "Snapshots": {"s3:ListBucket"}}
ANONYMOUS = {"Registrations/index/anonymous": dynamodb("Query")}
STREAM = dynamodb("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")


def test_marketers_write_what_is_booked_and_read_what_was_decided(service: Template) -> None:
    assert service.rights("placements_api") == DOORS | ANONYMOUS | SNAPSHOTS | {
        "Placements": READ | WRITE,
        "Registrations": READ | dynamodb("PutItem"),
        "ContactEvents": READ | dynamodb("PutItem"),
        "ContactEvents/index/time": dynamodb("Query"),
        "Coupons": dynamodb("GetItem", "Query"),
        "ContactPolicy": READ,
        "Decisions/APP/*": {"s3:GetObject"},
        "Decisions": {"s3:ListBucket"},
    }


def test_decisions_write_promises_leases_and_what_became_of_ads(service: Template) -> None:
    assert service.rights("ad_decisions_api") == DOORS | ANONYMOUS | SNAPSHOTS | {
        "Placements": READ | WRITE,
        "Registrations": READ,
        "ContactEvents": dynamodb("PutItem", "GetItem", "Query", "PartiQLInsert"),
        "Coupons": dynamodb("GetItem", "Query"),
        "ContactPolicy": READ,
        "PlacementsRecords": {"sqs:SendMessage"},
    }


def test_who_files_decisions_writes_files_alone(service: Template) -> None:
    assert service.rights("file_decisions") == {
        "Decisions/APP/*": {"s3:PutObject"},
        "PlacementsRecords": RECEIVE,
    }
    mapping = service.source_of("PlacementsRecorder")
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (1000, 5)


def test_who_compiles_reads_what_is_booked_and_writes_snapshots(service: Template) -> None:
    assert service.rights("compile_snapshot") == {
        "Placements": READ | dynamodb("PutItem", "UpdateItem"),
        "Registrations": dynamodb("Query"),
        "ContactPolicy": dynamodb("Query"),
        "Snapshots/APP/*": {"s3:GetObject", "s3:PutObject"},
        "Snapshots": {"s3:ListBucket"},
        "PlacementsBooked": RECEIVE,
        "PlacementsDeadLetters": END_OF_LINE,
    }


def test_who_keeps_peoples_state_asks_the_other_domains(service: Template) -> None:
    assert service.rights("project_ad_state") == ANONYMOUS | SNAPSHOTS | {
        "Placements": dynamodb("GetItem", "PutItem"),
        "Registrations": READ,
        "ContactPolicy": dynamodb("Query", "BatchGetItem"),
        "Coupons": dynamodb("Query"),
        "ContactEvents": dynamodb("PutItem", "Query"),
        "PlacementsTold": RECEIVE,
    }


def test_who_counts_reads_the_stream_and_notes_touches(service: Template) -> None:
    assert service.rights("fold_ad_events") == SNAPSHOTS | {
        "Placements": dynamodb("GetItem", "PutItem", "UpdateItem"),
        "Registrations": dynamodb("GetItem"),
        "ContactPolicy": dynamodb("Query", "BatchGetItem", "PutItem"),
        "ContactEvents": STREAM | dynamodb("Query"),
        "PlacementsFolderDeadLetters": END_OF_LINE,
    }


def test_who_sweeps_leases_writes_ads_alone(service: Template) -> None:
    assert service.rights("sweep_leases") == {
        "Placements": READ | dynamodb("PutItem", "UpdateItem", "ConditionCheckItem"),
        "Registrations": dynamodb("Query"),
        "PlacementsDeadLetters": END_OF_LINE,
    }


def test_what_is_told_of_ads_is_counted_shard_by_shard(service: Template) -> None:
    stream = service.source_of("PlacementsFolder")
    (filtered,) = stream["FilterCriteria"]["Filters"]

    assert shown(stream["EventSourceArn"]) == "ContactEvents"
    assert stream["TumblingWindowInSeconds"] == 30
    assert "ParallelizationFactor" not in stream
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["MaximumRetryAttempts"] == 10
    assert json.loads(filtered["Pattern"])["dynamodb"]["NewImage"]["source"] == {
        "S": ["placements"]
    }
    kept = stream["DestinationConfig"]["OnFailure"]["Destination"]
    assert shown(kept) == "PlacementsFolderDeadLetters"


def test_late_counts_ring(service: Template) -> None:
    assert "IteratorAge" in service.alarms_of("PlacementsFolder")


def test_snapshots_are_compiled_and_leases_swept_each_minute(service: Template) -> None:
    rules = service.all("AWS::Events::Rule")
    for name, worker in (
        ("PlacementsCompile", "PlacementsCompiler"),
        ("PlacementsSweep", "PlacementsSweeper"),
    ):
        (target,) = rules[name]["Targets"]
        assert rules[name]["ScheduleExpression"] == "rate(1 minute)"
        assert shown(target["Arn"]) == worker
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}


def test_complaints_and_redeemed_coupons_reach_what_decisions_know(service: Template) -> None:
    told = service.all("AWS::Events::Rule")["PlacementsContactTold"]["EventPattern"]["detail-type"]
    assert {"case.opened.v1", "coupon.redeemed.v1", "consent.withdrawn.v1"} <= set(told)
