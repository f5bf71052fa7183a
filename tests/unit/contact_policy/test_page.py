"""The preference page: whole for every reader, safe whatever it shows, and its form says all."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from hashlib import sha256
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from functions.contact_policy_api.page import (
    _TEXTS,
    CONTENT_SECURITY_POLICY,
    FIRST_DAY,
    HEADERS,
    LAST_DAY,
    MOST_TOPICS,
    OFFERED_WISHES,
    Per,
    PreferenceChanges,
    PreferencePage,
    Topic,
    Wish,
    changes_of,
    language_of,
    render,
)
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.events import Channel
from shared.platform.http.bodies import read_form

WITHOUT_END = {"meta", "input"}
HOSTILE = "\"'><script>alert(1)</script>&lt;{app}"
PAGE = PreferencePage(
    app_name="Shop",
    locale="en",
    channels={Channel.EMAIL: True, Channel.PUSH: False},
    topics=(Topic(topic_id="offers", name="Offers", is_on=True),),
)


class Reader(HTMLParser):
    """Reads a page strictly: each element is closed, in order; keeps what a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)
        self.close()
        assert self.open == []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} repeats an attribute"
        self.elements.append((tag, dict(attrs)))
        if tag not in WITHOUT_END:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def submitted(self, *, toggle: frozenset[str] = frozenset()) -> dict[str, list[str]]:
        """Return the form as a browser sends it; the boxes with ``toggle`` as ids are clicked."""
        sent = []
        for tag, attributes in self.elements:
            name, value = attributes.get("name") or "", attributes.get("value") or ""
            if tag == "select":
                sent += [
                    (name, option["value"] or "")
                    for option in self.all("option")
                    if "selected" in option
                ]
            elif tag == "input" and attributes["type"] == "checkbox":
                if ("checked" in attributes) != (attributes["id"] in toggle):
                    sent.append((name, value))
            elif tag == "input":
                sent.append((name, value))
        return read_form(urlencode(sent))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=64)
names = texts.filter(str.strip) | st.just(HOSTILE)
wishes = st.builds(Wish, limit=st.integers(1, 99), per=st.sampled_from(Per))
pages = st.builds(
    PreferencePage,
    app_name=names,
    locale=st.sampled_from(["en", "de-CH", "fr_FR", "it"]),
    channels=st.dictionaries(st.sampled_from(Channel), st.booleans()),
    topics=st.lists(
        st.builds(
            Topic,
            topic_id=texts | st.just(HOSTILE),
            name=names,
            is_on=st.booleans(),
        ),
        max_size=5,
        unique_by=lambda topic: topic.topic_id,
    ),
    wish=st.none() | wishes | st.sampled_from(OFFERED_WISHES),
    paused_until=st.none() | st.dates(FIRST_DAY, LAST_DAY),
    is_saved=st.booleans(),
)


@given(page=pages)
def test_a_form_that_is_sent_unchanged_says_what_the_page_showed(page: PreferencePage) -> None:
    assert changes_of(Reader(render(page)).submitted()) == PreferenceChanges(
        channels=page.channels,
        topics={topic.topic_id: topic.is_on for topic in page.topics},
        wish=page.wish,
        paused_until=page.paused_until,
    )


@given(page=pages)
def test_every_page_is_well_formed_and_every_field_has_its_label(page: PreferencePage) -> None:
    read = Reader(render(page))
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    fields = [
        *(field for field in read.all("input") if field["type"] != "hidden"),
        *read.all("select"),
    ]
    labels = [label["for"] for label in read.all("label")]
    assert sorted(map(str, labels)) == sorted(str(field["id"]) for field in fields)
    assert len(read.texts["label"]) == len(labels)
    assert len(read.texts.get("legend", [])) == len(read.all("fieldset"))
    for field in fields:
        assert field.get("aria-describedby") in {None, *ids}


def test_what_an_app_is_called_never_becomes_markup() -> None:
    topic = Topic(topic_id=HOSTILE, name=HOSTILE, is_on=True)
    read = Reader(render(replace(PAGE, app_name=HOSTILE, topics=(topic,))))
    plain = Reader(render(PAGE))
    assert [tag for tag, _ in read.elements] == [tag for tag, _ in plain.elements]
    assert HOSTILE in "".join(read.texts["label"])
    assert HOSTILE in "".join(read.texts["title"])
    assert HOSTILE in "".join(read.texts["p"])


