"""Each law pack is held to dated cases, and to its own sources."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from shared.contact_policy.model.decide import decide
from shared.contact_policy.model.document import policy_of
from shared.contact_policy.model.laws import LAWS, LawPack
from shared.contact_policy.model.limits import check_size
from shared.contact_policy.model.policy import CooldownCause
from shared.contact_policy.model.pressure import Pressure
from shared.contact_policy.model.standing import (
    ConsentKey,
    ConsentMark,
    ConsentStatus,
    Part,
    Standing,
    Whereabouts,
)
from shared.kernel.decisions import Allow, Decision, Defer, Drop, Gate
from shared.kernel.events import Channel, Purpose
from tests.fakes.contact_policy import ADA, candidate, touch

VECTORS: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "law_vectors.yaml").read_text(encoding="utf-8")
)
CASES = [
    pytest.param(name, case, id=f"{name}: {case['is']}")
    for name, cases in VECTORS.items()
    for case in cases
]


def local(case: dict[str, Any], text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(case["zone"])).astimezone(UTC)


def answer_to(name: str, case: dict[str, Any]) -> Decision:
    at = local(case, case["at"])
    long_ago = at - timedelta(days=365)
    channel = Channel(case.get("channel", "phone"))
    granted = ConsentMark(status=ConsentStatus.GRANTED, at=long_ago)
    refused = case.get("refused")
    said = Part(
        consents={ConsentKey(Purpose.MARKETING): granted} if case.get("agreed", True) else {},
        cooldowns={(CooldownCause.REFUSAL, channel): local(case, refused)} if refused else {},
        whereabouts=Whereabouts(
            device_zones={"phone": case["zone"]}, countries=frozenset(case.get("countries", ()))
        ),
    )
    calls = [
        touch(local(case, when), number=number, channel=channel)
        for number, when in enumerate(case.get("calls", ()))
    ]
    return decide(
        policy_of({"laws": [name]}),
        person=ADA,
        pressure=Pressure.of(calls),
        standing=Standing(parts={ADA: said}),
        control_groups=(),
        app_zone="UTC",
        now=at,
        candidate=candidate(channel=channel, purpose=Purpose(case.get("purpose", "marketing"))),
    )


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_pack_answers_as_its_law_does(name: str, case: dict[str, Any]) -> None:
    answer = answer_to(name, case)
    if "allow" in case:
        assert answer == Allow()
        return
    assert isinstance(answer, Defer | Drop)
    assert (answer.because[0].gate, answer.because[0].rule) == (Gate.LAW, case["rule"])
    if "defer" in case:
        assert isinstance(answer, Defer)
        assert answer.until == local(case, case["defer"])
    else:
        assert isinstance(answer, Drop)


def test_every_pack_has_vectors_and_each_of_its_rules_refuses_in_one() -> None:
    assert list(VECTORS) == list(LAWS)
    for name, pack in LAWS.items():
        refusing = {case["rule"] for case in VECTORS[name] if "rule" in case}
        assert refusing == rules_of(pack)


@pytest.mark.parametrize("pack", LAWS.values(), ids=LAWS)
def test_each_rule_has_one_source_with_its_dates(pack: LawPack) -> None:
    named = [rule for source in pack.sources for rule in source.rules]
    assert sorted(named) == sorted(rules_of(pack))
    for source in pack.sources:
        assert source.url.startswith("https://")
        assert source.in_force <= source.checked <= date(2026, 11, 24)
    assert pack.leaves_out


def test_all_packs_together_fit_into_a_policy() -> None:
    check_size(policy_of({"laws": list(LAWS), "caps": [_WEEKLY]}))


_WEEKLY = {"id": "weekly", "limit": 12, "window": {"rolling": 168}}


def rules_of(pack: LawPack) -> set[str]:
    return {
        *(rule.id for rule in pack.consent),
        *(rule.id for rule in pack.cooldowns),
        *(rule.id for rule in pack.quiet_hours),
        *(rule.id for rule in pack.caps),
    }
