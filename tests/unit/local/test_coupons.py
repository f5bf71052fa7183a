"""What marketers do with coupons on the command line."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from infra.local import codes
from infra.local.coupons import Sale, is_sold_out, running
from tests.unit.local.played_api import PlayedApi
from tests.unit.local.played_api import engage as run

COUPONS = "/v1/apps/app_1/coupons"
TENTH = {
    "name": "A tenth off",
    "discount": {"kind": "percent", "percent_off": 10},
    "validity": {"end": "2026-12-24"},
}
COUPON = {
    "coupon_id": "cpn_1",
    "name": "A tenth off",
    "state": "active",
    "version": 3,
    "discount": {"kind": "percent", "percent_off": 10},
    "limits": [
        {"limit_id": "lim_1_1", "subject": "contact", "uses": 1},
        {"limit_id": "lim_1_2", "subject": "coupon", "uses": 100},
    ],
}


def a_limit(**changes: Any) -> dict[str, Any]:
    counts = {"granted": 0, "reserved": 0, "in_flight": 0} | changes
    used = counts["granted"] + counts["reserved"] + counts["in_flight"]
    return {
        "limit_id": "lim_1_2",
        "subject": "coupon",
        "window": "ever",
        "limit": 100,
        "available": 100 - used,
        "is_balanced": True,
        **counts,
    }


def an_audit(*limits: Mapping[str, Any]) -> dict[str, Any]:
    return {"items": limits, "is_balanced": all(one["is_balanced"] for one in limits)}


def a_job(state: str, **changes: Any) -> dict[str, Any]:
    counts = {"codes": 0, "accepted": 0, "unchanged": 0, "rejected": 0}
    return {"job_id": "cjb_1", "state": state, **counts, **changes}


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have jobs looked at again at once."""
    monkeypatch.setattr(codes, "EVERY_SECONDS", 0.0)


def engage(folder: Path, *arguments: str) -> Result:
    return run(folder, "coupon", *arguments)


def test_a_coupon_is_drafted_from_a_file(folder: Path, api: PlayedApi) -> None:
    file = folder / "coupon.json"
    file.write_text(json.dumps(TENTH))
    api.lay(f"POST {COUPONS}", COUPON)
    result = engage(folder, "create", str(file))
    assert (result.exit_code, "cpn_1" in result.stdout) == (0, True)
    assert api.asked == [("POST", COUPONS, TENTH)]


def test_a_change_names_the_version_that_it_is_of(folder: Path, api: PlayedApi) -> None:
    file = folder / "change.json"
    file.write_text('{"name": "A fifth off"}')
    api.lay(f"GET {COUPONS}/cpn_1", COUPON)
    api.lay(f"PATCH {COUPONS}/cpn_1", COUPON)
    assert engage(folder, "change", "cpn_1", str(file)).exit_code == 0
    assert api.asked[-1][2] == {"version": 3, "name": "A fifth off"}


def test_all_pages_of_coupons_are_listed(folder: Path, api: PlayedApi) -> None:
    other = {**COUPON, "coupon_id": "cpn_2"}
    api.lay(
        f"GET {COUPONS}",
        {"items": [COUPON], "next_cursor": "more"},
        {"items": [other], "next_cursor": None},
    )
    told = engage(folder, "list").stdout
    assert "cpn_1" in told
    assert "cpn_2" in told


@pytest.mark.parametrize("verb", ["activate", "pause", "end"])
def test_a_coupon_moves_on(verb: str, folder: Path, api: PlayedApi) -> None:
    api.lay(f"POST {COUPONS}/cpn_1/{verb}", COUPON)
    assert engage(folder, verb, "cpn_1").exit_code == 0
    assert api.asked == [("POST", f"{COUPONS}/cpn_1/{verb}", {})]


def test_codes_are_ordered_and_waited_for(folder: Path, api: PlayedApi) -> None:
    api.lay(f"POST {COUPONS}/cpn_1/codes", {"job": a_job("started")})
    steps = [a_job("running", codes=400), a_job("done", codes=1000)]
    api.lay(f"GET {COUPONS}/cpn_1/codes/jobs/cjb_1", *steps)
    order = ("--count", "1000", "--pattern", "XMAS-############", "--wait", "--json")
    result = engage(folder, "generate", "cpn_1", *order)
    assert json.loads(result.stdout)["codes"] == 1000
    wanted = {"count": 1000, "bound": False, "pattern": "XMAS-############"}
    assert api.asked[0][2] == {"generate": wanted}
    assert len(api.asked) == 1 + len(steps)


