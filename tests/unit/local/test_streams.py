from infra.local.streams import settings_of


def test_a_consumer_is_made_again_with_its_own_settings() -> None:
    mapping = {
        "UUID": "1",
        "EventSourceArn": "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/s",
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f:live",
        "StartingPosition": "LATEST",
        "BatchSize": 25,
        "MaximumRetryAttempts": 0,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "State": "Enabled",
        "LastProcessingResult": "OK",
    }
    assert settings_of(mapping) == {
        "EventSourceArn": mapping["EventSourceArn"],
        "FunctionName": mapping["FunctionArn"],
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 25,
        "MaximumRetryAttempts": 0,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
