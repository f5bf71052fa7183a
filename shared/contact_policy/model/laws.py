"""Law packs: what some laws ask of whoever contacts people, as data with its citation.

They hold the rules that a machine can hold, in the strictest reading; they are not legal advice.
A pack is switched on by its name in the policy, and applies to people who may be in its country.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.contact_policy.model.policy import (
    CapRule,
    ConsentRule,
    CooldownCause,
    CooldownRule,
    Hours,
    QuietHoursRule,
    Requirement,
    Rolling,
    Scope,
    Weekday,
    Window,
)
from shared.kernel.events import Channel

_MONDAY_TO_FRIDAY = frozenset(Weekday) - {Weekday.SAT, Weekday.SUN}


@dataclass(frozen=True, slots=True, kw_only=True)
class LawPack:
    """The rules of one law.

    It protects people in ``country``, whose public holidays count, and in its ``territories`` that
    have codes of their own (ISO 3166-1 alpha-2).
    """

    name: str
    country: str
    territories: frozenset[str] = frozenset()
    citation: str
    consent: tuple[ConsentRule, ...] = ()
    cooldowns: tuple[CooldownRule, ...] = ()
    quiet_hours: tuple[QuietHoursRule, ...] = ()
    caps: tuple[CapRule, ...] = ()

    def protects(self, countries: frozenset[str]) -> bool:
        """Say whether a person of these possible countries, or of unknown ones, is protected."""
        possible = {code[:2] for code in countries}
        return not possible or not possible.isdisjoint({self.country, *self.territories})


_BY_PHONE = Scope(channels=frozenset({Channel.PHONE}))

_FR_PHONE = LawPack(
    name="fr-phone",
    country="FR",
    territories=frozenset({"GF", "GP", "MQ", "RE", "YT"}),
    citation=(
        "Code de la consommation, article L. 223-1 as changed by loi n° 2025-594 of 30 June 2025,"
        " in force since 11 August 2026 (prior consent to marketing calls); article D. 223-9, from"
        " décret n° 2022-1313 of 13 October 2022 (hours, four calls in 30 days, 60 days after a"
        " refusal)"
    ),
    consent=(ConsentRule(id="fr-phone/consent", scope=_BY_PHONE, requires=Requirement.OPT_IN),),
    cooldowns=(
        CooldownRule(id="fr-phone/refusal", scope=_BY_PHONE, after=CooldownCause.REFUSAL, days=60),
    ),
    quiet_hours=(
        QuietHoursRule(
            id="fr-phone/hours",
            scope=_BY_PHONE,
            hours=Hours(
                windows=(
                    Window(days=_MONDAY_TO_FRIDAY, opens=10 * 60, closes=13 * 60),
                    Window(days=_MONDAY_TO_FRIDAY, opens=14 * 60, closes=20 * 60),
                ),
                holidays=True,
            ),
        ),
    ),
    caps=(CapRule(id="fr-phone/calls", scope=_BY_PHONE, limit=400, window=Rolling(hours=30 * 24)),),
)

_US_TCPA = LawPack(
    name="us-tcpa",
    country="US",
    territories=frozenset({"AS", "GU", "MP", "PR", "VI"}),
    citation=(
        "47 CFR 64.1200(c)(1), under the Telephone Consumer Protection Act: no telephone"
        " solicitation before 8 a.m. or after 9 p.m., local time at the called party's location;"
        " text messages are calls"
    ),
    quiet_hours=(
        QuietHoursRule(
            id="us-tcpa/hours",
            scope=Scope(channels=frozenset({Channel.PHONE, Channel.SMS})),
            hours=Hours(windows=(Window(opens=8 * 60, closes=21 * 60),)),
        ),
    ),
)

LAWS: Mapping[str, LawPack] = {pack.name: pack for pack in (_FR_PHONE, _US_TCPA)}
"""The packs by name."""
