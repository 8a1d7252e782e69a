"""What keeps a payment set out of a file. Each refusal names the field, never its value."""

import re
from collections.abc import Sequence
from datetime import datetime

from payroll.calc.aba import is_routing_number
from payroll.calc.calendar import is_banking_day
from payroll.payments.ach.entries import (
    CCD,
    CREDIT,
    DEBIT,
    FUNDING,
    MAX_ADDENDA,
    MAX_BATCH_RECORDS,
    MAX_BATCHES,
    MAX_ENTRY_CENTS,
    MAX_TOTAL_CENTS,
    MAX_TRACE,
    PPD,
    REVERSAL,
    SAME_DAY_MAX_CENTS,
    SAME_DAY_WINDOWS,
    TRANSACTION_CODES,
    Bank,
    Batch,
    Entry,
    FileRefused,
    Originator,
    Sums,
    in_file_order,
    sums,
)
from payroll.payments.ach.text import plain

_CAPITALS = r"[ -`{-~]"  # printable ASCII without lower case
_ACCOUNT = re.compile(r"[0-9A-Z-]{1,17}")
_FOR_PEOPLE = re.compile(rf"PAYROLL{_CAPITALS}{{0,3}}|{REVERSAL}")
_FOR_COMPANIES = re.compile(rf"[!-`{{-~]{_CAPITALS}{{0,9}}")
_ADDENDA = re.compile(rf"{_CAPITALS}{{0,{MAX_ADDENDA}}}")


def check(  # noqa: PLR0917 - what `build` was given
    bank: Bank,
    originator: Originator,
    batches: Sequence[Batch],
    created: datetime,
    modifier: str,
    first_trace: int,
) -> None:
    """Refuse what no bank would take, before a byte is written.

    raises   FileRefused
    source   Nacha Operating Rules, appendix 3; PAYROLL description rule, from 2026-03-20
    """
    _check_parties(bank, originator)
    if not re.fullmatch(r"[A-Z0-9]", modifier):
        raise FileRefused("the file modifier is not one of A-Z, 0-9")
    if not batches:
        raise FileRefused("there is nothing to pay")
    if len(batches) > MAX_BATCHES:
        raise FileRefused(f"{len(batches)} batches are over the {MAX_BATCHES} of one file")
    written = Sums()
    for position, batch in enumerate(batches, start=1):
        _check_terms(batch, created, position)
        check_entries(batch, position)
        written = written.plus(_checked_sums(batch, position))
    _check_file(batches, written, first_trace)


def check_entries(batch: Batch, position: int, ceiling_cents: int = MAX_ENTRY_CENTS) -> None:
    """Refuse a batch of which an entry is at fault.

    position        the batch's place, from 1, for the message
    ceiling_cents   of one entry
    raises          FileRefused, with the place of the entry
    """
    if not batch.entries:
        raise FileRefused("there is nothing to pay", position)
    may_debit = batch.sec_code == CCD or batch.description == REVERSAL
    for place, entry in enumerate(batch.entries, start=1):
        if why := _fault(entry, ceiling_cents, may_debit):
            raise FileRefused(why, position, place)
    if batch.offset and len({entry.direction for entry in batch.entries}) > 1:
        raise FileRefused("an offset balances entries of one direction, and these have both", position)


def _check_parties(bank: Bank, originator: Originator) -> None:
    if not _is_routing(bank.routing):
        raise FileRefused("the bank's routing number is not nine digits with a right check digit")
    if not plain(bank.name):
        raise FileRefused("the bank has no name")
    if not re.fullmatch(r"[0-9]{2}-?[0-9]{7}", originator.ein):
        raise FileRefused("the employer's EIN is not nine digits")
    if not plain(originator.name):
        raise FileRefused("the employer has no name")


def _check_terms(batch: Batch, created: datetime, position: int) -> None:
    """The fields of the batch header."""
    pattern = {PPD: _FOR_PEOPLE, CCD: _FOR_COMPANIES}.get(batch.sec_code)
    if pattern is None:
        raise FileRefused("the standard entry class is neither PPD nor CCD", position)
    if not pattern.fullmatch(batch.description):
        must = "does not start with PAYROLL" if batch.sec_code == PPD else "is empty or no plain text"
        raise FileRefused(f"the entry description {must}, or is over 10 characters", position)
    for value, width, what in (
        (batch.discretionary, 20, "discretionary data"),
        (batch.descriptive_date, 6, "descriptive date"),
    ):
        if not re.fullmatch(rf"{_CAPITALS}{{0,{width}}}", value):
            raise FileRefused(f"the {what} is over {width} characters, or no plain text", position)
    _check_day(batch, created, position)


