"""Files as a bank sends them back, laid out from the format page: returns and notifications of change."""

from payroll.calc.aba import check_digit

ODFI = "02100002"  # of the payments that come back, with check digit 1
RDFI = "09100001"  # of the bank that returns them
CREATED = "2611241030"


def returned(
    code: str = "R03",
    *,
    trace: str = f"{ODFI}0000001",
    cents: int = 123_456,
    sent_as: str = "21",
    died: str = "",
    remark: str = "",
    who: str = "E00001",
) -> tuple[str, str]:
    """(entry up to its trace, addenda up to its trace) of one return."""
    return _entry(sent_as, cents, who), f"799{code:<3}{trace}{died:<6}{RDFI}{remark:<44}"


def changed(
    code: str = "C01",
    data: str = "1918171614",
    *,
    trace: str = f"{ODFI}0000001",
    sent_as: str = "21",
    who: str = "E00001",
) -> tuple[str, str]:
    """(entry, addenda) of one notification of change."""
    return _entry(sent_as, 0, who), f"798{code:<3}{trace}{'':6}{RDFI}{data:<29}{'':15}"


def _entry(sent_as: str, cents: int, who: str) -> str:
    return (
        f"6{sent_as}{ODFI}{check_digit(ODFI)}{'000123456789':<17}{cents:010d}{who:<15}{'Anna Adams':<22}  1"
    )


def batch_of(
    *records: tuple[str, str],
    sec: str = "PPD",
    service: str = "200",
    number: int = 1,
    first: int = 1,
    company: str = "1123456789",
    effective: str = "261120",
) -> list[str]:
    """A batch of a bank's file, its control worked out here."""
    lines = []
    credits = debits = 0
    lines.append(
        f"5{service}{'Acme Anvils':<16}{'':20}{company}{sec}{'PAYROLL':<10}{'':6}{effective}{'324'}1{RDFI}{number:07d}"
    )
    for sequence, (entry, addenda) in enumerate(records, start=first):
        lines += [f"{entry}{RDFI}{sequence:07d}", f"{addenda}{RDFI}{sequence:07d}"]
        cents = int(entry[29:39])
        credits, debits = (credits + cents, debits) if entry[2] == "1" else (credits, debits + cents)
    total = len(records) * int(ODFI) % 10**10
    lines.append(
        f"8{service}{2 * len(records):06d}{total:010d}{debits:012d}{credits:012d}{company}{'':25}{RDFI}{number:07d}"
    )
    return lines


def file_of(*batches: list[str]) -> bytes:
    """A whole file, filled to blocks of ten."""
    lines = [f"101 {ODFI}1 {RDFI}9{CREATED}A094101{'Payroll Bank':<23}{'Their Bank':<23}{'':8}"]
    controls = [batch[-1] for batch in batches]
    for batch in batches:
        lines += batch
    blocks = (len(lines) + 10) // 10
    count, debits, credits = (
        sum(int(row[first:last]) for row in controls) for first, last in ((4, 10), (20, 32), (32, 44))
    )
    hashed = sum(int(row[10:20]) for row in controls) % 10**10
    lines.append(f"9{len(batches):06d}{blocks:06d}{count:08d}{hashed:010d}{debits:012d}{credits:012d}{'':39}")
    lines += ["9" * 94] * (blocks * 10 - len(lines))
    assert {len(line) for line in lines} == {94}, [(len(line), line) for line in lines if len(line) != 94]
    return "".join(line + "\n" for line in lines).encode()
