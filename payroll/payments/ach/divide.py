"""A payment set over the limits of one file becomes several, by rule, so that it is the same several every time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from payroll.payments.ach.checks import check_entries
from payroll.payments.ach.entries import Batch, Entry, FileRefused, Limits, Sums, in_file_order, sums


def split(batches: Sequence[Batch], *, limits: Limits = Limits()) -> list[list[Batch]]:  # noqa: B008 - immutable
    """Cut batches to the limits and lay them into as few files as their order allows; within limits nothing changes.

    A batch over a limit is cut in the order of the file (individual id, routing, account …). A part that does not fit
    the rest of a file opens the next. A batch with an offset keeps it in every part, so each part balances; from the
    second part on its reference ends in /2, /3 …

    raises   FileRefused for an entry over the limit: it is never divided, because the receiver is owed one payment
    """
    files: list[list[Batch]] = []
    held = Sums()
    for position, batch in enumerate(batches, start=1):
        check_entries(batch, position, limits.entry_cents)
        for part in _parts(batch, limits, position):
            of = sums(in_file_order(part))
            together = held.plus(of)
            if not files or not _fits(together, limits.file_records, limits.file_cents):
                files.append([])
                together = of
            files[-1].append(part)
            held = together
    return files


def _parts(batch: Batch, limits: Limits, position: int) -> Iterator[Batch]:
    """The batch in parts that each fit a batch and a file, filled in order as far as they go."""
    records = min(limits.batch_records, limits.file_records) - (batch.offset is not None)
    cents = min(limits.batch_cents, limits.file_cents)
    if batch.offset:
        cents = min(cents, limits.entry_cents)  # the offset is one entry
    entries = in_file_order(replace(batch, offset=None))
    taken: list[Entry] = []
    held, cut = Sums(), 1
    for entry in entries:
        of = sums([entry])
        if not _fits(of, records, cents):
            raise FileRefused("an entry does not fit the limits of a batch or a file", position)
        if not _fits(held.plus(of), records, cents):
            yield _part(batch, taken, cut)
            taken, held, cut = [], Sums(), cut + 1
        taken.append(entry)
        held = held.plus(of)
    yield batch if cut == 1 else _part(batch, taken, cut)


def _part(batch: Batch, entries: Sequence[Entry], number: int) -> Batch:
    offset = batch.offset
    if offset and offset.reference and number > 1:
        offset = replace(offset, reference=f"{offset.reference}/{number}")
    return replace(batch, entries=tuple(entries), offset=offset)


def _fits(of: Sums, records: int, cents: int) -> bool:
    return of.records <= records and max(of.credits_cents, of.debits_cents) <= cents
