"""ACH arithmetic: check digit, entry hash, block count."""

from payroll.calc.worksheet import Lines, worksheet

NACHA = "NACHA operating rules, file format"


@worksheet("Check digit of a routing number", source="ABA routing number policy: weights 3 7 1 3 7 1 3 7")
def check_digit(routing8: str) -> Lines:
    d1, d2, d3, d4, d5, d6, d7, d8 = map(int, routing8)
    threes = 3 * (d1 + d4 + d7)
    yield "threes", "3 x (1st + 4th + 7th digit)", threes
    sevens = 7 * (d2 + d5 + d8)
    yield "sevens", "7 x (2nd + 5th + 8th digit)", sevens
    ones = d3 + d6
    yield "ones", "3rd + 6th digit", ones
    total = threes + sevens + ones
    yield "sum", "all of them", total
    yield "check_digit", "what the sum lacks to a multiple of ten", (10 - total % 10) % 10


@worksheet("Entry hash", source=f"{NACHA}: batch control 11-20, file control 22-31")
def entry_hash(routing_numbers: list[str]) -> Lines:
    total = 0
    for routing in routing_numbers:
        total += int(routing) // 10 if len(routing) == 9 else int(routing)
    yield "sum", "the routing numbers without their check digits, added up", total
    yield "entry_hash", "the last ten digits, zero filled", str(total).zfill(10)[-10:]


@worksheet("Blocks of an ACH file", source=f"{NACHA}: blocking factor 10, file control 08-13")
def block_count(records: int) -> Lines:
    full, rest = divmod(records, 10)
    yield "full_blocks", "records / 10, whole", full
    yield "records_left", "records beyond the full blocks", rest
    yield "filler_records", "records of nines that fill their block", 10 - rest if rest else 0
    yield "block_count", "blocks with the one filled up", full + 1 if rest else full
