"""Campaigns from draft to done, through the real handlers and queues' jobs."""

import json
from datetime import timedelta
from typing import Any

import pytest

from infra.local.fcm.running import RunningStandin
from shared.kernel.clock import rfc3339
from tests.fakes.clock import NOON
from tests.functional.bus import records, told
from tests.functional.campaigns.office import Office
from tests.functional.shops import Shop

DAY = {"from": "08:00", "to": "20:00"}
UNCAPPED: dict[str, Any] = {"topics": {"offers": "Offers"}}


@pytest.fixture
def office(pushing: Shop) -> Office:
    pushing.put_policy(**UNCAPPED)
    return Office(shop=pushing).opened()


def test_a_campaign_reaches_every_device_once_and_is_done(
    office: Office, fcm: RunningStandin
) -> None:
    office.register(6)
    campaign_id = office.draft()
    office.send(campaign_id)
    office.work()
    assert office.state(campaign_id) == "sending"
    # Ada's own phone is among them.
    assert office.books(campaign_id) | {"sent": 7, "pending": 0} == office.books(campaign_id)
    assert len(fcm.received()) == 7
    office.minute()
    assert office.state(campaign_id) == "done"
    office.minute()
    assert len(fcm.received()) == 7


def test_each_zone_is_told_at_its_own_hour(office: Office, fcm: RunningStandin) -> None:
    office.register(2, timezone="Asia/Tokyo")
    office.register(3, timezone="Europe/Zurich")
    # NOON is 21:00 in Tokyo, 13:00 in Zurich, and 12:00 where the app is.
    campaign_id = office.draft(send_at="2026-03-01T21:00", local_time=True)
    office.send(campaign_id)
    office.work()
    office.minute()
    assert (office.books(campaign_id)["sent"], len(fcm.received())) == (2, 2)
    office.minute(after=timedelta(hours=8) - timedelta(minutes=1))
    assert office.books(campaign_id)["sent"] == 5
    office.minute(after=timedelta(hours=1))
    assert office.books(campaign_id)["pending"] == 0
    office.minute()
    assert office.state(campaign_id) == "done"


def test_a_throttle_a_hold_out_and_quiet_hours_hold_together(
    office: Office, fcm: RunningStandin
) -> None:
    night = {
        "id": "night",
        "channels": ["push"],
        "allowed": [{"from": "08:00", "to": "12:01"}],
    }
    office.shop.put_policy(quiet_hours=[night])
    office.register(19)
    campaign_id = office.draft(throttle_per_minute=5, holdout_percent=50)
    office.send(campaign_id)
    office.work()
    first = office.books(campaign_id)
    assert first["sent"] + first["held_out"] == 5
    office.minute()
    second = office.books(campaign_id)
    # A minute later the hours are over: who is not held out waits.
    assert second["sent"] == first["sent"]
    assert len(fcm.received()) == first["sent"]
    assert second["pending"] > 0


def test_pausing_holds_what_was_released_and_resuming_sends_it(
    office: Office, fcm: RunningStandin
) -> None:
    office.register(9)
    campaign_id = office.draft(throttle_per_minute=4)
    office.send(campaign_id)
    office.work()
    sent = office.books(campaign_id)["sent"]
    assert 0 < sent <= 4
    office.shop.clock.advance(timedelta(minutes=1))
    office.shop.deployed.invoke("advance_campaigns", {})
    # The jobs of this minute are in the queue when the pause is acknowledged.
    office.hand("advance", office.shop.deployed.aws.jobs.pop(0)["MessageBody"])
    assert office.do(campaign_id, "pause").status == 200
    office.work()
    for _ in range(3):
        office.minute()
    assert (office.books(campaign_id)["sent"], len(fcm.received())) == (sent, sent)
    assert office.do(campaign_id, "resume").status == 200
    office.work()
    for _ in range(4):
        office.minute()
    assert (office.books(campaign_id)["sent"], len(fcm.received())) == (10, 10)


def test_cancelling_leaves_the_rest_skipped_and_the_books_balance(
    office: Office, fcm: RunningStandin
) -> None:
    office.register(9)
    campaign_id = office.draft(throttle_per_minute=4)
    office.send(campaign_id)
    office.work()
    sent = office.books(campaign_id)["sent"]
    assert office.do(campaign_id, "cancel").status == 200
    office.work()
    found = office.books(campaign_id)
    assert (found["sent"], found["pending"]) == (sent, 0)
    assert found["because"]["skipped"] == {"cancelled": 10 - sent}
    assert len(fcm.received()) == sent
    assert office.do(campaign_id, "resume").status == 409


