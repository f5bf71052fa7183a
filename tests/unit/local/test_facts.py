from infra.local.facts import _local_url, _snake


def test_outputs_are_named_as_folders_are() -> None:
    assert _snake("ContactEventsApi") == "contact_events_api"


def test_a_function_url_leads_to_the_emulator() -> None:
    url = "https://abc123.lambda-url.us-east-1.on.aws/"
    assert _local_url(url, port="4566") == "http://abc123.lambda-url.us-east-1.localhost:4566/"
