from tests.infra.rights import RECEIVE, dynamodb
from tests.infra.templates import Template, shown


def test_who_follows_keeps_instances_and_gives_reservations_back(service: Template) -> None:
    assert service.rights("follow_triggers") == {
        "ContactEvents": dynamodb("GetItem", "Query", "PutItem", "DeleteItem"),
        "Registrations": dynamodb("GetItem", "Query"),
        "Coupons": dynamodb(
            "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"
        ),
        "ContactEventsToFollow": RECEIVE,
    }


def test_who_fires_asks_the_policy_and_holds_a_place(service: Template) -> None:
    assert service.rights("fire_triggers") == {
        "ContactEvents": dynamodb("GetItem", "Query", "PutItem", "DeleteItem", "BatchWriteItem"),
        "Registrations": dynamodb("GetItem", "Query"),
        "ContactPolicy": dynamodb("GetItem", "BatchGetItem", "Query", "PutItem"),
        "ContactEventsTriggerDeadLetters": {
            "sqs:SendMessage",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
        },
    }


def test_every_event_about_a_contact_comes_by_a_queue(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["ContactEventsAboutContacts"]
    (target,) = rule["Targets"]
    assert rule["EventPattern"] == {
        "source": ["engage"],
        "detail": {"subject": [{"prefix": "contact/"}]},
    }
    assert shown(target["Arn"]) == "ContactEventsToFollow"
    mapping = service.source_of("ContactEventsFollower")
    assert shown(mapping["EventSourceArn"]) == "ContactEventsToFollow"


def test_what_is_due_is_fired_every_minute(service: Template) -> None:
    rule = service.all("AWS::Events::Rule")["ContactEventsEveryMinute"]
    (target,) = rule["Targets"]
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0
