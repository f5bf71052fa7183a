"""A shop and its audience on DynamoDB Local, written in bulk: P5 sends to it, and P6 plans it."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count, islice

from shared.contact_policy.model.defaults import DEFAULT_DOCUMENT
from shared.contact_policy.model.people import Person
from shared.contact_policy.model.pressure import Pressure
from shared.contact_policy.model.standing import (
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    Standing,
    Whereabouts,
)
from shared.contact_policy.model.standing import Part as Said
from shared.contact_policy.service.policies import PolicyService
from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore
from shared.kernel.addresses import Address, AddressKind
from shared.kernel.clock import system_clock
from shared.kernel.envelope import seal
from shared.kernel.events import Channel, Purpose
from shared.kernel.ids import Ids
from shared.platform.dynamodb import bind, commit
from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from shared.push.events import CampaignCreated
from shared.push.model import Chunk, Part, Recipient, State, Terms
from shared.push.model.campaigns import Campaign, CampaignDraft, CampaignState, Run, Variant
from shared.push.model.templates import TemplateDraft, Words
from shared.push.store import DynamoCampaignStore
from shared.push.store.chunks import ChunkRows
from shared.registrations.events import AppCreated
from shared.registrations.model.apps import App, Fcm
from shared.registrations.model.audience import shard_of
from shared.registrations.model.contacts import Contact, Mark
from shared.registrations.model.devices import AttributeValue, Device
from shared.registrations.model.rule_documents import rule_of
from shared.registrations.model.segments import Segment
from shared.registrations.service.segments import SegmentService
from shared.registrations.store import DynamoAppStore, DynamoSegmentStore
from shared.registrations.store.audience import _audience_text as audience_text
from shared.registrations.store.contacts import ContactRow
from shared.registrations.store.contacts import _row_of as contact_row
from shared.registrations.store.devices import DeviceRow
from shared.registrations.store.devices import _row_of as device_row
from tests.capacity import KNOWN, PHONE
from tests.contract.test_registration_stores import SETTINGS
from tests.fakes.contact_policy import touch

PROJECT, SECRET = "engage-local", "engage/fcm/bench"
LOCALES = ("en", "de-CH", "fr", "es-MX", "it")
ZONES = ("Europe/Zurich", "America/New_York", "Asia/Tokyo", "Europe/Madrid")
TOUCHES = 10
"""What each person was told in the week before."""

TEXTS = {
    "the same text": "Half price at {{ app.name }}: {{ code }}",
    "a text of their own": "Hello {{ contact.attributes.name }}: {{ code }}",
}
"""What campaigns say: in the first all of one language read the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """One app on the tables that this process's settings name."""

    app_id: str
    ids: Ids = field(default_factory=lambda: Ids(clock=system_clock))

    @classmethod
    def opened(cls) -> "Shop":
        """Add an app that sends through the stub, under a policy that lets all of it go."""
        it, at = cls(app_id=Ids(clock=system_clock).new("app")), system_clock()
        fcm = Fcm(project_id=PROJECT, secret=SECRET)
        app = App(app_id=it.app_id, created_at=at, fcm=fcm, **SETTINGS)
        event = AppCreated(app_id=it.app_id, occurred_at=at, name=app.name)
        sealed = seal(event, sequence=it.ids.sequence())
        it._apps().add_app(app, sealed, attempt=None)
        caps = [{**cap, "limit": 100} for cap in DEFAULT_DOCUMENT["caps"]]
        policies = DynamoPolicyStore(table=settings().contact_policy_table, ledger=_ledger())
        PolicyService(store=policies, clock=system_clock, ids=it.ids).put_policy(
            it.app_id,
            {**DEFAULT_DOCUMENT, "quiet_hours": [], "gaps": [], "caps": caps},
            version=None,
            by="bench",
        )
        return it

    def devices(self, number: int, *, shard: int | None = None) -> list[Device]:
        """Register devices, each of a person of their own; of one shard, if it is named."""
        found = list(islice(self._devices(shard), number))
        row = bind(DeviceRow, table=settings().registrations_table)
        copied = audience_text(KNOWN)
        with row.batch_write() as batch:
            for device in found:
                stored = device_row(row, device)
                stored.audience = copied
                batch.save(stored)
        return found

    def people(self, devices: Sequence[Device]) -> None:
        """Keep what is known of the devices' people, what they agreed to, and were told."""
        row = bind(ContactRow, table=settings().registrations_table)
        known: Mapping[str, AttributeValue | None] = {**KNOWN.attributes, "name": "Ada"}
        marks = {name: Mark(value, self.ids.sequence()) for name, value in known.items()}
        with row.batch_write() as batch:
            for one in devices:
                contact = Contact(
                    app_id=self.app_id,
                    contact_id=one.contact_id,
                    attribute_marks=marks,
                    device_ids=frozenset({one.device_id}),
                    created_at=one.registered_at,
                )
                batch.save(contact_row(row, contact))
        store = DynamoPersonStore(table=settings().contact_policy_table, ledger=_ledger())
        persons = [self._person(one) for one in devices]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(store.replace_standing, persons))
        store.replace_pressures(persons)

    def run(self, text: str) -> Run:
        """Make a campaign that is being sent, with a segment of all who have an address."""
        at, run_id = system_clock(), self.ids.sequence()
        draft = CampaignDraft(
            name=f"Sale {run_id}",
            segment_id=self._segment().segment_id,
            segment_version=1,
            variants=tuple(Variant(name=name, template_id=f"tpl_{name}") for name in "ab"),
            holdout_percent=0,
            offer_key=run_id,
        )
        campaign = Campaign(
            app_id=self.app_id,
            campaign_id=self.ids.new("cmp"),
            draft=draft,
            authors=("bench",),
            created_at=at,
            updated_at=at,
        )
        event = CampaignCreated(
            app_id=self.app_id,
            occurred_at=at,
            campaign_id=campaign.campaign_id,
            name=draft.name,
            version=1,
            by="bench",
        )
        template = TemplateDraft(
            name="Sale",
            purpose=Purpose.MARKETING,
            topic="offers",
            default_locale="en",
            contents={locale: Words(title="Sale", body=TEXTS[text]) for locale in LOCALES},
            link="shop://offers/{{ code }}",
            variables={"code": "SPRING"},
        )
        run = Run(
            app_id=self.app_id,
            campaign_id=campaign.campaign_id,
            run_id=run_id,
            is_rehearsal=False,
            draft=draft,
            templates={"a": template, "b": template},
            app_name="Shop",
            app_locale="en",
            app_zone="Europe/Zurich",
            started_at=at,
        )
        store = DynamoCampaignStore(table=settings().push_table, ledger=_ledger())
        store.add_campaign(campaign, seal(event, sequence=self.ids.sequence()), attempt=None)
        after = replace(campaign, state=CampaignState.PLANNING, run_id=run_id, version=2)
        store.replace_campaign(after, None, before=campaign, run=run)
        return run

    def chunk(self, run: Run, recipients: Sequence[Recipient]) -> str:
        """Plan a chunk of a run, and return its id."""
        at = system_clock()
        chunk = Chunk(
            app_id=self.app_id,
            chunk_id=self.ids.sequence(),
            content=None,
            purpose=Purpose.MARKETING,
            terms=Terms(topic="offers", offer_key=run.draft.offer_key, campaign_id=run.campaign_id),
            recipients=tuple(recipients),
            states=(State.PENDING,) * len(recipients),
            planned_at=at,
            send_until=at + timedelta(days=1),
            part=Part(campaign_id=run.campaign_id, run_id=run.run_id),
        )
        commit(ChunkRows(table=settings().push_table).writes_of_new_chunk(chunk))
        return chunk.chunk_id

    def _devices(self, shard: int | None) -> Iterator[Device]:
        at = system_clock()
        for number in count():
            name = f"{number:032x}"
            if shard is not None and shard_of(name) != shard:
                continue
            address = Address(kind=AddressKind.FID, value=name[-22:])
            yield Device(
                app_id=self.app_id,
                device_id=name,
                contact_id=self.ids.new("con"),
                is_anonymous=False,
                epoch=0,
                state=replace(
                    PHONE,
                    address=address,
                    locale=LOCALES[number % len(LOCALES)],
                    timezone=ZONES[number % len(ZONES)],
                    attributes={"theme": "dark", "visits": 17},
                ),
                registered_at=at,
                last_seen_at=at,
                client_seq=1,
            )

    def _person(self, device: Device) -> Person:
        at, contact_id = system_clock(), device.contact_id
        granted = ConsentMark(status=ConsentStatus.GRANTED, at=at)
        zones = {device.device_id: device.state.timezone or ""}
        said = Said(
            consents={ConsentKey(Purpose.MARKETING, channel): granted for channel in Channel},
            whereabouts=Whereabouts(device_zones=zones),
        )
        told = (
            touch(at - timedelta(hours=16 * (1 + number)), number=number, origin=contact_id)
            for number in range(TOUCHES)
        )
        return Person(
            app_id=self.app_id,
            contact_id=contact_id,
            pressure=Pressure.of(told),
            standing=Standing(parts={contact_id: said}),
        )

    def _segment(self) -> Segment:
        service = SegmentService(
            apps=self._apps(),
            segments=DynamoSegmentStore(table=settings().registrations_table, ledger=_ledger()),
            clock=system_clock,
            ids=self.ids,
        )
        rule = rule_of({"all": [{"attribute": "plan", "is": "gold"}, {"not": {"tag": "silent"}}]})
        name = self.ids.sequence()
        return service.create_segment(name, rule, app_id=self.app_id, by="bench", attempt=None)[0]

    def _apps(self) -> DynamoAppStore:
        return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)
