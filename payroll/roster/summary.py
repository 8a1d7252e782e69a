"""What an import changed, for the person who ran it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Counts:
    """Rows of one kind by what happened to them; `removed` where the file is the truth for who is in it."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0

    @property
    def read(self) -> int:
        """Rows of the file."""
        return self.created + self.updated + self.unchanged

    @property
    def changed(self) -> int:
        """Rows that were written or removed."""
        return self.created + self.updated + self.removed

    def __str__(self) -> str:
        text = f"{self.created:,} created, {self.updated:,} updated, {self.unchanged:,} unchanged"
        return f"{text}, {self.removed:,} removed" if self.removed else text


@dataclass
class ImportSummary:
    """Result of one import.

    employers_not_in_files, employees_not_in_files   stored before and left alone
    paychecks_touched   of runs that have begun already, whose inputs may be others by now
    warnings   of the files, as text
    notes      what else someone should know, such as a changed pay calendar
    """

    dry_run: bool = False
    employers: Counts = field(default_factory=Counts)
    calendars: Counts = field(default_factory=Counts)
    employees: Counts = field(default_factory=Counts)
    time_entries: Counts = field(default_factory=Counts)
    pay_items: Counts = field(default_factory=Counts)
    deductions: Counts = field(default_factory=Counts)
    garnishments: Counts = field(default_factory=Counts)
    tax_forms: Counts = field(default_factory=Counts)
    direct_deposits: Counts = field(default_factory=Counts)
    employers_not_in_files: int = 0
    employees_not_in_files: int = 0
    paychecks_touched: int = 0
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """Rows of any kind that were written or removed; 0 when the same folder came again."""
        return sum(counts.changed for counts in self.kinds().values())

    def kinds(self) -> dict[str, Counts]:
        """The counts of every kind of row by its name."""
        return {name: counts for name, counts in vars(self).items() if isinstance(counts, Counts)}

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain values, for --json."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """The summary as text."""
        yield f"employers:     {self.employers}"
        yield f"pay calendars: {self.calendars}"
        yield f"employees:     {self.employees}"
        yield f"time entries:  {self.time_entries}"
        for name in ("pay_items", "deductions", "garnishments", "tax_forms", "direct_deposits"):
            counts: Counts = getattr(self, name)
            if counts.read:
                yield f"{name.replace('_', ' ') + ':':<14} {counts.read:,} read, {counts}"
        if self.employers_not_in_files or self.employees_not_in_files:
            yield (
                f"not in these files, left as they are: {self.employers_not_in_files:,} employers, "
                f"{self.employees_not_in_files:,} employees"
            )
        yield from (f"note: {note}" for note in self.notes)
        if self.dry_run:
            yield "dry run: nothing was stored"
