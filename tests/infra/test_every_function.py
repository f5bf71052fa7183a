from tests.infra.templates import Template, shown

PACKAGES = {
    "ad_decisions_api",
    "advance_campaigns",
    "apply_contact_events",
    "archive_events",
    "compact_archive",
    "compile_snapshot",
    "contact_events_api",
    "contact_policy_api",
    "coupons_api",
    "deliver_webhooks",
    "file_decisions",
    "fire_triggers",
    "fold_ad_events",
    "fold_channels",
    "fold_results",
    "follow_triggers",
    "generate_codes",
    "note_whereabouts",
    "placements_api",
    "plan_campaign",
    "project_ad_state",
    "project_audience",
    "publish_coupon",
    "push_api",
    "rebuild_projections",
    "registrations_api",
    "relay_events",
    "release_deferrals",
    "run_import",
    "send_push",
    "service_api",
    "settle_contacts",
    "sweep_coupons",
    "sweep_leases",
}


def test_the_functions_are_those_of_the_architecture(service: Template) -> None:
    functions = service.all("AWS::Lambda::Function").values()
    assert {function["Handler"].split(".")[1] for function in functions} == PACKAGES


def test_every_function_runs_alike(service: Template) -> None:
    for function in service.all("AWS::Lambda::Function").values():
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert function["MemorySize"] == 1024
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["LoggingConfig"]["LogFormat"] == "JSON"


def test_every_function_has_a_role_of_its_own(service: Template) -> None:
    functions = service.all("AWS::Lambda::Function").values()
    roles = [shown(function["Role"]) for function in functions]

    assert len(set(roles)) == len(roles)
    for role in service.all("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role


def test_every_log_is_the_functions_own_or_the_apis_and_ends(
    service: Template, gateway: Template
) -> None:
    logs = service.all("AWS::Logs::LogGroup")
    functions = service.all("AWS::Lambda::Function").values()
    own = [shown(function["LoggingConfig"]["LogGroup"]) for function in functions]

    assert len(set(own)) == len(own)
    assert set(own) == set(logs)
    of_api = gateway.all("AWS::Logs::LogGroup")
    assert set(of_api) == {"ApiAccessLogs"}
    assert {log["RetentionInDays"] for log in [*logs.values(), *of_api.values()]} == {30}


def test_every_function_rings_when_it_fails_or_is_throttled(service: Template) -> None:
    for name in service.all("AWS::Lambda::Function"):
        assert service.alarms_of(name) >= {"Errors", "Throttles"}


def test_every_end_of_a_line_is_watched_for_two_weeks(service: Template) -> None:
    queues = service.all("AWS::SQS::Queue")
    ends = {name for name in queues if name.endswith("DeadLetters")}

    assert ends == {
        "ContactEventsArchiveDeadLetters",
        "ContactEventsCompactorDeadLetters",
        "ContactEventsCounterDeadLetters",
        "ContactEventsRelayDeadLetters",
        "ContactEventsTriggerDeadLetters",
        "ContactEventsWebhookDeadLetters",
        "ContactPolicyDeadLetters",
        "CouponsDeadLetters",
        "PlacementsDeadLetters",
        "PlacementsFolderDeadLetters",
        "PushDeadLetters",
        "RegistrationsProjectorDeadLetters",
        "RegistrationsImportDeadLetters",
        "RegistrationsSettlerDeadLetters",
    }
    for end in ends:
        assert queues[end]["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert service.alarms_of(end) == {"ApproximateNumberOfMessagesVisible"}


def test_every_alarm_tells_the_topic_what_it_means(service: Template) -> None:
    for alarm in service.all("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == ["arn:aws:sns:eu-west-1:111122223333:on-call"]
        assert alarm["OKActions"] == alarm["AlarmActions"]
        assert ". Runbook: " in alarm["AlarmDescription"]


def test_rights_on_everything_are_those_that_know_no_resources(service: Template) -> None:
    everywhere = set()
    for policy in service.all("AWS::IAM::Policy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Resource"] == "*":
                actions = statement["Action"]
                everywhere |= {actions} if isinstance(actions, str) else set(actions)

    assert everywhere == {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
