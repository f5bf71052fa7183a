"""Laws of inboxes: what is shown, and that nothing goes back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.events import Purpose
from shared.push.errors import InboxStateError
from shared.push.model import Content
from shared.push.model.inbox import MOST_KEPT, InboxMessage, InboxState, inbox_of
from tests.fakes.clock import NOON

STATES = st.sampled_from(InboxState)
HELLO = InboxMessage(
    app_id="app_1",
    contact_id="con_1",
    key="cmp_1",
    order_at=NOON,
    message_id="msg_1",
    content=Content(title="Hello"),
    purpose=Purpose.SERVICE,
    sent_at=NOON,
    until=NOON + timedelta(days=30),
)


def messages(*, most: int = 150) -> st.SearchStrategy[list[InboxMessage]]:
    one = st.builds(
        lambda contact, number, state, days: replace(
            HELLO,
            contact_id=f"con_{contact}",
            key=f"cmp_{number}",
            order_at=NOON + timedelta(minutes=number),
            state=state,
            until=NOON + timedelta(days=days),
        ),
        st.integers(0, 2),
        st.integers(0, most),
        STATES,
        st.integers(0, 2),
    )
    return st.lists(one, max_size=most, unique_by=lambda found: (found.contact_id, found.place))


@given(found=messages(), data=st.data())
def test_an_inbox_is_the_same_in_whatever_order_it_was_found(
    found: list[InboxMessage], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(found))
    kept, again = inbox_of(found, at=NOON), inbox_of(shuffled, at=NOON)
    assert [(one.place, one.state) for one in kept.messages] == [
        (one.place, one.state) for one in again.messages
    ]


@given(found=messages())
def test_an_inbox_shows_each_thing_once_the_newest_first_and_nothing_that_is_over(
    found: list[InboxMessage],
) -> None:
    inbox = inbox_of(found, at=NOON)
    places = [one.place for one in inbox.messages]
    assert places == sorted(set(places), reverse=True)
    assert len(places) <= MOST_KEPT
    assert all(one.until > NOON for one in inbox.messages)
    listed = [*inbox.listed(archived=True), *inbox.listed(archived=False)]
    assert sorted(one.place for one in listed) == sorted(places)
    assert inbox.counts.unseen <= inbox.counts.unread <= len(inbox.listed(archived=False))


@given(states=st.lists(STATES))
def test_nothing_goes_back(states: list[InboxState]) -> None:
    message = HELLO
    for state in states:
        before = message.state
        if before in state.before:
            message = message.moved_to(state)
        else:
            with pytest.raises(InboxStateError):
                message.moved_to(state)
        assert before is message.state or before in message.state.before


def test_of_two_copies_the_one_further_on_is_shown() -> None:
    other = replace(HELLO, contact_id="con_2", state=InboxState.READ)
    for found in ([HELLO, other], [other, HELLO]):
        assert inbox_of(found, at=NOON).messages == [other]
