"""The sender works on parts of campaigns: what it reads, sends and gives back."""

import importlib
import json
from dataclasses import replace
from typing import Any

import pytest

from infra.local.fcm.running import RunningStandin
from shared.kernel.events import Purpose
from shared.platform.dynamodb import bind, commit
from shared.platform.ledger import Ledger
from shared.push.model import Chunk, Recipient, State
from shared.push.model.campaigns import CampaignDraft, Run, Variant
from shared.push.model.templates import TemplateDraft, Words
from shared.push.store import DynamoChunkStore
from shared.push.store.books import LineRow, WaitingRow, line_from, run_partition
from shared.push.store.campaigns import run_text
from shared.push.store.chunks import ChunkRows
from shared.registrations.store import DynamoContactStore
from tests.fakes.campaigns_sent import CAMPAIGN, RUN, a_chunk
from tests.fakes.clock import NOON
from tests.functional.bus import told
from tests.functional.shops import Shop

HELLO = TemplateDraft(
    name="hello",
    purpose=Purpose.MARKETING,
    default_locale="en",
    contents={"en": Words(title="{{ greeting }} {{ contact.attributes.name }}")},
    variables={"greeting": "Hello"},
)
VARIANTS = (Variant(name="a", template_id="tpl_1", variables={"greeting": "Servus"}),)
DRAFT = CampaignDraft(name="Spring", segment_id="seg_1", segment_version=1, variants=VARIANTS)


class Hurried:
    """The context of an invocation that is soon stopped."""

    aws_request_id = "request-2"

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return self.seconds * 1_000


class Campaign:
    """One planned chunk of a campaign to Ada's phone, as the tables have it."""

    def __init__(
        self, shop: Shop, dynamodb: Any, *, contact_id: str | None = None, **part: Any
    ) -> None:
        self.shop, self.dynamodb = shop, dynamodb
        self.table = shop.deployed.tables["push"]
        recipient = Recipient(
            device_id="phone-of-ada", contact_id=contact_id or shop.contact_id, variant="a"
        )
        chunk = a_chunk(shop.app_id, [recipient], **part)
        self.chunk: Chunk = replace(chunk, terms=replace(chunk.terms, holdout_percent=0))
        self.partition = run_partition(shop.app_id, CAMPAIGN, RUN)
        commit(ChunkRows(table=self.table).writes_of_new_chunk(self.chunk))
        run = Run(
            app_id=shop.app_id,
            campaign_id=CAMPAIGN,
            run_id=RUN,
            is_rehearsal=self.chunk.is_rehearsal,
            draft=DRAFT,
            templates={"a": HELLO},
            app_name="Shop",
            app_locale="en",
            app_zone="UTC",
            started_at=NOON,
        )
        self._put(pk=self.partition, sk="RUN", text=run_text(run))
        self.is_now("sending")

    def is_now(self, state: str) -> None:
        self._put(pk=f"APP#{self.shop.app_id}#CAMPAIGNS", sk=f"C#{CAMPAIGN}", state=state)

    def work_in_a_hurry(self, seconds: int) -> tuple[State, ...]:
        """Give the sender its job when so much is left of its time; return the states."""
        handler = importlib.import_module("functions.send_push.handler")
        body = {"app_id": self.shop.app_id, "chunk_id": self.chunk.chunk_id}
        record = {"messageId": "1", "body": json.dumps(body)}
        answer = handler.lambda_handler({"Records": [record]}, Hurried(seconds))
        assert answer == {"batchItemFailures": []}
        return self.states()

    def work(self, **job: Any) -> tuple[State, ...]:
        """Give the sender a job; return the states."""
        body = {"app_id": self.shop.app_id, "chunk_id": self.chunk.chunk_id, **job}
        record = {"messageId": "1", "body": json.dumps(body)}
        answer = self.shop.deployed.invoke("send_push", {"Records": [record]})
        assert answer == {"batchItemFailures": []}
        return self.states()

    def states(self) -> tuple[State, ...]:
        """Return the states of the messages, which the books say as well."""
        store = DynamoChunkStore(
            table=self.table, ledger_table=self.shop.deployed.tables["contact_events"]
        )
        states = store.get_chunk(self.chunk.chunk_id, app_id=self.shop.app_id).states
        line = bind(LineRow, table=self.table).get(self.partition, f"L#{self.chunk.chunk_id}")
        assert {place.state for place in line_from(line).tally} == set(states)
        return states

    def waits(self) -> list[str]:
        row = bind(WaitingRow, table=self.table)
        return [found.sk for found in row.query(self.partition, row.sk.startswith("D#"))]

    def _put(self, **values: str) -> None:
        item = {name: {"S": value} for name, value in values.items()}
        self.dynamodb.put_item(TableName=self.table, Item=item)


