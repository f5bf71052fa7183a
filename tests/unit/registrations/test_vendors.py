import json
import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.addresses import Address
from shared.kernel.events import Channel
from shared.kernel.files import Rejected, records
from shared.registrations.errors import ImportFailedError
from shared.registrations.model.devices import PushPermission
from shared.registrations.model.import_rows import DeviceRow
from shared.registrations.model.imports import WRITTEN_AS, ImportKind
from shared.registrations.model.vendor_lines import UNKNOWN, VendorReader, VendorRow
from shared.registrations.service.vendor_rows import VENDORS

SAMPLES = Path(__file__).parent / "samples"
DOCS = Path(__file__).parents[3] / "docs"
PINPOINT, ONESIGNAL, BRAZE = ImportKind.PINPOINT, ImportKind.ONESIGNAL, ImportKind.BRAZE
FILES: Mapping[ImportKind, str] = {
    PINPOINT: "pinpoint.jsonl",
    ONESIGNAL: "onesignal.csv",
    BRAZE: "braze.jsonl",
}


def sample(kind: ImportKind) -> bytes:
    return (SAMPLES / FILES[kind]).read_bytes()


def read_all(kind: ImportKind, chunks: Iterator[bytes]) -> Iterator[VendorRow | Rejected]:
    found = records(chunks, WRITTEN_AS[kind])
    header = next(found) if kind is ONESIGNAL else None
    reader = VendorReader.of(VENDORS[kind], WRITTEN_AS[kind], header)
    return (reader.read(record) for record in found)


def rows(kind: ImportKind, content: bytes | None = None) -> list[VendorRow]:
    found = list(read_all(kind, iter([content or sample(kind)])))
    for row in found:
        assert isinstance(row, VendorRow), row
    return [row for row in found if isinstance(row, VendorRow)]


def row(kind: ImportKind, **document: Any) -> VendorRow | Rejected:
    if kind is ONESIGNAL:
        cells = (f'"{str(value).replace(chr(34), chr(34) * 2)}"' for value in document.values())
        content = f"{','.join(document)}\n{','.join(cells)}\n"
    else:
        content = json.dumps(document) + "\n"
    (found,) = read_all(kind, iter([content.encode()]))
    return found


def reachable(kind: ImportKind) -> list[tuple[str | None, str]]:
    """Return whom a sample lets push reach, and by which address."""
    return [
        (one.identifiers.get("customer"), device.state.address.value)
        for one in rows(kind)
        for device in one.devices
        if device.state.address and device.state.push_permission is not PushPermission.DENIED
    ]


def refused(kind: ImportKind) -> list[tuple[str | None, Channel, str | None]]:
    return [
        (
            one.identifiers.get("customer"),
            refusal.channel,
            f"{refusal.at:%m-%d}" if refusal.at else None,
        )
        for one in rows(kind)
        for refusal in one.refusals
    ]


@pytest.mark.parametrize(
    ("kind", "token"),
    [
        (PINPOINT, "fcm-token-of-ada-android"),
        (ONESIGNAL, "fcm-token-of-ada-onesignal"),
        (BRAZE, "fcm-token-of-ada-braze"),
    ],
)
def test_of_a_sample_only_android_of_who_agreed_can_be_sent_to(
    kind: ImportKind, token: str
) -> None:
    assert reachable(kind) == [("4711", token)]


def test_who_opted_out_is_told() -> None:
    assert refused(PINPOINT) == [
        ("12", Channel.PUSH, "05-01"),
        (None, Channel.PUSH, "05-01"),
        ("4711", Channel.EMAIL, "04-01"),
    ]
    assert refused(ONESIGNAL) == [
        ("12", Channel.PUSH, "05-01"),
        (None, Channel.PUSH, "05-01"),
        ("4711", Channel.EMAIL, "04-01"),
    ]
    assert refused(BRAZE) == [
        ("4711", Channel.EMAIL, "04-01"),
        ("12", Channel.PUSH, "05-01"),
        (None, Channel.PUSH, None),
    ]


