"""Push in memory, and a channel that does as it is told; held to the contracts of the real ones."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from typing_extensions import override

from shared.kernel.addresses import Target
from shared.kernel.decisions import Allow, Decision
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.push.errors import (
    CampaignNotFoundError,
    LeaseHeldError,
    LeaseLostError,
    MessageNotFoundError,
    TemplateChangedError,
    TemplateNameTakenError,
    TemplateNotFoundError,
)
from shared.push.events import MessageSent, MessageUnconfirmed
from shared.push.model import Chunk, Content, Delivery, DeliveryResult, Outcome, Unrendered
from shared.push.model.books import Line, line_of
from shared.push.model.campaigns import CampaignState, Run
from shared.push.model.quota import Bucket, Lane
from shared.push.model.templates import Template
from shared.push.ports import (
    Asked,
    Campaigns,
    Channel,
    Channels,
    ChunkStore,
    MessageArchive,
    Permission,
    Queue,
    Quota,
    QuotaStore,
    TemplateStore,
    Texts,
    Waiting,
)


@dataclass
class Lease:
    """Who works on a chunk, and until when."""

    holder: str
    until: datetime


class InMemoryChunkStore(ChunkStore, MessageArchive):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Chunk] = {}
        self.leases: dict[tuple[str, str], Lease] = {}
        self.lines: dict[tuple[str, str], Line] = {}
        self.waiting: dict[tuple[str, str, datetime], Waiting] = {}
        self.attempts: dict[tuple[str, str], Remembered] = {}
        self.events: dict[tuple[str, str, datetime, str], Envelope] = {}

    @override
    def add_chunk(self, chunk: Chunk, event: Envelope, *, attempt: Attempt | None) -> bool:
        if attempt and (chunk.app_id, attempt.id) in self.attempts:
            return False
        self.kept[chunk.app_id, chunk.chunk_id] = chunk
        self.record_once([event])
        if attempt:
            self.attempts[chunk.app_id, attempt.id] = Remembered(
                fingerprint=attempt.fingerprint, result=chunk.chunk_id
            )
        return True

    def plan(self, *chunks: Chunk) -> None:
        """Store chunks of campaigns with their lines, as planning does; they wait."""
        for chunk in chunks:
            self.kept[chunk.app_id, chunk.chunk_id] = chunk
            self.count(chunk)
            self.hold(chunk, due_at=chunk.planned_at)

    def count(self, chunk: Chunk) -> None:
        """Write a chunk's line into the books."""
        self.lines[chunk.app_id, chunk.chunk_id] = line_of(chunk)

    def hold(self, chunk: Chunk, *, due_at: datetime) -> None:
        waits = Waiting(chunk_id=chunk.chunk_id, due_at=due_at, size=len(chunk.pending))
        self.waiting[chunk.app_id, chunk.chunk_id, due_at] = waits

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self.attempts.get((app_id, attempt.id))

    @override
    def get_chunk(self, chunk_id: str, *, app_id: str) -> Chunk:
        try:
            return self.kept[app_id, chunk_id]
        except KeyError:
            raise MessageNotFoundError(chunk_id) from None

    @override
    def take_lease(
        self, chunk_id: str, *, app_id: str, holder: str, at: datetime, until: datetime
    ) -> Chunk | None:
        chunk = self.get_chunk(chunk_id, app_id=app_id)
        if not chunk.pending:
            return None
        lease = self.leases.get((app_id, chunk_id))
        if lease and lease.until > at:
            raise LeaseHeldError(chunk_id)
        self.leases[app_id, chunk_id] = Lease(holder=holder, until=until)
        taken = replace(chunk, turn=chunk.turn + 1)
        self.kept[app_id, chunk_id] = taken
        return replace(taken, was_dropped=lease is not None)

    @override
    def save_states(self, chunk: Chunk, *, before: Chunk, holder: str, give_back: bool) -> None:
        key = (chunk.app_id, chunk.chunk_id)
        if key not in self.leases or self.leases[key].holder != holder:
            raise LeaseLostError(chunk.chunk_id)
        self.kept[key] = replace(self.kept[key], states=chunk.states, reasons=chunk.reasons)
        if chunk.part and line_of(chunk) != line_of(before):
            self.count(chunk)
        if give_back:
            del self.leases[key]

    @override
    def put_back(self, chunk: Chunk, *, before: Chunk, holder: str, due_at: datetime) -> None:
        self.save_states(chunk, before=before, holder=holder, give_back=True)
        self.hold(chunk, due_at=due_at)

    @override
    def messages_of(
        self, contact_id: str, *, app_id: str, after: str | None, limit: int
    ) -> Page[str]:
        told = sorted(
            event.data["message_id"]
            for event in self.events.values()
            if event.app_id == app_id and event.subject.id == contact_id and event.key
        )
        mine = [one for one in dict.fromkeys(told) if after is None or one > after]
        return Page(items=mine[:limit], next_cursor=mine[limit - 1] if len(mine) > limit else None)

    @override
    def chunks(self, chunk_ids: Iterable[str], *, app_id: str) -> Mapping[str, Chunk]:
        return {one: self.kept[app_id, one] for one in chunk_ids if (app_id, one) in self.kept}

    @override
    def replace_recipients(self, chunk: Chunk) -> None:
        self.kept[chunk.app_id, chunk.chunk_id] = chunk

    @override
    def remove_chunk(self, chunk: Chunk) -> None:
        self.kept.pop((chunk.app_id, chunk.chunk_id), None)

    @override
    def record_once(self, events: Sequence[Envelope]) -> Sequence[bool]:
        return [self._record(event) for event in events]

    @override
    def final_events(self, chunk: Chunk, indexes: Sequence[int]) -> Mapping[int, Envelope]:
        found = {}
        for index in indexes:
            contact = chunk.recipients[index].contact_id
            key = (chunk.app_id, contact, chunk.planned_at, chunk.message_id(index))
            if key in self.events:
                found[index] = self.events[key]
        return found

    @override
    def was_told(self, chunk: Chunk, contact_id: str) -> bool:
        return any(
            event.type in {MessageSent.type, MessageUnconfirmed.type}
            and event.subject.id == contact_id
            and event.data.get("campaign_id") == chunk.terms.campaign_id
            for event in self.events.values()
        )

    def _record(self, event: Envelope) -> bool:
        at = event.key.at if event.key else event.time
        row_id = event.key.id if event.key else event.sequence
        key = (event.app_id, event.subject.id, at, row_id)
        if key in self.events:
            return False
        self.events[key] = event
        return True


