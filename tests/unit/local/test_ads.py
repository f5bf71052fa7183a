"""What marketers do with ads on the command line."""

import json
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import Result

from infra.local.ads import Delivery, Shelf
from shared.kernel.clock import system_clock
from tests.fakes.clock import NOON, ManualClock
from tests.unit.local.played_api import FACTS, PlayedApi
from tests.unit.local.played_api import engage as run

ADS = f"/v1/apps/{FACTS['app_id']}"
FLIGHT_ID, DECISION_ID = f"flt_{'0' * 25}A", f"dec_{'0' * 25}A"
FLIGHT = {
    "flight_id": FLIGHT_ID,
    "name": "Boots",
    "state": "active",
    "tier": 8,
    "starts_at": "2026-01-01T00:00:00.000Z",
    "ends_at": "2126-01-01T00:00:00.000Z",
    "target": {"goal": "impressions", "lifetime": 20_000, "daily": 1_500, "exact": False},
}
BOOKED = {"advertisers": [{"key": "acme", "name": "Acme"}]}
FIGURES = {
    "loaded": 0,
    "impressions": 0,
    "viewable50": 0,
    "viewable100": 0,
    "clicks": 0,
    "conversions": 0,
    "coupon_claims": 0,
    "revenue_millionths": 0,
    "click_rate": None,
    "viewability": None,
    "rejected": {"late": 0, "over_cap": 0},
}


def a_line(**changes: Any) -> dict[str, Any]:
    line = {
        "kind": "advertiser",
        "key": "acme",
        "pointer": "/advertisers/0",
        "action": "created",
        "done": True,
        "thing_id": "adv_1",
        "problems": [],
    }
    return line | changes


def a_report(*lines: dict[str, Any], dry_run: bool = False) -> dict[str, Any]:
    actions = ("created", "updated", "unchanged", "refused")
    counts = {name: sum(one["action"] == name for one in lines) for name in actions}
    is_done = all(one["done"] for one in lines)
    return {"dry_run": dry_run, "done": is_done, "items": lines, **counts}


def what_came(**total: Any) -> dict[str, Any]:
    figures = FIGURES | total
    return {
        "flight_id": FLIGHT_ID,
        "given": 120,
        "total": figures,
        "by_day": [{"day": "2026-11-22", "figures": figures}],
        "by_placement": [{"placement_id": "plc_1", "figures": figures}],
        "by_creative": [{"creative_id": "crv_1", "figures": figures}],
    }


def an_audit(**changes: Any) -> dict[str, Any]:
    audit = {
        "flight_id": FLIGHT_ID,
        "target": 50,
        "given": 45,
        "shown": 30,
        "lapsed": 5,
        "open": 10,
        "left": 10,
        "owed": 0,
        "is_balanced": True,
    }
    return audit | changes


def engage(folder: Path, *arguments: str) -> Result:
    return run(folder, "ads", *arguments)


@pytest.fixture
def file(folder: Path) -> Path:
    found = folder / "ads.json"
    found.write_text(json.dumps(BOOKED))
    return found


def test_a_file_is_imported_and_its_lines_are_told(
    folder: Path, file: Path, api: PlayedApi
) -> None:
    same = a_line(action="unchanged", key="other")
    api.lay(f"POST {ADS}/ad-demand/import", a_report(a_line(), same))
    result = engage(folder, "import", str(file))
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()[1:]] == [
        ["advertiser", "acme", "created", "adv_1"],
        ["1", "created,", "0", "updated,", "1", "unchanged,", "0", "refused"],
    ]
    assert api.asked == [("POST", f"{ADS}/ad-demand/import", BOOKED)]
    assert api.queries == [{"dry_run": "false"}]


def test_a_dry_run_is_one_and_no_failure(folder: Path, file: Path, api: PlayedApi) -> None:
    wanted = a_report(a_line(done=False, thing_id=None), dry_run=True)
    api.lay(f"POST {ADS}/ad-demand/import", wanted)
    result = engage(folder, "import", str(file), "--dry-run")
    assert (result.exit_code, "this is not so yet" in result.stdout) == (0, True)
    assert api.queries == [{"dry_run": "true"}]