def test_nothing_runs_and_nothing_is_loaded() -> None:
    read = Reader(render(PAGE))
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in read.elements}
    for _, attributes in read.elements:
        assert not {"src", "href", "action", "style"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
    assert read.all("form") == [{"method": "post", "autocomplete": "off"}]


def test_the_policy_knows_the_one_style_and_allows_nothing_else() -> None:
    (style,) = Reader(render(PAGE)).texts["style"]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert CONTENT_SECURITY_POLICY.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    assert HEADERS["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert HEADERS["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de", "de"), ("de-CH", "de"), ("FR_ca", "fr"), ("en-GB", "en"), ("it", "en"), ("den", "en")],
)
def test_the_page_speaks_the_language_of_the_app_or_english(locale: str, language: str) -> None:
    assert language_of(locale) == language
    read = Reader(render(replace(PAGE, locale=locale)))
    assert read.all("html") == [{"lang": language}]
    assert read.texts["h1"] == [_TEXTS[language].title]


def test_every_language_names_every_channel_and_period() -> None:
    for texts_of in _TEXTS.values():
        assert set(texts_of.names) == set(Channel)
        assert set(texts_of.limits) == set(Per)
        assert len(set(texts_of.names.values())) == len(Channel)


def test_a_phone_shows_the_page_at_its_own_width_in_light_or_dark() -> None:
    read = Reader(render(PAGE))
    metas = {meta.get("name"): meta.get("content") for meta in read.all("meta")}
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert "color-scheme: light dark" in read.texts["style"][0]


def test_a_saved_page_says_so_to_who_cannot_see() -> None:
    saved = Reader(render(replace(PAGE, is_saved=True)))
    assert {"role": "status"} in saved.all("p")
    assert {"role": "status"} not in Reader(render(PAGE)).all("p")


def test_a_click_switches_one_thing() -> None:
    sent = Reader(render(PAGE)).submitted(toggle=frozenset({"channel_1", "topic_0"}))
    changes = changes_of(sent)
    assert changes.channels == {Channel.EMAIL: True, Channel.PUSH: True}
    assert changes.topics == {"offers": False}


def test_what_was_not_shown_is_not_switched() -> None:
    sent = Reader(render(replace(PAGE, channels={}, topics=()))).submitted()
    assert (changes_of(sent).channels, changes_of(sent).topics) == ({}, {})


def problems(**fields: list[str]) -> list[tuple[str, str]]:
    """Return what is told about a good form with these fields; an empty list takes one out."""
    good = Reader(render(PAGE)).submitted()
    form = {name: values for name, values in {**good, **fields}.items() if values}
    with pytest.raises(InvalidFieldsError) as refused:
        changes_of(form)
    return sorted((problem.pointer, problem.code) for problem in refused.value.fields)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"contact_id": ["con_1"]}, ("/contact_id", "unknown")),
        ({"frequency": []}, ("/frequency", "one")),
        ({"frequency": ["1/week", "2/week"]}, ("/frequency", "one")),
        ({"frequency": ["0/week"]}, ("/frequency", "frequency")),
        ({"frequency": ["100/week"]}, ("/frequency", "frequency")),
        ({"frequency": ["1/year"]}, ("/frequency", "frequency")),
        ({"frequency": ["१/week"]}, ("/frequency", "frequency")),
        ({"paused_until": []}, ("/paused_until", "one")),
        ({"paused_until": ["2027-02-30"]}, ("/paused_until", "date")),
        ({"paused_until": ["20270131"]}, ("/paused_until", "date")),
        ({"paused_until": ["9999-12-31"]}, ("/paused_until", "date")),
        ({"paused_until": ["0001-01-01"]}, ("/paused_until", "date")),
        ({"channel": ["sms"]}, ("/channel", "not_shown")),
        ({"shown_channel": ["email", "pigeon"]}, ("/shown_channel", "channel")),
        ({"topic": ["news"]}, ("/topic", "not_shown")),
        ({"shown_topic": ["offers", "x" * 65]}, ("/shown_topic", "unusable")),
        ({"shown_topic": ["offers", ""]}, ("/shown_topic", "unusable")),
        (
            {"shown_topic": ["offers", *map(str, range(MOST_TOPICS))]},
            ("/shown_topic", "unusable"),
        ),
    ],
)
def test_what_the_page_could_not_send_is_refused(
    fields: Mapping[str, list[str]], told: tuple[str, str]
) -> None:
    assert problems(**fields) == [told]


def test_all_problems_are_told_at_once() -> None:
    told = problems(frequency=["often"], paused_until=["soon"], surprise=["1"])
    assert [pointer for pointer, _ in told] == ["/frequency", "/paused_until", "/surprise"]


def test_a_day_to_pause_to_is_kept() -> None:
    page = replace(PAGE, paused_until=date(2027, 1, 31))
    assert changes_of(Reader(render(page)).submitted()).paused_until == date(2027, 1, 31)