class InMemoryTemplateStore(TemplateStore):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Template] = {}
        self.attempts: dict[tuple[str, str], Remembered] = {}
        self.events: list[Envelope] = []

    @override
    def add_template(self, template: Template, event: Envelope, *, attempt: Attempt | None) -> bool:
        if attempt and (template.app_id, attempt.id) in self.attempts:
            return False
        self._expect_free_name(template)
        self._put(template, event)
        if attempt:
            self.attempts[template.app_id, attempt.id] = Remembered(
                fingerprint=attempt.fingerprint, result=template.template_id
            )
        return True

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self.attempts.get((app_id, attempt.id))

    @override
    def get_template(self, template_id: str, *, app_id: str) -> Template:
        try:
            return self.kept[app_id, template_id]
        except KeyError:
            raise TemplateNotFoundError(template_id) from None

    @override
    def list_templates(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Template]:
        found = sorted(one for app, one in self.kept if app == app_id and one > (cursor or ""))
        items = [self.kept[app_id, one] for one in found[:limit]]
        return Page(items=items, next_cursor=found[limit - 1] if len(found) > limit else None)

    @override
    def replace_template(self, template: Template, event: Envelope, *, before: Template) -> None:
        self._expect(before)
        self._expect_free_name(template)
        self._put(template, event)

    @override
    def remove_template(self, template: Template, event: Envelope) -> None:
        self._expect(template)
        del self.kept[template.app_id, template.template_id]
        self.events.append(event)

    def _put(self, template: Template, event: Envelope) -> None:
        self.kept[template.app_id, template.template_id] = template
        self.events.append(event)

    def _expect(self, template: Template) -> None:
        found = self.kept.get((template.app_id, template.template_id))
        if found is None or found.version != template.version:
            raise TemplateChangedError(template.template_id)

    def _expect_free_name(self, template: Template) -> None:
        for (app_id, template_id), other in self.kept.items():
            if (
                app_id == template.app_id
                and template_id != template.template_id
                and other.draft.name == template.draft.name
            ):
                raise TemplateNameTakenError(template.draft.name)


SENT = DeliveryResult(outcome=Outcome.SENT, provider_id="projects/p/messages/1")


