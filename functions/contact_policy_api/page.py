"""The preference page: plain HTML for a person who came by a signed link, and the form it sends.

It works without a script, without anything from elsewhere, on a phone and with a screen reader. The
form tells what it showed, so that nothing the person never saw counts as switched off.
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from html import escape

from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.events import Channel

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1.0625rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 0 auto; padding: 1rem; }
fieldset { border: 1px solid; border-radius: .5rem; margin: 1.25rem 0; padding: .5rem 1rem; }
legend { font-weight: 600; padding: 0 .25rem; }
.choice { display: flex; align-items: center; gap: .75rem; min-height: 2.75rem; }
.choice label { flex: 1; }
.choice input { width: 1.375rem; height: 1.375rem; flex: none; }
.field { margin: 1.25rem 0; }
.field label { display: block; font-weight: 600; }
select, .field input, button { font: inherit; min-height: 2.75rem; box-sizing: border-box; }
select, .field input, button { width: 100%; padding: .25rem .5rem; }
[role="status"] { border: 2px solid; border-radius: .5rem; padding: .5rem 1rem; font-weight: 600; }
"""

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
    "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing is loaded and nothing runs; the one style is known by its hash."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address is the key
    "X-Content-Type-Options": "nosniff",
}

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
"""Days between these begin at an instant in every zone."""

MOST_TOPICS = 200
_LONGEST_TOPIC = 64
_CHANNELS = frozenset(channel.value for channel in Channel)
_WISH = re.compile(r"([1-9][0-9]?)/(week|month)")
_FIELDS = frozenset(
    {"shown_channel", "channel", "shown_topic", "topic", "frequency", "paused_until"}
)


class Per(StrEnum):
    """How long a frequency wish looks back: 7 days, or 30."""

    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """At most ``limit`` marketing contacts (1-99) in any week or month, over all channels."""

    limit: int
    per: Per


