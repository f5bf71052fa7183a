"""The real worker of codes over DynamoDB Local: woken by an event, by itself, by a lost message."""

import json
from typing import Any

import httpx
import pytest

from functions.generate_codes.wiring import runs
from shared.coupons.model.code_jobs import CodeImport, CodeJob, JobState, Tally
from shared.coupons.model.codes import normal_form
from shared.coupons.model.patterns import Pattern
from shared.coupons.service.code_jobs import Announced, CodeJobService, Order
from shared.kernel.clock import system_clock
from tests.contract.coupon_codes import a_coupon
from tests.deployment import Context, Deployment
from tests.fakes.coupon_codes import KnownCoupons
from tests.functional.relay_events.test_relay import stream_batch

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def orders(deployed: Deployment) -> CodeJobService:
    """Return what a route calls, for an app with one coupon: it has the worker's own parts."""
    app_id = deployed.an_app()
    coupons = KnownCoupons({(app_id, "cpn_1"): a_coupon("cpn_1", app_id=app_id)})
    return CodeJobService(
        coupons=coupons,
        jobs=runs().jobs,
        files=runs().files,
        keys=runs().keys,
        clock=system_clock,
        ids=runs().ids,
    )


def app_of(orders: CodeJobService) -> str:
    assert isinstance(orders.coupons, KnownCoupons)
    ((app_id, _),) = orders.coupons.coupons
    return app_id


def ordered(orders: CodeJobService, codes: int = 3) -> CodeJob:
    order = Order(count=codes, pattern=Pattern(prefix="SUMMER-"))
    return orders.generate(
        order, coupon_id="cpn_1", app_id=app_of(orders), by="ada", attempt=None
    ).job


def announced(orders: CodeJobService, size: int) -> Announced:
    return orders.create_import(
        CodeImport(size=size), coupon_id="cpn_1", app_id=app_of(orders), by="ada", attempt=None
    )


def message(job: CodeJob) -> dict[str, Any]:
    told = {"app_id": job.app_id, "coupon_id": job.coupon_id, "job_id": job.job_id}
    return {"Records": [{"messageId": "1", "body": json.dumps(told)}]}


def now(orders: CodeJobService, job: CodeJob) -> CodeJob:
    return orders.get_job(job.job_id, coupon_id="cpn_1", app_id=job.app_id)


def test_an_event_has_codes_made_which_are_fetched_by_a_url(
    deployed: Deployment, dynamodb_client: Any, orders: CodeJobService
) -> None:
    job = ordered(orders, 700)
    deployed.invoke("relay_events", stream_batch(deployed, dynamodb_client))
    (detail,) = [
        entry["Detail"]
        for entry in deployed.aws.published
        if entry["DetailType"] == "code_job.started.v1"
    ]
    record = {"messageId": "1", "body": json.dumps({"detail": detail})}
    assert deployed.invoke("generate_codes", {"Records": [record]}) == NOTHING_FAILED

    done = now(orders, job)
    assert (done.state, done.work.codes) == (JobState.DONE, 700)
    (url,) = orders.codes_urls(done)
    header, *letters = httpx.get(url).text.split()
    assert (header, len(set(letters))) == ("code", 700)
    found = {runs().hasher.fingerprint(normal_form(one), app_id=job.app_id) for one in letters}
    assert len(runs().codes.get_codes(found, app_id=job.app_id)) == 700


def test_nothing_but_the_file_has_letters(
    deployed: Deployment, dynamodb_client: Any, orders: CodeJobService
) -> None:
    job = ordered(orders)
    deployed.invoke("generate_codes", message(job))
    (content,) = deployed.aws.objects.values()
    stored = str(dynamodb_client.scan(TableName=deployed.tables["coupons"])["Items"])
    for letters in content.decode().split()[1:]:
        assert letters.removeprefix("SUMMER-")[:8] not in stored


def test_a_message_that_comes_again_changes_nothing(
    deployed: Deployment, orders: CodeJobService
) -> None:
    job = ordered(orders)
    for _ in range(2):
        assert deployed.invoke("generate_codes", message(job)) == NOTHING_FAILED
    assert now(orders, job).work.codes == 3


def test_a_message_for_a_job_that_is_not_started_comes_again(
    deployed: Deployment, orders: CodeJobService
) -> None:
    job = announced(orders, 7).job
    again = {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert deployed.invoke("generate_codes", message(job)) == again


def test_a_worker_without_time_calls_the_next(
    deployed: Deployment, orders: CodeJobService, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ordered(orders)
    with monkeypatch.context() as late:
        late.setattr(Context, "get_remaining_time_in_millis", lambda _: 59_000)
        assert deployed.invoke("generate_codes", message(job)) == NOTHING_FAILED
    (called,) = deployed.aws.jobs
    again = {"Records": [{"messageId": "2", "body": json.dumps(called["MessageBody"])}]}
    assert deployed.invoke("generate_codes", again) == NOTHING_FAILED
    assert now(orders, job).state is JobState.DONE


def test_a_file_is_uploaded_taken_in_and_deleted(
    deployed: Deployment, orders: CodeJobService
) -> None:
    content = b"code\r\nAAA-111\r\nBBB222\r\n!\r\n"
    made = announced(orders, len(content))
    assert made.upload is not None
    sent = httpx.put(made.upload.url, content=content, headers=made.upload.headers)
    assert sent.status_code == 200
    orders.start_import(made.job.job_id, coupon_id="cpn_1", app_id=made.job.app_id)
    assert deployed.invoke("generate_codes", message(made.job)) == NOTHING_FAILED

    done = now(orders, made.job)
    assert isinstance(done.work, CodeImport)
    assert (done.state, done.work.tally) == (JobState.DONE, Tally(accepted=2, malformed=1))
    url = orders.rejects_url(done)
    assert url is not None
    reject = json.loads(httpx.get(url).text)
    assert reject == {"line": 4, "reason": "malformed_code", "last_four": ""}
    assert not [key for key in deployed.aws.objects if key.endswith("upload")]
