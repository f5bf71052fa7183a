"""The acts of the story.

Each is a function of the stage. It changes what is on the stage, and returns its evidence: what the
server itself says came of it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from engage_mobile_fleet import Coupon, Fleet, Plan, StillWaitingError
from infra.local import prices
from infra.local import story_documents as documents
from infra.local.demand import one_ad
from infra.local.errors import LocalStackError
from infra.local.fcm.received import accepted, message_id_of, standin_client
from infra.local.imports import Import
from infra.local.phones import followed
from infra.local.processes import wait_for
from infra.local.story_books import close_books
from infra.local.story_stage import AD_DEEDS, AT_ONCE, WAIT_SECONDS, Evidence, Stage, plain

SEND_SECONDS: Final = 240
LAST_ZONE_SECONDS: Final = 15
"""How long after it is drafted the hour of the campaign comes to the last zone."""
WORTH: Final = timedelta(hours=13)
"""How long the campaign's message is worth something, after its hour in UTC: an hour longer than
the last zone of the earth lies behind, and shorter than what the policy puts off."""
SHARES: Final = {"mailed": 0.4, "mailed_twice": 0.3, "read": 0.6}
"""Of the fleet, and of those who were mailed."""
ROUNDS_BEFORE: Final = 2
ROUNDS_AFTER: Final = 1
"""How long phones live before the campaign, and after it."""


def open_app(stage: Stage) -> Evidence:
    """Make an app, and put its contact policy in force."""
    own = stage.api.get(f"/v1/apps/{stage.facts['app_id']}")
    body = {"name": "Engage story", "org": "com.example", "platforms": ["android", "ios"]}
    made = stage.api.post("/v1/apps", {**body, "fcm": own["fcm"]})
    stage.app_id = made["app_id"]
    policy = stage.api.put(stage.path("policy"), documents.POLICY)
    return {"app_id": stage.app_id, "policy_version": policy["version"]}


def offer_coupon(stage: Stage) -> Evidence:
    """Offer a tenth off: by a code, and to be claimed."""
    made = stage.api.post(stage.path("coupons"), documents.COUPON)
    stage.coupon_id = made["coupon_id"]
    place = stage.path("coupons", stage.coupon_id)
    stage.api.post(f"{place}/codes", {"code": documents.CODE})
    begun = stage.api.post(f"{place}/activate", {})
    return {"coupon_id": stage.coupon_id, "code": documents.CODE, "state": begun["state"]}


def book_ads(stage: Stage) -> Evidence:
    """Book a flight of one ad, which carries the coupon."""
    starts_at = stage.clock() - timedelta(hours=1)
    document = one_ad(documents.SLOT, starts_at=starts_at, coupon_id=stage.coupon_id)
    report = stage.api.post(stage.path("ad-demand", "import"), document)
    ids = {one["kind"]: one["thing_id"] for one in report["items"]}
    stage.flight_id = ids["flight"]
    return {"flight_id": stage.flight_id, "booked": len(report["items"]), "slot": documents.SLOT}


def bring_phones(stage: Stage) -> Evidence:
    """Begin to import most phones from a file, and have the others register over HTTP."""
    rows = list(documents.device_rows(stage.run, stage.imported, stage.chance))
    file = stage.folder / "phones.csv"
    file.write_text("\n".join([*rows, ""]))
    stage.zones = documents.zones_of(rows)
    work = Import(api=stage.api, app_id=stage.app_id, file=file, every=1.0)
    stage.import_job = stage.pool.submit(lambda: list(work.run({"kind": "devices"}))[-1])
    stage.followed = followed(
        stage.transport, app_id=stage.app_id, run=stage.run, zones=documents.ZONES
    )
    for person in stage.followed:
        person.register()
    plan = Plan(
        app_id=stage.app_id,
        phones=stage.live - len(stage.followed),
        seed=stage.seed,
        at_once=AT_ONCE,
        placement=documents.SLOT,
        coupon=Coupon(coupon_id=stage.coupon_id, code=documents.CODE),
    )
    stage.fleet = fleet = Fleet(stage.transport, plan)
    asyncio.run(_start(fleet))
    return {"registered": stage.live, "to_import": stage.imported}


def hear_of_letters(stage: Stage) -> Evidence:
    """Hear from the system of e-mails what it sent, and what was opened; some got two."""
    known = [one.contact_id for one in stage.followed]
    others = [str(phone.engage.contact_id) for phone in stage.crowd.phones]
    stage.mailed = documents.chosen(others, share=SHARES["mailed"], chance=stage.chance)
    twice = documents.chosen(stage.mailed, share=SHARES["mailed_twice"], chance=stage.chance)
    readers = documents.chosen(stage.mailed, share=SHARES["read"], chance=stage.chance)
    told = [(one, "sent") for one in (*known, *stage.mailed, *twice)]
    told += [(one, "opened") for one in (*known, *readers)]
    at = stage.clock()
    events = [
        documents.letter(contact_id, id_=stage.name(), kind=kind, at=at)
        for contact_id, kind in told
    ]
    answers = [_tell(stage, batch) for batch in _batches(events)]
    stage.letters.update(kind for _, kind in told)
    accepted = sum(answer["accepted"] for answer in answers)
    return {**stage.letters, "accepted": accepted, "requests": len(answers)}


def hear_complaint(stage: Stage) -> Evidence:
    """Hear from Amazon SES that somebody complained, and ask whether they may still be pushed."""
    contact_id = stage.chance.choice(stage.mailed)
    email, secret = f"{stage.run}@example.com", stage.name()
    address = {"add_identifiers": [{"namespace": "email", "value": email}]}
    stage.api.patch(stage.path("contacts", contact_id), address)
    believed = {"name": "our-mail", "dialect": "ses", "secret": secret}
    stage.api.post(stage.path("webhook-secrets"), believed)
    told = documents.complaint(email, id_=stage.name(), at=stage.clock())
    heard = stage.api.client.post(
        stage.path("webhooks", "ses"), json=told, headers={"x-api-key": secret}
    )
    heard.raise_for_status()
    asked = {"contact_id": contact_id, "channel": "push", "purpose": "marketing"}
    decision = stage.api.post(stage.path("contact-decisions"), asked)
    because = [one["gate"] for one in decision["because"]]
    return {"complained_by": contact_id, "push": decision["decision"], "because": because}


def live_with_ads(stage: Stage) -> Evidence:
    """Have people look at pages, ads and coupons; whom we follow claims the coupon by its ad."""
    for person in stage.followed:
        # What was booked is in force some ten seconds later.
        wait_for(person.see_ad, within=WAIT_SECONDS, every=1.0)
    for person in stage.followed:
        person.take_coupon()
    asyncio.run(stage.crowd.live(ROUNDS_BEFORE))
    return dict(sorted(stage.deeds().items()))


def count_audience(stage: Stage) -> Evidence:
    """Wait for the import to end, define whom the campaign is for, and count them."""
    job = stage.import_job.result()
    made = stage.api.post(stage.path("segments"), documents.SEGMENT)
    stage.segment_id = made["segment_id"]
    found = stage.api.post(stage.path("segments", stage.segment_id, "estimate"), {})
    return {
        "imported": job["progress"]["accepted"],
        "segment_id": stage.segment_id,
        "devices": found["size"],
        "exact": found["is_exact"],
    }


def send_campaign(stage: Stage) -> Evidence:
    """Send a push at each person's own hour, but to a tenth that is held out; wait for its end.

    Raises:
        LocalStackError: it did not end.
    """
    zones = stage.zones_of_devices()
    template = stage.api.post(stage.path("templates"), documents.TEMPLATE)
    last = stage.clock() + timedelta(seconds=LAST_ZONE_SECONDS)
    wall = last.astimezone(ZoneInfo(documents.ZONES[-1])).replace(microsecond=0, tzinfo=None)
    draft = documents.campaign(
        stage.segment_id,
        template["template_id"],
        wall=wall,
        expires_at=wall.replace(tzinfo=UTC) + WORTH,
    )
    stage.campaign_id = stage.api.post(stage.path("campaigns"), draft)["campaign_id"]
    place = stage.path("campaigns", stage.campaign_id)
    estimate = stage.api.post(f"{place}/estimate", {})
    stage.campaign_usd = estimate["forecast"]["cost_usd"]
    stage.api.post(f"{place}/send", {})

    def ended() -> Mapping[str, Any] | None:
        found = stage.api.get(f"{place}/results")
        is_planned = found["state"] in {"sending", "done"}
        return found if is_planned and not found["books"]["pending"] else None

    if wait_for(ended, within=SEND_SECONDS, every=1.0) is None:
        raise LocalStackError("The campaign did not end.", fix="`engage logs send_push` says why.")
    stage.pushed = _accepted_by_fcm(stage)
    return {
        "campaign_id": stage.campaign_id,
        "on_the_wall": draft["send_at"],
        "estimated": estimate["devices"],
        "accepted_by_fcm": len(stage.pushed),
        "by_second": _by_second(stage, zones),
    }


def open_and_buy(stage: Stage) -> Evidence:
    """Have people open the push, and buy; in the end every phone has told everything."""
    came = {one["address"]: message_id_of(one) for one in stage.pushed}
    for address, message_id in came.items():
        stage.crowd.deliver(address, message_id)
    for person in stage.followed:
        if person.address in came:
            person.open_push(came[person.address])
        person.buy(stage.coupon_id)
    asyncio.run(_live_to_the_end(stage.crowd))
    return dict(sorted(stage.deeds().items()))


def tell_one_timeline(stage: Stage) -> Evidence:
    """Show everything that touched one person: whom of those we follow the most did."""
    people = [one.contact_id for one in stage.followed]
    contact_id = max(people, key=lambda one: len(stage.timelines[one]))
    events = sorted(stage.timelines[contact_id], key=lambda event: str(event["time"]))
    told = [
        {"time": one["time"], "channel": one["channel"], "type": plain(one["type"])}
        for one in events
    ]
    return {"contact_id": contact_id, "events": told}


def reckon_cost(stage: Stage) -> Evidence:
    """Say what all of this would have cost on AWS."""
    did, summary = stage.deeds(), stage.crowd.summary()
    letters = stage.letters.total() + 1
    ad_events = sum(did[name] for name in AD_DEEDS)
    asked = summary.answers.get("ask", Counter())["answered"] + len(stage.followed)
    times = {
        "first registration": stage.live + stage.imported,
        "foreign event": letters + did["page_viewed"],
        "an ad decision in lazy mode": asked,
        "an ad event": ad_events,
        "one receipt": did["message_opened"],
        "a coupon redeemed": did["coupon_redeemed"],
    }
    return prices.bill(times, requests=summary.requests, campaign_usd=stage.campaign_usd)


ACTS: Final[Sequence[tuple[str, Callable[[Stage], Evidence]]]] = (
    ("An app with a contact policy", open_app),
    ("A coupon", offer_coupon),
    ("A flight of ads that carry the coupon", book_ads),
    ("Phones register over HTTP, more come by a file", bring_phones),
    ("Another system tells of its e-mails", hear_of_letters),
    ("Amazon SES tells of a complaint", hear_complaint),
    ("People look at pages, ads and coupons", live_with_ads),
    ("A segment, once the file is in", count_audience),
    ("A campaign at each person's own hour", send_campaign),
    ("People open the push, and buy", open_and_buy),
    ("The books", close_books),
    ("One person's timeline", tell_one_timeline),
    ("The cost on AWS", reckon_cost),
)


def _tell(stage: Stage, events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Tell events in one request, as the specification of CloudEvents has it: a batch.

    Raises:
        LocalStackError: some were rejected.
    """
    answer = stage.api.client.post(
        stage.path("events"),
        json=list(events),
        headers={
            "Content-Type": "application/cloudevents-batch+json",
            "Authorization": f"Bearer {stage.api.token}",
        },
    )
    answer.raise_for_status()
    said: Mapping[str, Any] = answer.json()
    if said["rejected"]:
        raise LocalStackError(
            f"An event was rejected: {said['rejected'][0]}",
            fix="`engage logs` shows what the function said.",
        )
    return said