def _check_day(batch: Batch, created: datetime, position: int) -> None:
    effective = batch.effective
    if not (2000 <= effective.year <= 2099 and 2000 <= created.year <= 2099):
        raise FileRefused("a date with a year outside 2000-2099 does not fit the file", position)
    if not is_banking_day(effective):
        raise FileRefused(f"the effective date {effective:%Y-%m-%d} is not a banking day", position)
    if batch.same_day is None:
        # An operator settles an entry that is dated today, or has gone stale, the same day, at its own price and limit.
        if effective <= created.date():
            raise FileRefused(
                f"the effective date {effective:%Y-%m-%d} is not after the day the file is created: ask for "
                "same-day settlement, or for a later date",
                position,
            )
        return
    closes = {settles: closes for closes, settles in SAME_DAY_WINDOWS}.get(batch.same_day)
    if closes is None:
        raise FileRefused("same-day entries settle at 13:00, 17:00 or 18:00 Eastern", position)
    if effective != created.date() or created.time() > closes:
        raise FileRefused(
            f"the window that settles at {batch.same_day:%H:%M} on {effective:%Y-%m-%d} is closed or another "
            "day's when the file is created",
            position,
        )
    if batch.descriptive_date:
        raise FileRefused("a same-day batch has its settlement time for a descriptive date", position)
    if any(entry.amount_cents > SAME_DAY_MAX_CENTS for entry in in_file_order(batch)):
        raise FileRefused(
            "an entry, or its offset, is over the 1,000,000.00 of same-day settlement", position
        )


def _checked_sums(batch: Batch, position: int) -> Sums:
    """What the batch adds up to, offset and all."""
    entries = in_file_order(batch)
    of = sums(entries)
    if len(entries) > len(batch.entries) and (why := _fault(entries[-1], MAX_ENTRY_CENTS, may_debit=True)):
        raise FileRefused(f"the offset: {why}", position)
    if of.records > MAX_BATCH_RECORDS:
        raise FileRefused(f"{of.records} records are over the {MAX_BATCH_RECORDS} of one batch", position)
    if max(of.credits_cents, of.debits_cents) > MAX_TOTAL_CENTS:
        raise FileRefused("the total is over the 9,999,999,999.99 of one batch", position)
    return of


def _check_file(batches: Sequence[Batch], written: Sums, first_trace: int) -> None:
    if max(written.credits_cents, written.debits_cents) > MAX_TOTAL_CENTS:
        raise FileRefused("the total is over the 9,999,999,999.99 of one file")
    if not 1 <= first_trace <= first_trace + written.entries - 1 <= MAX_TRACE:
        raise FileRefused("the trace numbers do not fit their seven digits")
    # Both would take the money for the credits from the employer twice.
    if any(batch.offset for batch in batches) and any(batch.description == FUNDING for batch in batches):
        raise FileRefused("batches are balanced by an offset, or paid for by a funding debit, never by both")
    references = [entry.reference for batch in batches for entry in batch.entries if entry.reference]
    references += [batch.offset.reference for batch in batches if batch.offset and batch.offset.reference]
    if len(set(references)) < len(references):
        raise FileRefused("two entries have the same reference: one of their traces would be lost")


def _fault(entry: Entry, ceiling_cents: int, may_debit: bool) -> str:
    """What keeps this entry out of a file, or ""; names the field, never its value."""
    cents = entry.amount_cents
    least, most = (0, 0) if entry.prenote else (1, ceiling_cents)
    checks = (
        # A bool or a float is no amount.
        (type(cents) is int and least <= cents <= most, _amount_is_not(entry.prenote, most)),
        (_is_routing(entry.routing), "the routing number is not nine digits with a right check digit"),
        (_ACCOUNT.fullmatch(entry.account), "the account number is not 1 to 17 of A-Z, 0-9 and hyphen"),
        (entry.account.strip("0-"), "the account number is all zeros"),
        (entry.direction in {CREDIT, DEBIT}, "the direction is neither credit nor debit"),
        (
            (entry.account_type, CREDIT) in TRANSACTION_CODES,
            "the account type is neither checking nor savings",
        ),
        (entry.direction == CREDIT or may_debit, "a person's account is debited by a reversal only"),
        (plain(entry.name), "the name is empty"),
        # Cut short, two people's ids could become one: refuse instead.
        (1 <= len(plain(entry.individual_id)) <= 15, "the individual id is not 1 to 15 characters"),
        (
            _ADDENDA.fullmatch(entry.addenda),
            f"the addenda is over {MAX_ADDENDA} characters, or no plain text",
        ),
        (not (entry.prenote and entry.addenda), "a prenotification has no addenda"),
    )
    return next((why for sound, why in checks if not sound), "")


def _amount_is_not(prenote: bool, most_cents: int) -> str:
    return (
        "the amount of a prenotification is not zero"
        if prenote
        else (f"the amount is not 0.01 to {most_cents // 100:,}.{most_cents % 100:02d}")
    )


def _is_routing(routing: str) -> bool:
    return is_routing_number(routing) and routing.strip("0") != ""
