"""What came of a campaign adds up, whatever was told of its messages, how often, in which order."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.events import Purpose
from shared.push.errors import CampaignNotFoundError
from shared.push.model.books import Books, Line, Place, books_of, line_of
from shared.push.model.campaigns import Campaign, CampaignDraft, Run, Variant
from shared.push.model.messages import Chunk, Recipient, State
from shared.push.model.results import (
    Control,
    Funnel,
    Mark,
    MarkKind,
    Results,
    results_of,
)
from shared.push.service.results import ResultService
from tests.fakes.clock import NOON
from tests.fakes.results import InMemoryMarkStore

RUN = "1" * 26
APP, CAMPAIGN, CHUNK = f"app_{'0' * 26}", f"cmp_{'0' * 26}", "0" * 26
FINAL = [state for state in State if state.is_final and state is not State.DEFERRED]
NAMES = ("A", "B")
DRAFT = CampaignDraft(
    name="sale",
    segment_id="seg",
    segment_version=1,
    variants=tuple(Variant(name=name, template_id="tpl") for name in NAMES),
)


@pytest.fixture
def campaign() -> Campaign:
    return a_campaign()


def a_campaign() -> Campaign:
    return Campaign(
        app_id=APP,
        campaign_id=CAMPAIGN,
        draft=DRAFT,
        authors=("ada",),
        created_at=NOON,
        updated_at=NOON,
    )


def a_mark(index: int, kind: MarkKind, *, variant: str = "A", chunk_id: str = CHUNK) -> Mark:
    return Mark(campaign_id=CAMPAIGN, chunk_id=chunk_id, index=index, variant=variant, kind=kind)


def summed(campaign: Campaign, books: Books, *marks: Mark) -> Results:
    store = InMemoryMarkStore()
    store.add_marks(marks, app_id=APP)
    return results_of(campaign, books, store.marks_of(CAMPAIGN, app_id=APP))


def sent(**counts: int) -> Books:
    tally = {Place(name, State.SENT): count for name, count in counts.items()}
    return Books(planned=sum(counts.values()), chunks=1, tally=tally)


def test_who_clicked_opened_and_who_opened_got_it(campaign: Campaign) -> None:
    found = summed(
        campaign,
        sent(A=5),
        a_mark(0, MarkKind.CLICKED),
        a_mark(1, MarkKind.OPENED),
        a_mark(2, MarkKind.DELIVERED),
        a_mark(1, MarkKind.DELIVERED),
    )
    assert found.funnel == Funnel(sent=5, delivered=3, opened=2, clicked=1)


def test_who_converted_need_not_have_opened(campaign: Campaign) -> None:
    found = summed(campaign, sent(A=2), a_mark(0, MarkKind.CONVERTED))
    assert found.funnel == Funnel(sent=2, converted=1)


def test_what_arrived_was_sent_whatever_the_books_say_yet(campaign: Campaign) -> None:
    found = summed(campaign, Books(), a_mark(0, MarkKind.DELIVERED), a_mark(1, MarkKind.CONVERTED))
    assert found.funnel == Funnel(sent=2, delivered=1, converted=1)


def test_the_same_place_in_two_chunks_is_two_messages(campaign: Campaign) -> None:
    found = summed(
        campaign,
        sent(A=2),
        a_mark(0, MarkKind.OPENED),
        a_mark(0, MarkKind.OPENED, chunk_id="1" * 26),
    )
    assert found.funnel.opened == 2


def test_variants_and_control_are_told_apart(campaign: Campaign) -> None:
    books = Books(
        planned=6,
        chunks=1,
        tally={
            Place("A", State.SENT): 3,
            Place("B", State.SENT): 1,
            Place("B", State.HELD_OUT, "control_group"): 2,
        },
    )
    found = summed(
        campaign,
        books,
        a_mark(0, MarkKind.OPENED),
        a_mark(4, MarkKind.CONVERTED, variant="B"),
        a_mark(5, MarkKind.CONVERTED_UNTOLD, variant="B"),
    )
    one, other = found.variants
    assert (one.name, one.books.planned, one.funnel.opened) == ("A", 3, 1)
    assert one.control == Control()
    assert (other.name, other.books.planned) == ("B", 3)
    assert other.funnel == Funnel(sent=1, converted=1)
    assert other.control == Control(held_out=2, converted=1)


def test_a_text_that_the_draft_no_longer_names_is_counted_all_the_same(campaign: Campaign) -> None:
    found = summed(campaign, sent(A=1, old=2))
    assert [one.name for one in found.variants] == ["A", "B", "old"]
    assert found.funnel.sent == 3


states = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(FINAL)), max_size=20)
marks = st.lists(st.tuples(st.integers(0, 19), st.sampled_from(MarkKind)), max_size=40)


@given(messages=states, told=marks)
def test_figures_add_up_whatever_is_told(
    messages: list[tuple[str, State]], told: list[tuple[int, MarkKind]]
) -> None:
    """Only what can happen is told: of a message that was sent, or held out."""
    chunk = a_chunk(messages)
    own = [
        a_mark(index, kind, variant=messages[index][0])
        for index, kind in told
        if index < len(messages)
        and messages[index][1]
        is (State.HELD_OUT if kind is MarkKind.CONVERTED_UNTOLD else State.SENT)
    ]
    books = books_of([line_of(chunk)])
    found = summed(a_campaign(), books, *own)
    again = summed(a_campaign(), books, *reversed(own), *own)

    assert again == found
    assert found.books.is_balanced
    assert sum(one.books.planned for one in found.variants) == found.books.planned
    for funnel in (found.funnel, *(one.funnel for one in found.variants)):
        steps = (funnel.sent, funnel.delivered, funnel.opened, funnel.clicked, 0)
        assert sorted(steps, reverse=True) == list(steps)
        assert funnel.converted <= funnel.sent
    assert found.funnel.sent == found.books.count(State.SENT)
    assert found.control.converted <= found.control.held_out == found.books.count(State.HELD_OUT)


def a_chunk(messages: list[tuple[str, State]]) -> Chunk:
    return Chunk(
        app_id=APP,
        chunk_id=CHUNK,
        content=None,
        purpose=Purpose.MARKETING,
        recipients=tuple(
            Recipient(device_id=f"d{at}", contact_id=f"c{at}", variant=variant)
            for at, (variant, _) in enumerate(messages)
        ),
        states=tuple(state for _, state in messages),
        planned_at=NOON,
        send_until=NOON,
    )


class OneRun:
    """A campaign, and the books of its run where it has one."""

    def __init__(self, campaign: Campaign, *lines: Line) -> None:
        self.campaign = campaign
        self.kept = lines

    def get_campaign(self, campaign_id: str, *, app_id: str) -> Campaign:
        if (app_id, campaign_id) != (APP, CAMPAIGN):
            raise CampaignNotFoundError(campaign_id)
        return self.campaign

    def get_run(self, run_id: str, *, campaign_id: str, app_id: str) -> Run:
        assert (run_id, campaign_id, app_id) == (RUN, CAMPAIGN, APP)
        return Run(
            app_id=APP,
            campaign_id=CAMPAIGN,
            run_id=RUN,
            is_rehearsal=False,
            draft=DRAFT,
            templates={},
            app_name="Shop",
            app_locale="en",
            app_zone="UTC",
            started_at=NOON,
        )

    def lines(self, run: Run) -> Sequence[Line]:
        return self.kept if run.run_id == RUN else ()


def results_from(runs: OneRun, *marks: Mark) -> Results:
    store = InMemoryMarkStore()
    store.add_marks(marks, app_id=APP)
    service = ResultService(campaigns=runs, books=runs, marks=store)
    return service.results(CAMPAIGN, app_id=APP)


def test_a_campaign_that_was_not_sent_has_no_results(campaign: Campaign) -> None:
    assert results_from(OneRun(campaign)) == Results(campaign=campaign)


def test_results_are_the_books_of_the_run_and_the_marks_of_the_campaign(
    campaign: Campaign,
) -> None:
    chunk = a_chunk([("A", State.SENT), ("B", State.PENDING), ("B", State.SENT)])
    found = results_from(
        OneRun(replace(campaign, run_id=RUN), line_of(chunk)),
        a_mark(2, MarkKind.OPENED, variant="B"),
    )
    assert (found.books.planned, found.books.pending, found.books.is_balanced) == (3, 1, True)
    assert found.funnel == Funnel(sent=2, delivered=1, opened=1)


def test_an_unknown_campaign_has_no_results(campaign: Campaign) -> None:
    service = ResultService(
        campaigns=OneRun(campaign), books=OneRun(campaign), marks=InMemoryMarkStore()
    )
    with pytest.raises(CampaignNotFoundError):
        service.results(CAMPAIGN, app_id=f"app_{'9' * 26}")
