"""Devices and rules, as hypothesis makes them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from shared.kernel.events import Purpose
from shared.registrations.model.apps import Platform
from shared.registrations.model.audience import DeviceFacts, PushConsent
from shared.registrations.model.devices import PushPermission
from tests.fakes.clock import NOON

ORDER = "order.placed.v1"
PHONE = DeviceFacts(
    platform=Platform.ANDROID,
    push_permission=PushPermission.GRANTED,
    is_anonymous=False,
    has_address=True,
    registered_at=NOON - timedelta(days=40),
    last_seen_at=NOON - timedelta(days=2),
    locale="de_CH",
    timezone="Europe/Zurich",
    app_version="1.10.0",
    os_version="16",
    model="Phone 9",
    tags=frozenset({"vip"}),
    attributes={"plan": "gold", "age": 42, "member": True},
    consents={Purpose.MARKETING: PushConsent(is_given=True, unlike=frozenset({"news"}))},
    happened={ORDER: (NOON - timedelta(days=3), NOON - timedelta(days=50))},
)

_NAMES = st.sampled_from(["plan", "age", "member", "unknown"])
_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    ["gold", "silver", "", 42, 41.5, 0, 1, True, False]
)
_NUMBERS = st.sampled_from([0, 41.5, 42])
_DAYS = st.integers(min_value=1, max_value=60)
_VERSIONS = st.sampled_from(["1", "1.9", "1.10", "1.10.0", "2.0-beta"])


def _bounds(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    words = st.sampled_from(["above", "below", "from", "to"])
    return st.dictionaries(words, values, min_size=1, max_size=2)


LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda tag: {"tag": tag}, st.sampled_from(["vip", "beta"])),
    st.builds(lambda name, value: {"attribute": name, "is": value}, _NAMES, _VALUES),
    st.builds(
        lambda name, values: {"attribute": name, "is": values},
        _NAMES,
        st.lists(_VALUES, min_size=2, max_size=3),
    ),
    st.builds(lambda name, there: {"attribute": name, "exists": there}, _NAMES, st.booleans()),
    st.builds(lambda name, asked: {"attribute": name, **asked}, _NAMES, _bounds(_NUMBERS)),
    st.builds(lambda asked: {"attribute": "plan", **asked}, _bounds(st.sampled_from(["a", "z"]))),
    st.builds(lambda start: {"attribute": "plan", "starts_with": start}, st.sampled_from("gs")),
    st.builds(lambda one: {"device": "platform", "is": one}, st.sampled_from(["ios", "android"])),
    st.builds(lambda one: {"device": "language", "is": one}, st.sampled_from(["de", "fr"])),
    st.builds(lambda one: {"device": "country", "is": one}, st.sampled_from(["CH", "FR"])),
    st.builds(lambda asked: {"device": "app_version", **asked}, _bounds(_VERSIONS)),
    st.builds(
        lambda name, flag: {"device": name, "is": flag},
        st.sampled_from(["is_anonymous", "has_address"]),
        st.booleans(),
    ),
    st.builds(
        lambda moment, word, days: {moment: {word: days}},
        st.sampled_from(["seen", "registered"]),
        st.sampled_from(["within_days", "before_days"]),
        _DAYS,
    ),
    st.builds(
        lambda topic: {"consent": {"purpose": "marketing", "channel": "push", "topic": topic}},
        st.sampled_from([None, "news", "offers"]),
    ),
    st.builds(
        lambda days, least: {"event": {"type": ORDER, "within_days": days, "at_least": least}},
        _DAYS,
        st.integers(min_value=1, max_value=3),
    ),
)
RULES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda rules: {"all": rules}, st.lists(inner, max_size=3)),
        st.builds(lambda rules: {"any": rules}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda rule: {"not": rule}, inner),
    ),
    max_leaves=6,
).filter(lambda rule: _depth(rule) <= 3)
"""Rules with room for two more levels above them."""

DEVICES: st.SearchStrategy[DeviceFacts] = st.builds(
    lambda plan, age, locale, version, tags, consent, orders: replace(
        PHONE,
        attributes={"plan": plan, "age": age},
        locale=locale,
        app_version=version,
        tags=tags,
        consents={Purpose.MARKETING: consent} if consent else {},
        happened={ORDER: tuple(NOON - timedelta(days=days) for days in orders)},
    ),
    st.sampled_from(["gold", "silver"]),
    _NUMBERS,
    st.sampled_from([None, "de", "fr-FR", "zh-Hant-TW"]),
    st.one_of(st.none(), _VERSIONS, st.just("beta")),
    st.frozensets(st.sampled_from(["vip", "beta"])),
    st.one_of(st.none(), st.builds(PushConsent, is_given=st.booleans())),
    st.lists(_DAYS, max_size=3),
)


def _depth(rule: dict[str, Any]) -> int:
    inner = [*rule.get("all", ()), *rule.get("any", ()), *([rule["not"]] if "not" in rule else [])]
    return 1 + max(map(_depth, inner), default=0)
