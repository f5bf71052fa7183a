"""Law packs: what some laws ask of whoever contacts people, as data with its citation.

They hold the rules that a machine can hold, in the strictest reading; they are not legal advice.
A pack is switched on by its name in the policy, and applies to people who may be in its country.
A pack knows no dates: whoever switches it on has it hold at once, also before its law does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

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
class Source:
    """Where some rules of a pack are written, and since when they are in force.

    ``rules`` are their ids. ``checked`` is when the text at ``url`` was last compared with them.
    """

    rules: tuple[str, ...]
    text: str
    url: str
    in_force: date
    checked: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LawPack:
    """The rules of one law.

    It protects people in ``country`` (ISO 3166-1 alpha-2, or 3166-2 such as ``US-FL``), whose
    public holidays count, and in its ``territories`` that have codes of their own. ``leaves_out``
    says what of the law it does not hold.
    """

    name: str
    country: str
    territories: frozenset[str] = frozenset()
    citation: str
    sources: tuple[Source, ...]
    leaves_out: tuple[str, ...] = ()
    consent: tuple[ConsentRule, ...] = ()
    cooldowns: tuple[CooldownRule, ...] = ()
    quiet_hours: tuple[QuietHoursRule, ...] = ()
    caps: tuple[CapRule, ...] = ()

    def protects(self, countries: frozenset[str]) -> bool:
        """Say whether a person of these possible countries, or of unknown ones, is protected.

        Of whom no more than the country is known, may be in each of its subdivisions.
        """
        return not countries or any(
            code in {self.country, self.country[:2]}
            or code[:2] in {self.country, *self.territories}
            for code in countries
        )


_BY_PHONE = Scope(channels=frozenset({Channel.PHONE}))
_BY_PHONE_OR_TEXT = Scope(channels=frozenset({Channel.PHONE, Channel.SMS}))

_CHECKED = date(2026, 11, 24)
_CFR = "https://hallikainen.org/org/FCC/FccRules/2015/64/1200"

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
    sources=(
        Source(
            rules=("fr-phone/hours", "fr-phone/calls", "fr-phone/refusal"),
            text="décret n° 2022-1313 of 13 October 2022, code de la consommation D. 223-9",
            url="https://www.legifrance.gouv.fr/jorf/id/JORFTEXT000046421823",
            in_force=date(2023, 3, 1),
            checked=_CHECKED,
        ),
        Source(
            rules=("fr-phone/consent",),
            text="loi n° 2025-594 of 30 June 2025, article 13, code de la consommation L. 223-1",
            url="https://cms.law/fr/fra/news-information/interdiction-prochaine-du-demarchage-telephonique-sans-consentement-prealable-du-consommateur",
            in_force=date(2026, 8, 11),
            checked=_CHECKED,
        ),
    ),
    leaves_out=(
        "Who agreed to it, provably, may be called outside the hours: the pack keeps to them.",
        "Calls about a contract in progress need no consent, nor do newspapers: the pack asks.",
        "Some trades may not call at all, and numbers must be shown as the regulator asks.",
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
    sources=(
        Source(
            rules=("us-tcpa/hours",),
            text="47 CFR 64.1200(c)(1)",
            url=_CFR,
            in_force=date(1992, 12, 20),
            checked=_CHECKED,
        ),
    ),
    leaves_out=(
        "The national and the company's own do-not-call lists: tell them as withdrawn consents.",
        "Whom there is a business relationship with, or who invited it: the pack keeps to hours.",
        "What some states ask beyond it, but for Florida: see us-fl-ftsa.",
    ),
    quiet_hours=(
        QuietHoursRule(
            id="us-tcpa/hours",
            scope=_BY_PHONE_OR_TEXT,
            hours=Hours(windows=(Window(opens=8 * 60, closes=21 * 60),)),
        ),
    ),
)

_US_TCPA_CONSENT = LawPack(
    name="us-tcpa-consent",
    country="US",
    territories=_US_TCPA.territories,
    citation=(
        "47 CFR 64.1200(a)(2) and (3), under the Telephone Consumer Protection Act: prior express"
        " written consent to marketing calls that are dialled by machine or recorded; text messages"
        " are calls"
    ),
    sources=(
        Source(
            rules=("us-tcpa-consent/written",),
            text="47 CFR 64.1200(a)(2) and (3), 77 FR 34233",
            url=_CFR,
            in_force=date(2013, 10, 16),
            checked=_CHECKED,
        ),
    ),
    consent=(
        ConsentRule(
            id="us-tcpa-consent/written", scope=_BY_PHONE_OR_TEXT, requires=Requirement.OPT_IN
        ),
    ),
    leaves_out=(
        "How a call is dialled is not known: calls that a person dials by hand are asked alike.",
        "That the consent is written, signed and names the number: its proof has to show that.",
    ),
)

_US_FL_FTSA = LawPack(
    name="us-fl-ftsa",
    country="US-FL",
    citation=(
        "Florida Statutes 501.616(6), as changed by chapter 2021-185: no commercial telephone"
        " solicitation before 8 a.m. or after 8 p.m. in the called person's time zone, and no more"
        " than three calls in 24 hours; text messages are taken for calls"
    ),
    sources=(
        Source(
            rules=("us-fl-ftsa/hours", "us-fl-ftsa/calls"),
            text="Florida Statutes 501.616(6)(a) and (b), CS for SB 1120 (2021)",
            url="https://flsenate.gov/Session/Bill/2021/1120/BillText/er/HTML",
            in_force=date(2021, 7, 1),
            checked=_CHECKED,
        ),
    ),
    quiet_hours=(
        QuietHoursRule(
            id="us-fl-ftsa/hours",
            scope=_BY_PHONE_OR_TEXT,
            hours=Hours(windows=(Window(opens=8 * 60, closes=20 * 60),)),
        ),
    ),
    caps=(
        CapRule(
            id="us-fl-ftsa/calls", scope=_BY_PHONE_OR_TEXT, limit=300, window=Rolling(hours=24)
        ),
    ),
    leaves_out=(
        "The three calls are of one subject: the pack counts all subjects together.",
        (
            "A Florida area code makes a Floridian: all who may be in Florida are protected, so too"
            " those of whom no state is known."
        ),
        "Written consent to what is dialled by machine (501.059): see us-tcpa-consent.",
    ),
)

_PACKS = (_FR_PHONE, _US_TCPA, _US_TCPA_CONSENT, _US_FL_FTSA)

LAWS: Mapping[str, LawPack] = {pack.name: pack for pack in _PACKS}
"""The packs by name."""
