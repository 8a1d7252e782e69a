"""Net pay is shared among a person's destinations to the cent: nothing is lost, and nothing comes from nowhere."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc.deposits import AMOUNT, PERCENT, REMAINDER, Share, split

REST = Share(REMAINDER)


def amount(cents: int) -> Share:
    return Share(AMOUNT, cents=cents)


def percent(bp: int) -> Share:
    return Share(PERCENT, bp=bp)


# By hand: net pay, shares by priority, what each gets

BY_HAND = {
    "one destination": (2012_25, [REST], [2012_25]),
    "nothing to pay": (0, [amount(50_00), percent(10_00), REST], [0, 0, 0]),
    "an amount, and the rest": (2012_25, [amount(500_00), REST], [500_00, 1512_25]),
    "the remainder named first": (2012_25, [REST, amount(500_00)], [1512_25, 500_00]),
    "a percentage is of the whole net pay": (
        1000_00,
        [amount(600_00), percent(25_00), REST],
        [600_00, 250_00, 150_00],
    ),
    "amounts before percents, whatever their priority": (
        1000_00,
        [percent(50_00), amount(700_00), REST],
        [300_00, 700_00, 0],
    ),
    "amounts by priority as far as the pay goes": (
        100_00,
        [amount(80_00), amount(30_00), amount(5_00), REST],
        [80_00, 20_00, 0, 0],
    ),
    "percents by priority as far as the pay goes": (
        100_00,
        [amount(50_00), percent(40_00), percent(30_00), REST],
        [50_00, 40_00, 10_00, 0],
    ),
    "a cent that no third has goes to the rest": (1_00, [percent(33_33), percent(33_33), REST], [33, 33, 34]),
    "half a cent is cut off": (1_01, [percent(50_00), REST], [50, 51]),
    "two halves are the whole": (1_01, [percent(50_00), percent(50_00), REST], [50, 51, 0]),
    "three thirds are the whole": (
        1000_00,
        [percent(33_33), percent(33_33), percent(33_34), REST],
        [333_30, 333_30, 333_40, 0],
    ),
    "a cent": (1, [percent(99_99), REST], [0, 1]),
}


@pytest.mark.parametrize(("net_cents", "shares", "parts"), BY_HAND.values(), ids=BY_HAND)
def test_by_hand(net_cents: int, shares: list[Share], parts: list[int]) -> None:
    assert split(net_cents, shares) == tuple(parts)


# For every input


@st.composite
def destinations(draw: st.DrawFn) -> list[Share]:
    """Any number of amounts, percents of 100 together at most, one remainder, in any order."""
    shares = [amount(cents) for cents in draw(st.lists(st.integers(0, 5_000_00), max_size=5))]
    left = 100_00
    for wanted in draw(st.lists(st.integers(1, 100_00), max_size=5)):
        shares.append(percent(min(wanted, left)))
        left -= shares[-1].bp
    return draw(st.permutations([*shares, REST]))


net_pay = st.integers(0, 20_000_00)


@given(net_pay, destinations())
def test_the_parts_are_the_net_pay_and_none_is_below_zero(net_cents: int, shares: list[Share]) -> None:
    parts = split(net_cents, shares)
    assert len(parts) == len(shares)
    assert sum(parts) == net_cents
    assert min(parts) >= 0


@given(net_pay, destinations())
def test_nobody_gets_more_than_was_asked_for(net_cents: int, shares: list[Share]) -> None:
    """An amount is the most of its kind; a percentage is within a cent of its exact share, or the pay ran out."""
    parts = split(net_cents, shares)
    rest_cents = next(part for part, share in zip(parts, shares, strict=True) if share.kind == REMAINDER)
    for part, share in zip(parts, shares, strict=True):
        if share.kind == AMOUNT:
            assert part == share.cents or (part < share.cents and rest_cents == 0)
        if share.kind == PERCENT:
            exact = Fraction(net_cents * share.bp, 100_00)
            assert part < exact + 1
            assert part > exact - 1 or rest_cents == 0


@given(net_pay, destinations())
def test_who_comes_first_in_a_kind_is_paid_first(net_cents: int, shares: list[Share]) -> None:
    """After an amount that was cut short, no later amount and no percentage gets anything."""
    parts = split(net_cents, shares)
    amounts = [pair for pair in zip(parts, shares, strict=True) if pair[1].kind == AMOUNT]
    short = next((at for at, (part, share) in enumerate(amounts) if part < share.cents), None)
    if short is not None:
        assert not any(part for part, _ in amounts[short + 1 :])
        assert not any(part for part, share in zip(parts, shares, strict=True) if share.kind != AMOUNT)


@given(net_pay, destinations())
def test_percents_alone_do_not_depend_on_amounts_that_leave_room(net_cents: int, shares: list[Share]) -> None:
    """What a percentage is of is net pay, not what fixed amounts leave of it."""
    percents = [share for share in shares if share.kind == PERCENT]
    alone = split(net_cents, [*percents, REST])
    room_cents = alone[-1]
    with_amount = split(net_cents, [amount(room_cents), *percents, REST])
    assert with_amount == (room_cents, *alone[:-1], 0)


# What is refused


@pytest.mark.parametrize(
    ("net_cents", "shares", "why"),
    [
        (-1, [REST], "net pay of -0.01 is below zero"),
        (100, [], "0 deposits take the remainder"),
        (100, [amount(100)], "0 deposits take the remainder"),
        (100, [REST, REST], "2 deposits take the remainder"),
        (100, [percent(60_00), percent(40_01), REST], "over 100 together"),
        (100, [amount(-1), REST], "less than zero"),
        (100, [percent(-1), REST], "less than zero"),
        (100, [Share("half"), REST], "a deposit by half"),
    ],
)
def test_a_rule_that_does_not_add_up_pays_nothing(net_cents: int, shares: list[Share], why: str) -> None:
    with pytest.raises(NeedsReview) as refused:
        split(net_cents, shares)
    assert why in str(refused.value)
