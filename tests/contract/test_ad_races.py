"""Caps and targets of ads hold under any race, across threads and across processes."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import pytest

from shared.placements.service.leases import LeaseService
from shared.placements.store.leases import DynamoLeaseStore
from shared.platform.dynamodb import pause_after
from tests.ad_servers import APP, FLIGHT, GRACE, HARD_GOAL, START, at_work
from tests.contract.ad_people import AdPeople, on_dynamodb

ROOT = Path(__file__).parents[2]
THREADS, DECISIONS, PEOPLE = 48, 1_000, 25
PROCESSES = 20


@pytest.fixture
def it(request: pytest.FixtureRequest) -> AdPeople:
    return on_dynamodb(request)


def test_of_1_000_decisions_at_once_under_a_cap_of_one_each_person_gets_one(it: AdPeople) -> None:
    ready = Barrier(THREADS)

    def ask(number: int) -> str | None:
        if number < THREADS:
            ready.wait()
        contact_id = f"con_{number % PEOPLE:026}"
        return contact_id if it.asks(f"token-{number}", contact_id) else None

    with ThreadPoolExecutor(THREADS) as threads:
        passed = Counter(one for one in threads.map(ask, range(DECISIONS)) if one)
    people = [f"con_{number:026}" for number in range(PEOPLE)]
    assert passed == dict.fromkeys(people, 1)
    assert [len(it.state(one).seen) for one in people] == [1] * PEOPLE


def test_of_a_hard_goal_of_50_twenty_processes_deliver_50(tables: dict[str, str]) -> None:
    table = tables["placements"]
    with _processes(table) as shown_by:
        tokens = [token for shown in shown_by for token in shown]
    store = DynamoLeaseStore(table=table)
    service = LeaseService(store=store, shuffled=list, pause=pause_after, grace=GRACE)
    late = START + 100 * GRACE
    for number in range(3):
        service.sweep(FLIGHT, app_id=APP, at=late + number * GRACE, most=10_000)
    # What was lost at the very end comes back, and is delivered.
    tokens += at_work(table, "the last", hours=5, begins_at=late + 3 * GRACE)
    audit = service.audit(FLIGHT, app_id=APP)
    assert audit is not None
    assert audit.is_balanced
    assert audit.lapsed > 0
    assert (audit.shown, len(tokens), len(set(tokens))) == (HARD_GOAL, HARD_GOAL, HARD_GOAL)


@contextmanager
def _processes(table: str) -> Iterator[list[list[str]]]:
    """Start real processes that all serve the same flight; yield what each of them showed."""
    command = [sys.executable, "-m", "tests.ad_servers", table]
    running = [
        subprocess.Popen([*command, str(number)], cwd=ROOT, stdout=subprocess.PIPE)
        for number in range(PROCESSES)
    ]
    answers = [process.communicate(timeout=300)[0] for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES
    yield [json.loads(answer) for answer in answers]
