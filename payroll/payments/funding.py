"""How the money for a payment file reaches the bank: by a debit in the file itself, or as was agreed elsewhere.

What an employer chose is frozen with everything else that a snapshot freezes (`manifest.py`), so that a file built
again is the same bytes. A bank that takes payments over HTTP has no such entries, and debits as was agreed with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from payroll import crypto, manifest
from payroll.manifest import Pinned
from payroll.models import Employer
from payroll.models.roster import Funding
from payroll.payments import ach
from payroll.payments.ach import Batch, FundingAccount, Limits

CHECKING = "checking"


class FundedBy(NamedTuple):
    """An employer's account, and whether a file takes from it by a batch of its own or by an offset in each."""

    way: Funding
    account: FundingAccount

    def balanced(self, batch: Batch) -> Batch:
        """The batch with its offset, where that is the way."""
        return replace(batch, offset=self.account) if self.way == Funding.OFFSET else batch

    def room(self, batches: Sequence[Batch], limits: Limits) -> Limits:
        """The limits of a file, less what its own debits need."""
        if self.way != Funding.DEBIT:
            return limits
        total_cents = sum(entry.amount_cents for batch in batches for entry in batch.entries)
        debits = -(-min(total_cents, limits.file_cents) // limits.entry_cents)
        return limits._replace(file_records=limits.file_records - debits)

    def debited(self, batches: Sequence[Batch], limits: Limits) -> list[Batch]:
        """The batches of a file with the debit over the sum of their credits, where that is the way.

        limits   of which a debit is as large as one entry may be
        """
        cents = sum(entry.amount_cents for batch in batches for entry in batch.entries)
        if self.way != Funding.DEBIT or not cents:  # prenotifications alone cost nothing
            return list(batches)
        return [*batches, ach.funding(self.account, cents, batches[0].effective, limits.entry_cents)]


def of(pinned: Pinned, manifests: Sequence[Mapping[str, Any]]) -> FundedBy | None:
    """How the files of an employer's run are funded; None where they do not say.

    manifests   as the employer run's history lists them; the first one speaks for all of them
    """
    if not manifests:
        return None
    terms = manifest.read(manifests[0]["object"], manifests[0]["sha256"])["terms"]
    frozen = terms.get("funding")
    if not frozen:
        return None
    number = crypto.decrypt(frozen["account"], Employer(id=pinned.employer).account_context)
    return FundedBy(Funding(frozen["way"]), FundingAccount(frozen["routing"], number, CHECKING, pinned.name))