OFFERED_WISHES = (
    Wish(limit=3, per=Per.WEEK),
    Wish(limit=1, per=Per.WEEK),
    Wish(limit=1, per=Per.MONTH),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Something the company writes about; ``topic_id`` has at most 64 letters."""

    topic_id: str
    name: str
    is_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencePage:
    """What the page shows: the app's channels and topics, and what the person wants now.

    ``locale`` is the app's default, such as ``de-CH``. ``paused_until`` is the first day on which
    the person wants to hear something again, in their own zone.
    """

    app_name: str
    locale: str
    channels: Mapping[Channel, bool]
    topics: Sequence[Topic] = ()
    wish: Wish | None = None
    paused_until: date | None = None
    is_saved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceChanges:
    """What a person sent: on or off for each channel and topic that was shown, and their wishes.

    ``wish`` and ``paused_until`` are as they shall be; ``None`` takes them back.
    """

    channels: Mapping[Channel, bool]
    topics: Mapping[str, bool]
    wish: Wish | None
    paused_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    title: str
    intro: str
    saved: str
    channels: str
    topics: str
    frequency: str
    unlimited: str
    limits: Mapping[Per, str]
    pause: str
    pause_hint: str
    save: str
    names: Mapping[Channel, str]


_TEXTS: Mapping[str, _Texts] = {
    "en": _Texts(
        title="Your preferences",
        intro="Choose how and how often {app} may contact you with offers and news. Messages that"
        " belong to an order or a contract still reach you.",
        saved="Your preferences are saved.",
        channels="How we may contact you",
        topics="What you want to hear about",
        frequency="How often at most",
        unlimited="No limit of my own",
        limits={Per.WEEK: "At most {limit} a week", Per.MONTH: "At most {limit} a month"},
        pause="Pause until",
        pause_hint="From this day on we may contact you again. Leave it empty for no pause.",
        save="Save",
        names={
            Channel.PUSH: "Notifications on your phone",
            Channel.INAPP: "Messages in the app",
            Channel.EMAIL: "E-mail",
            Channel.SMS: "Text message (SMS)",
            Channel.WEB: "Messages on the website",
            Channel.MOBILEWEB: "Messages on the mobile website",
            Channel.SOCIAL: "Social networks",
            Channel.PHONE: "Phone calls",
            Channel.POST: "Letters",
            Channel.F2F: "Talks in the shop",
            Channel.AD: "Advertisements for you",
            Channel.CHAT: "Chat",
        },
    ),
    "de": _Texts(
        title="Ihre Einstellungen",
        intro="Bestimmen Sie, wie und wie oft {app} Sie mit Angeboten und Neuigkeiten ansprechen"
        " darf. Nachrichten zu einer Bestellung oder einem Vertrag erreichen Sie weiterhin.",
        saved="Ihre Einstellungen sind gespeichert.",
        channels="Wie wir Sie erreichen dürfen",
        topics="Wovon Sie hören möchten",
        frequency="Wie oft höchstens",
        unlimited="Keine eigene Grenze",
        limits={
            Per.WEEK: "Höchstens {limit}-mal pro Woche",
            Per.MONTH: "Höchstens {limit}-mal pro Monat",
        },
        pause="Pause bis",
        pause_hint="Ab diesem Tag dürfen wir Sie wieder ansprechen. Leer bedeutet: keine Pause.",
        save="Speichern",
        names={
            Channel.PUSH: "Mitteilungen auf dem Telefon",
            Channel.INAPP: "Nachrichten in der App",
            Channel.EMAIL: "E-Mail",
            Channel.SMS: "SMS",
            Channel.WEB: "Nachrichten auf der Website",
            Channel.MOBILEWEB: "Nachrichten auf der mobilen Website",
            Channel.SOCIAL: "Soziale Netzwerke",
            Channel.PHONE: "Anrufe",
            Channel.POST: "Briefe",
            Channel.F2F: "Gespräche im Geschäft",
            Channel.AD: "Werbeanzeigen für Sie",
            Channel.CHAT: "Chat",
        },
    ),
    "fr": _Texts(
        title="Vos préférences",
        intro="Choisissez comment et à quelle fréquence {app} peut vous adresser des offres et des"
        " nouvelles. Les messages liés à une commande ou à un contrat vous parviennent toujours.",
        saved="Vos préférences sont enregistrées.",
        channels="Comment nous pouvons vous contacter",
        topics="Ce qui vous intéresse",
        frequency="À quelle fréquence au plus",
        unlimited="Pas de limite personnelle",
        limits={
            Per.WEEK: "Au plus {limit} fois par semaine",
            Per.MONTH: "Au plus {limit} fois par mois",
        },
        pause="Pause jusqu'au",
        pause_hint="Dès ce jour, nous pouvons de nouveau vous contacter. Vide : pas de pause.",
        save="Enregistrer",
        names={
            Channel.PUSH: "Notifications sur votre téléphone",
            Channel.INAPP: "Messages dans l'application",
            Channel.EMAIL: "E-mail",
            Channel.SMS: "SMS",
            Channel.WEB: "Messages sur le site",
            Channel.MOBILEWEB: "Messages sur le site mobile",
            Channel.SOCIAL: "Réseaux sociaux",
            Channel.PHONE: "Appels téléphoniques",
            Channel.POST: "Lettres",
            Channel.F2F: "Entretiens en magasin",
            Channel.AD: "Publicités pour vous",
            Channel.CHAT: "Chat",
        },
    ),
}


def language_of(locale: str) -> str:
    """Return the page's language for a locale: its own where there are texts, else English."""
    language = re.split("[-_]", locale, maxsplit=1)[0].lower()
    return language if language in _TEXTS else "en"


def render(page: PreferencePage) -> str:
    """Return the page as HTML, to be sent with ``HEADERS``; its form posts to its own address."""
    language = language_of(page.locale)
    texts = _TEXTS[language]
    saved = f'<p role="status">{escape(texts.saved)}</p>' if page.is_saved else ""
    channels = [
        _choice("channel", str(number), value=channel, name=texts.names[channel], is_on=is_on)
        for number, (channel, is_on) in enumerate(page.channels.items())
    ]
    topics = [
        _choice("topic", str(number), value=topic.topic_id, name=topic.name, is_on=topic.is_on)
        for number, topic in enumerate(page.topics)
    ]
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(page.app_name)}: {escape(texts.title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(texts.title)}</h1>
{saved}
<p>{escape(texts.intro.format(app=page.app_name))}</p>
<form method="post" autocomplete="off">
{_group(texts.channels, channels)}
{_group(texts.topics, topics)}
<div class="field">
<label for="frequency">{escape(texts.frequency)}</label>
<select id="frequency" name="frequency">
{_wishes(page.wish, texts)}
</select>
</div>
<div class="field">
<label for="paused_until">{escape(texts.pause)}</label>
<input type="date" id="paused_until" name="paused_until" aria-describedby="pause_hint" \
value="{page.paused_until.isoformat() if page.paused_until else ""}">
<p id="pause_hint">{escape(texts.pause_hint)}</p>
</div>
<button type="submit">{escape(texts.save)}</button>
</form>
</main>
</body>
</html>
"""


def changes_of(form: Mapping[str, Sequence[str]]) -> PreferenceChanges:
    """Return what a person sent by the page's form.

    The caller holds the topics against those that the app has.

    Raises:
        InvalidFieldsError: the form has a field that the page has not, lacks one, or has a value
            that the page could not send; all such problems are told at once.
    """
    problems = [_problem(name, "unknown", "no field of the page") for name in form.keys() - _FIELDS]
    changes = PreferenceChanges(
        channels={
            Channel(value): is_on
            for value, is_on in _switched(form, "channel", problems).items()
            if _is_channel(value, problems)
        },
        topics=_switched(form, "topic", problems),
        wish=_wish_of(_one(form, "frequency", problems), problems),
        paused_until=_day_of(_one(form, "paused_until", problems), problems),
    )
    if problems:
        raise InvalidFieldsError("see errors", fields=problems)
    return changes


def _group(legend: str, choices: Sequence[str]) -> str:
    if not choices:
        return ""
    return f"<fieldset>\n<legend>{escape(legend)}</legend>\n{''.join(choices)}</fieldset>"


def _choice(field: str, number: str, *, value: str, name: str, is_on: bool) -> str:
    checked = " checked" if is_on else ""
    return (
        f'<input type="hidden" name="shown_{field}" value="{escape(value)}">\n'
        f'<div class="choice"><input type="checkbox" id="{field}_{number}" name="{field}"'
        f' value="{escape(value)}"{checked}>'
        f' <label for="{field}_{number}">{escape(name)}</label></div>\n'
    )


def _wishes(chosen: Wish | None, texts: _Texts) -> str:
    """Return the options: the offered ones, and before them one that was wished elsewhere."""
    others = [chosen] if chosen and chosen not in OFFERED_WISHES else []
    options = [_option("", texts.unlimited, is_chosen=chosen is None)]
    for wish in (*others, *OFFERED_WISHES):
        name = texts.limits[wish.per].format(limit=wish.limit)
        options.append(_option(f"{wish.limit}/{wish.per}", name, is_chosen=wish == chosen))
    return "\n".join(options)


def _option(value: str, name: str, *, is_chosen: bool) -> str:
    selected = " selected" if is_chosen else ""
    return f'<option value="{value}"{selected}>{escape(name)}</option>'


def _switched(
    form: Mapping[str, Sequence[str]], field: str, problems: list[FieldProblem]
) -> dict[str, bool]:
    """Return on or off for each value that was shown."""
    shown, chosen = form.get(f"shown_{field}", ()), set(form.get(field, ()))
    if not chosen <= set(shown):
        problems.append(_problem(field, "not_shown", "a value that the page did not show"))
    if len(shown) > MOST_TOPICS or any(not 1 <= len(value) <= _LONGEST_TOPIC for value in shown):
        problems.append(_problem(f"shown_{field}", "unusable", "200 values of 1 to 64 letters"))
    return {value: value in chosen for value in shown}


def _is_channel(value: str, problems: list[FieldProblem]) -> bool:
    if value in _CHANNELS:
        return True
    problems.append(_problem("shown_channel", "channel", "no channel"))
    return False


def _one(form: Mapping[str, Sequence[str]], field: str, problems: list[FieldProblem]) -> str:
    values = form.get(field, ())
    if len(values) != 1:
        problems.append(_problem(field, "one", "exactly one value"))
    return values[0] if values else ""


def _wish_of(value: str, problems: list[FieldProblem]) -> Wish | None:
    if not value:
        return None
    found = _WISH.fullmatch(value)
    if found is None:
        problems.append(_problem("frequency", "frequency", "such as 1/week, 2/month, or empty"))
        return None
    return Wish(limit=int(found[1]), per=Per(found[2]))


def _day_of(value: str, problems: list[FieldProblem]) -> date | None:
    if not value:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or day.isoformat() != value or not FIRST_DAY <= day <= LAST_DAY:
        problems.append(_problem("paused_until", "date", "a day such as 2027-01-31, or empty"))
        return None
    return day


def _problem(field: str, code: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer=f"/{field}", code=code, detail=detail)
