"""The difference between rows of a file and what is stored, and how it is written."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from django.db import models

from payroll import crypto
from payroll.roster.findings import last_four
from payroll.roster.summary import Counts

CHUNK = 1_000


class HasAccount(Protocol):
    """A model with an encrypted account number: Employer, Employee and DepositDestination."""

    account_ciphertext: str
    account_last4: str

    @property
    def account_context(self) -> str: ...


def assign(target: models.Model, row: object, names: Iterable[str]) -> bool:
    """Copy the named columns; whether any of them differed."""
    differs = False
    for name in names:
        value = getattr(row, name)
        if getattr(target, name) != value:
            setattr(target, name, value)
            differs = True
    return differs


def assign_account(target: HasAccount, number: str) -> bool:
    """Store an account number, or "" for none, unless it is already there; whether it differed."""
    context, stored = target.account_context, target.account_ciphertext
    if (crypto.decrypt(stored, context) if stored else "") == number:
        return False
    target.account_ciphertext = crypto.encrypt(number, context) if number else ""
    target.account_last4 = last_four(number)
    return True


def tally(counts: Counts, *, is_new: bool, differs: bool) -> bool:
    """Count one row; whether it has to be written."""
    if is_new:
        counts.created += 1
    elif differs:
        counts.updated += 1
    else:
        counts.unchanged += 1
    return is_new or differs


def store(rows: Sequence[Any], *, key: list[str], fields: Iterable[str]) -> None:
    """Insert new rows and overwrite stored ones by `key`: one statement per 1,000 rows, however many differ.

    rows   instances of one model; the new ones get their primary keys
    """
    if rows:
        type(rows[0]).objects.bulk_create(
            rows, batch_size=CHUNK, update_conflicts=True, unique_fields=key, update_fields=list(fields)
        )


def remove(model: type[models.Model], keys: Sequence[int]) -> None:
    """Delete stored rows by primary key, 1,000 per statement."""
    for start in range(0, len(keys), CHUNK):
        model._default_manager.filter(pk__in=keys[start : start + CHUNK]).delete()
