"""What people wish and agree to, and what is not settled with them."""

from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.clock import rfc3339
from tests.fakes.clock import NOON
from tests.fakes.issuer import OidcIssuer
from tests.functional.shops import AUDIENCE, Shop

NO_WISHES: dict[str, Any] = {
    "channels_off": [],
    "topics_off": [],
    "frequency": None,
    "paused_until": None,
    "hours": None,
    "preferred_channel": None,
    "zone": None,
}
WISHES = {
    "channels_off": ["sms"],
    "topics_off": ["news", "sales"],
    "frequency": {"limit": 2, "per": "week"},
    "paused_until": "2026-03-05T00:00:00Z",
    "hours": [{"days": ["mon", "sat"], "from": "09:00", "to": "12:30"}],
    "preferred_channel": "email",
    "zone": "Europe/Paris",
}
OPT_IN = {"consent": [{"id": "asked", "channels": ["push"], "requires": "opt_in"}]}
SHOWN = {"obtained_by": "checkout", "text": "Send me news.", "text_version": "2026-02"}


def herself(shop: Shop) -> str:
    return OidcIssuer(shop.deployed.pool.issuer, audience=AUDIENCE).token("ada")


def test_wishes_are_written_down_by_the_person_and_by_an_agent(shop: Shop) -> None:
    assert shop.of_ada("GET /preferences").body == NO_WISHES
    agent = shop.deployed.marketer(shop.app_id, "editor")
    for bearer, wishes in ((herself(shop), WISHES), (agent, {**WISHES, "topics_off": []})):
        put = shop.of_ada("PUT /preferences", wishes, bearer=bearer)
        assert (put.status, put.body) == (200, wishes)
        assert shop.of_ada("GET /preferences", bearer=bearer).body == wishes
    assert shop.of_ada("PUT /preferences", {}, bearer=agent).body == NO_WISHES


def test_a_wish_is_heeded_by_the_next_decision(shop: Shop) -> None:
    shop.of_ada("PUT /preferences", {"channels_off": ["push"], "topics_off": ["news"]})
    reasons = shop.ask(topic="news").body["because"]
    assert [reason["rule"] for reason in reasons] == ["channel_off", "topic_off"]
    shop.of_ada("PUT /preferences", {"paused_until": rfc3339(NOON + timedelta(hours=1))})
    paused = shop.ask().body
    assert (paused["decision"], paused["because"][0]["rule"]) == ("defer", "pause")
    shop.of_ada("PUT /preferences", {"frequency": {"limit": 0, "per": "week"}})
    assert shop.ask().body["because"][0]["rule"] == "frequency_wish"


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels_off": ["pigeon"]},
        {"topics_off": ["two words"]},
        {"frequency": {"limit": -1, "per": "week"}},
        {"paused_until": "tomorrow"},
        {"hours": []},
        {"hours": [{"from": "09:00", "to": "09:00"}]},
        {"hours": [{"from": "9", "to": "24:01"}]},
        {"zone": "Mars/Phobos"},
        {"wish": "less"},
    ],
)
def test_wishes_that_make_no_sense_are_refused(shop: Shop, wrong: dict[str, Any]) -> None:
    refused = shop.of_ada("PUT /preferences", wrong)
    assert (refused.status, refused.body["code"]) == (422, "invalid_fields")
    assert shop.of_ada("GET /preferences").body == NO_WISHES


def say(shop: Shop, status: str, **said: Any) -> dict[str, Any]:
    put = shop.of_ada("PUT /consents", {"status": status, **SHOWN, **said})
    assert put.status == 200, put.body
    shop.clock.advance(timedelta(seconds=1))
    proof: dict[str, Any] = put.body
    return proof


def test_double_opt_in_counts_from_its_confirmation_until_it_is_withdrawn(shop: Shop) -> None:
    shop.put_policy(**OPT_IN)
    decisions, proofs = [shop.ask().body["decision"]], []
    for status in ("pending", "confirmed", "withdrawn"):
        proofs.append(say(shop, status))
        decisions.append(shop.ask().body["decision"])
    assert decisions == ["drop", "drop", "allow", "drop"]
    assert [proof["status"] for proof in proofs] == ["pending", "granted", "withdrawn"]

    first = shop.of_ada("GET /consents", query={"limit": "2"}).body
    query = {"limit": "2", "cursor": first["next_cursor"]}
    rest = shop.of_ada("GET /consents", query=query).body
    assert [*first["items"], *rest["items"]] == proofs[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "said",
    [
        [],
        ["granted"],
        ["pending", "confirmed"],
        ["pending", "withdrawn"],
        ["pending", "denied"],
    ],
)
def test_only_what_is_pending_is_confirmed(shop: Shop, said: list[str]) -> None:
    before = [say(shop, status) for status in said]
    refused = shop.of_ada("PUT /consents", {"status": "confirmed", **SHOWN})
    assert (refused.status, refused.body["code"]) == (409, "consent_not_pending")
    assert shop.of_ada("GET /consents").body["items"] == before[::-1]


