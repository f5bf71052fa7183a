from shared.kernel.envelope import app_of, cloudevent, seal
from shared.registrations.events import AppCreated, DeviceUnregistered
from tests.fakes.clock import NOON

APP, SEQUENCE = "app_1", "01KJMMA2G0W3M5CB0G4Q6H7J8K"


def test_an_event_leaves_as_a_cloudevent() -> None:
    event = DeviceUnregistered(
        app_id=APP, occurred_at=NOON, contact_id="con_1", device_id="phone-001"
    )
    sealed = seal(event, sequence=SEQUENCE, cause="evt_before")
    assert cloudevent(sealed, org="com.example") == {
        "specversion": "1.0",
        "id": f"evt_{SEQUENCE}",
        "source": "/apps/app_1/registrations",
        "type": "com.example.device.unregistered.v1",
        "time": "2026-03-01T12:00:00.000Z",
        "subject": "contact/con_1",
        "datacontenttype": "application/json",
        "sequence": SEQUENCE,
        "partitionkey": "con_1",
        "causationid": "evt_before",
        "data": {"device_id": "phone-001"},
    }


def test_whose_an_event_is_can_be_told_from_what_left() -> None:
    sealed = seal(AppCreated(app_id=APP, occurred_at=NOON, name="Shop"), sequence=SEQUENCE)
    assert app_of(cloudevent(sealed, org="com.example")) == APP


def test_an_event_may_be_about_something_else_than_a_contact() -> None:
    sealed = seal(AppCreated(app_id=APP, occurred_at=NOON, name="Shop"), sequence=SEQUENCE)
    assert (sealed.subject.kind, sealed.subject.id) == ("app", APP)
