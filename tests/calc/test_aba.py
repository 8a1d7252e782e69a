"""Routing numbers and ACH totals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payroll.calc import aba

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