def test_what_one_request_did_not_do_the_next_one_does(
    folder: Path, file: Path, api: PlayedApi
) -> None:
    rest = a_line(key="other", done=False)
    reports = [
        a_report(a_line(done=False), rest),
        a_report(a_line(), rest),
        a_report(a_line(), a_line(key="other")),
    ]
    api.lay(f"POST {ADS}/ad-demand/import", *reports)
    result = engage(folder, "import", str(file), "--json")
    assert (result.exit_code, json.loads(result.stdout)["done"]) == (0, True)
    assert len(api.asked) == len(reports)


def test_an_import_that_comes_no_further_is_a_failure(
    folder: Path, file: Path, api: PlayedApi
) -> None:
    api.lay(f"POST {ADS}/ad-demand/import", a_report(a_line(done=False)))
    assert engage(folder, "import", str(file)).exit_code == 1
    assert len(api.asked) == 2


@pytest.mark.parametrize("form", [(), ("--dry-run",)])
def test_a_line_that_is_refused_is_told_with_its_place(
    form: tuple[str, ...], folder: Path, file: Path, api: PlayedApi
) -> None:
    problem = {"pointer": "/advertisers/0/name", "code": "missing", "detail": "a name is needed"}
    refused = a_line(action="refused", done=False, thing_id=None, problems=[problem])
    api.lay(f"POST {ADS}/ad-demand/import", a_report(refused))
    result = engage(folder, "import", str(file), *form)
    assert result.exit_code == 1
    assert ["/advertisers/0/name", "a", "name", "is", "needed"] in [
        line.split() for line in result.stdout.splitlines()
    ]
    assert len(api.asked) == 1


def test_flights_are_listed_with_what_they_are_to_bring(folder: Path, api: PlayedApi) -> None:
    free = {"goal": "clicks", "lifetime": None, "daily": None, "exact": False}
    exact = {"goal": "impressions", "lifetime": 50, "daily": None, "exact": True}
    others = ({"target": free, "ends_at": None}, {"target": exact})
    found = [FLIGHT, *({**FLIGHT, **one} for one in others)]
    api.lay(f"GET {ADS}/flights", {"items": found, "next_cursor": None})
    rows = engage(folder, "list").stdout.splitlines()[1:]
    goals = ("impressions: 20,000 in all, 1,500 a day", "clicks", "impressions: exactly 50 in all")
    assert len(rows) == len(goals)
    assert all(f" {goal} " in row for goal, row in zip(goals, rows, strict=True))


@pytest.mark.parametrize(
    ("shelf", "id_field"),
    [
        ("placements", "placement_id"),
        ("ad-templates", "ad_template_id"),
        ("advertisers", "advertiser_id"),
        ("ad-campaigns", "ad_campaign_id"),
        ("creatives", "creative_id"),
        ("ads", "ad_id"),
    ],
)
def test_other_things_are_listed_by_their_kind(
    shelf: str, id_field: str, folder: Path, api: PlayedApi
) -> None:
    found = {id_field: "the_1", "name": "Boots", "state": "active"}
    api.lay(f"GET {ADS}/{shelf}", {"items": [found], "next_cursor": None})
    assert engage(folder, "list", shelf).stdout.splitlines()[1].split() == [
        "the_1",
        "Boots",
        "active",
    ]


def test_no_other_kind_is_listed(folder: Path) -> None:
    assert engage(folder, "list", "banners").exit_code == 2
    assert Shelf.FLIGHTS.id_field == "flight_id"


@pytest.mark.parametrize("verb", ["activate", "pause", "end"])
def test_a_flight_moves_on(verb: str, folder: Path, api: PlayedApi) -> None:
    api.lay(f"POST {ADS}/flights/{FLIGHT_ID}/{verb}", FLIGHT)
    assert engage(folder, verb, FLIGHT_ID).exit_code == 0
    assert api.asked == [("POST", f"{ADS}/flights/{FLIGHT_ID}/{verb}", {})]


