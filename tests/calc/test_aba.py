"""Routing numbers and ACH totals."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payroll.calc import (
    aba,
    worksheets,  # noqa: F401 - makes the worksheets known
)
from payroll.calc.worksheet import add_up

EIGHT = st.text("0123456789", min_size=8, max_size=8)


@given(EIGHT)
def test_the_check_digit_makes_the_weighted_sum_a_multiple_of_ten(routing8: str) -> None:
    d = [int(digit) for digit in routing8] + [aba.check_digit(routing8)]
    # NACHA: 3(d1+d4+d7) + 7(d2+d5+d8) + (d3+d6+d9) is divisible by 10
    assert (3 * (d[0] + d[3] + d[6]) + 7 * (d[1] + d[4] + d[7]) + d[2] + d[5] + d[8]) % 10 == 0


@given(EIGHT, st.integers(0, 7), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(routing8: str, place: int, shift: int) -> None:
    wrong = (int(routing8[place]) + shift) % 10
    routing = routing8[:place] + str(wrong) + routing8[place + 1 :] + str(aba.check_digit(routing8))
    assert not aba.is_routing_number(routing)


@pytest.mark.parametrize("text", ["", "12100035", "1210003580", "12100035a", "\uff11\uff12" + "1000358"])
def test_what_is_no_routing_number(text: str) -> None:
    assert not aba.is_routing_number(text)


def test_a_routing_number_of_another_length_has_no_check_digit() -> None:
    with pytest.raises(ValueError, match="exactly 8 digits"):
        aba.check_digit("123")


def test_a_hash_keeps_the_last_ten_digits() -> None:
    assert aba.entry_hash(["999999999"] * 1001) == "0099998999"  # 100,099,998,999 loses its first digits


@given(st.integers(0, 100_000))
def test_blocks_are_full(records: int) -> None:
    blocks = aba.blocks(records)
    assert records + blocks.filler_records == blocks.block_count * 10
    assert 0 <= blocks.filler_records <= 9


@pytest.mark.parametrize(
    ("routing8", "threes", "sevens", "ones", "digit"),
    [
        ("12100035", 3 * (1 + 0 + 3), 7 * (2 + 0 + 5), 1 + 0, 8),  # 12 + 49 + 1 = 62
        ("07400001", 0, 7 * (7 + 0 + 1), 4, 0),  # 56 + 4 = 60
        ("00000000", 0, 0, 0, 0),
    ],
)
def test_a_check_digit_is_explained(
    *, routing8: str, threes: int, sevens: int, ones: int, digit: int
) -> None:
    assert add_up([aba.check_digit_working(routing8)]) == {
        "threes": threes,
        "sevens": sevens,
        "ones": ones,
        "sum": threes + sevens + ones,
        "check_digit": digit,
    }
    assert aba.check_digit(routing8) == digit


def test_a_hash_and_blocks_are_explained() -> None:
    assert add_up([aba.entry_hash_working(["121000358", "02200004"])]) == {
        "sum": 14_300_039,
        "entry_hash": "0014300039",
    }
    assert aba.entry_hash(["121000358", "02200004"]) == "0014300039"
    assert add_up([aba.blocks_working(27)]) == {
        "full_blocks": 2,
        "records_left": 7,
        "filler_records": 3,
        "block_count": 3,
    }
    assert aba.blocks(27) == (3, 3)


@given(EIGHT, st.lists(EIGHT, max_size=8), st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_the_worksheets_give_the_same(routing8: str, others: list[str], records: int) -> None:
    assert add_up([aba.check_digit_working(routing8)])["check_digit"] == aba.check_digit(routing8)
    hashed = add_up([aba.entry_hash_working(iter(others * 20))])["entry_hash"]
    assert hashed == aba.entry_hash(others * 20)
    facts = add_up([aba.blocks_working(records)])
    assert (facts["block_count"], facts["filler_records"]) == aba.blocks(records)
