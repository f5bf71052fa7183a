from dataclasses import replace

import pytest

from shared.coupons.model.stacking import ALONE, Combination, Stacking

WELCOME = Stacking(
    category="welcome", combination=Combination.JOINT, combines_with=frozenset({"shipping"})
)
SHIPPING = Stacking(
    category="shipping", combination=Combination.JOINT, combines_with=frozenset({"welcome"})
)


@pytest.mark.parametrize(
    ("other", "together"),
    [
        (SHIPPING, True),
        (replace(SHIPPING, combines_with=frozenset({"another"})), False),
        (replace(SHIPPING, combination=Combination.EXCLUSIVE), False),
        (WELCOME, False),
        (ALONE, False),
    ],
)
def test_two_go_together_where_each_names_the_others_category(
    other: Stacking, *, together: bool
) -> None:
    assert WELCOME.goes_with(other) is together
    assert other.goes_with(WELCOME) is together


def test_a_category_that_names_itself_goes_with_its_own() -> None:
    own = replace(WELCOME, combines_with=frozenset({"welcome"}))
    assert own.goes_with(own)
