"""When pay does not suffice: nothing is negative, nothing is cut that fits, and the order holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payroll.calc.deferral import Deferral
from payroll.calc.paycheck import Taxes
from payroll.calc.precedence import reduced, surely_fits, within_pay

cents = st.integers(0, 500_000)


def taxes(federal: int = 0, state: int = 0, social: int = 0, medicare: int = 0) -> Taxes:
    nothing = dict.fromkeys(Taxes._fields, 0)
    taken = {"federal_income_tax_cents": federal, "state_income_tax_cents": state}
    return Taxes(**nothing | taken | {"social_security_cents": social, "medicare_cents": medicare})


def deferral(traditional: int, roth: int, catch_up: int = 0, refused: int = 0) -> Deferral:
    return Deferral(traditional, roth, traditional + roth, catch_up, refused, False)


@pytest.mark.parametrize(
    ("available", "federal", "state"),
    [
        (10_000, 2_500, 500),  # everything fits
        (3_765, 2_500, 500),  # exactly
        (3_764, 2_499, 500),  # a cent short: federal income tax gives way first
        (1_265, 0, 500),
        (1_264, 0, 499),  # then the state's
        (765, 0, 0),  # Social Security and Medicare are never cut
    ],
)
def test_taxes_are_cut_in_their_order(available: int, federal: int, state: int) -> None:
    withheld = within_pay(taxes(federal=2_500, state=500, social=620, medicare=145), available)
    assert (withheld.federal_income_tax_cents, withheld.state_income_tax_cents) == (federal, state)
    assert (withheld.social_security_cents, withheld.medicare_cents) == (620, 145)


@pytest.mark.parametrize(
    ("room", "traditional", "roth", "refused"),
    [
        (10_000, 6_000, 4_000, 0),
        (9_999, 6_000, 3_999, 1),  # Roth dollars are cut first
        (6_000, 6_000, 0, 4_000),
        (5_000, 5_000, 0, 5_000),
        (0, 0, 0, 10_000),
        (-50, 0, 0, 10_000),
    ],
)
def test_a_deferral_never_takes_more_than_the_taxes_leave(
    room: int, traditional: int, roth: int, refused: int
) -> None:
    cut = reduced(deferral(6_000, 4_000), room)
    assert (cut.traditional_cents, cut.roth_cents, cut.refused_cents) == (traditional, roth, refused)
    assert cut.total_cents == traditional + roth


def test_catch_up_dollars_are_the_last_in_and_the_first_out() -> None:
    assert reduced(deferral(10_000, 0, catch_up=3_000), 8_000).catch_up_cents == 1_000
    assert reduced(deferral(10_000, 0, catch_up=3_000), 7_000).catch_up_cents == 0


@given(federal=cents, state=cents, social=cents, medicare=cents, available=cents)
def test_what_is_withheld_fits_or_is_social_security_and_medicare_alone(
    federal: int, state: int, social: int, medicare: int, available: int
) -> None:
    asked = taxes(federal, state, social, medicare)
    withheld = within_pay(asked, available)
    assert withheld.employee_cents == max(min(asked.employee_cents, available), social + medicare)
    assert withheld.employer_cents == asked.employer_cents


@given(traditional=cents, roth=cents, room=st.integers(-1000, 600_000))
def test_what_is_cut_is_refused_to_the_cent(traditional: int, roth: int, room: int) -> None:
    cut = reduced(deferral(traditional, roth), room)
    assert cut.total_cents == min(traditional + roth, max(room, 0))
    assert cut.total_cents + cut.refused_cents == traditional + roth
    assert min(cut.traditional_cents, cut.roth_cents) >= 0


@given(deferred=cents, left=cents)
def test_what_surely_fits_leaves_room_for_the_highest_taxes(deferred: int, left: int) -> None:
    """37 % federal, 14.63 % state (California), 6.2 %, 1.45 %, 0.9 %: 60.18 % of what is left."""
    if surely_fits(deferred, left):
        assert deferred * 10_000 <= left * (10_000 - 6_018)
