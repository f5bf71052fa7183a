from shared.contact_events.model.event_types import OUR_SOURCES
from shared.contact_policy.service.simulating import PLAYING
from tests.infra.rights import DOORS, KEYS, READ, RECEIVE, WRITE, dynamodb
from tests.infra.templates import Template, shown

END_OF_LINE = {"sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"}


def test_the_api_writes_the_policy_and_names_contacts_on_the_way(service: Template) -> None:
    assert service.rights("contact_policy_api") == DOORS | {
        "DoorsEncryptionKey": KEYS,
        "ContactPolicy": READ | dynamodb("PutItem"),
        "Registrations": READ | WRITE,
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactEvents": READ | dynamodb("PutItem"),
        "ContactEvents/index/time": dynamodb("Query"),
        "Coupons": dynamodb("GetItem", "Query", "PutItem", "DeleteItem"),
        "Placements": dynamodb("GetItem", "PutItem"),
    }


def test_a_simulation_ends_before_its_function_and_the_gateway_do(service: Template) -> None:
    assert PLAYING + 5 < service.function("contact_policy_api")["Timeout"] < 30


def test_who_learns_where_people_are_sees_the_policys_table_alone(service: Template) -> None:
    assert service.rights("note_whereabouts") == {
        "ContactPolicy": dynamodb("Query", "PutItem"),
        "ContactPolicyWhereabouts": RECEIVE,
    }


def test_who_applies_what_others_tell_reads_rules_and_keeps_what_people_said(
    service: Template,
) -> None:
    assert service.rights("apply_contact_events") == {
        "Registrations": dynamodb("GetItem"),
        "ContactPolicy": dynamodb("GetItem", "Query", "PutItem"),
        "ContactEvents": dynamodb("PutItem"),
        "ContactPolicyToldByOthers": RECEIVE,
    }


def test_what_others_tell_of_contacts_comes_by_a_queue(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["ContactPolicyHear"]
    (target,) = rule["Targets"]
    assert rule["EventPattern"] == {
        "source": ["engage"],
        "detail": {
            "subject": [{"prefix": "contact/"}],
            "source": [
                {"wildcard": "/apps/*/*/*"},
                {"anything-but": {"wildcard": [f"/apps/*/{name}" for name in sorted(OUR_SOURCES)]}},
            ],
        },
    }
    assert shown(target["Arn"]) == "ContactPolicyToldByOthers"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "ContactPolicyDeadLetters"
    mapping = service.source_of("ContactPolicyApplier")
    assert shown(mapping["EventSourceArn"]) == "ContactPolicyToldByOthers"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_who_releases_finds_apps_and_their_deferrals_and_feeds_the_sender(
    service: Template,
) -> None:
    assert service.rights("release_deferrals") == {
        "Registrations": dynamodb("Query"),
        "ContactPolicy": dynamodb("GetItem", "Query", "PutItem", "DeleteItem"),
        "PushQueue": {"sqs:SendMessage"},
        "ContactPolicyDeadLetters": END_OF_LINE,
    }


def test_the_functions_are_told_where_things_are(service: Template) -> None:
    tables = {
        "REGISTRATIONS_TABLE": "Registrations",
        "CONTACT_EVENTS_TABLE": "ContactEvents",
        "CONTACT_POLICY_TABLE": "ContactPolicy",
    }
    wanted = {
        "contact_policy_api": {
            **tables,
            "COUPONS_TABLE": "Coupons",
            "PLACEMENTS_TABLE": "Placements",
        },
        "apply_contact_events": tables,
        "note_whereabouts": {
            name: table for name, table in tables.items() if name != "REGISTRATIONS_TABLE"
        },
        "release_deferrals": {**tables, "PUSH_QUEUE_URL": "PushQueue"},
    }
    for package, places in wanted.items():
        told = service.function(package)["Environment"]["Variables"]
        assert {
            name: shown(value)
            for name, value in told.items()
            if name.endswith(("_TABLE", "_QUEUE_URL"))
        } == places, package


def test_what_tells_where_people_are_comes_by_a_queue(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["ContactPolicyLearn"]
    (target,) = rule["Targets"]
    assert shown(rule["EventBusName"]) == "Bus"
    assert rule["EventPattern"] == {
        "source": ["engage"],
        "detail-type": [
            "device.registered.v1",
            "device.updated.v1",
            "device.logged_out.v1",
            "device.unregistered.v1",
            "contact.identified.v1",
            "contact.updated.v1",
        ],
    }
    assert shown(target["Arn"]) == "ContactPolicyWhereabouts"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "ContactPolicyDeadLetters"

    mapping = service.source_of("ContactPolicyLearner")
    assert shown(mapping["EventSourceArn"]) == "ContactPolicyWhereabouts"
    assert mapping["BatchSize"] == 10
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_an_event_is_hidden_for_six_timeouts_and_given_up_after_five_receives(
    service: Template,
) -> None:
    queue = service.all("AWS::SQS::Queue")["ContactPolicyWhereabouts"]
    assert queue["VisibilityTimeout"] == 6 * service.function("note_whereabouts")["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    assert shown(queue["RedrivePolicy"]["deadLetterTargetArn"]) == "ContactPolicyDeadLetters"


def test_what_is_due_is_released_every_minute(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["ContactPolicyEveryMinute"]
    (target,) = rule["Targets"]
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert shown(target["Arn"]) == "ContactPolicyReleaser"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "ContactPolicyDeadLetters"
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
