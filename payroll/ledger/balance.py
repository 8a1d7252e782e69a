"""What the ledger says: sums by account, and the transactions that they are made of. Read only; in signed cents."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar
from uuid import UUID

from events.database import rows
from payroll.ledger.accounts import in_order
from payroll.models import LedgerTransaction

Key = TypeVar("Key")


class Sum(NamedTuple):
    """Debits, credits (below zero) and their sum, in cents."""

    debits_cents: int
    credits_cents: int

    @property
    def balance_cents(self) -> int:
        """Above zero is a debit balance."""
        return self.debits_cents + self.credits_cents


class Part(NamedTuple):
    """One employer's part of a run."""

    run: str
    employer: str
    employer_run: str


SUMS = """
select t.run::text, t.employer, t.employer_run::text, l.account,
       coalesce(sum(l.amount_cents) filter (where l.amount_cents > 0), 0)::bigint,
       coalesce(sum(l.amount_cents) filter (where l.amount_cents < 0), 0)::bigint
  from payroll_ledgertransaction t join payroll_ledgerleg l on l.transaction_id = t.id
 where (%(run)s::uuid is null or t.run = %(run)s)
   and (%(employer)s::text is null or t.employer = %(employer)s)
   and (%(employer_run)s::uuid is null or t.employer_run = %(employer_run)s)
 group by t.run, t.employer, t.employer_run, l.account
"""


class TrialBalance:
    """Every account of a run, an employer, an employer's run, or of all; as far as the ledger has followed the log."""

    def __init__(
        self,
        *,
        run: UUID | str | None = None,
        employer: str | None = None,
        employer_run: UUID | str | None = None,
    ) -> None:
        found = rows(SUMS, {"run": run, "employer": employer, "employer_run": employer_run})
        self._sums = [(Part(*of), account, Sum(debits, credits)) for *of, account, debits, credits in found]

    @property
    def accounts(self) -> dict[str, Sum]:
        """By account, in the order of the chart."""
        return dict(sorted(_together((account, each) for _, account, each in self._sums), key=_place))

    @property
    def parts(self) -> dict[Part, Sum]:
        """By employer's run; each is zero by itself."""
        return dict(sorted(_together((part, each) for part, _, each in self._sums)))

    @property
    def total(self) -> Sum:
        """Of all of it; its balance is zero."""
        return Sum(*map(sum, zip(Sum(0, 0), *(each for _, _, each in self._sums), strict=True)))


def transactions(run: UUID | str, employer: str | None = None) -> Iterator[LedgerTransaction]:
    """The transactions of a run in the order in which their events were recorded, with their legs."""
    found = LedgerTransaction.objects.filter(run=run).order_by("employer", "recorded_at", "id")
    if employer:
        found = found.filter(employer=employer)
    yield from found.prefetch_related("legs")


def _together(sums: Iterable[tuple[Key, Sum]]) -> list[tuple[Key, Sum]]:
    found: dict[Key, Sum] = {}
    for key, each in sums:
        before = found.get(key, Sum(0, 0))
        found[key] = Sum(before.debits_cents + each.debits_cents, before.credits_cents + each.credits_cents)
    return list(found.items())


def _place(line: tuple[str, Sum]) -> tuple[int, str]:
    return in_order(line[0])
