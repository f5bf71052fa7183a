from itertools import combinations
from math import log2

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.coupons.errors import MalformedCodeError, WeakPatternError
from shared.coupons.model.codes import last_four_of, normal_form
from shared.coupons.model.guesses import GUESSES_A_DAY
from shared.coupons.model.patterns import (
    ALPHABET,
    CHANCE_BYTES,
    LONGEST,
    MOST_PLACES,
    ROOM,
    Pattern,
    check_character,
    hold_strength,
    is_well_checked,
)
from shared.kernel.errors import InvalidFieldsError

CHANCE = st.binary(min_size=CHANCE_BYTES, max_size=CHANCE_BYTES)
LETTERS = st.text(ALPHABET, min_size=2, max_size=MOST_PLACES - 1)
MANY_GUESSERS = 1_000 * 10 * 60 * 24
"""Guesses a day of the attack that the field reckons with: 1,000 who try ten times a minute."""


def problems(**config: object) -> list[str]:
    with pytest.raises(InvalidFieldsError) as refused:
        Pattern(**config)  # type: ignore[arg-type]
    return [one.pointer for one in refused.value.fields]


def test_the_alphabet_has_no_two_letters_that_look_alike() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET) == 31
    assert not set(ALPHABET) & set("01ILO")


@given(LETTERS, st.data())
def test_any_one_wrong_letter_is_found(letters: str, data: st.DataObject) -> None:
    code = letters + check_character(letters)
    place = data.draw(st.integers(0, len(code) - 1))
    wrong = data.draw(st.sampled_from(sorted(set(ALPHABET) - {code[place]})))
    assert is_well_checked(code)
    assert not is_well_checked(code[:place] + wrong + code[place + 1 :])


@given(LETTERS)
def test_any_two_letters_in_each_others_place_are_found(letters: str) -> None:
    code = letters + check_character(letters)
    for one, other in combinations(range(len(code)), 2):
        swapped = list(code)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        assert is_well_checked(swapped) == (code[one] == code[other])


@given(CHANCE)
def test_a_code_is_made_of_twelve_letters_of_chance_and_a_check_character(chance: bytes) -> None:
    code = Pattern().speller()(chance)
    assert len(code) == 13
    assert set(code) <= set(ALPHABET)
    assert is_well_checked(code)


@given(CHANCE)
def test_a_pattern_keeps_what_is_fixed(chance: bytes) -> None:
    pattern = Pattern(prefix="SUMMER-", pattern="####-####", postfix=".26", check=False)
    code = pattern.speller()(chance)
    assert (code[:7], code[11], code[-3:]) == ("SUMMER-", "-", ".26")
    assert pattern.space == 31**8


def test_every_code_of_a_pattern_is_as_likely_as_another() -> None:
    pattern = Pattern(length=2, charset="234", check=False)
    spell = pattern.speller()
    made = {spell(number.to_bytes(CHANCE_BYTES)) for number in range(9)}
    assert len(made) == pattern.space == 9
    # What is left over where 2^256 is no multiple of the space is lost in it.
    assert CHANCE_BYTES * 8 - log2(31**MOST_PLACES) > 100


@given(CHANCE)
def test_what_is_generated_is_a_code_as_it_is_typed(chance: bytes) -> None:
    code = Pattern(prefix="ab-", length=13).speller()(chance)
    assert normal_form(code) == code.replace("-", "").upper()


def test_patterns_that_make_no_codes_are_refused_field_by_field() -> None:
    assert problems(charset="A") == ["/charset"]
    assert problems(charset="AAB") == ["/charset"]
    assert problems(charset="ABO") == ["/charset"]
    assert problems(prefix="a b", postfix="#") == ["/prefix", "/postfix"]
    assert problems(pattern="ABC") == ["/pattern"]
    assert problems(pattern="A#") == ["/pattern"]
    assert problems(length=MOST_PLACES + 1) == ["/length"]
    assert problems(length=1) == ["/length"]
    assert problems(prefix="A" * (LONGEST - 12)) == ["/length"]


def test_a_million_codes_of_the_default_withstand_the_attack_of_the_field() -> None:
    strength = hold_strength(Pattern(), codes=1_000_000, bound=False, guesses_a_day=MANY_GUESSERS)
    assert 1e-5 < strength.hits_a_day < 2e-5
    ours = hold_strength(Pattern(), codes=1_000_000, bound=False, guesses_a_day=GUESSES_A_DAY)
    assert ours.hits_a_day < 1.5e-7


def test_a_weak_pattern_is_refused_with_the_cost_of_attack_and_what_would_do() -> None:
    with pytest.raises(WeakPatternError, match=r"17 would find one; use 9 places .* not 8"):
        hold_strength(
            Pattern(length=8, check=False),
            codes=1_000_000,
            bound=False,
            guesses_a_day=MANY_GUESSERS,
        )


def test_eight_places_are_enough_only_where_each_code_is_somebodys() -> None:
    short = Pattern(length=8, check=False)
    hold_strength(short, codes=100, bound=True, guesses_a_day=1)
    with pytest.raises(WeakPatternError, match="use 9 places"):
        hold_strength(short, codes=100, bound=False, guesses_a_day=1)
    with pytest.raises(WeakPatternError):
        hold_strength(short, codes=10**8, bound=True, guesses_a_day=1)


@given(
    places=st.integers(2, 20),
    codes=st.integers(1, 10**7),
    size=st.integers(2, 31),
    bound=st.booleans(),
)
def test_what_a_refusal_asks_for_is_the_least_that_passes(
    places: int, codes: int, size: int, bound: bool
) -> None:
    def is_strong(length: int) -> bool:
        pattern = Pattern(length=length, charset=ALPHABET[:size], check=False)
        try:
            hold_strength(pattern, codes=codes, bound=bound, guesses_a_day=1)
        except WeakPatternError as refused:
            told.append(int(refused.detail.partition("use ")[2].partition(" ")[0]))
            return False
        return True

    told: list[int] = []
    assume(not is_strong(places))
    least = told[0]
    assume(least <= MOST_PLACES)
    assert is_strong(least)
    assert least == 1 or not is_strong(least - 1)
    assert size**least >= ROOM * codes


@given(st.text())
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    try:
        form = normal_form(text)
    except MalformedCodeError:
        return
    assert normal_form(form) == form


@given(CHANCE, st.lists(st.sampled_from([" ", "-", "\u2013", "\u00a0", "\t"]), max_size=12))
def test_case_spaces_and_dashes_never_matter(chance: bytes, put_in: list[str]) -> None:
    code = Pattern().speller()(chance)
    typed = code.lower()
    for place, letter in enumerate(put_in):
        typed = typed[: 2 * place] + letter + typed[2 * place :]
    assert normal_form(typed) == code


@pytest.mark.parametrize(
    "typed", ["", "--", "AB", "A" * 65, "GRÜN10", "A B", "AB#1", "A,B,C", "A\nB;", "-" * 257]
)
def test_what_is_no_code_is_malformed(typed: str) -> None:
    with pytest.raises(MalformedCodeError):
        normal_form(typed)


def test_letters_that_look_alike_are_never_taken_for_each_other() -> None:
    assert len({normal_form(f"SALE{letter}") for letter in "0O1IL"}) == 5


def test_of_a_short_code_less_than_half_is_shown() -> None:
    assert [last_four_of(form) for form in ("ABC", "ABCD", "ABCDEFGHJ")] == ["C", "CD", "FGHJ"]
