"""The page of channels says what the dialects do."""

import re
from pathlib import Path

import pytest

from shared.contact_events.dialects import DIALECTS
from tests.unit.contact_events.dialects.samples import APP, samples

PAGE = (Path(__file__).parents[4] / "docs" / "channels.md").read_text()
TITLES = {
    "Amazon Connect": "connect",
    "SendGrid": "sendgrid",
    "Amazon SES": "ses",
    "Shopify": "shopify",
    "Twilio": "twilio",
}
ROW = re.compile(r"^\| (`.*`) \| (.*?) \|(?: (.*) \|)?$", re.MULTILINE)


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {title}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_dialect_has_a_section() -> None:
    assert set(TITLES.values()) == set(DIALECTS)


@pytest.mark.parametrize(("title", "name"), TITLES.items())
def test_the_page_says_what_becomes_of_each_kind(title: str, name: str) -> None:
    rows = [(words(kind)[0], words(types)) for kind, types, _ in ROW.findall(section(title))]
    told = {kind: types for kind, types in rows if types}
    assert told == {kind: list(types) for kind, types in DIALECTS[name].MEANS.items()}


def test_the_page_names_the_data_of_each_type() -> None:
    described = {
        type_: set(words(data))
        for types, _, data in ROW.findall(section("What holds for all"))
        for type_ in words(types)
        if type_.endswith(".v1")
    }
    of_any_message = {"message_id", "campaign_id"}
    for sample in samples():
        for event in DIALECTS[sample.vendor].translate(sample.payload, app_id=APP).events:
            assert set(event.data) <= described[event.type] | of_any_message, event.type


def test_the_page_names_each_code_of_a_reject() -> None:
    described = {
        code for codes, _, _ in ROW.findall(section("What holds for all")) for code in words(codes)
    }
    for sample in samples():
        for reject in DIALECTS[sample.vendor].translate(sample.payload, app_id=APP).rejects:
            assert reject.code in described
