"""The addenda of a federal tax deposit: written by the handbook's table, and read by a stranger to the writer."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payroll.payments import ach, ach_reader
from payroll.payments.ach import txp
from payroll.payments.tax_owed import due
from tests.saga.nacha import Line, Part, written

Q4 = date(2026, 12, 31)
OWED = txp.Deposit("12-3456789", Q4, 100_00, 50_00, 150_00)
TXP = "TXP*123456789*94105*261201*1*10000*2*5000*3*15000\\"
TAX = Part([Line("22", 300_00, "23401009", "S1", "IRS", TXP)], "CCD", "TAXPAYMENT")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        # Nacha's own example of three amounts, a century later
        (
            {"ein": "123456789", "period_end": date(2096, 3, 31)},
            "TXP*123456789*94105*960301*1*10000*2*5000*3*15000\\",
        ),
        ({}, TXP),
        ({"period_end": date(2027, 6, 30)}, "TXP*123456789*94105*270601*1*10000*2*5000*3*15000\\"),
        ({"withholding_cents": 0}, "TXP*123456789*94105*261201*1*10000*2*5000\\"),
        ({"social_security_cents": 0, "medicare_cents": 0}, "TXP*123456789*94105*261201*3*15000\\"),
        (
            {"social_security_cents": 1, "medicare_cents": 99_999_999_97, "withholding_cents": 1},
            "TXP*123456789*94105*261201*1*1*2*9999999997*3*1\\",
        ),
    ],
)
def test_the_segment_is_the_one_the_table_asks_for(change, text):
    assert txp.addenda(replace(OWED, **change)) == text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ein": ""}, "EIN"),
        ({"ein": "12345678"}, "EIN"),
        ({"ein": "1-23456789"}, "EIN"),
        ({"ein": "12-345678٩"}, "EIN"),
        ({"period_end": date(2026, 11, 30)}, "end with a quarter"),
        ({"period_end": date(2100, 3, 31)}, "2000-2099"),
        ({"medicare_cents": -1}, "below 0"),
        ({"medicare_cents": 1.5}, "whole cents"),
        ({"medicare_cents": True}, "whole cents"),
        ({"social_security_cents": 0, "medicare_cents": 0, "withholding_cents": 0}, "total"),
        ({"withholding_cents": 99_999_999_99}, "total"),
    ],
)
def test_every_limit_is_refused_by_name_and_without_its_value(change, why):
    with pytest.raises(ach.FileRefused, match=why) as refused:
        txp.addenda(replace(OWED, **change))
    assert "12345" not in str(refused.value)


@given(
    st.integers(0, 10**9 - 1),
    st.sampled_from((3, 6, 9, 12)),
    *[st.integers(0, 3_333_333_333)] * 3,
)
def test_whatever_is_written_reads_as_it_was_meant(ein, month, social_security, medicare, withheld):
    cents = social_security + medicare + withheld
    if not cents:
        return
    text = txp.addenda(txp.Deposit(f"{ein:09d}", date(2026, month, 28), social_security, medicare, withheld))
    assert len(text) <= 80 and text.endswith("\\")
    assert written_with(text, cents) == set()
    assert written_with(text, cents + 1 if cents < 99_999_999_99 else cents - 1) == {
        "other amounts than its entry"
    }
    elements = text[:-1].split("*")
    assert elements[:4] == ["TXP", f"{ein:09d}", "94105", f"26{month:02d}01"]
    told = dict(zip(elements[4::2], map(int, elements[5::2]), strict=True))
    wanted = {"1": social_security, "2": medicare, "3": withheld}
    assert told == {kind: amount for kind, amount in wanted.items() if amount}


def written_with(addenda: str, cents: int = 300_00, sec_code: str = "CCD") -> set[str]:
    """What the reader finds in a file of one such entry."""
    line = Line("22", cents, "23401009", "S1", "IRS", addenda)
    part = replace(TAX, lines=[line], sec_code=sec_code, description="PAYROLL")
    return {finding.what for finding in ach_reader.read(written(part)).findings}


@pytest.mark.parametrize(
    ("addenda", "what"),
    [
        (TXP, ""),
        (TXP.replace("*1*10000*2*5000", ""), "other amounts than its entry"),
        ("TXP*123456789*94105*260301*3*30000\\", ""),
        ("TXP*123456789*94105*260901*1*29999*2*1\\", ""),
        ("TXP*123456789*94105*260901*1*29999*2*2\\", "other amounts than its entry"),
        (TXP.replace("\\", ""), "not a TXP segment of a Form 941 deposit"),
        (TXP.replace("12345678", "1234567"), "not a TXP segment of a Form 941 deposit"),
        (TXP.replace("94105", "94104"), "not a TXP segment of a Form 941 deposit"),
        (TXP.replace("261201", "261231"), "not a TXP segment of a Form 941 deposit"),
        (TXP.replace("261201", "261101"), "not a TXP segment of a Form 941 deposit"),
        (TXP.replace("*3*", "*4*"), "not a TXP segment of a Form 941 deposit"),
        ("TXP*123456789*94105*261201*2*5000*1*10000*3*15000\\", "not a TXP segment of a Form 941 deposit"),
        (TXP + "X", "not a TXP segment of a Form 941 deposit"),
        (TXP.replace("5000", "5000.00"), "not a TXP segment of a Form 941 deposit"),
    ],
)
def test_a_segment_that_the_treasury_could_not_read_is_found(addenda, what):
    assert written_with(addenda) == ({what} if what else set())


def test_it_is_a_segment_of_companies_alone():
    assert written_with("TXP*WHATEVER", sec_code="PPD") == set()


def test_a_deposit_is_a_batch_of_its_own_and_needs_its_addenda():
    bare = ach.Entry("S1", "IRS", "091000019", "777", "checking", 300_00)
    with pytest.raises(ach.FileRefused, match="a tax deposit has no addenda"):
        ach.federal_tax(bare, date(2026, 11, 23))
    batch = ach.federal_tax(replace(bare, addenda=TXP), date(2026, 11, 23))
    assert (batch.sec_code, batch.description, batch.offset) == ("CCD", "TAXPAYMENT", None)


# How much of each tax


@pytest.mark.parametrize(
    ("owed", "deposited"),
    [
        ((0, 0, 0), ()),
        ((10, 20, 30), (10, 20, 30)),
        ((10, 0, 30), (10, 0, 30)),
        ((-5, 20, 30), (0, 20, 25)),  # the largest gives first
        ((-35, 20, 30), (0, 15, 0)),
        ((-50, 20, 30), ()),
        ((-51, 20, 30), ()),
        ((-1, -2, 0), ()),
        ((-1, -2, 3), ()),
        ((-1, -2, 4), (0, 0, 1)),
    ],
)
def test_together_no_more_is_deposited_than_is_owed_together(owed, deposited):
    names = ("social_security", "medicare", "federal_income_tax")
    wanted = {name: cents for name, cents in zip(names, deposited, strict=False) if cents}
    assert due(dict(zip(names, owed, strict=True))) == wanted
