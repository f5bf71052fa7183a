import json
from pathlib import Path

from functions.send_push.wiring import FUNCTION_TIMEOUT
from infra.app import build
from shared.platform.eventbridge import SOURCE
from tests.infra.conftest import UNBUNDLED
from tests.infra.rights import DOORS, READ, RECEIVE, WRITE, dynamodb
from tests.infra.templates import Template, shown


def test_the_api_writes_messages_and_their_events(service: Template) -> None:
    assert service.rights("push_api") == DOORS | {
        "Push": READ | WRITE,
        "Registrations": READ | dynamodb("PutItem"),
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactEvents": dynamodb("PutItem", "PartiQLInsert", "GetItem", "Query"),
        "ContactPolicy": READ | dynamodb("PutItem", "PartiQLInsert", "PartiQLUpdate"),
        "PushAdvanceQueue": {"sqs:SendMessage"},
    }


def test_the_planner_reads_devices_and_writes_chunks_while_they_are_wanted(
    service: Template,
) -> None:
    assert service.rights("plan_campaign") == {
        "Push": dynamodb("GetItem", "Query", "PutItem", "ConditionCheckItem"),
        "Registrations": dynamodb("GetItem", "Query"),
        "PushPlanQueue": RECEIVE | {"sqs:SendMessage"},
        "PushAdvanceQueue": {"sqs:SendMessage"},
    }
    mapping = service.source_of("PushPlanner")
    assert (mapping["BatchSize"], mapping["ScalingConfig"]) == (1, {"MaximumConcurrency": 16})


def test_who_takes_campaigns_on_releases_chunks_and_ends_campaigns(service: Template) -> None:
    assert service.rights("advance_campaigns") == {
        "Push": dynamodb("GetItem", "Query", "PutItem", "DeleteItem"),
        "Registrations": dynamodb("Query"),
        "ContactEvents": dynamodb("PutItem"),
        "PushPlanQueue": {"sqs:SendMessage"},
        "PushAdvanceQueue": RECEIVE | {"sqs:SendMessage"},
        "PushQueue": {"sqs:SendMessage"},
    }
    rule = service.all("AWS::Events::Rule")["PushEveryMinute"]
    (target,) = rule["Targets"]
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert shown(target["Arn"]) == "PushAdvancer"


def test_context_says_how_many_of_a_worker_run_at_once(tmp_path: Path) -> None:
    said = {"plan_campaign": 3, "advance_campaigns": 2}
    build(context=UNBUNDLED | {"queue_concurrency": json.dumps(said)}, outdir=tmp_path)
    template = Template.read(tmp_path, "EngageService")
    for name, count in (("PushPlanner", 3), ("PushAdvancer", 2), ("PushSender", 50)):
        assert template.source_of(name)["ScalingConfig"] == {"MaximumConcurrency": count}


def test_books_out_of_balance_ring(service: Template) -> None:
    alarm = service.one("AWS::CloudWatch::Alarm", MetricName="BooksOutOfBalance")
    assert (alarm["Namespace"], alarm["Threshold"]) == ("Engage", 0)


def test_the_sender_reads_credentials_and_writes_outcomes(service: Template) -> None:
    assert service.rights("send_push") == {
        "Push": READ | WRITE | dynamodb("PartiQLInsert"),
        "Registrations": READ | WRITE,
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactPolicy": READ | dynamodb("PutItem", "PartiQLInsert", "PartiQLUpdate"),
        "ContactEvents": dynamodb("PutItem", "PartiQLInsert", "GetItem", "BatchGetItem", "Query"),
        "PushQueue": RECEIVE | {"sqs:SendMessage"},
        "arn:AWS::Partition:secretsmanager:AWS::Region:AWS::AccountId:secret:engage/fcm/*": {
            "secretsmanager:GetSecretValue"
        },
    }


def test_who_folds_results_reads_people_and_the_ledger_and_adds_marks(service: Template) -> None:
    assert service.rights("fold_results") == {
        "Push": dynamodb("Query", "PutItem", "UpdateItem"),
        "ContactEvents": dynamodb("Query"),
        "Registrations": READ,
        "PushResults": RECEIVE,
    }


def test_whatever_a_campaign_may_be_for_reaches_the_results(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["PushHappened"]
    (target,) = rule["Targets"]
    ours = [f"message.{what}.v1" for what in ("queued", "sent", "failed", "expired")]
    ours += ["message.unconfirmed.v1", "message.suppressed.v1"]
    pattern = {"source": [SOURCE], "detail-type": [{"anything-but": ours}]}

    assert rule["EventPattern"] == pattern
    assert shown(target["Arn"]) == "PushResults"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "PushDeadLetters"

    mapping = service.source_of("PushFolder")
    assert shown(mapping["EventSourceArn"]) == "PushResults"
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (100, 1)


def test_only_the_sender_carries_firebase(service: Template) -> None:
    carriers = {
        name
        for name, function in service.all("AWS::Lambda::Function").items()
        if "PushLayer" in map(shown, function["Layers"])
    }
    assert carriers == {"PushSender"}


def test_our_own_queued_messages_and_no_others_reach_the_queue(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["PushQueued"]
    (target,) = rule["Targets"]

    assert shown(rule["EventBusName"]) == "Bus"
    assert rule["EventPattern"] == {"source": [SOURCE], "detail-type": ["message.queued.v1"]}
    assert shown(target["Arn"]) == "PushQueue"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "PushDeadLetters"
    assert target["RetryPolicy"] == {
        "MaximumRetryAttempts": 185,
        "MaximumEventAgeInSeconds": 86400,
    }


def test_a_message_is_hidden_for_six_timeouts_and_given_up_after_five_receives(
    service: Template,
) -> None:
    queue = service.all("AWS::SQS::Queue")["PushQueue"]

    assert queue["VisibilityTimeout"] == 6 * service.function("send_push")["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    assert shown(queue["RedrivePolicy"]["deadLetterTargetArn"]) == "PushDeadLetters"


def test_the_sender_leases_a_chunk_for_as_long_as_it_may_run(service: Template) -> None:
    assert service.function("send_push")["Timeout"] == FUNCTION_TIMEOUT.total_seconds()


def test_messages_come_one_by_one_to_a_bounded_number_of_senders(service: Template) -> None:
    mapping = service.source_of("PushSender")

    assert shown(mapping["EventSourceArn"]) == "PushQueue"
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 50}


def test_a_push_that_waits_rings(service: Template) -> None:
    alarm = service.one("AWS::CloudWatch::Alarm", MetricName="ApproximateAgeOfOldestMessage")
    assert alarm["Threshold"] == 15 * 60


def test_concurrency_is_reserved_where_context_says_so(service: Template) -> None:
    reserved = {
        name: function["ReservedConcurrentExecutions"]
        for name, function in service.all("AWS::Lambda::Function").items()
        if "ReservedConcurrentExecutions" in function
    }
    assert reserved == {"PushSender": 7}
