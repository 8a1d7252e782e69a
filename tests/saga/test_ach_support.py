"""The addenda of child support, against the element table of the DED segment."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payroll.payments import ach
from payroll.payments.ach import support

BORIS = support.Withheld("A1234", date(2026, 11, 20), 12_345, "123456789", "N", "Baker", "Boris", "3601400")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "DED*CS*A1234*261120*12345*123456789*N*BAKER,BOR*3601400\\"),
        ({"terminated": True}, "DED*CS*A1234*261120*12345*123456789*N*BAKER,BOR*3601400*Y\\"),
        # trailing elements that say nothing are dropped, others leave their place
        ({"fips": ""}, "DED*CS*A1234*261120*12345*123456789*N*BAKER,BOR\\"),
        ({"fips": "", "terminated": True}, "DED*CS*A1234*261120*12345*123456789*N*BAKER,BOR**Y\\"),
        # seven letters of the surname, three of the first name; a comma only after a surname shorter than seven
        (
            {"surname": "Rodriguez", "first_name": "Al"},
            "DED*CS*A1234*261120*12345*123456789*N*RODRIGUAL*3601400\\",
        ),
        (
            {"surname": "Rodrigo", "first_name": "Maria"},
            "DED*CS*A1234*261120*12345*123456789*N*RODRIGOMAR*3601400\\",
        ),
        (
            {"surname": "O'Neil-Ñandú", "first_name": "Zoë"},
            "DED*CS*A1234*261120*12345*123456789*N*ONEILNAZOE*3601400\\",
        ),
        ({"surname": "Li", "first_name": ""}, "DED*CS*A1234*261120*12345*123456789*N*LI*3601400\\"),
        ({"medical": "W", "amount_cents": 1}, "DED*CS*A1234*261120*1*123456789*W*BAKER,BOR*3601400\\"),
    ],
)
def test_the_segment_is_the_one_the_table_asks_for(change, text):
    assert support.addenda(replace(BORIS, **change)) == text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"case_id": ""}, "case id"),
        ({"case_id": "X" * 21}, "case id"),
        ({"case_id": "a1"}, "case id"),
        ({"case_id": "A*1"}, "case id"),
        ({"case_id": "A1\\"}, "case id"),
        ({"case_id": "A1 "}, "case id"),
        ({"case_id": "A1\n"}, "case id"),
        ({"pay_date": date(1999, 12, 31)}, "pay date"),
        ({"amount_cents": 0}, "amount"),
        ({"amount_cents": 10_000_000_000}, "amount"),
        ({"amount_cents": 1.5}, "amount"),
        ({"ssn": "12345678"}, "nine digits"),
        ({"ssn": "123-45-678"}, "nine digits"),
        ({"ssn": "12345678٩"}, "nine digits"),
        ({"medical": "y"}, "medical"),
        ({"medical": ""}, "medical"),
        ({"surname": "*"}, "surname"),
        ({"surname": "李"}, "surname"),
        ({"fips": "3601"}, "FIPS"),
        ({"fips": "36014000"}, "FIPS"),
        ({"fips": "36 014"}, "FIPS"),
    ],
)
def test_every_limit_is_refused_by_name_and_without_its_value(change, why):
    with pytest.raises(ach.FileRefused, match=why) as refused:
        support.addenda(replace(BORIS, **change))
    for value in change.values():
        assert not str(value).strip("*") or str(value) not in str(refused.value).split()


NAMES = st.text(max_size=30)


@given(
    st.from_regex(r"[0-9A-Z]{1,20}", fullmatch=True),
    st.integers(1, 99_999_999_99),
    st.sampled_from("YNW"),
    NAMES,
    NAMES,
    st.from_regex(r"([0-9]{5,7})?", fullmatch=True),
    st.booleans(),
)
def test_whatever_is_written_can_be_taken_apart_again(case, cents, medical, surname, first, fips, last):  # noqa: PLR0917
    given_ = replace(
        BORIS,
        case_id=case,
        amount_cents=cents,
        medical=medical,
        surname=surname,
        first_name=first,
        fips=fips,
        terminated=last,
    )
    try:
        text = support.addenda(given_)
    except ach.FileRefused as refused:
        assert "surname" in str(refused)
        return
    assert len(text) <= 80 and text.isascii() and text == text.upper() and text.endswith("\\")
    elements = text[:-1].split("*")
    elements += [""] * (10 - len(elements))
    assert elements[:7] == ["DED", "CS", case, "261120", str(cents), "123456789", medical]
    assert 1 <= len(elements[7]) <= 10 and elements[8:] == [fips, "Y" if last else ""]


def test_a_support_payment_needs_its_addenda():
    bare = ach.Entry("A1", "Agency", "091000019", "777", "checking", 1)
    with pytest.raises(ach.FileRefused, match="entry 2: a support payment has no addenda"):
        ach.child_support([replace(bare, addenda="DED\\"), bare], date(2026, 11, 20))
