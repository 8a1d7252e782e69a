"""Net pay that is owed back: taken from later pay within its share, once, and in the books of both runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from deploy import caps
from events import projection, store
from ops.proof import prove
from payroll import keys, recoveries
from payroll.explain import paycheck as explained
from tests.saga import ledger_log, paydays
from tests.saga.paydays import NEXT, PAYDAY, employer, salaried
from tests.saga.test_withheld import order, pay

NET_CENTS = 2012_25  # of 62,400.00 a year in Texas: 2,400.00 less 204.15 income tax, 148.80 and 34.80 FICA
SHARE_CENTS = 301_83  # 15 % of it, part of a cent dropped


def owed(cents: int, share_bp: int = 15_00, name: str = "r1") -> dict[str, Any]:
    return {"id": name, "cents": cents, "share_bp": share_bp}


def taken(**more: Any) -> tuple[list[list[Any]], int, int]:
    """The lines after tax, net pay and disposable earnings of 62,400.00 a year."""
    paid = pay(62_400, **more).retirement
    assert paid is not None
    return paid.post_tax, paid.net_cents, paid.disposable_cents


def test_no_more_than_its_share_of_disposable_earnings_is_taken_the_oldest_first() -> None:
    lines, net_cents, disposable_cents = taken(recoveries=[owed(200_00), owed(200_00, name="r2")])
    assert disposable_cents == NET_CENTS
    assert lines == [
        ["Net pay owed back", 200_00, 200_00, "r1"],
        ["Net pay owed back", 101_83, 200_00, "r2"],
    ]
    assert net_cents == NET_CENTS - SHARE_CENTS


def test_it_comes_before_deductions_after_tax_and_never_below_zero() -> None:
    dues = {"kind": "post_tax", "name": "Union dues", "cents": 5000_00}
    lines, net_cents, _ = taken(recoveries=[owed(100_00)], deductions=[dues])
    assert lines == [
        ["Net pay owed back", 100_00, 100_00, "r1"],
        ["Union dues", NET_CENTS - 100_00, 5000_00],
    ]
    assert net_cents == 0


def test_orders_come_before_it() -> None:
    """A levy that leaves 50.00 leaves a recovery no more than that, though its share is larger."""
    levy = order("federal_levy", None, exempt_cents=50_00)
    lines, net_cents, _ = taken(recoveries=[owed(400_00)], garnishments=[levy])
    assert lines == [["Net pay owed back", 50_00, 400_00, "r1"]]
    assert net_cents == 0


@pytest.mark.parametrize(("text", "share_bp"), [("", 15_00), ("0", 0), ("12.5", 12_50), ("100", 100_00)])
def test_the_share_is_a_setting(text: str, share_bp: int) -> None:
    assert caps.recovery_bp({"PAYROLL_RECOVERY_PERCENT": text}) == share_bp


@pytest.mark.parametrize("text", ["101", "-1", "a lot"])
def test_a_share_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="PAYROLL_RECOVERY_PERCENT"):
        caps.recovery_bp({"PAYROLL_RECOVERY_PERCENT": text})


def open_recovery(cents: int, employee_id: str = "ann") -> str:
    """Owed back of the first payday, as if it had been paid and not owed; its id."""
    opened = paydays.part("ACME")["EmployerRunOpened"]
    recovery = recoveries.key(recoveries.VOID, "test", employee_id, cents)
    of: Mapping[str, Any] = {name: opened[name] for name in ("run", "employer_run", "employer")}
    stream = keys.paycheck_stream(opened["employer_run"], employee_id)
    event = recoveries.opened(
        recovery,
        **of,
        employee_id=employee_id,
        paycheck=stream,
        amount_cents=cents,
        because=recoveries.VOID,
        opened_by="maker",
        confirmed_by="checker",
    )
    store.append([event])
    projection.catch_up()
    return str(recovery)


def account(name: str, employer_run: Any = None) -> int:
    return ledger_log.balances(employer_run=employer_run).get(name, 0)


@pytest.mark.usefixtures("db")
def test_later_pay_gives_back_what_is_owed_until_nothing_is(tmp_path: Path) -> None:
    """400.00 owed: the next payday takes 301.83, the one after it the rest; then nothing is frozen any more."""
    paydays.load(
        tmp_path, [employer("ACME")], [salaried("ACME", name, "62400.00") for name in ("ann", "ben")]
    )
    paydays.pay("ACME")
    recovery = open_recovery(400_00)
    assert account("recoverable", paydays.employer_run("ACME")) == 400_00
    later = [NEXT, *((day, end, paid) for day, end, paid in AFTER)]
    runs = [paydays.pay("ACME", period=period) for period in later]
    lines = [paydays.facts("ACME", "ann", period)["post_tax"] for period in later]
    assert lines == [
        [["Net pay owed back", SHARE_CENTS, 400_00, recovery]],
        [["Net pay owed back", 400_00 - SHARE_CENTS, 400_00 - SHARE_CENTS, recovery]],
        [],
    ]
    assert all(paydays.facts("ACME", "ben", period)["post_tax"] == [] for period in later)
    net_cents = [paydays.facts("ACME", "ann", period)["net_cents"] for period in later]
    assert net_cents == [NET_CENTS - SHARE_CENTS, NET_CENTS - (400_00 - SHARE_CENTS), NET_CENTS]
    assert account("recoverable") == 0
    for run in runs:
        assert [line.findings for line in prove(run) if not line.holds] == []
    stub = explained.explain(keys.paycheck_stream(paydays.employer_run("ACME", NEXT), "ann"))
    assert stub.wrong == []


AFTER = [
    (NEXT[1].replace(day=29), PAYDAY.replace(month=12, day=12), PAYDAY.replace(month=12, day=18)),
    (
        PAYDAY.replace(month=12, day=13),
        PAYDAY.replace(month=12, day=26),
        PAYDAY.replace(month=12, day=31),
    ),
]
