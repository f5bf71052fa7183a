"""What follows on campaigns' messages is marked from the events that the bus brings."""

from datetime import timedelta
from typing import Any

from functions.fold_results import wiring
from shared.kernel.clock import system_clock
from shared.kernel.envelope import Envelope, RowKey, seal
from shared.kernel.events import DomainEvent, Purpose, Subject
from shared.kernel.ids import Ids
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from shared.push.events import CampaignScheduled, MessageClicked, MessageSent
from shared.push.model.results import Reached, reached
from shared.push.store import DynamoMarkStore
from tests.functional.bus import records, told
from tests.functional.conftest import Deployment
from tests.functional.tenants import Tenant

CAMPAIGN = f"cmp_{'0' * 26}"
IDS = Ids(clock=system_clock)
CHUNK = IDS.sequence()
BOUGHT = "purchase.completed.v1"


def record(deployed: Deployment, event: DomainEvent, key: RowKey | None = None) -> None:
    put(deployed, seal(event, sequence=IDS.sequence(), key=key))


def put(deployed: Deployment, event: Envelope) -> None:
    commit({"event": Ledger(table=deployed.tables["contact_events"]).record(event)})


def fold(deployed: Deployment, dynamodb: Any) -> None:
    """Bring everything that was recorded, in its order and against it."""
    types = (CampaignScheduled.type, MessageSent.type, MessageClicked.type, BOUGHT)
    found = told(deployed, dynamodb, *types)
    assert {event["type"].removeprefix("com.example.") for event in found} == set(types)
    for events in (found, found[::-1]):
        deployed.invoke("fold_results", records(events))


def test_a_click_and_a_purchase_are_marked_once(
    deployed: Deployment, tenant: Tenant, dynamodb_client: Any
) -> None:
    app_id, contact_id = tenant.ids["app_id"], tenant.ids["contact_id"]
    now = system_clock()
    record(
        deployed,
        CampaignScheduled(
            app_id=app_id,
            occurred_at=now,
            campaign_id=CAMPAIGN,
            name="sale",
            version=2,
            by="ada",
            run_id=IDS.sequence(),
            starts_at=now,
            audience=1,
            conversion=BOUGHT,
            converts_within=timedelta(days=7),
            ends_at=now + timedelta(days=1),
        ),
    )
    message: dict[str, Any] = {
        "app_id": app_id,
        "occurred_at": now,
        "contact_id": contact_id,
        "device_id": tenant.ids["device_id"],
        "message_id": f"msg_{CHUNK}_3",
        "purpose": Purpose.MARKETING,
        "campaign_id": CAMPAIGN,
        "variant": "A",
    }
    sent = MessageSent(provider_id="1", ambiguous=False, **message)
    record(deployed, sent, RowKey(at=now, id=sent.message_id))
    record(deployed, MessageClicked(**message), RowKey(at=now, id=f"{sent.message_id}#clicked"))
    put(
        deployed,
        Envelope(
            app_id=app_id,
            sequence=IDS.sequence(),
            type=BOUGHT,
            source="shop",
            time=now + timedelta(hours=1),
            subject=Subject(kind="contact", id=contact_id),
            data={"order": "17"},
        ),
    )
    fold(deployed, dynamodb_client)

    marks = DynamoMarkStore(table=deployed.tables["push"])
    assert reached(marks.marks_of(CAMPAIGN, app_id=app_id)) == {
        "A": Reached(arrived=1, delivered=1, opened=1, clicked=1, converted=1)
    }


def test_who_was_erased_is_nobody_to_the_results(deployed: Deployment, tenant: Tenant) -> None:
    app_id, contact_id = tenant.ids["app_id"], tenant.ids["contact_id"]
    persons = wiring.marks().persons
    assert contact_id in persons.origins_of(contact_id, app_id=app_id)
    asked = deployed.request(
        f"DELETE /v1/apps/{app_id}/contacts/{contact_id}", bearer=deployed.operator()
    )
    assert asked.status == 202
    assert persons.origins_of(contact_id, app_id=app_id) == ()