def test_a_confirmation_is_for_the_question_that_was_asked_while_it_waits(shop: Shop) -> None:
    say(shop, "pending", topic="news", expires_at=rfc3339(NOON + timedelta(hours=1)))
    confirmed = {"status": "confirmed", **SHOWN}
    assert shop.of_ada("PUT /consents", {**confirmed, "topic": "sales"}).status == 409
    shop.clock.at = NOON + timedelta(hours=1)
    assert shop.of_ada("PUT /consents", {**confirmed, "topic": "news"}).status == 409


def test_a_proof_says_what_was_shown_where_and_who_wrote_it_down(shop: Shop) -> None:
    proof = say(shop, "granted", channel="email", topic="news", expires_at="2027-01-01T00:00:00Z")
    assert {name: value for name, value in proof.items() if name not in {"proof_id", "by"}} == {
        "contact_id": shop.contact_id,
        "purpose": "marketing",
        "channel": "email",
        "topic": "news",
        "status": "granted",
        **SHOWN,
        "at": "2026-03-01T12:00:00Z",
        "expires_at": "2027-01-01T00:00:00Z",
    }
    assert proof["by"].endswith("operator")


def test_consent_ends_when_it_expires_and_holds_for_its_topic_only(shop: Shop) -> None:
    shop.put_policy(**OPT_IN)
    say(shop, "granted", topic="news", expires_at=rfc3339(NOON + timedelta(hours=1)))
    assert shop.ask(topic="news").body["decision"] == "allow"
    assert shop.ask(topic="sales").body["decision"] == "drop"
    shop.clock.at = NOON + timedelta(hours=1)
    assert shop.ask(topic="news").body["decision"] == "drop"


def test_a_person_consents_and_objects_themselves(shop: Shop) -> None:
    body = {"obtained_by": "the app"}
    shop.of_ada("PUT /consents", {**body, "status": "pending"})
    confirmed = shop.of_ada("PUT /consents", {**body, "status": "confirmed"}, bearer=herself(shop))
    assert (confirmed.status, confirmed.body["status"]) == (200, "granted")
    body["status"] = "denied"
    denied = shop.of_ada("PUT /consents", body, bearer=herself(shop))
    assert (denied.status, denied.body["status"]) == (200, "denied")
    assert shop.ask().body["because"][0]["gate"] == "consent"


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "maybe", "obtained_by": "form"},
        {"status": "granted"},
        {"status": "granted", "obtained_by": ""},
        {"status": "granted", "obtained_by": "form", "text": "x" * 2_001},
        {"status": "granted", "obtained_by": "form", "channel": "pigeon"},
    ],
)
def test_a_consent_without_its_proof_is_refused(shop: Shop, wrong: dict[str, Any]) -> None:
    assert shop.of_ada("PUT /consents", wrong).status == 422
    assert shop.of_ada("GET /consents").body["items"] == []


def test_a_case_stops_marketing_until_it_is_closed_and_cooled_down(shop: Shop) -> None:
    opened = shop.of_ada("POST /cases", {"kind": "complaint", "case_id": "t-1"})
    assert (opened.status, opened.body["closed_at"]) == (201, None)
    assert shop.of_ada("POST /cases", {"case_id": "t-1"}).body == opened.body
    assert shop.ask().body["because"][0]["reference"] == "t-1"

    shop.clock.advance(timedelta(hours=1))
    closed = shop.call("POST /cases/t-1/close")
    assert (closed.status, closed.body["closed_at"]) == (200, "2026-03-01T13:00:00Z")
    shop.clock.advance(timedelta(days=29))
    assert shop.call("POST /cases/t-1/close").body == closed.body
    cooling = shop.ask().body
    assert (cooling["decision"], cooling["until"]) == ("defer", "2026-03-31T13:00:00Z")
    assert cooling["because"][0]["rule"] == "after-complaint"
    shop.clock.advance(timedelta(days=1))
    assert shop.ask().body["decision"] == "allow"


def test_a_cases_name_is_one_persons(shop: Shop) -> None:
    shop.of_ada("POST /cases", {"case_id": "t-1"})
    bob = shop.deployed.a_device(shop.app_id, "phone-of-bob")["contact_id"]
    taken = shop.call(f"POST /contacts/{bob}/cases", {"case_id": "t-1"})
    assert (taken.status, taken.body["code"]) == (409, "case_id_taken")
    missing = shop.call("POST /cases/t-2/close")
    assert (missing.status, missing.body["code"]) == (404, "case_not_found")


def test_nothing_is_written_of_a_contact_that_is_not_there(shop: Shop) -> None:
    nobody = f"/contacts/con_{'0' * 26}"
    for route, body in (
        ("GET {}/preferences", None),
        ("PUT {}/preferences", {}),
        ("GET {}/consents", None),
        ("PUT {}/consents", {"status": "granted", "obtained_by": "form"}),
        ("POST {}/cases", {}),
        ("POST {}/preference-links", {}),
    ):
        answer = shop.call(route.format(nobody), body)
        assert (answer.status, answer.body["code"]) == (404, "contact_not_found"), route