def test_results_are_told_by_part_and_in_all(folder: Path, api: PlayedApi) -> None:
    rejected = {"late": 3, "over_cap": 0}
    found = what_came(impressions=1_200, revenue_millionths=1_080_000_000, rejected=rejected)
    api.lay(f"GET {ADS}/flights/{FLIGHT_ID}/results", found)
    told = engage(folder, "results", FLIGHT_ID).stdout
    rows = {words[0]: words for words in map(str.split, told.splitlines()) if len(words) == 9}
    wanted = ["0", "1,200", "0", "0", "0", "0", "0", "1,080.00"]
    for first in ("2026-11-22", "plc_1", "crv_1", "all"):
        assert rows[first] == [first, *wanted]
    assert "rejected: late 3\n" in told
    assert "given: 120\n" in told


def test_a_flight_is_watched_until_it_is_delivered(folder: Path, api: PlayedApi) -> None:
    api.lay(f"GET {ADS}/flights/{FLIGHT_ID}", FLIGHT)
    looks = [what_came(), what_came(impressions=19_999), what_came(impressions=20_000)]
    api.lay(f"GET {ADS}/flights/{FLIGHT_ID}/results", *looks)
    result = engage(folder, "watch", FLIGHT_ID, "--every", "0")
    assert (result.exit_code, "20,000" in result.stdout) == (0, True)
    assert len(api.asked) == 1 + len(looks)


def test_who_stops_watching_sees_what_came_last(folder: Path, api: PlayedApi) -> None:
    api.lay(f"GET {ADS}/flights/{FLIGHT_ID}", FLIGHT)
    results = f"GET {ADS}/flights/{FLIGHT_ID}/results"
    api.lay(results, what_came(impressions=43), KeyboardInterrupt())
    result = engage(folder, "watch", FLIGHT_ID, "--every", "0", "--json")
    assert (result.exit_code, json.loads(result.stdout)["total"]["impressions"]) == (0, 43)


@pytest.mark.parametrize(
    ("goal", "figure", "many", "done"),
    [
        ("impressions", "impressions", 7, 7),
        ("clicks", "clicks", 7, 7),
        ("conversions", "conversions", 7, 7),
        ("coupon_claims", "coupon_claims", 7, 7),
        ("revenue", "revenue_millionths", 7_900_000, 7),
    ],
)
def test_a_delivery_counts_what_its_goal_is_of(
    goal: str, figure: str, many: int, done: int
) -> None:
    flight = {**FLIGHT, "target": {"goal": goal, "lifetime": 8}}
    delivery = Delivery(flight=flight, clock=ManualClock(NOON))
    assert delivery.done(what_came(**{figure: many})) == done


def a_delivery(**changes: Any) -> Delivery:
    times = {"starts_at": "2026-01-01T00:00:00.000Z", "ends_at": "2027-01-01T00:00:00.000Z"}
    return Delivery(flight={**FLIGHT, **times, **changes}, clock=ManualClock(NOON))


def test_a_delivery_is_over_with_its_goal_or_its_time() -> None:
    free = {"goal": "clicks", "lifetime": None}
    assert a_delivery().is_over(what_came(impressions=20_000))
    assert not a_delivery().is_over(what_came(impressions=19_999))
    assert a_delivery(ends_at="2026-01-02T00:00:00.000Z").is_over(what_came())
    assert a_delivery(state="ended").is_over(what_came())
    assert not a_delivery(target=free, ends_at=None).is_over(what_came(clicks=10**9))


