"""Arithmetic of ACH files: routing numbers, entry hash, blocks. The record layouts live elsewhere."""

from collections.abc import Iterable
from typing import NamedTuple

from payroll.calc.worksheet import Working

WEIGHTS = (3, 7, 1, 3, 7, 1, 3, 7)
BLOCKING_FACTOR = 10
ROUTING_LENGTH = 9


class Blocks(NamedTuple):
    """How many blocks of ten records a file fills, and the records of nines that fill the last one."""

    block_count: int
    filler_records: int


def check_digit(routing8: str) -> int:
    """Compute the ninth digit of a routing number from its first eight.

    raises   ValueError unless it is given eight digits
    source   ABA routing number policy: weights 3 7 1, the sum with the check digit a multiple of 10
    """
    if len(routing8) != len(WEIGHTS) or not _digits(routing8):
        raise ValueError("a routing number without its check digit has exactly 8 digits")
    return -sum(weight * int(digit) for weight, digit in zip(WEIGHTS, routing8, strict=True)) % 10


def is_routing_number(text: str) -> bool:
    """Say whether a text is nine digits whose check digit holds."""
    return len(text) == ROUTING_LENGTH and _digits(text) and check_digit(text[:8]) == int(text[8])


def entry_hash(routing_numbers: Iterable[str]) -> str:
    """Add up the first eight digits of every routing number and keep the last ten digits, zero filled.

    source   NACHA batch control positions 11-20, file control positions 22-31
    """
    return f"{sum(int(routing[:8]) for routing in routing_numbers) % 10**10:010d}"


def blocks(records: int) -> Blocks:
    """Count the blocks of a file of so many records, and what fills the last block.

    source   NACHA file control positions 08-13; blocking factor 10
    """
    count = -(-records // BLOCKING_FACTOR)
    return Blocks(count, count * BLOCKING_FACTOR - records)


def check_digit_working(routing8: str) -> Working:
    """Give the working of `check_digit`."""
    return "check_digit", routing8


def entry_hash_working(routing_numbers: Iterable[str]) -> Working:
    """Give the working of `entry_hash`."""
    return "entry_hash", list(routing_numbers)


def blocks_working(records: int) -> Working:
    """Give the working of `blocks`."""
    return "block_count", records


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
