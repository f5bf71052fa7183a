"""Every channel, on every wire it has, keeps these promises."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest

from infra.local.fcm.faults import ACCEPTED_YET_SILENT, Fault, FaultPlan
from infra.local.fcm.running import RunningStandin, running_standin
from shared.kernel.addresses import Address, AddressKind
from shared.kernel.clock import system_clock
from shared.push.channels.fcm import FcmChannel, FcmCredentials
from shared.push.channels.fcm.channel import fastest_wire
from shared.push.channels.fcm.curl_wire import CurlWire
from shared.push.channels.fcm.firebase_wire import FirebaseWire
from shared.push.channels.fcm.replies import Wire
from shared.push.errors import CredentialsError
from shared.push.model import Content, Delivery, Outcome

IMPATIENCE_SECONDS = 1.5
HELLO = Content(title="Hello", body="world")

WireMaker = Callable[..., Wire]


def impatient(wire: WireMaker) -> WireMaker:
    """Return a wire that gives up soon, for messages that hang."""
    return partial(wire, timeout_seconds=IMPATIENCE_SECONDS)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStandin]:
    with running_standin(state_dir=tmp_path_factory.mktemp("fcm")) as standin:
        yield standin


@pytest.fixture
def standin(running: RunningStandin) -> RunningStandin:
    running.fail(FaultPlan())
    running.forget()
    return running


@pytest.fixture(params=[CurlWire, FirebaseWire], ids=["curl", "firebase"])
def wire(request: pytest.FixtureRequest) -> WireMaker:
    maker: WireMaker = request.param
    return maker


@pytest.fixture
def channel(standin: RunningStandin, wire: WireMaker) -> Iterator[FcmChannel]:
    channel = FcmChannel(credentials=credentials_of(standin), wire=wire)
    yield channel
    channel.close()


def credentials_of(standin: RunningStandin, **account: Any) -> FcmCredentials:
    return FcmCredentials(
        service_account={**standin.service_account, **account},
        endpoint=standin.url,
        ca_pem=standin.ca_pem,
    )


def to(*addresses: str, kind: AddressKind = AddressKind.FID) -> list[Delivery]:
    return [
        Delivery(
            message_id=f"msg_{number:026d}",
            address=Address(kind=kind, value=address),
            content=HELLO,
        )
        for number, address in enumerate(addresses)
    ]


def outcomes(channel: FcmChannel, deliveries: Sequence[Delivery]) -> list[Outcome]:
    return [result.outcome for result in channel.send(deliveries)]


def test_each_delivery_has_its_own_result_in_order(channel: FcmChannel) -> None:
    addresses = [f"unregistered-{n}" if n % 3 == 0 else f"fid-{n}" for n in range(300)]
    expected = [Outcome.SENT if n % 3 else Outcome.ADDRESS_GONE for n in range(300)]
    assert outcomes(channel, to(*addresses)) == expected


def test_a_success_names_what_fcm_made_of_it(channel: FcmChannel, standin: RunningStandin) -> None:
    results = channel.send(to("fid-1", "fid-2"))
    names = {attempt.address: attempt.name for attempt in standin.received()}
    assert [result.provider_id for result in results] == [names["fid-1"], names["fid-2"]]


def test_an_empty_batch_has_no_results(channel: FcmChannel, standin: RunningStandin) -> None:
    before = standin.bearers_issued()
    assert channel.send([]) == []
    assert standin.bearers_issued() == before


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        (Fault.UNREGISTERED, Outcome.ADDRESS_GONE, "UNREGISTERED"),
        (Fault.INVALID_ADDRESS, Outcome.ADDRESS_GONE, "INVALID_ARGUMENT"),
        (Fault.INVALID_PAYLOAD, Outcome.REJECTED, "INVALID_ARGUMENT"),
        (Fault.SENDER_ID_MISMATCH, Outcome.REJECTED, "SENDER_ID_MISMATCH"),
        (Fault.THIRD_PARTY_AUTH_ERROR, Outcome.REJECTED, "THIRD_PARTY_AUTH_ERROR"),
        (Fault.QUOTA_EXCEEDED, Outcome.RETRY, "QUOTA_EXCEEDED"),
        (Fault.UNAVAILABLE, Outcome.RETRY, "UNAVAILABLE"),
        (Fault.INTERNAL, Outcome.RETRY, "INTERNAL"),
        (Fault.HANG, Outcome.UNKNOWN, "answer_lost"),
        (Fault.LOST_CONNECTION, Outcome.UNKNOWN, "answer_lost"),
    ],
)
def test_each_way_to_fail_has_its_outcome(
    standin: RunningStandin, wire: WireMaker, fault: Fault, outcome: Outcome, code: str
) -> None:
    channel = FcmChannel(credentials=credentials_of(standin), wire=impatient(wire))
    (result,) = channel.send(to(f"{fault}-1"))
    assert (result.outcome, result.code) == (outcome, code)
    channel.close()


def test_a_dead_token_is_gone_as_a_dead_fid_is(
    channel: FcmChannel, standin: RunningStandin
) -> None:
    tokens = to("unregistered-1", "token-1", kind=AddressKind.FCM_TOKEN)
    assert outcomes(channel, tokens) == [Outcome.ADDRESS_GONE, Outcome.SENT]
    assert {attempt.kind for attempt in standin.received()} == {"token"}


def test_what_fcm_asks_to_wait_is_passed_on(channel: FcmChannel, standin: RunningStandin) -> None:
    in_two_minutes = format_datetime(system_clock() + timedelta(minutes=2), usegmt=True)
    standin.fail(FaultPlan(quota_retry_after="90", unavailable_retry_after=in_two_minutes))
    quota, unavailable = channel.send(to("quota-exceeded-1", "unavailable-1"))
    assert quota.retry_after == timedelta(seconds=90)
    assert unavailable.retry_after is not None
    assert unavailable.retry_after.total_seconds() == pytest.approx(120, abs=5)


def test_without_a_wish_of_fcm_the_pause_grows_from_batch_to_batch(
    standin: RunningStandin, wire: WireMaker
) -> None:
    channel = FcmChannel(credentials=credentials_of(standin), wire=wire, chance=lambda: 1.0)
    pauses = [channel.send(to("unavailable-1"))[0].retry_after for _ in range(3)]
    assert pauses == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4)]
    channel.send(to("fid-1"))
    assert channel.send(to("unavailable-1"))[0].retry_after == timedelta(seconds=1)
    channel.close()


def test_a_message_that_cannot_be_said_hurts_no_other(channel: FcmChannel) -> None:
    assert outcomes(channel, to("fid-1", "", "fid-2")) == [
        Outcome.SENT,
        Outcome.REJECTED,
        Outcome.SENT,
    ]


def test_a_rehearsal_is_checked_and_not_delivered(
    channel: FcmChannel, standin: RunningStandin
) -> None:
    results = channel.send(to("fid-1", "unregistered-1"), validate_only=True)
    assert [result.outcome for result in results] == [Outcome.SENT, Outcome.ADDRESS_GONE]
    assert standin.counts()["outcomes"] == {"validated": 1, "unregistered": 1}


def test_batches_share_their_connections_over_http2(
    channel: FcmChannel, standin: RunningStandin
) -> None:
    for _ in range(3):
        channel.send(to(*(f"fid-{n}" for n in range(20))))
    counts = standin.counts()
    assert counts["requests"] == {"h2": 60}
    assert counts["connections"]["h2"] == 1


def test_a_bearer_is_asked_for_once(channel: FcmChannel, standin: RunningStandin) -> None:
    before = standin.bearers_issued()
    channel.send(to("fid-1"))
    channel.send(to("fid-2"))
    assert standin.bearers_issued() == before + 1


def test_a_bearer_about_to_expire_is_renewed(channel: FcmChannel, standin: RunningStandin) -> None:
    standin.fail(FaultPlan(bearer_seconds=60))
    before = standin.bearers_issued()
    channel.send(to("fid-1"))
    channel.send(to("fid-2"))
    assert standin.bearers_issued() == before + 2


def test_a_revoked_bearer_is_renewed_once_and_nothing_is_lost(
    channel: FcmChannel, standin: RunningStandin
) -> None:
    channel.send(to("fid-1"))
    standin.revoke_bearers()
    before = standin.bearers_issued()
    assert outcomes(channel, to("fid-2", "fid-3")) == [Outcome.SENT, Outcome.SENT]
    assert standin.bearers_issued() == before + 1
    assert standin.counts()["outcomes"] == {"sent": 3}


def test_refused_credentials_are_an_error(standin: RunningStandin, wire: WireMaker) -> None:
    stranger = credentials_of(standin, client_email="stranger@elsewhere.example")
    channel = FcmChannel(credentials=stranger, wire=wire)
    with pytest.raises(CredentialsError, match="refused"):
        channel.send(to("fid-1"))
    channel.close()


@pytest.mark.parametrize("missing", ["private_key", "client_email", "token_uri", "project_id"])
def test_incomplete_credentials_are_an_error(
    standin: RunningStandin, wire: WireMaker, missing: str
) -> None:
    account = {name: v for name, v in standin.service_account.items() if name != missing}
    with pytest.raises(CredentialsError):
        FcmChannel(credentials=FcmCredentials(service_account=account), wire=wire)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "[]",
        '{"service_account": "file.json"}',
        '{"service_account": {}}',
        '{"service_account": {"project_id": "p"}, "end_point": "https://x"}',
        '{"service_account": {"project_id": "p"}, "endpoint": "http://x"}',
    ],
)
def test_a_secret_of_another_form_is_an_error(secret: str) -> None:
    with pytest.raises(CredentialsError):
        FcmCredentials.from_secret(secret)


def test_a_secret_says_where_to_send_and_as_whom(standin: RunningStandin) -> None:
    wanted = credentials_of(standin)
    assert FcmCredentials.from_secret(json.dumps(asdict(wanted))) == wanted


def test_an_endpoint_that_is_down_leaves_everything_to_be_retried(
    standin: RunningStandin, wire: WireMaker
) -> None:
    nowhere = replace(credentials_of(standin), endpoint="https://127.0.0.1:9")
    channel = FcmChannel(credentials=nowhere, wire=wire)
    assert outcomes(channel, to("fid-1", "fid-2")) == [Outcome.RETRY, Outcome.RETRY]
    channel.close()


def test_a_token_route_that_is_down_leaves_everything_to_be_retried(
    standin: RunningStandin, wire: WireMaker
) -> None:
    nowhere = credentials_of(standin, token_uri="https://127.0.0.1:9/token")
    channel = FcmChannel(credentials=nowhere, wire=wire)
    assert outcomes(channel, to("fid-1", "fid-2")) == [Outcome.RETRY, Outcome.RETRY]
    channel.close()


def test_a_server_signed_by_a_stranger_gets_nothing(
    standin: RunningStandin, wire: WireMaker
) -> None:
    distrusting = replace(credentials_of(standin), ca_pem=None)
    channel = FcmChannel(credentials=distrusting, wire=wire)
    assert outcomes(channel, to("fid-1")) == [Outcome.RETRY]
    assert standin.counts()["requests"] == {}
    channel.close()


def test_the_fast_wire_is_the_one_taken(standin: RunningStandin) -> None:
    wire = fastest_wire(credentials_of(standin))
    assert isinstance(wire, CurlWire)
    wire.close()


def test_without_libcurl_the_wire_of_firebase_admin_is_taken(
    standin: RunningStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycurl", None)
    monkeypatch.delitem(sys.modules, CurlWire.__module__)
    channel = FcmChannel(credentials=credentials_of(standin))
    assert outcomes(channel, to("fid-1", "unregistered-1")) == [Outcome.SENT, Outcome.ADDRESS_GONE]
    assert isinstance(channel._wire, FirebaseWire)
    channel.close()


def test_in_a_storm_every_message_has_one_result_and_goes_out_once(
    standin: RunningStandin, request: pytest.FixtureRequest
) -> None:
    """On libcurl's wire only: firebase-admin's cannot prove that a lost message was refused."""
    long = request.config.getoption("--long", default=False)
    count, goaway_every = (10_000, 500) if long else (1_000, 50)
    standin.fail(
        FaultPlan(
            seed=11,
            rates={Fault.HANG: 0.02, Fault.QUOTA_EXCEEDED: 0.05, Fault.LOST_CONNECTION: 0.002},
            goaway_every=goaway_every,
            latency_ms=5,
            quota_retry_after="1",
        )
    )
    channel = FcmChannel(credentials=credentials_of(standin), wire=impatient(CurlWire))
    deliveries = to(*(f"fid-{n}" for n in range(count)))
    results = channel.send(deliveries)
    channel.close()

    taken = Counter(
        attempt.address
        for attempt in standin.received()
        if attempt.outcome in {"sent", *ACCEPTED_YET_SILENT}
    )
    assert len(results) == count
    for delivery, result in zip(deliveries, results, strict=True):
        times = taken[delivery.address.value]
        assert times <= 1, (delivery, result)
        if result.outcome is Outcome.SENT:
            assert times == 1
        if result.outcome is Outcome.RETRY:
            assert times == 0
    found = Counter(result.outcome for result in results)
    assert found.keys() == {Outcome.SENT, Outcome.RETRY, Outcome.UNKNOWN}
    assert found[Outcome.SENT] > count / 2
    assert standin.counts()["connections"]["h2"] >= count / goaway_every / 2


def test_refused_streams_are_sent_again_elsewhere(standin: RunningStandin) -> None:
    standin.fail(FaultPlan(goaway_every=50, latency_ms=5))
    channel = FcmChannel(credentials=credentials_of(standin), wire=CurlWire)
    results = channel.send(to(*(f"fid-{n}" for n in range(1_000))))
    channel.close()
    assert Counter((result.outcome, result.detail) for result in results) == {
        (Outcome.SENT, None): 1_000
    }
    assert standin.counts()["outcomes"] == {"sent": 1_000}


def test_a_reset_connection_is_never_repeated_behind_our_back(standin: RunningStandin) -> None:
    """By itself, libcurl sends again what died on a reused connection."""
    channel = FcmChannel(credentials=credentials_of(standin), wire=CurlWire)
    channel.send(to("fid-0"))
    standin.forget()
    addresses = [f"lost-connection-{n}" if n % 20 == 19 else f"fid-{n}" for n in range(400)]
    results = channel.send(to(*addresses))
    channel.close()
    taken = Counter(attempt.address for attempt in standin.received())
    assert max(taken.values()) == 1
    for address, result in zip(addresses, results, strict=True):
        assert result.outcome is not Outcome.SENT or address.startswith("fid-")
        assert taken[address] == 0 or result.outcome is not Outcome.RETRY