def test_each_recipient_reads_their_own_text(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    pushing.of_ada("PATCH ", {"attributes": {"name": "Ada"}})
    campaign = Campaign(pushing, dynamodb_client)
    assert campaign.work() == (State.SENT,)
    (received,) = fcm.received()
    assert "Servus Ada" in json.dumps(received, default=str, ensure_ascii=False)
    (event,) = told(pushing.deployed, dynamodb_client, "message.sent.v1")
    assert (event["data"]["campaign_id"], event["data"]["variant"]) == (CAMPAIGN, "a")


def test_who_logged_in_since_the_plan_reads_what_is_known_of_them(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    tables = pushing.deployed.tables
    contacts = DynamoContactStore(
        table=tables["registrations"], ledger=Ledger(table=tables["contact_events"])
    )
    root = contacts.root_of(pushing.contact_id, app_id=pushing.app_id)
    (anonymous,) = root.members - {pushing.contact_id}
    pushing.of_ada("PATCH ", {"attributes": {"name": "Ada"}})
    campaign = Campaign(pushing, dynamodb_client, contact_id=anonymous)
    assert campaign.work() == (State.SENT,)
    assert "Servus Ada" in json.dumps(fcm.received(), default=str, ensure_ascii=False)


def test_a_paused_campaign_waits_and_a_cancelled_one_ends(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    campaign = Campaign(pushing, dynamodb_client)
    campaign.is_now("paused")
    pushing.clock.at = NOON.replace(hour=13)
    assert campaign.work() == (State.PENDING,)
    assert len(campaign.waits()) == 2
    campaign.is_now("cancelled")
    assert campaign.work() == (State.SKIPPED,)
    assert fcm.received() == []


def test_a_throttled_part_is_sent_by_the_job_that_released_it(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    campaign = Campaign(pushing, dynamodb_client, is_throttled=True)
    assert campaign.work() == (State.PENDING,)
    assert campaign.work(released=True) == (State.SENT,)
    assert len(fcm.received()) == 1


def test_a_rehearsal_asks_fcm_and_tells_nobody(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    campaign = Campaign(pushing, dynamodb_client, is_rehearsal=True)
    campaign.is_now("draft")
    assert campaign.work() == (State.SENT,)
    assert told(pushing.deployed, dynamodb_client, "message.sent.v1") == []
    # Nobody was counted.
    pushing.put_policy(caps=[{"id": "one", "limit": 1, "window": {"rolling": 24}}])
    assert pushing.ask().body["decision"] == "allow"


@pytest.mark.parametrize("state", ["sending", "planning"])
def test_a_part_that_is_due_while_others_are_planned_is_sent(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any, state: str
) -> None:
    campaign = Campaign(pushing, dynamodb_client)
    campaign.is_now(state)
    assert campaign.work() == (State.SENT,)


def test_a_sender_that_is_soon_stopped_begins_nothing_and_comes_again(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    campaign = Campaign(pushing, dynamodb_client)
    assert campaign.work_in_a_hurry(29) == (State.PENDING,)
    (job,) = pushing.deployed.aws.jobs
    assert (job["MessageBody"]["chunk_id"], job["DelaySeconds"]) == (campaign.chunk.chunk_id, 0)
    assert campaign.work_in_a_hurry(31) == (State.SENT,)
