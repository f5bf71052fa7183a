"""Codes: many by a job, somebody's own, and their pictures."""

import json
from typing import Any

import httpx

from functions.generate_codes.handler import lambda_handler as work
from tests.deployment import Context
from tests.functional.coupons_api.counter import Counter


def worked(counter: Counter, coupon_id: str, job_id: str) -> dict[str, Any]:
    """Have the worker do a job, and return how far it is."""
    job = {"app_id": counter.app_id, "coupon_id": coupon_id, "job_id": job_id}
    with counter.deployed.roles.of("generate_codes"):
        work({"Records": [{"messageId": "1", "body": json.dumps(job)}]}, Context())
    done = counter.call(f"GET /coupons/{coupon_id}/codes/jobs/{job_id}")
    assert done.body["state"] == "done", done.body
    found: dict[str, Any] = done.body
    return found


def generated(counter: Counter, coupon_id: str, **terms: Any) -> list[str]:
    """Order three codes, and return their letters."""
    order = {"generate": {"count": 3, **terms}}
    made = counter.call(f"POST /coupons/{coupon_id}/codes", order)
    assert made.status == 202, made.body
    done = worked(counter, coupon_id, made.body["job"]["job_id"])
    assert done["codes"] == 3
    return httpx.get(done["codes_urls"][0]).text.split()[1:]


def test_generated_codes_are_fetched_once_made_and_used_once_each(counter: Counter) -> None:
    coupon_id = counter.a_coupon()
    first, *_ = generated(counter, coupon_id, prefix="XMAS-")
    assert counter.redeem(counter.ada, first).status == 201
    again = counter.redeem(counter.bob, first, key="key-2")
    assert (again.status, again.body["code"]) == (409, "quantity_exceeded")
    exported = counter.call(f"GET /coupons/{coupon_id}/codes.csv").body
    assert len(exported["urls"]) == 1
    header, *lines = exported["csv"].split()
    assert (header.split(",")[0], len(lines)) == ("last_four", 3)
    listed = counter.call(f"GET /coupons/{coupon_id}/codes").body["items"]
    assert first[-4:] in {one["last_four"] for one in listed}


def test_a_retried_order_makes_no_second_job(counter: Counter) -> None:
    coupon_id = counter.a_coupon()

    def ask() -> Any:
        return counter.call(
            f"POST /coupons/{coupon_id}/codes",
            {"generate": {"count": 3}},
            headers={"Idempotency-Key": "once"},
        )

    assert ask().body["job"]["job_id"] == ask().body["job"]["job_id"]
    assert len(counter.call(f"GET /coupons/{coupon_id}/codes/jobs").body["items"]) == 1


def test_codes_that_could_be_guessed_are_refused(counter: Counter) -> None:
    coupon_id = counter.a_coupon()
    weak = {"generate": {"count": 1_000, "length": 5}}
    refused = counter.call(f"POST /coupons/{coupon_id}/codes", weak)
    assert (refused.status, refused.body["code"]) == (422, "weak_pattern")


def test_a_file_of_codes_is_announced_uploaded_and_taken_in(counter: Counter) -> None:
    coupon_id = counter.a_coupon()
    content = b"code\nALPHA-1234567\nBETA-12345678\n?\n"
    announced = counter.call(f"POST /coupons/{coupon_id}/codes", {"import": {"size": len(content)}})
    assert announced.status == 201, announced.body
    jobs = f"/coupons/{coupon_id}/codes/jobs"
    job_id = announced.body["job"]["job_id"]
    early = counter.call(f"POST {jobs}/{job_id}/start")
    assert (early.status, early.body["code"]) == (409, "job_state")
    upload = announced.body["upload"]
    httpx.put(upload["url"], content=content, headers=upload["headers"]).raise_for_status()
    assert counter.call(f"POST {jobs}/{job_id}/start").status == 202
    done = worked(counter, coupon_id, job_id)
    assert (done["codes"], done["accepted"], done["malformed"], done["rejected"]) == (2, 2, 1, 1)
    assert "malformed_code" in httpx.get(done["rejects_url"]).text
    assert counter.redeem(counter.ada, "alpha 1234567").status == 201