def test_a_dead_address_is_removed_and_told_in_the_books(office: Office) -> None:
    (dead,) = office.register(1, address={"kind": "fid", "value": "unregistered-phone"})
    campaign_id = office.draft()
    office.send(campaign_id)
    office.work()
    assert office.books(campaign_id)["invalid"] == 1
    device = office.call(f"GET /devices/{dead}", bearer=office.devices[dead]["device_token"])
    assert device.body["address"] is None


def test_a_job_that_comes_twice_sends_nothing_twice(office: Office, fcm: RunningStandin) -> None:
    office.register(5)
    campaign_id = office.draft()
    office.send(campaign_id)
    jobs = []
    queued = office.shop.deployed.aws.jobs
    while queued:
        job = queued.pop(0)
        jobs.append(job)
        office.hand(job["QueueUrl"].rpartition("/")[2], job["MessageBody"])
    office.minute()
    for job in jobs:
        office.hand(job["QueueUrl"].rpartition("/")[2], job["MessageBody"])
    office.work()
    assert (office.books(campaign_id)["sent"], len(fcm.received())) == (6, 6)
    assert office.state(campaign_id) == "done"


def test_a_rehearsal_counts_by_reason_and_tells_nobody(office: Office, fcm: RunningStandin) -> None:
    office.register(2)
    office.register(1, push_permission="denied")
    office.register(1, address={"kind": "fid", "value": "unregistered-phone"})
    campaign_id = office.draft()
    found = office.rehearse(campaign_id)
    assert (found["books"]["sent"], found["books"]["invalid"]) == (3, 1)
    assert found["books"]["because"]["skipped"] == {"push_denied": 1}
    assert all(json.loads(one.body).get("validate_only") for one in fcm.received())
    assert office.state(campaign_id) == "draft"
    assert found["forecast"]["messages"] == 3


def test_a_text_too_long_for_german_readers_alone_shows_at_the_rehearsal(
    office: Office, fcm: RunningStandin
) -> None:
    story = "{{ contact.attributes.story }}"
    contents = {
        "en": {"title": "Sale", "body": story},
        "de": {"title": "Ausverkauf", "body": story * 20},
    }
    office.template_id = office.template("long", contents=contents)
    for name in (*office.register(2, locale="de-CH"), *office.register(3, locale="en-GB")):
        contact_id = office.devices[name]["contact_id"]
        office.expect(f"PATCH /contacts/{contact_id}", {"attributes": {"story": "x" * 256}})
    campaign_id = office.draft()
    books = office.rehearse(campaign_id)["books"]
    # Ada, whose story nobody knows, is the fourth who reads English.
    assert (books["sent"], books["failed"]) == (4, 2)
    assert books["because"]["failed"] == {"too_large:de": 2}
    assert all(json.loads(one.body).get("validate_only") for one in fcm.received())


def test_a_device_gets_its_own_text_for_a_test(office: Office, fcm: RunningStandin) -> None:
    office.template_id = office.template(
        "two", contents={"en": {"title": "Sale"}, "de": {"title": "Ausverkauf"}}
    )
    german, english = (*office.register(1, locale="de-AT"), *office.register(1, locale="en-GB"))
    campaign_id = office.draft()
    answer = office.do(campaign_id, "test", {"device_ids": [german, english, "phone-unknown"]})
    assert answer.status == 202, answer.body
    trials = {one["device_id"]: one for one in answer.body["trials"]}
    assert trials["phone-unknown"]["problem"] == "device_not_found"
    assert trials[german]["message_id"]
    unknown = office.do(campaign_id, "test", {"device_ids": [german], "variant": "z"})
    assert (unknown.status, unknown.body["code"]) == (422, "campaign_invalid")


