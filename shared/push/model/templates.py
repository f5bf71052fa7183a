"""A template: what a push says in each language, with Liquid where recipients differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from shared.kernel.events import Purpose
from shared.push.model.messages import Apns, Priority

Value: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Title and body in one language."""

    title: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonDraft:
    """A button as it is written: ``title`` is one text, or one for each locale."""

    id: str
    title: str | Mapping[str, str]
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Android:
    """What only Android needs; the notification's tag is the message's id, always."""

    channel_id: str | None = None
    priority: Priority = Priority.HIGH
    time_to_live: timedelta | None = None
    collapse_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDraft:
    """What a marketer writes. Titles, bodies, links, the image and data's values are Liquid.

    ``contents`` are by locale (BCP 47), the default one among them. ``variables`` are the
    template's own, each with its default. With ``is_data_only`` FCM shows nothing: title and body
    reach the app among the data.
    """

    name: str
    purpose: Purpose
    topic: str | None = None
    default_locale: str
    contents: Mapping[str, Words]
    image: str | None = None
    link: str | None = None
    buttons: tuple[ButtonDraft, ...] = ()
    data: Mapping[str, str] = field(default_factory=dict)
    is_data_only: bool = False
    android: Android = Android()
    apns: Apns = field(default_factory=Apns)
    variables: Mapping[str, str] = field(default_factory=dict)

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield every text that is Liquid, after the JSON pointer to it."""
        for locale, words in self.contents.items():
            yield from _told({"title": words.title, "body": words.body}, f"/contents/{locale}")
        yield from _told({"image": self.image, "link": self.link}, "")
        yield from _told(self.data, "/data")
        for at, button in enumerate(self.buttons):
            if isinstance(button.title, str):
                yield f"/buttons/{at}/title", button.title
            else:
                yield from _told(button.title, f"/buttons/{at}/title")
            yield from _told({"link": button.link}, f"/buttons/{at}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template as it is kept; ``version`` counts its writes, for compare and swap."""

    app_id: str
    template_id: str
    draft: TemplateDraft
    version: int = 1
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What texts may speak of besides the template's own variables.

    ``locale`` is the one that is asked for: ``None`` is the template's default. ``device_locale``
    is what the recipient's device says of itself.
    """

    app_name: str
    locale: str | None = None
    device_locale: str | None = None
    tags: frozenset[str] = frozenset()
    attributes: Mapping[str, Value] = field(default_factory=dict)


def fallbacks(locale: str) -> Iterator[str]:
    """Yield a locale, then what it falls back to: ``zh-Hant-TW``, ``zh-Hant``, ``zh``.

    As RFC 4647, section 3.4, truncates: a subtag of one letter goes with the one after it.
    """
    subtags = locale.replace("_", "-").split("-")
    while subtags:
        yield "-".join(subtags)
        subtags.pop()
        while subtags and len(subtags[-1]) == 1:
            subtags.pop()


def chosen_locale(asked: str | None, offered: Mapping[str, object], *, default: str) -> str:
    """Return which of the offered locales somebody gets who asks for one; else the default.

    Case does not matter (RFC 5646, section 2.1.1).
    """
    known = {locale.lower(): locale for locale in offered}
    tried = (known.get(one.lower()) for one in fallbacks(asked or default))
    return next((found for found in tried if found), default)


def _told(texts: Mapping[str, str | None], pointer: str) -> Iterator[tuple[str, str]]:
    return ((f"{pointer}/{name}", text) for name, text in texts.items() if text)
