"""Every store of quotas, real or fake, keeps these promises."""

from datetime import timedelta

import pytest

from shared.push.model.quota import Bucket, Lane, blocked, full, leased
from shared.push.ports import QuotaStore
from shared.push.store.quota import DynamoQuotaStore
from tests.fakes.clock import NOON
from tests.fakes.push import InMemoryQuotaStore


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> QuotaStore:
    if request.param == "memory":
        return InMemoryQuotaStore()
    return DynamoQuotaStore(table=request.getfixturevalue("tables")["push"])


def after_a_lease(bucket: Bucket, *, lane: Lane = Lane.CAMPAIGN) -> Bucket:
    after = leased(bucket, lane=lane, at=NOON + timedelta(seconds=1, microseconds=7))
    assert isinstance(after, Bucket)
    return after


def test_a_bucket_comes_back_as_it_was_kept(store: QuotaStore) -> None:
    assert store.bucket_of("shop") is None
    first = after_a_lease(full(NOON))
    assert store.replace_bucket("shop", first, before=None)
    assert store.bucket_of("shop") == first
    stopped = blocked(first, at=NOON, until=NOON + timedelta(minutes=1))
    assert store.replace_bucket("shop", stopped, before=first)
    assert store.bucket_of("shop") == stopped
    assert store.bucket_of("other") is None


def test_of_two_who_saw_the_same_bucket_one_gets_a_block(store: QuotaStore) -> None:
    first = after_a_lease(full(NOON))
    assert store.replace_bucket("shop", first, before=None)
    assert not store.replace_bucket("shop", first, before=None)
    one = after_a_lease(first, lane=Lane.TRANSACTIONAL)
    assert store.replace_bucket("shop", one, before=first)
    assert not store.replace_bucket("shop", one, before=first)
    assert store.bucket_of("shop") == one