def test_roles_approvals_and_budgets_are_held(office: Office) -> None:
    app_id, deployed = office.shop.app_id, office.shop.deployed
    editor, sender = (deployed.marketer(app_id, role) for role in ("editor", "sender"))
    limits = {"campaign_limits": {"approval_above": 2, "sends_per_day": 8}}
    assert office.call("PATCH ", limits).status == 200
    office.register(4)
    variants = [{"name": "a", "template_id": office.template_id}]
    body = {"name": "Spring", "segment_id": office.segment_id, "variants": variants}
    campaign_id = office.expect("POST /campaigns", body, bearer=editor)["campaign_id"]
    assert office.do(campaign_id, "send", bearer=editor).status == 403
    refused = office.do(campaign_id, "send", bearer=sender)
    assert (refused.status, refused.body["code"]) == (409, "campaign_not_approved")
    assert "approval_above" in refused.body["detail"]
    own = office.expect("POST /campaigns", {**body, "name": "Own"}, bearer=sender)["campaign_id"]
    refused = office.do(own, "approve", {"name": "Own"}, bearer=sender)
    assert (refused.status, refused.body["code"]) == (403, "own_approval")
    refused = office.do(campaign_id, "approve", {"name": "Summer"}, bearer=sender)
    assert (refused.status, refused.body["code"]) == (422, "campaign_name_mismatch")
    assert office.do(campaign_id, "approve", {"name": "Spring"}, bearer=sender).status == 200
    assert office.do(campaign_id, "send", bearer=sender).status == 202
    assert office.do(own, "approve", {"name": "Own"}).status == 200
    refused = office.do(own, "send", bearer=sender)
    assert (refused.status, refused.body["code"]) == (422, "budget_exceeded")
    assert "sends_per_day" in refused.body["detail"]


def test_what_is_wrong_with_a_campaign_is_named(office: Office) -> None:
    variants = [{"name": "a", "template_id": office.template_id}]
    body = {"name": "x", "segment_id": office.segment_id, "variants": variants}
    unknown = {**body, "segment_id": "seg_" + "0" * 26}
    assert office.call("POST /campaigns", unknown).body["code"] == "segment_not_found"
    wrong = {**body, "variants": [{"name": "a", "template_id": "tpl_" + "0" * 26}]}
    answer = office.call("POST /campaigns", wrong)
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (
        422,
        "/variants/0/template_id",
    )
    for timing in (
        {"local_time": True},
        {"send_at": "2026-03-02T09:00"},
        {"send_at": "2026-03-02T09:00Z", "local_time": True},
        {"send_at": "2026-13-02T09:00Z"},
        {"send_at": "2026-03-02T09:00", "timezone": "Europe/Nowhere"},
    ):
        assert office.call("POST /campaigns", body | timing).status == 422, timing


def test_a_draft_is_changed_by_who_read_it_last(office: Office) -> None:
    campaign_id = office.draft(send_at=rfc3339(NOON + timedelta(days=1)))
    path = f"PATCH /campaigns/{campaign_id}"
    changed = office.expect(path, {"version": 1, "throttle_per_minute": 60})
    assert (changed["version"], changed["throttle_per_minute"]) == (2, 60)
    assert changed["send_at"] == "2026-03-02T12:00:00Z"
    assert office.call(path, {"version": 1, "name": "y"}).body["code"] == "campaign_changed"
    cleared = office.expect(path, {"version": 2, "throttle_per_minute": None, "send_at": None})
    assert (cleared["throttle_per_minute"], cleared["send_at"]) == (None, None)
    listed = office.expect("GET /campaigns")
    assert [one["campaign_id"] for one in listed["items"]] == [campaign_id]


def test_an_estimate_counts_and_prices(office: Office) -> None:
    office.register(3)
    found = office.expect(f"POST /campaigns/{office.draft(holdout_percent=25)}/estimate")
    assert (found["devices"], found["exact"], found["needs_approval"]) == (4, True, False)
    assert (found["forecast"]["messages"], found["forecast"]["held_out"]) == (3, 1)
    assert found["forecast"]["cost_usd"] >= 0
    assert found["detectable"] == [
        {"variant": "a", "than": None, "told": 3, "beside": 1, "rise": None}
    ]


def test_a_campaign_is_for_redemptions_unless_it_says_otherwise(office: Office) -> None:
    office.register(40)
    for terms, goal in (
        ({}, {"type": "coupon.redeemed.v1", "within_hours": 168, "expected_rate": 0.05}),
        (
            {"conversion": {"within_hours": 24, "expected_rate": 0.2}},
            {"type": "coupon.redeemed.v1", "within_hours": 24, "expected_rate": 0.2},
        ),
        ({"conversion": None}, None),
    ):
        campaign_id = office.draft(holdout_percent=50, **terms)
        assert office.expect(f"GET /campaigns/{campaign_id}")["conversion"] == goal
        can_show = office.expect(f"POST /campaigns/{campaign_id}/estimate")["detectable"]
        assert len(can_show) == (goal is not None)