def test_without_waiting_a_job_is_only_begun(folder: Path, api: PlayedApi) -> None:
    api.lay(f"POST {COUPONS}/cpn_1/codes", {"job": a_job("started")})
    assert "cjb_1" in engage(folder, "generate", "cpn_1", "--count", "10").stdout
    assert [each[2] for each in api.asked] == [{"generate": {"count": 10, "bound": False}}]


def test_an_import_says_which_lines_give_no_code_and_why(folder: Path, api: PlayedApi) -> None:
    file = folder / "codes.csv"
    file.write_text("code\nAAAA\nBBBB\nBBBB\n\n%\n")
    upload = {"method": "PUT", "url": "https://files.example/up", "headers": {"X-Size": "23"}}
    api.lay(f"POST {COUPONS}/cpn_1/codes", {"job": a_job("created"), "upload": upload})
    api.lay("PUT /up", "")
    jobs = f"{COUPONS}/cpn_1/codes/jobs/cjb_1"
    api.lay(f"POST {jobs}/start", a_job("started"))
    done = a_job("done", codes=2, rejected=2, rejects_url="https://files.example/rejects")
    api.lay(f"GET {jobs}", a_job("running", codes=1, rejects_url=None), done)
    rejects = [{"line": 4, "reason": "repeated_code"}, {"line": 6, "reason": "malformed_code"}]
    api.lay("GET /rejects", "".join(json.dumps(one) + "\n" for one in rejects))

    result = engage(folder, "import", "cpn_1", str(file), "--dry-run")

    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()[1:3]] == [
        ["malformed_code", "1", "6"],
        ["repeated_code", "1", "4"],
    ]
    size = file.stat().st_size
    announced = {"bound": False, "dry_run": True, "size": size}
    assert api.asked[0][2] == {"import": announced}
    assert api.asked[1] == ("PUT", "/up", file.read_text())


def test_an_import_that_failed_is_a_failure(folder: Path, api: PlayedApi) -> None:
    file = folder / "codes.csv"
    file.write_text("code\nAAAA\n")
    upload = {"method": "PUT", "url": "https://files.example/up", "headers": {}}
    api.lay(f"POST {COUPONS}/cpn_1/codes", {"job": a_job("created"), "upload": upload})
    api.lay("PUT /up", "")
    jobs = f"{COUPONS}/cpn_1/codes/jobs/cjb_1"
    api.lay(f"POST {jobs}/start", a_job("started"))
    api.lay(f"GET {jobs}", a_job("failed", rejects_url=None))
    assert engage(folder, "import", "cpn_1", str(file)).exit_code == 1


def test_files_of_codes_are_written_into_one_with_one_header(folder: Path, api: PlayedApi) -> None:
    urls = ["https://files.example/1", "https://files.example/2"]
    api.lay(f"GET {COUPONS}/cpn_1/codes.csv", {"urls": urls, "csv": "", "next_cursor": None})
    api.lay("GET /1", "code\r\nAAAA\r\nBBBB\r\n")
    api.lay("GET /2", "code\r\nCCCC\r\n")
    out = folder / "codes.csv"
    result = engage(folder, "codes", "cpn_1", "--out", str(out))
    assert "3 codes" in result.stdout
    assert out.read_bytes() == b"code\r\nAAAA\r\nBBBB\r\nCCCC\r\n"


def test_of_older_codes_the_last_four_are_written(folder: Path, api: PlayedApi) -> None:
    header = "last_four,state\r\n"
    api.lay(
        f"GET {COUPONS}/cpn_1/codes.csv",
        {"urls": [], "csv": f"{header}AAAA,available\r\n", "next_cursor": "more"},
        {"urls": [], "csv": f"{header}BBBB,assigned\r\n", "next_cursor": None},
    )
    out = folder / "codes.csv"
    assert engage(folder, "codes", "cpn_1", "--out", str(out), "--last-four").exit_code == 0
    assert out.read_text().split() == ["last_four,state", "AAAA,available", "BBBB,assigned"]


def test_without_whole_codes_it_says_what_can_be_had(folder: Path, api: PlayedApi) -> None:
    page: dict[str, Any] = {"urls": [], "csv": "last_four,state\r\n", "next_cursor": None}
    api.lay(f"GET {COUPONS}/cpn_1/codes.csv", page)
    result = engage(folder, "codes", "cpn_1", "--out", str(folder / "codes.csv"))
    assert (result.exit_code, "--last-four" in result.stderr) == (1, True)


