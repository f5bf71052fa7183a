"""A coupon is given away by the real worker: to whom it is named, step by step, once to each."""

import json
from typing import Any

import pytest

from functions.publish_coupon.wiring import publishing
from shared.coupons.model.claims import ClaimedBy
from shared.coupons.model.publications import Publication, PublicationState, Recipients, Tally
from tests.functional.bus import told
from tests.functional.offers import Offers, codes_of
from tests.functional.shops import Shop

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def offers(shop: Shop) -> Offers:
    return Offers.of(shop)


def published(offers: Offers, recipients: Recipients, **terms: Any) -> Publication:
    coupon = offers.has(**terms)
    return publishing().publish(
        coupon.coupon_id, recipients, source_id="spring", app_id=offers.shop.app_id, by="ada"
    )


def work(offers: Offers) -> int:
    """Do the jobs of the queue and those that they leave; return how many there were."""
    jobs = offers.shop.deployed.aws.jobs
    count = 0
    while jobs:
        body = json.dumps(jobs.pop(0)["MessageBody"])
        event = {"Records": [{"messageId": "1", "body": body}]}
        assert offers.shop.deployed.invoke("publish_coupon", event) == NOTHING_FAILED
        count += 1
    return count


def now(offers: Offers, publication: Publication) -> Publication:
    return publishing().get_publication(publication.publication_id, app_id=offers.shop.app_id)


def test_a_named_person_is_given_the_coupon_and_an_unknown_one_is_not(
    offers: Offers, dynamodb_client: Any
) -> None:
    named = Recipients(contacts=(offers.shop.contact_id, "con_nobody"), devices=("dev_nobody",))
    done = published(offers, named)
    assert work(offers) == 1

    after = now(offers, done)
    assert (after.state, after.tally) == (PublicationState.DONE, Tally(given=1, refused=2))
    (event,) = told(offers.shop.deployed, dynamodb_client, "coupon.claimed.v1")
    assert (event["subject"], event["data"]["by"]) == (
        f"contact/{offers.shop.contact_id}",
        ClaimedBy.MARKETER,
    )


def test_a_persons_device_and_their_contact_are_one_person(offers: Offers) -> None:
    named = Recipients(contacts=(offers.shop.contact_id,), devices=("phone-of-ada",))
    done = published(offers, named)
    work(offers)
    assert now(offers, done).tally == Tally(given=1, known=1)


def test_many_are_given_it_in_steps_of_a_hundred(offers: Offers) -> None:
    strangers = tuple(f"con_{number}" for number in range(150))
    done = published(offers, Recipients(contacts=(*strangers, offers.shop.contact_id)))
    assert work(offers) == 2
    assert now(offers, done).tally == Tally(given=1, refused=150)


def test_a_job_that_comes_again_gives_nobody_two(offers: Offers) -> None:
    done = published(offers, Recipients(contacts=(offers.shop.contact_id,)))
    offers.shop.deployed.aws.jobs *= 2
    assert work(offers) == 2
    assert now(offers, done).tally == Tally(given=1)


def test_who_is_in_a_segment_is_given_the_coupon(offers: Offers) -> None:
    deployed, app_id = offers.shop.deployed, offers.shop.app_id
    rule = {"device": "platform", "is": "android"}
    made = deployed.request(
        f"POST /v1/apps/{app_id}/segments",
        {"name": "everybody", "rule": rule},
        bearer=deployed.operator(),
    )
    assert made.status == 201, made.body
    done = published(offers, Recipients(segment_id=made.body["segment_id"]))
    # A step looks at one of the 64 parts of an audience.
    assert work(offers) == 64
    assert now(offers, done).tally == Tally(given=1)


def test_who_was_erased_is_given_nothing(offers: Offers) -> None:
    assert offers.shop.of_ada("DELETE ").status == 202
    done = published(offers, Recipients(contacts=(offers.shop.contact_id,)))
    work(offers)
    assert now(offers, done).tally == Tally(refused=1)


def test_a_code_of_ones_own_comes_with_the_coupon(offers: Offers) -> None:
    terms = {"claims": {"with_code": True}}
    done = published(offers, Recipients(contacts=(offers.shop.contact_id,)), **terms)
    work(offers)
    coupon = offers.coupons.get_coupon(done.coupon_id, app_id=done.app_id)
    claim = offers.claim_of(coupon)
    assert claim is not None
    (code,) = codes_of(offers, claim).values()
    assert (code.contact_id, code.origin) == (offers.shop.contact_id, claim.claim_id)
    assert code.sealed is not None
