"""Rounding happens once and half up; amounts are read exactly or not at all."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payroll.calc.money import dollars, half_up, parse_cents, percent_to_bp, ratio_half_up


@pytest.mark.parametrize(
    ("amount", "cents"),
    [
        (Decimal("0.5"), 1),
        (Decimal("2.5"), 3),  # half-even would give 2
        (Decimal("2.4999999999"), 2),
        (Decimal("-2.5"), -3),  # away from zero, so a reversal mirrors its payment
        (Fraction(5, 2), 3),
        (Fraction(-5, 2), -3),
        (Fraction(249, 100), 2),
        (Fraction(1, 3), 0),
    ],
)
def test_half_up(amount: Decimal | Fraction, cents: int) -> None:
    assert half_up(amount) == cents


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**9))
def test_a_ratio_rounds_to_the_nearest_and_mirrors(numerator: int, denominator: int) -> None:
    cents = ratio_half_up(numerator, denominator)
    assert abs(Fraction(numerator, denominator) - cents) <= Fraction(1, 2)
    assert ratio_half_up(-numerator, denominator) == -cents
    assert half_up(Fraction(numerator, denominator)) == cents


@given(st.integers(-(10**10), 10**10))
def test_decimal_and_fraction_round_alike(thousandths: int) -> None:
    amount = Decimal(thousandths).scaleb(-3)
    assert half_up(amount) == half_up(Fraction(amount)) == int(amount.to_integral_value(ROUND_HALF_UP))


@given(st.integers(-(10**12), 10**12))
def test_cents_survive_being_written_and_read(cents: int) -> None:
    assert parse_cents(dollars(cents)) == cents


@pytest.mark.parametrize(
    ("text", "cents"),
    [("0", 0), ("12", 1200), ("12.3", 1230), ("1234.50", 123450), ("-0.07", -7), ("1.500", 150)],
)
def test_dollars_are_read(text: str, cents: int) -> None:
    assert parse_cents(text) == cents


@pytest.mark.parametrize(
    "text", ["", "1.005", "1,234.00", "$5", "1e3", "NaN", "Infinity", " 1", "1.", ".5", "--1", "١٢", "1_000"]
)
def test_what_is_no_amount_of_cents_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like|fraction of a cent"):
        parse_cents(text)


def test_percents_have_two_decimals() -> None:
    assert (percent_to_bp("8"), percent_to_bp(Decimal("7.25")), percent_to_bp(100)) == (800, 725, 10_000)
    with pytest.raises(ValueError, match="hundredth of a percent"):
        percent_to_bp("7.255")
