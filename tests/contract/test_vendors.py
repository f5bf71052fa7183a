"""What vendors tell is recorded once, whoever it is about, on the fake and the real stores."""

import pytest

from shared.contact_events.dialects import DIALECTS
from tests.contract import test_ingest
from tests.unit.contact_events.dialects.samples import sample

it = test_ingest.it

SAMPLES = {
    "connect": "disconnected",
    "sendgrid": "batch",
    "ses": "send_to_two",
    "shopify": "cancelled",
    "twilio": "event_streams",
}


@pytest.mark.parametrize("vendor", DIALECTS)
def test_what_a_vendor_tells_twice_is_recorded_once(it: test_ingest.Ingest, vendor: str) -> None:
    payload = sample(vendor, SAMPLES[vendor]).payload
    told = DIALECTS[vendor].translate(payload, app_id=it.records.app_id)
    first = it.service.ingest(told, app_id=it.records.app_id, wire=vendor)
    again = it.service.ingest(told, app_id=it.records.app_id, wire=vendor)
    assert (first.accepted, first.duplicates) == (len(told.events), 0)
    assert (again.accepted, again.duplicates) == (0, len(told.events))