def test_an_endpoint_of_pinpoint_is_a_device_and_its_person() -> None:
    ada = rows(PINPOINT)[0]
    (device,) = ada.devices
    assert (device.device_id, device.state.platform) == (ada.subject, "android")
    assert (device.state.locale, device.state.timezone) == ("de_CH", "Europe/Zurich")
    assert device.state.attributes == {
        "make": "Google",
        "country": "CH",
        "city": "Zurich",
        "region": "ZH",
        "visits": 7.0,
        "plan": "gold",
    }
    assert device.tags == {"Interests:music", "Interests:travel"}
    assert ada.contact is not None
    assert ada.contact.attributes == {"tier": "1"}
    assert ada.contact.tags == {"newsletters:weekly", "newsletters:sales"}
    assert set(ada.without) == {
        *("ApplicationId", "RequestId", "CohortId", "CreationDate"),
        *("Location.PostalCode", "Location.Latitude", "Location.Longitude"),
    }


def test_what_is_odd_is_left_out_and_told() -> None:
    iphone = rows(PINPOINT)[1]
    assert set(iphone.without) == {"Address", "Demographic.Timezone"}
    assert iphone.devices[0].state.timezone is None


def test_addresses_of_people_are_their_identifiers() -> None:
    for kind in (PINPOINT, ONESIGNAL):
        known = [dict(one.identifiers) for one in rows(kind) if not one.devices]
        assert known == [
            {"customer": "4711", "email": "ada@example.com"},
            {"customer": "4711", "phone": "+41791234567"},
        ]


def test_tags_of_onesignal_are_of_the_person_if_there_is_one() -> None:
    ada, _, _, nobody, *_ = rows(ONESIGNAL)
    assert ada.contact is not None
    assert ada.contact.attributes == {"plan": "gold", "visits": "7"}
    assert nobody.devices[0].state.attributes == {"country": "US", "plan": "free"}


def test_a_user_of_braze_has_several_devices() -> None:
    ada, _, nobody = rows(BRAZE)
    assert [one.state.model for one in ada.devices] == ["Pixel 9", "iPhone17,1"]
    assert ada.devices[1].state.push_permission is PushPermission.DENIED
    assert ada.contact is not None
    assert ada.contact.tags == {"interests:music", "interests:travel"}
    left = {"custom_attributes", "custom_events", "purchases", "first_name", "user_aliases"}
    assert left < set(ada.without)
    assert nobody.devices[0].device_id.startswith("braze-")


@pytest.mark.parametrize(
    ("kind", "document", "code"),
    [
        (PINPOINT, {"Id": "e"}, "missing"),
        (PINPOINT, {"Id": "e", "ChannelType": "EMAIL", "Address": "nobody"}, "nobody"),
        (PINPOINT, {"Id": "e", "ChannelType": "CUSTOM", "Address": "https://x"}, "nobody"),
        (ONESIGNAL, {"id": "s"}, "missing"),
        (BRAZE, {"language": "de"}, "missing"),
        (BRAZE, {"braze_id": "b"}, "nobody"),
    ],
)
def test_a_line_about_nobody_is_rejected(
    kind: ImportKind, document: dict[str, Any], code: str
) -> None:
    found = row(kind, **document)
    assert isinstance(found, Rejected)
    assert [one.code for one in found.problems] == [code]


@pytest.mark.parametrize(
    ("types", "is_refused"), [("-2", True), ("-31", True), ("0", False), ("-18", False)]
)
def test_a_phone_that_was_never_asked_is_silent_but_nobody_refused(
    types: str, *, is_refused: bool
) -> None:
    found = row(
        ONESIGNAL, id="12345678", device_type="1", identifier="token-001", notification_types=types
    )
    assert isinstance(found, VendorRow)
    assert found.devices[0].state.push_permission is PushPermission.DENIED
    assert bool(found.refusals) is is_refused


def test_a_field_that_nobody_knows_is_counted_under_one_name() -> None:
    found = row(BRAZE, external_id="4711", colour="red", taste="sweet", empty="")
    assert isinstance(found, VendorRow)
    assert found.without == (UNKNOWN,)