def test_an_audit_shows_each_limit(folder: Path, api: PlayedApi) -> None:
    api.lay(f"GET {COUPONS}/cpn_1/audit", an_audit(a_limit(granted=60, reserved=5, in_flight=1)))
    result = engage(folder, "audit", "cpn_1")
    assert result.exit_code == 0
    row = result.stdout.splitlines()[-1].split()
    assert row == ["lim_1_2", "coupon", "ever", "100", "60", "5", "1", "34", "✓"]


def test_an_audit_of_a_person_names_them(folder: Path, api: PlayedApi) -> None:
    theirs = {**a_limit(), "subject": "contact"}
    api.lay(f"GET {COUPONS}/cpn_1/audit?contact_id=con_1", an_audit(a_limit(), theirs))
    assert "contact" in engage(folder, "audit", "cpn_1", "--contact", "con_1").stdout


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_audit_that_does_not_balance_fails(
    form: tuple[str, ...], folder: Path, api: PlayedApi
) -> None:
    wrong = {**a_limit(granted=60), "available": 41, "is_balanced": False}
    api.lay(f"GET {COUPONS}/cpn_1/audit", an_audit(a_limit(), wrong))
    assert engage(folder, "audit", "cpn_1", *form).exit_code == 1


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_sale_is_watched_until_it_is_sold_out(
    form: tuple[str, ...], folder: Path, api: PlayedApi
) -> None:
    api.lay(f"GET {COUPONS}/cpn_1", COUPON)
    looks = [
        an_audit(),
        an_audit(a_limit(granted=40)),
        an_audit(a_limit(granted=90, reserved=10)),
        an_audit(a_limit(granted=100)),
    ]
    api.lay(f"GET {COUPONS}/cpn_1/audit", *looks)
    result = engage(folder, "watch", "cpn_1", "--every", "0", *form)
    assert (result.exit_code, "100" in result.stdout) == (0, True)
    assert len(api.asked) == 1 + len(looks)


def test_who_stops_watching_sees_what_was_there_last(folder: Path, api: PlayedApi) -> None:
    api.lay(f"GET {COUPONS}/cpn_1", COUPON)
    api.lay(f"GET {COUPONS}/cpn_1/audit", an_audit(a_limit(granted=43)), KeyboardInterrupt())
    result = engage(folder, "watch", "cpn_1", "--every", "0")
    assert (result.exit_code, "43" in result.stdout) == (0, True)


def test_a_coupon_without_a_limit_over_all_uses_is_not_watched(
    folder: Path, api: PlayedApi
) -> None:
    api.lay(f"GET {COUPONS}/cpn_1", {**COUPON, "limits": COUPON["limits"][:1]})  # type: ignore[index]
    assert engage(folder, "watch", "cpn_1").exit_code == 1


def test_of_a_daily_limit_the_last_day_is_watched() -> None:
    days = [a_limit(window=f"2026-11-{day}", limit_id="lim_1_3") for day in (22, 24, 23)]
    of_a_store = {**a_limit(), "subject": "store"}
    assert running([a_limit(), *days, of_a_store]) == [a_limit(), days[1]]


@pytest.mark.parametrize(
    ("counts", "is_over"),
    [
        ({"granted": 100}, True),
        ({"granted": 99}, False),
        ({"granted": 99, "reserved": 1}, False),
        ({"granted": 99, "in_flight": 1}, False),
    ],
)
def test_it_is_sold_out_when_nothing_can_come_back(counts: dict[str, int], is_over: bool) -> None:
    assert is_sold_out(a_limit(**counts)) is is_over


def test_a_sale_goes_as_fast_as_its_uses_and_else_as_its_money() -> None:
    uses = {"limit_id": "lim_1_1", "uses": 100}
    money = {"limit_id": "lim_1_2", "uses": None}
    audits = {"limits": [a_limit(granted=5_000), a_limit(limit_id="lim_1_1", granted=5)]}
    assert Sale(coupon_id="cpn_1", limits=[money, uses]).done(audits) == 5
    assert Sale(coupon_id="cpn_1", limits=[money]).done(audits) == 5_000
    assert Sale(coupon_id="cpn_1", limits=[uses]).done({"limits": []}) == 0


def test_without_a_stack_a_command_says_what_to_do(tmp_path: Path) -> None:
    result = engage(tmp_path, "list")
    assert (result.exit_code, "engage up" in result.output) == (1, True)
