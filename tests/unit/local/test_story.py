from infra.local.story import plain


def test_an_event_is_spoken_of_without_organisation_and_version() -> None:
    assert plain("com.example.shop.message.queued.v1") == "message.queued"