def test_a_picture_has_the_goal_beside_the_time() -> None:
    told = StringIO()
    middle = a_delivery(starts_at="2026-02-20T00:00:00.000Z", ends_at="2026-03-11T00:00:00.000Z")
    Console(file=told, width=120).print(middle.picture(what_came(impressions=5_000), [0, 2.0]))
    title, delivered, goal, passed, time, rates = told.getvalue().splitlines()
    assert title == f"{FLIGHT_ID}  Boots  120 a minute"
    assert delivered == "delivered  5,000 of 20,000 (25%)"
    assert passed == "time       50%"
    assert [bar.count("█") for bar in (goal, time)] == [15, 30]
    assert [len(bar) for bar in (goal, time)] == [60, 60]
    assert rates.strip() == "█"


def test_the_time_of_a_delivery_has_passed_in_part() -> None:
    clock = ManualClock(NOON)
    begun = a_delivery().time_passed()
    assert begun is not None
    assert 0 < begun < 1
    assert Delivery(flight={**FLIGHT, "ends_at": None}, clock=clock).time_passed() is None
    assert a_delivery(starts_at="2026-12-31T00:00:00.000Z").time_passed() == 0
    assert a_delivery(ends_at="2026-01-02T00:00:00.000Z").time_passed() == 1


def a_trace(**changes: Any) -> dict[str, Any]:
    trace = {
        "ad_id": "ad_1",
        "flight_id": FLIGHT_ID,
        "tier": 8,
        "is_given": False,
        "order": None,
        "gate": None,
        "reason": None,
        "figures": {},
        "answers": [],
    }
    return trace | changes


def an_explanation(*ads: dict[str, Any], **changes: Any) -> dict[str, Any]:
    slot = {"name": "home-top", "wanted": 2, "given": 1, "no_ad": None, "ads": ads, "left_out": 0}
    return {
        "decision_id": DECISION_ID,
        "is_same": True,
        "snapshot_version": 7,
        "placements": [slot | changes],
    }


def test_a_decision_is_explained_ad_by_ad(folder: Path, api: PlayedApi) -> None:
    country = {"comparison": '$country = "FR"', "found": "DE", "holds": False, "pointer": ""}
    holds = {**country, "comparison": "visits > 3", "holds": True}
    capped = {"times": 3, "count": 3}
    found = an_explanation(
        a_trace(is_given=True, order=1),
        a_trace(gate="targeting", answers=[holds, country]),
        a_trace(gate="cap", order=2, figures=capped),
        a_trace(),
        no_ad={"code": 503, "reason": "frequency_cap"},
        left_out=4,
    )
    api.lay(f"GET {ADS}/ad-decisions/{DECISION_ID}", found)
    result = engage(folder, "explain", DECISION_ID)
    assert result.exit_code == 0
    told = [" ".join(line.split()) for line in result.stdout.splitlines() if line]
    assert told == [
        f"{DECISION_ID} snapshot 7 the same again",
        "home-top: 1 of 2, frequency_cap",
        "ad flight tier drawn because",
        f"ad_1 {FLIGHT_ID} 8 1 given",
        f'ad_1 {FLIGHT_ID} 8 targeting $country = "FR": "DE"',
        f"ad_1 {FLIGHT_ID} 8 2 cap times 3, count 3",
        f"ad_1 {FLIGHT_ID} 8 not drawn",
        "4 more: ask about a flight by --flight",
    ]


def test_one_flight_alone_is_asked_about(folder: Path, api: PlayedApi) -> None:
    api.lay(f"GET {ADS}/ad-decisions/{DECISION_ID}", an_explanation(a_trace()))
    assert engage(folder, "explain", DECISION_ID, "--flight", FLIGHT_ID).exit_code == 0
    assert api.queries == [{"flight_id": FLIGHT_ID}]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_decision_that_comes_out_otherwise_is_a_failure(
    form: tuple[str, ...], folder: Path, api: PlayedApi
) -> None:
    found = {**an_explanation(a_trace()), "is_same": False}
    api.lay(f"GET {ADS}/ad-decisions/{DECISION_ID}", found)
    assert engage(folder, "explain", DECISION_ID, *form).exit_code == 1