@pytest.mark.parametrize("header", ["colour,taste", "id,id", '"id'])
def test_a_header_that_is_not_onesignals_ends_the_import(header: str) -> None:
    with pytest.raises(ImportFailedError):
        read_all(ONESIGNAL, iter([f"{header}\nx,y\n".encode()]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", [PINPOINT, BRAZE])
@given(data=st.data())
def test_whatever_stands_in_a_field_a_line_is_read_or_rejected(
    kind: ImportKind, data: st.DataObject
) -> None:
    (line, *_) = sample(kind).splitlines()
    document = json.loads(line)
    for name in data.draw(st.lists(st.sampled_from(sorted(document)), max_size=4)):
        document[name] = data.draw(JSON)
    assert isinstance(row(kind, **document), VendorRow | Rejected)


@pytest.mark.parametrize("opted_out", ["ALL", "all", "SOMETHING NEW"])
@pytest.mark.parametrize("channel", ["GCM", "APNS", "ADM", "BAIDU", "APNS_SANDBOX"])
def test_nobody_who_opted_out_of_pinpoint_is_reachable(opted_out: str, channel: str) -> None:
    found = row(
        PINPOINT, Id="endpoint-1", ChannelType=channel, Address="token-001", OptOut=opted_out
    )
    assert isinstance(found, VendorRow)
    assert found.devices[0].state.push_permission is PushPermission.DENIED
    assert [one.channel for one in found.refusals] == [Channel.PUSH]


def test_lines_that_share_a_device_an_address_or_a_person_share_a_key() -> None:
    ada, iphone, bob, *_ = rows(PINPOINT)
    assert ada.keys & iphone.keys
    assert not ada.keys & bob.keys
    assert isinstance(ada.devices[0].state.address, Address)


def lines(kind: ImportKind, count: int) -> Iterator[bytes]:
    """Yield a file of so many lines, in chunks as the worker reads them."""
    first, *rest = sample(kind).splitlines(keepends=True)
    if kind is ONESIGNAL:
        yield first
        first = rest[0]
    for start in range(0, count, 1000):
        yield b"".join(first.replace(b"4711", b"%d" % n) for n in range(start, start + 1000))


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize("count", [5_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_a_file_is_read_in_memory_that_does_not_grow(kind: ImportKind, count: int) -> None:
    tracemalloc.start()
    try:
        read = sum(1 for _ in read_all(kind, lines(kind, count)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == count
    assert peak < 12_000_000


@pytest.mark.parametrize("kind", VENDORS)
def test_the_documents_tell_the_whole_mapping(kind: ImportKind) -> None:
    page = DOCS / ("from-pinpoint.md" if kind is PINPOINT else "imports.md")
    told = page.read_text()
    for name, what in VENDORS[kind].mapping.items():
        assert f"| `{name}` | {what} |" in told


HARDWARE = {"device_id": "abcdef123456", "model": "Pixel 9", "os": "Android (16)"}


def test_a_token_of_braze_that_names_no_device_is_of_the_only_one() -> None:
    found = row(
        BRAZE,
        external_id="4711",
        devices=[HARDWARE, {"idfv": "0F1E2D3C-4B5A", "model": "iPhone 17", "os": "iOS (26.1)"}],
        push_tokens=[{"platform": "Android", "token": "fcm-token-of-the-pixel"}],
    )

    assert [(one.device_id, one.state.model, token_of(one)) for one in devices_of(found)] == [
        ("abcdef123456", "Pixel 9", "fcm-token-of-the-pixel"),
        ("0F1E2D3C-4B5A", "iPhone 17", None),
    ]


def test_tokens_of_braze_that_could_be_of_either_device_make_no_more_than_themselves() -> None:
    found = row(
        BRAZE,
        external_id="4711",
        devices=[HARDWARE, {**HARDWARE, "device_id": "abcdef123457"}],
        push_tokens=[{"platform": "Android", "token": f"fcm-token-{at}"} for at in range(2)],
    )

    assert [token_of(one) for one in devices_of(found)] == ["fcm-token-0", "fcm-token-1"]
    assert isinstance(found, VendorRow)
    assert "devices" in found.without


def devices_of(found: VendorRow | Rejected) -> tuple[DeviceRow, ...]:
    assert isinstance(found, VendorRow)
    return found.devices


def token_of(device: DeviceRow) -> str | None:
    return device.state.address.value if device.state.address else None
