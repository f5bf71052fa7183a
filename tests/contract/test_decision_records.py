"""Records of decisions, filed in memory and in S3, and found by the id of their decision."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from shared.kernel.ids import Ids, ulid_of
from shared.placements.errors import DecisionNotFoundError
from shared.placements.ports.results import DecisionRecords
from shared.placements.service.explaining import RecordService
from shared.placements.store.decision_records import BucketDecisionRecords
from shared.platform import clients
from shared.platform.objects import Bucket
from tests.fakes.ads import CAFE, SHOP
from tests.fakes.aws import running_aws
from tests.fakes.clock import NOON, ManualClock

SECOND = timedelta(seconds=1)


@dataclass
class InMemoryRecords(DecisionRecords):
    files: dict[str, bytes] = field(default_factory=dict)

    @override
    def put(self, key: str, content: bytes) -> None:
        self.files[key] = content

    @override
    def keys(self, prefix: str) -> Iterable[str]:
        return sorted(key for key in self.files if key.startswith(prefix))

    @override
    def get(self, key: str) -> bytes:
        return self.files[key]


@dataclass(frozen=True, kw_only=True)
class Records:
    files: DecisionRecords
    service: RecordService

    def names(self) -> list[str]:
        return list(self.files.keys("APP/"))


@pytest.fixture(params=["memory", "s3"])
def it(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    ids = Ids(clock=ManualClock())
    if request.param == "memory":
        files = InMemoryRecords()
        yield Records(files=files, service=RecordService(records=files, ids=ids))
        return
    request.getfixturevalue("aws")
    with running_aws() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        clients.client.cache_clear()
        bucket = BucketDecisionRecords(bucket=Bucket(name="records"))
        yield Records(files=bucket, service=RecordService(records=bucket, ids=ids))


def a_record(number: int, *, seconds: float = 0, app_id: str = SHOP) -> dict[str, Any]:
    ulid = ulid_of(NOON + seconds * SECOND, chance=number)
    return {"decision_id": f"dec_{ulid}", "app_id": app_id, "asked": {"name": "Zürich"}}


def test_a_record_is_found_as_it_was_filed(it: Records) -> None:
    batches = [[a_record(1), a_record(2)], [a_record(3, seconds=59.9), a_record(4, seconds=60)]]
    for batch in batches:
        it.service.file_records(batch)
    for record in (record for batch in batches for record in batch):
        assert it.service.find(record["decision_id"], app_id=SHOP) == record


def test_a_file_holds_a_minute_of_one_app(it: Records) -> None:
    it.service.file_records(
        [a_record(1), a_record(2), a_record(3, seconds=60), a_record(4, app_id=CAFE)]
    )
    folders = sorted(name.rpartition("/")[0] for name in it.names())
    assert folders == [
        f"APP/{SHOP}/decisions/2026/03/01/12/00",
        f"APP/{SHOP}/decisions/2026/03/01/12/01",
        f"APP/{CAFE}/decisions/2026/03/01/12/00",
    ]


def test_a_batch_that_comes_again_in_other_company_loses_nothing(it: Records) -> None:
    it.service.file_records([a_record(1), a_record(2)])
    it.service.file_records([a_record(1), a_record(3)])
    for number in (1, 2, 3):
        record = a_record(number)
        assert it.service.find(record["decision_id"], app_id=SHOP) == record


def test_a_record_that_names_another_decision_is_not_taken_for_it(it: Records) -> None:
    other = a_record(2)["decision_id"]
    it.service.file_records([{**a_record(1), "asked": {"name": other}}])
    with pytest.raises(DecisionNotFoundError):
        it.service.find(other, app_id=SHOP)


@pytest.mark.parametrize(
    ("decision_id", "app_id"),
    [
        (a_record(1)["decision_id"], CAFE),
        (a_record(9)["decision_id"], SHOP),
        (a_record(1, seconds=60)["decision_id"], SHOP),
        (a_record(1)["decision_id"].removeprefix("dec_"), SHOP),
        ("dec_../../other", SHOP),
        ("", SHOP),
    ],
)
def test_what_was_not_filed_is_not_found(decision_id: str, app_id: str, it: Records) -> None:
    it.service.file_records([a_record(1)])
    with pytest.raises(DecisionNotFoundError):
        it.service.find(decision_id, app_id=app_id)


def test_nothing_is_filed_of_nothing(it: Records) -> None:
    it.service.file_records([])
    assert it.names() == []
