"""The kinds of batch that payroll sends: pay, funding, child support, federal tax, reversal; prenotes and same-day."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time

from payroll.calc.calendar import add_banking_days
from payroll.payments.ach.entries import (
    CCD,
    CHILD_SUPPORT,
    DEBIT,
    FUNDING,
    MAX_ENTRY_CENTS,
    PPD,
    REVERSAL,
    SAME_DAY_WINDOWS,
    TAX_PAYMENT,
    Batch,
    Entry,
    FileRefused,
    FundingAccount,
    Window,
    opposite,
)

PAYROLL = "PAYROLL"
REVERSAL_DAYS = 5
PRENOTE_DAYS = 3


def payroll(
    entries: Sequence[Entry], effective: date, *, offset: FundingAccount | None = None, suffix: str = ""
) -> Batch:
    """Pay to people.

    suffix   up to 3 characters after PAYROLL
    source   PAYROLL in the first seven characters of the entry description, from 2026-03-20
    """
    return Batch(PPD, PAYROLL + suffix, effective, tuple(entries), offset)


def funding(
    account: FundingAccount, total_cents: int, effective: date, most_cents: int = MAX_ENTRY_CENTS
) -> Batch:
    """The debit of the employer's account that pays for the credits; over the ceiling of one entry, several.

    total_cents   what the credits add up to, above zero
    most_cents    of one entry
    raises        FileRefused
    """
    if total_cents <= 0:
        raise FileRefused("there is nothing to fund")
    full, rest = divmod(total_cents, most_cents)
    amounts = [most_cents] * full + [rest] * (rest > 0)
    debits = [
        Entry(
            individual_id=FUNDING if len(amounts) == 1 else f"{FUNDING}{number:04d}",
            name=account.name,
            routing=account.routing,
            account=account.account,
            account_type=account.account_type,
            amount_cents=cents,
            direction=DEBIT,
            reference=account.reference
            if number == 1 or not account.reference
            else f"{account.reference}/{number}",
        )
        for number, cents in enumerate(amounts, start=1)
    ]
    return Batch(CCD, FUNDING, effective, tuple(debits))


def child_support(entries: Sequence[Entry], effective: date) -> Batch:
    """What was withheld for support, to the agencies: CCD+, one entry a case, with the text of `support.addenda`.

    raises   FileRefused for an entry without it: the agency could not tell whose money it is
    """
    for place, entry in enumerate(entries, start=1):
        if not entry.addenda:
            raise FileRefused("a support payment has no addenda", entry=place)
    return Batch(CCD, CHILD_SUPPORT, effective, tuple(entries))


def federal_tax(entry: Entry, effective: date) -> Batch:
    """A deposit of federal tax to the Treasury: CCD+, one entry with the text of `txp.addenda`.

    raises   FileRefused for an entry without it: nobody could tell whose tax it is
    source   EFTPS Financial Institution Handbook, ACH credit: entry description
    """
    if not entry.addenda:
        raise FileRefused("a tax deposit has no addenda", entry=1)
    return Batch(CCD, TAX_PAYMENT, effective, (entry,))


def prenote(entry: Entry) -> Entry:
    """The prenotification of an entry: the same account and kind, no money, no addenda."""
    return replace(entry, amount_cents=0, prenote=True, addenda="")


def live_from(prenoted: date) -> date:
    """The first day that money may settle in an account, after its prenotification settled unreturned.

    source   Nacha Operating Rules: three banking days
    """
    return add_banking_days(prenoted, PRENOTE_DAYS)


def same_day(batch: Batch, created: datetime) -> Batch:
    """The batch on its creation day, by the first window that is still open.

    created   Eastern time
    raises    FileRefused after the last window; `build` refuses a day without settlement, an entry over 1,000,000.00
    source    Federal Reserve Banks, same-day processing schedule
    """
    window = same_day_window(created.time())
    if window is None:
        raise FileRefused("the last same-day window of this day is closed")
    return replace(batch, effective=created.date(), same_day=window.settles, descriptive_date="")


def same_day_window(at: time) -> Window | None:
    """The first window that is still open, of Eastern time; None after the last one."""
    return next((window for window in SAME_DAY_WINDOWS if at <= window.closes), None)


def reversible_until(settled: date) -> date:
    """The last day that a reversal of entries settled on this day may settle.

    source   Nacha Operating Rules, reversals: at the receiving bank within five banking days of settlement; that it
             also settles by then is this product's convention, the safer reading
    """
    return add_banking_days(settled, REVERSAL_DAYS)


def reversal(batch: Batch, *, settled: date, effective: date) -> Batch:
    """The batch that undoes one that settled: the same accounts, amounts and order, every direction turned round.

    batch       as sent, or only those of its entries that were wrong; prenotifications have nothing to undo
    settled     the day the batch settled
    effective   the day the reversal is to settle, from then to `reversible_until`
    raises      FileRefused, also for the reversal of a reversal
    source      Nacha Operating Rules, reversing entries: description REVERSAL, all else as it was
    """
    until = reversible_until(settled)
    if not settled <= effective <= until:
        raise FileRefused(
            f"entries that settled on {settled:%Y-%m-%d} can be reversed until {until:%Y-%m-%d}: "
            "recover the money in the next run"
        )
    if batch.description == REVERSAL:
        raise FileRefused("a reversal is not reversed: pay again instead")
    turned = tuple(
        replace(entry, direction=opposite(entry.direction)) for entry in batch.entries if not entry.prenote
    )
    return replace(
        batch, description=REVERSAL, effective=effective, entries=turned, same_day=None, descriptive_date=""
    )