@dataclass
class ScriptedChannel(Channel, Channels):
    """Answers each address as scripted, one result a try; everything else is sent."""

    script: dict[str, list[DeliveryResult]] = field(default_factory=dict)
    sent: list[Delivery] = field(default_factory=list)
    validated: list[Delivery] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None

    @override
    def send(
        self, deliveries: Sequence[Delivery], *, validate_only: bool = False
    ) -> Sequence[DeliveryResult]:
        (self.validated if validate_only else self.sent).extend(deliveries)
        self.before_answer()
        return [self._answer(delivery.address.value) for delivery in deliveries]

    @override
    def channel_of(self, app_id: str) -> Channel:
        return self

    def _answer(self, address: str) -> DeliveryResult:
        scripted = self.script.get(address)
        return scripted.pop(0) if scripted else SENT


@dataclass(frozen=True)
class Job:
    """A job of the sender's queue."""

    chunk_id: str
    after: timedelta
    is_released: bool = False


@dataclass
class InMemoryQueue(Queue):
    asked: list[Job] = field(default_factory=list)

    @override
    def ask_again(self, *, app_id: str, chunk_id: str, after: timedelta, is_released: bool) -> None:
        self.asked.append(Job(chunk_id, after, is_released))


@dataclass
class SettableCampaigns(Campaigns):
    """Campaigns whose states tests set, and the runs they know; else a campaign is sending."""

    states: dict[str, CampaignState] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)

    @override
    def state_of(self, campaign_id: str, *, app_id: str) -> CampaignState:
        return self.states.get(campaign_id, CampaignState.SENDING)

    @override
    def get_run(self, run_id: str, *, campaign_id: str, app_id: str) -> Run:
        try:
            return self.runs[run_id]
        except KeyError:
            raise CampaignNotFoundError(campaign_id) from None


@dataclass
class SameText(Texts):
    """Tells everybody the same, but for those devices whose text cannot be made."""

    content: Content = field(default_factory=lambda: Content(title="Hello"))
    unrendered: dict[str, str] = field(default_factory=dict)

    @override
    def contents_of(
        self, chunk: Chunk, targets: Mapping[int, Target]
    ) -> Mapping[int, Content | Unrendered]:
        reasons = {at: self.unrendered.get(one.device_id) for at, one in targets.items()}
        return {
            at: Unrendered(reason=reason) if reason else self.content
            for at, reason in reasons.items()
        }


@dataclass
class CountedQuota(Quota):
    """Lets everything go, until it is given a pause; remembers what was taken and when to stop."""

    pause: timedelta | None = None
    taken: int = 0
    stops: list[datetime] = field(default_factory=list)

    @override
    def take(self, messages: int, *, app_id: str, lane: Lane) -> timedelta | None:
        if self.pause is None:
            self.taken += messages
        return self.pause

    @override
    def return_unused(self, messages: int, *, app_id: str, lane: Lane) -> None:
        self.taken -= messages

    @override
    def turned_away(self, *, app_id: str, until: datetime) -> None:
        self.stops.append(until)


@dataclass
class InMemoryQuotaStore(QuotaStore):
    kept: dict[str, Bucket] = field(default_factory=dict)

    @override
    def bucket_of(self, project_id: str) -> Bucket | None:
        return self.kept.get(project_id)

    @override
    def replace_bucket(self, project_id: str, bucket: Bucket, *, before: Bucket | None) -> bool:
        if self.kept.get(project_id) != before:
            return False
        self.kept[project_id] = bucket
        return True


class ScriptedPermission(Permission):
    """Answers as it is told by contact, else allows; remembers what counts and what waits."""

    def __init__(self) -> None:
        self.answers: dict[str, Decision] = {}
        self.counted: set[str] = set()
        self.put_offs: list[tuple[str, str, datetime]] = []
        self.judged_at: list[datetime] = []

    @override
    def ask(self, asked: Sequence[Asked]) -> Sequence[Decision]:
        return [self._answer(one) for one in asked]

    @override
    def judge(self, asked: Sequence[Asked], *, at: datetime) -> Sequence[Decision]:
        self.judged_at.append(at)
        return [self.answers.get(one.candidate.contact_id, Allow()) for one in asked]

    @override
    def take_back(self, asked: Sequence[Asked]) -> None:
        self.counted -= {one.key for one in asked}

    @override
    def put_off(self, asked: Asked, *, chunk_id: str, until: datetime) -> None:
        self.put_offs.append((asked.candidate.contact_id, chunk_id, until))

    def _answer(self, asked: Asked) -> Decision:
        if asked.key in self.counted:
            return Allow()
        answer = self.answers.get(asked.candidate.contact_id, Allow())
        if isinstance(answer, Allow):
            self.counted.add(asked.key)
        return answer