def test_a_dry_run_says_what_would_come_of_each_line(counter: Counter) -> None:
    counter.a_coupon(code="TAKEN1")
    coupon_id = counter.a_coupon(code="MINE22")
    content = b"code\nALPHA-1234567\nBETA-12345678\nalpha 1234567\nTAKEN1\nMINE22\n?\n"
    announced = counter.call(
        f"POST /coupons/{coupon_id}/codes", {"import": {"size": len(content), "dry_run": True}}
    ).body
    upload, job_id = announced["upload"], announced["job"]["job_id"]
    httpx.put(upload["url"], content=content, headers=upload["headers"]).raise_for_status()
    counter.call(f"POST /coupons/{coupon_id}/codes/jobs/{job_id}/start")
    done = worked(counter, coupon_id, job_id)
    lines = ("accepted", "unchanged", "malformed", "taken", "repeated", "rejected")
    assert [done[one] for one in lines] == [2, 1, 1, 1, 1, 3]
    assert (done["dry_run"], done["codes"]) == (True, 0)
    assert counter.redeem(counter.ada, "ALPHA1234567").body["code"] == "code_refused"


def test_an_assigned_code_is_of_use_to_its_person_alone(counter: Counter) -> None:
    coupon_id = counter.a_coupon()
    letters, *_ = generated(counter, coupon_id, bound=True)
    codes = f"/coupons/{coupon_id}/codes"
    whose = {"code": letters, "contact_id": counter.ada["contact_id"]}
    assigned = counter.call(f"POST {codes}/assignments", whose)
    assert (assigned.status, assigned.body["state"]) == (200, "assigned")
    theirs = {"code": letters, "contact_id": counter.bob["contact_id"]}
    taken = counter.call(f"POST {codes}/assignments", theirs)
    assert (taken.status, taken.body["code"]) == (409, "code_assigned")
    refused = counter.redeem(counter.bob, letters)
    assert (refused.status, refused.body["code"]) == (422, "code_refused")
    code_id = assigned.body["code_id"]
    assert counter.call(f"POST {codes}/{code_id}/deactivate").body["state"] == "inactive"
    assert counter.redeem(counter.ada, letters).body["code"] == "redemption_refused"
    assert counter.call(f"POST {codes}/{code_id}/activate").body["state"] == "assigned"
    assert counter.redeem(counter.ada, letters, key="key-2").status == 201


def test_the_code_of_a_claim_is_its_holders_to_read_and_to_show(counter: Counter) -> None:
    coupon_id = counter.a_coupon(claims={"enabled": True, "required": True, "with_code": True})
    claims = f"POST /coupons/{coupon_id}/claims"
    letters = counter.of(counter.ada, claims).body["code"]
    assert counter.of(counter.ada, claims).body["code"] == letters
    picture = counter.of(counter.ada, f"GET /codes/{letters}/image.svg")
    assert picture.status == 200
    assert b"<svg" in picture.body
    hidden = counter.of(counter.bob, f"GET /codes/{letters}/image.svg")
    assert (hidden.status, hidden.body["code"]) == (404, "code_not_found")
    assert (
        hidden.body["detail"]
        == (counter.of(counter.bob, "GET /codes/NOSUCHCODE/image.svg").body["detail"])
    )
    assert counter.redeem(counter.ada, letters).status == 201


def test_a_picture_in_pixels_is_a_file_of_bytes(counter: Counter) -> None:
    coupon_id = counter.a_coupon(code="SPRING", claims={"enabled": True})
    counter.of(counter.ada, f"POST /coupons/{coupon_id}/claims")
    picture = counter.of(counter.ada, "GET /codes/spring/image.png")
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/png")
    assert picture.body.startswith(b"\x89PNG")