def test_an_audit_shows_what_the_target_is_made_of(folder: Path, api: PlayedApi) -> None:
    api.lay(f"GET {ADS}/flights/{FLIGHT_ID}/audit", an_audit())
    result = engage(folder, "audit", FLIGHT_ID)
    assert result.exit_code == 0
    head, drawn, numbers, verdict = result.stdout.splitlines()
    assert head == "target 50, 0 owed: 30 shown, 10 open, 10 left"
    assert drawn.count("█") == 60
    assert (numbers, verdict) == ("45 numbers were given, 5 came back", "✓")


def test_an_audit_of_days_alone_has_no_whole(folder: Path, api: PlayedApi) -> None:
    api.lay(f"GET {ADS}/flights/{FLIGHT_ID}/audit", an_audit(target=None, left=None))
    assert engage(folder, "audit", FLIGHT_ID).stdout.startswith("30 shown, 10 open\n")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_audit_that_does_not_balance_fails(
    form: tuple[str, ...], folder: Path, api: PlayedApi
) -> None:
    api.lay(f"GET {ADS}/flights/{FLIGHT_ID}/audit", an_audit(left=11, is_balanced=False))
    assert engage(folder, "audit", FLIGHT_ID, *form).exit_code == 1


REBUILD = f"{ADS}/ad-counters/rebuild"


def a_rebuild(*counters: dict[str, Any], is_done: bool = True) -> dict[str, Any]:
    return {"day": "2026-11-20", "counters": list(counters), "is_done": is_done}


def a_counter(**changes: Any) -> dict[str, Any]:
    counter = {
        "flight_id": FLIGHT_ID,
        "day": None,
        "hour": None,
        "placement_id": None,
        "creative_id": None,
        "added": {"impressions": 1_200, "clicks": 3},
        "is_done": True,
    }
    return counter | changes


def test_a_rebuild_asks_for_each_settled_day_and_tells_what_was_lacking(
    folder: Path, api: PlayedApi
) -> None:
    part = {"day": "2026-11-20", "placement_id": "plc_1", "creative_id": "crv_1"}
    api.lay(f"POST {REBUILD}", a_rebuild(), a_rebuild(a_counter(**part), a_counter()))
    result = engage(folder, "rebuild", "--days", "2", "--flight", FLIGHT_ID, "--dry-run")
    assert result.exit_code == 0
    told = [" ".join(line.split()) for line in result.stdout.splitlines() if line]
    assert told == [
        "flight counter lacked",
        f"{FLIGHT_ID} 2026-11-20 plc_1 crv_1 1,200 impressions, 3 clicks",
        f"{FLIGHT_ID} life 1,200 impressions, 3 clicks",
    ]
    first, second = (body for _, path, body in api.asked if path == REBUILD)
    assert first["flight_id"] == second["flight_id"] == FLIGHT_ID
    assert date.fromisoformat(second["day"]) - date.fromisoformat(first["day"]) == timedelta(1)
    assert date.fromisoformat(second["day"]) == system_clock().date() - timedelta(3)
    assert {query["dry_run"].lower() for query in api.queries} == {"true"}


def test_a_rebuild_that_has_nothing_to_do_says_so(folder: Path, api: PlayedApi) -> None:
    api.lay(f"POST {REBUILD}", a_rebuild())
    result = engage(folder, "rebuild")
    assert (result.exit_code, result.stdout) == (0, "counters say what the ledger says\n")


def test_a_rebuild_that_is_not_done_fails(folder: Path, api: PlayedApi) -> None:
    api.lay(f"POST {REBUILD}", a_rebuild(a_counter(is_done=False), is_done=False))
    result = engage(folder, "rebuild", "--days", "1")
    assert (result.exit_code, "counted in meanwhile: again" in result.stdout) == (1, True)


def test_without_a_stack_a_command_says_what_to_do(tmp_path: Path) -> None:
    result = engage(tmp_path, "list")
    assert (result.exit_code, "engage up" in result.output) == (1, True)