def _batches(events: Sequence[Any], *, size: int = 20) -> Iterable[Sequence[Any]]:
    return (events[at : at + size] for at in range(0, len(events), size))


def _accepted_by_fcm(stage: Stage) -> list[Mapping[str, Any]]:
    """Return what FCM's stand-in took for phones of this story, oldest first."""
    with standin_client(stage.facts["fcm"]) as client:
        found = list(accepted(client))
    own = {phone.address for phone in stage.crowd.phones}
    return [
        one
        for one in found
        if one["address"] in own or one["address"].startswith(f"fid-{stage.run}-")
    ]


def _by_second(stage: Stage, zones: Mapping[str, str]) -> dict[str, list[int]]:
    """Return how many messages FCM took in each second, by the zone of their phones."""
    first = min((one["at"] for one in stage.pushed), default=0.0)
    seconds = [(zones[one["address"]], int(one["at"] - first)) for one in stage.pushed]
    last = max((second for _, second in seconds), default=0)
    counted: dict[str, list[int]] = {zone: [0] * (last + 1) for zone, _ in sorted(seconds)}
    for zone, second in seconds:
        counted[zone][second] += 1
    return counted


async def _start(fleet: Fleet) -> None:
    """Have every phone register, also those whose first try met no server."""
    await fleet.start()
    await _tell_the_rest(fleet)


async def _live_to_the_end(fleet: Fleet) -> None:
    await fleet.live(ROUNDS_AFTER)
    await _tell_the_rest(fleet)


async def _tell_the_rest(fleet: Fleet) -> None:
    """Have every phone tell what it has not told yet.

    Raises:
        LocalStackError: the stack did not take everything.
    """
    try:
        await fleet.finish()
    except StillWaitingError as waiting:
        raise LocalStackError(
            f"The stack did not take everything: {waiting} wait.",
            fix="`engage logs` shows what the functions say.",
        ) from waiting
