"""Any rule of the targeting language, and anything that may be known when it is asked."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from shared.kernel.clock import whole_milliseconds
from shared.placements.model.ad_state import CouponStanding
from shared.placements.model.targeting import (
    EVERYBODY,
    SETS,
    VERSIONS,
    All,
    AnyOf,
    Comparison,
    Field,
    Not,
    Operator,
    Rule,
    Version,
)
from shared.placements.model.targeting_text import WORDS
from shared.placements.model.versions import version_key

WORD = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["FR", "ios", "vip", "sale"]
)
NUMBER = st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
VERSION_TEXT = st.from_regex(r"\A[0-9]{1,2}(\.[0-9]){0,3}(-(rc|[0-9])(\.[0-9])?)?\Z")
INSTANT = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    whole_milliseconds
)
ATTRIBUTE_NAME = st.sampled_from(["visits", "store.name", "_x", "v", "d", "tags-2"])
COUPON_ID = st.sampled_from(["cpn_1", 'c"\\'])
TEXT_OPERATOR = st.sampled_from([Operator.IS, Operator.IS_NOT, Operator.CONTAINS, Operator.LIKE])
ORDERED_OPERATOR = st.sampled_from([*Operator]).filter(
    lambda word: word not in {Operator.CONTAINS, Operator.LIKE, Operator.IN}
)
EXACT_OPERATOR = st.sampled_from([Operator.IS, Operator.IS_NOT])


def _compared(
    names: st.SearchStrategy[str], operators: st.SearchStrategy[Operator], values: Any, **more: Any
) -> st.SearchStrategy[Comparison]:
    single = st.builds(Comparison, name=names, operator=operators, value=values, **more)
    one_of = st.builds(
        Comparison,
        name=names,
        operator=st.just(Operator.IN),
        value=st.lists(values, min_size=1, max_size=3).map(tuple),
        **more,
    )
    return single | one_of


PLAIN = st.sampled_from(sorted({*Field} - SETS - VERSIONS - {Field.COUPON})).map(str)
COMPARISONS: st.SearchStrategy[Comparison] = st.one_of(
    _compared(PLAIN | ATTRIBUTE_NAME, TEXT_OPERATOR, WORD),
    _compared(ATTRIBUTE_NAME, ORDERED_OPERATOR, NUMBER),
    _compared(
        st.sampled_from(sorted(VERSIONS)).map(str) | ATTRIBUTE_NAME,
        ORDERED_OPERATOR,
        VERSION_TEXT.map(Version),
    ),
    _compared(ATTRIBUTE_NAME, ORDERED_OPERATOR, INSTANT),
    _compared(
        st.just(str(Field.COUPON)),
        EXACT_OPERATOR,
        st.sampled_from([*CouponStanding]).map(str),
        coupon_id=COUPON_ID,
    ),
    st.builds(Comparison, name=ATTRIBUTE_NAME, operator=EXACT_OPERATOR, value=st.booleans()),
    st.builds(
        Comparison,
        name=st.sampled_from(sorted(SETS)).map(str),
        operator=st.just(Operator.CONTAINS),
        value=WORD,
    ),
)


def _joined(rules: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    several = st.lists(rules, min_size=2, max_size=3).map(tuple)
    return several.map(All) | several.map(AnyOf) | rules.map(Not)


RULES: st.SearchStrategy[Rule] = st.just(EVERYBODY) | st.recursive(
    COMPARISONS, _joined, max_leaves=6
)

ATTRIBUTES = st.dictionaries(
    ATTRIBUTE_NAME, WORD | NUMBER | st.booleans() | VERSION_TEXT | st.just("2026-11-23")
)
KNOWN: Mapping[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("$device.platform", "$device.locale", "$device.language"), WORD),
    **dict.fromkeys(("$device.timezone", "$country", "$placement"), WORD),
    **{name: VERSION_TEXT.map(version_key) for name in VERSIONS},
    **{name: st.frozensets(WORD, max_size=3) for name in SETS},
    Field.COUPON: st.dictionaries(COUPON_ID, st.sampled_from([*CouponStanding])),
}
FACTS: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda attributes, known: {**attributes, **{str(name): known[name] for name in known}},
    ATTRIBUTES,
    st.fixed_dictionaries({}, optional=dict(KNOWN)),
)

assert not WORDS & {"visits", "store.name", "_x", "v", "d", "tags-2"}
