"""When pay does not suffice: nothing is negative, nothing is cut that fits, and the order holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.deferral import NO_DEFERRAL, Deferral
from payroll.calc.paycheck import NO_TAXES, Taxes
from payroll.calc.precedence import (
    ORDER,
    as_far_as_it_fits,
    fitted_working,
    reduced,
    reduced_working,
    surely_fits,
    whole_or_nothing,
    within_pay,
    within_pay_working,
)
from payroll.calc.worksheet import add_up

cents = st.integers(0, 500_000)
lists = st.lists(st.integers(0, 50_000), max_size=8)
checked = settings(max_examples=150, deadline=None)


def taxes(
    *,
    federal: int = 0,
    state: int = 0,
    social: int = 0,
    medicare: int = 0,
    additional: int = 0,
    supplemental: int = 0,
    programmes: tuple[int, ...] = (),
) -> Taxes:
    return NO_TAXES._replace(
        federal_income_tax_cents=federal,
        supplemental_income_tax_cents=supplemental,
        state_income_tax_cents=state,
        social_security_cents=social,
        medicare_cents=medicare,
        additional_medicare_cents=additional,
        programmes=tuple((f"programme{n}", owed, 7, 1_000) for n, owed in enumerate(programmes)),
        state_programmes_cents=sum(programmes),
    )


def deferral(traditional: int, roth: int, catch_up: int = 0, refused: int = 0) -> Deferral:
    return NO_DEFERRAL._replace(
        traditional_cents=traditional,
        roth_cents=roth,
        total_cents=traditional + roth,
        catch_up_cents=catch_up,
        refused_cents=refused,
    )


def test_the_order_as_it_is_written() -> None:
    assert [rank.rank for rank in ORDER] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [rank.key for rank in ORDER] == [
        "fica",
        "income_tax",
        "garnishments",
        "premiums",
        "deferral",
        "recovery",
        "post_tax",
        "net_pay",
    ]
    assert all(rank.words for rank in ORDER)


@pytest.mark.parametrize(
    ("available", "federal", "state", "programmes"),
    [
        (10_000, 2_500, 500, (30, 20)),  # everything fits
        (3_825, 2_500, 500, (30, 20)),  # exactly
        (3_824, 2_499, 500, (30, 20)),  # a cent short: federal income tax gives way first
        (1_325, 0, 500, (30, 20)),
        (1_324, 0, 499, (30, 20)),  # then the state's
        (825, 0, 0, (30, 20)),
        (824, 0, 0, (30, 19)),  # then its programmes, the last first
        (804, 0, 0, (29, 0)),
        (775, 0, 0, (0, 0)),  # Social Security and Medicare are never cut
        (0, 0, 0, (0, 0)),
    ],
)
def test_taxes_are_cut_in_their_order(
    available: int, federal: int, state: int, programmes: tuple[int, ...]
) -> None:
    asked = taxes(federal=2_500, state=500, social=620, medicare=145, additional=10, programmes=(30, 20))
    withheld = within_pay(asked, available)
    assert (withheld.federal_income_tax_cents, withheld.state_income_tax_cents) == (federal, state)
    assert withheld.programmes == tuple(
        (f"programme{n}", owed, 7, 1_000) for n, owed in enumerate(programmes)
    )
    assert withheld.state_programmes_cents == sum(programmes)
    assert (withheld.social_security_cents, withheld.medicare_cents) == (620, 145)
    assert withheld.additional_medicare_cents == 10


def test_tax_on_supplemental_wages_stays_within_the_tax() -> None:
    asked = taxes(federal=1_000, supplemental=600)
    assert within_pay(asked, 700).supplemental_income_tax_cents == 600
    assert within_pay(asked, 599).supplemental_income_tax_cents == 599
    assert within_pay(asked, 1_000) is asked


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
    assert reduced(deferral(10_000, 0, catch_up=3_000), 6_999).catch_up_cents == 0


@pytest.mark.parametrize(
    ("wanted", "room", "whole", "fitted"),
    [
        ([], 100, (), ()),
        ([60, 40], 100, (60, 40), (60, 40)),
        ([60, 41], 100, (60, 0), (60, 40)),
        ([101, 60, 41, 40], 100, (0, 60, 0, 40), (100, 0, 0, 0)),  # what does not fit is passed over
        ([1, 0], 0, (0, 0), (0, 0)),
        ([5], -1, (0,), (0,)),
    ],
)
def test_whole_or_as_far_as_it_fits(
    wanted: list[int], room: int, whole: tuple[int, ...], fitted: tuple[int, ...]
) -> None:
    assert whole_or_nothing(wanted, room) == whole
    assert as_far_as_it_fits(wanted, room) == fitted


@checked
@given(federal=cents, state=cents, social=cents, medicare=cents, owed=lists, available=cents)
def test_what_is_withheld_fits_or_is_social_security_and_medicare_alone(
    *, federal: int, state: int, social: int, medicare: int, owed: list[int], available: int
) -> None:
    asked = taxes(
        federal=federal,
        state=state,
        social=social,
        medicare=medicare,
        supplemental=federal // 2,
        programmes=tuple(owed),
    )
    withheld = within_pay(asked, available)
    assert withheld.employee_cents == max(min(asked.employee_cents, available), social + medicare)
    assert withheld.employer_cents == asked.employer_cents
    facts = add_up([within_pay_working(asked, available)])
    for name in ("federal_income_tax", "supplemental_income_tax", "state_income_tax", "state_programmes"):
        assert facts[f"{name}_cents"] == getattr(withheld, f"{name}_cents")
    assert all(facts[f"{name}_cents"] == taken for name, taken, _, _ in withheld.programmes)
    assert within_pay(withheld, available) == withheld


@checked
@given(traditional=cents, roth=cents, room=st.integers(-1000, 600_000), refused=cents, late=st.integers(0, 9))
def test_what_is_cut_is_refused_to_the_cent(
    traditional: int, roth: int, room: int, refused: int, late: int
) -> None:
    asked = deferral(traditional, roth, catch_up=(traditional + roth) * late // 10, refused=refused)
    cut = reduced(asked, room)
    assert cut.total_cents == cut.traditional_cents + cut.roth_cents == min(traditional + roth, max(room, 0))
    assert cut.total_cents + cut.refused_cents == traditional + roth + refused
    assert min(cut.traditional_cents, cut.roth_cents, cut.catch_up_cents) >= 0
    assert add_up([reduced_working(asked, room)]) == {
        "traditional_401k_cents": cut.traditional_cents,
        "roth_401k_cents": cut.roth_cents,
        "deferral_cents": cut.total_cents,
        "catch_up_cents": cut.catch_up_cents,
        "deferral_refused_cents": cut.refused_cents,
    }


@checked
@given(wanted=lists, room=st.integers(-100, 300_000))
def test_nothing_is_taken_beyond_the_room_and_the_worksheets_agree(wanted: list[int], room: int) -> None:
    names = [f"item{n}" for n in range(len(wanted))]
    for take in (whole_or_nothing, as_far_as_it_fits):
        taken = take(wanted, room)
        assert sum(taken) <= max(0, room)
        assert all(0 <= got <= asked for got, asked in zip(taken, wanted, strict=True))
        facts = add_up([fitted_working(take.__name__, names, wanted, room)])
        assert facts == {f"{name}_cents": got for name, got in zip(names, taken, strict=True)}
    assert sum(as_far_as_it_fits(wanted, room)) == min(sum(wanted), max(0, room))


def test_what_surely_fits_is_known_without_the_taxes() -> None:
    assert surely_fits(37_00, 100_00)
    assert not surely_fits(37_01, 100_00)
    assert surely_fits(0, 0)
    assert not surely_fits(1, 0)


@checked
@given(taken=cents, gross=cents)
def test_what_surely_fits_leaves_room_for_the_highest_taxes(taken: int, gross: int) -> None:
    """37 % federal, 14.63 % and 1.3 % state (California), 6.2 %, 1.45 %, 0.9 %: 61.48 % of all wages."""
    if surely_fits(taken, gross):
        assert taken * 10_000 + gross * 6_148 <= gross * 10_000