def test_results_have_a_funnel_and_a_control_that_add_up(
    office: Office, dynamodb_client: Any
) -> None:
    office.register(30)
    campaign_id = office.draft(
        holdout_percent=30, conversion={"type": "case.opened.v1", "within_hours": 24}
    )
    office.send(campaign_id)
    scheduled = told(office.shop.deployed, dynamodb_client, "campaign.scheduled.v1")
    office.shop.deployed.invoke("fold_results", records(scheduled))
    office.work()
    for device_id, device in list(office.devices.items())[:5]:
        message_id = office.message_to(device_id, dynamodb_client)
        if message_id is None:
            continue
        receipt = {"message_id": message_id, "type": "opened", "at": rfc3339(NOON)}
        office.expect("POST /receipts", {"receipts": [receipt]}, bearer=device["device_token"])
    office.shop.clock.advance(timedelta(minutes=1))
    for device in office.devices.values():
        office.expect(f"POST /contacts/{device['contact_id']}/cases", {})
    events = told(office.shop.deployed, dynamodb_client, "message.opened.v1", "case.opened.v1")
    for _ in range(2):
        office.shop.deployed.invoke("fold_results", records(events))
    found = office.expect(f"GET /campaigns/{campaign_id}/results")
    books, funnel, control = found["books"], found["funnel"], found["control"]
    opened = sum(event["type"].endswith("message.opened.v1") for event in events)
    assert (funnel["sent"], control["held_out"]) == (books["sent"], books["held_out"])
    assert 0 < opened == funnel["opened"] == funnel["delivered"]
    # Everybody but Ada opened a case, told or not.
    assert funnel["converted"] + control["converted"] == 30
    (variant,) = found["variants"]
    assert (variant["funnel"], variant["control"]) == (funnel, control)
    (uplift,) = found["experiment"]["uplifts"]
    told_rate = funnel["converted"] / funnel["sent"]
    assert uplift["difference"] == pytest.approx(
        told_rate - control["converted"] / control["held_out"]
    )
    assert uplift["once"]["low"] < uplift["difference"] < uplift["once"]["high"]
    assert uplift["always"]["low"] <= uplift["once"]["low"]
    assert uplift["once"]["high"] <= uplift["always"]["high"]
    assert (uplift["verdict"], found["experiment"]["sound"]) == ("open", True)


def test_explaining_has_a_true_answer_for_each_fate(office: Office) -> None:
    names = {
        "sent": {},
        "capped": {},
        "quiet": {},
        "dead_address": {"address": {"kind": "fid", "value": "unregistered-1"}},
        "opted_out": {},
        "no_consent": {},
    }
    people = {
        fate: office.devices[office.register(1, **state)[0]]["contact_id"]
        for fate, state in names.items()
    }
    office.register(12)
    office.shop.put_policy(
        caps=[{"id": "one-a-day", "limit": 1, "window": {"rolling": 24}}],
        quiet_hours=[{"id": "day", "channels": ["push"], "allowed": [DAY]}],
        topics={"offers": "Offers"},
    )
    wanted = {"contact_id": people["capped"], "channel": "push", "reserve": True}
    assert office.call("POST /contact-decisions", wanted).body["decision"] == "allow"
    far = {"hours": [{"from": "20:00", "to": "21:00"}]}
    office.expect(f"PUT /contacts/{people['quiet']}/preferences", far)
    office.expect(f"PUT /contacts/{people['opted_out']}/preferences", {"channels_off": ["push"]})
    office.expect(
        f"PUT /contacts/{people['no_consent']}/consents",
        {"status": "withdrawn", "obtained_by": "a call"},
    )
    campaign_id = office.draft()
    office.send(campaign_id)
    office.work()
    assert {fate: office.fates(campaign_id, contact_id) for fate, contact_id in people.items()} == {
        fate: [fate] for fate in names
    }
    held = office.draft(holdout_percent=50)
    office.send(held)
    office.work()
    others = [device["contact_id"] for device in office.devices.values()]
    # Of 18 people none is held out once in 262,144 times.
    assert ["held_out"] in [office.fates(held, one) for one in others]
