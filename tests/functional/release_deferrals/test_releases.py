"""What was put off is handed over once, when it is due, of every app."""

from datetime import timedelta

from shared.contact_policy.model.deferrals import Deferral
from shared.contact_policy.service.deferrals import DeferralService
from shared.contact_policy.store import DynamoDeferralStore
from shared.kernel.decisions import Candidate
from shared.kernel.events import Channel, Purpose
from shared.platform.ledger import Ledger
from tests.fakes.clock import ManualClock
from tests.functional.conftest import Deployment
from tests.functional.shops import Shop

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def put_off(shop: Shop, chunk_id: str, *, for_minutes: int) -> None:
    tables = shop.deployed.tables
    store = DynamoDeferralStore(
        table=tables["contact_policy"], ledger=Ledger(table=tables["contact_events"])
    )
    candidate = Candidate(
        app_id=shop.app_id,
        contact_id=shop.contact_id,
        channel=Channel.PUSH,
        purpose=Purpose.MARKETING,
    )
    DeferralService(store=store, clock=shop.clock).defer(
        Deferral(
            app_id=shop.app_id,
            deferral_id=chunk_id,
            kind="push",
            payload={"chunk_id": chunk_id},
            candidate=candidate,
            until=shop.clock() + for_minutes * MINUTE,
        )
    )


def jobs(deployed: Deployment) -> list[dict[str, str]]:
    return [job["MessageBody"] for job in deployed.aws.jobs]


def test_what_is_due_of_every_app_becomes_a_job_once(
    deployed: Deployment, clock: ManualClock
) -> None:
    one, other = Shop.opened(deployed, clock), Shop.opened(deployed, clock)
    put_off(one, "early", for_minutes=2)
    put_off(other, "of-another-app", for_minutes=2)
    put_off(one, "late", for_minutes=40)
    assert deployed.invoke("release_deferrals", {}) == {"released": 0}
    clock.advance(20 * MINUTE)
    assert deployed.invoke("release_deferrals", {}) == {"released": 2}
    assert sorted(jobs(deployed), key=lambda job: job["chunk_id"]) == [
        {"app_id": one.app_id, "chunk_id": "early"},
        {"app_id": other.app_id, "chunk_id": "of-another-app"},
    ]
    clock.advance(MINUTE)
    assert deployed.invoke("release_deferrals", {}) == {"released": 0}


def test_what_an_outage_left_behind_is_caught_up_with(shop: Shop) -> None:
    put_off(shop, "early", for_minutes=2)
    shop.clock.advance(HOUR)
    assert shop.deployed.invoke("release_deferrals", {}) == {"released": 1}
    assert jobs(shop.deployed) == [{"app_id": shop.app_id, "chunk_id": "early"}]
