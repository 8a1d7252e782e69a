"""Time entries: for everybody in the file it is the truth, from its first day to its last.

So an entry that was wrong is corrected by changing its row or by leaving it out. People who are not in the file, and
days before and after it, are left alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from payroll.late.touched import Touched
from payroll.models.roster import TimeEntry
from payroll.roster.columns import TimeRow
from payroll.roster.references import Person
from payroll.roster.summary import ImportSummary

CHUNK = 5_000
Day = tuple[int, date]  # primary key of the person, work date
Entry = tuple[str, Decimal, Decimal | None]  # kind, hours, other rate


def load_time_entries(
    rows: Sequence[TimeRow], people: Mapping[Person, int], summary: ImportSummary, touched: Touched
) -> None:
    """Write what differs; an entry that is stored in the same words keeps its row.

    people    primary keys of everyone the rows name
    touched   takes the days on which somebody's entries change
    """
    if not rows:
        return
    wanted: dict[Day, Counter[Entry]] = {}
    for row in rows:
        day = (people[row.employer_id, row.employee_id], row.work_date)
        wanted.setdefault(day, Counter())[row.kind, row.hours, row.rate] += 1
    surplus = []
    named = {person for person, _ in wanted}
    for primary_key, day, entry in stored(rows):
        if day[0] not in named:
            continue
        missing = wanted.get(day, Counter())
        if missing[entry]:
            missing[entry] -= 1
            summary.time_entries.unchanged += 1
        else:
            surplus.append(primary_key)
            touched.days[day[0]].add(day[1])
    new = [
        TimeEntry(employee_id=person, work_date=work_date, kind=kind, hours=hours, rate=rate)
        for (person, work_date), missing in wanted.items()
        for kind, hours, rate in missing.elements()
    ]
    for each in new:
        touched.days[each.employee_id].add(each.work_date)
    for start in range(0, len(surplus), CHUNK):
        TimeEntry.objects.filter(pk__in=surplus[start : start + CHUNK]).delete()
    TimeEntry.objects.bulk_create(new, batch_size=CHUNK)
    summary.time_entries.removed = len(surplus)
    summary.time_entries.created = len(new)


def stored(rows: Sequence[TimeRow]) -> Iterable[tuple[int, Day, Entry]]:
    """(primary key, day, entry) of what is stored for these employers between the first and the last day."""
    days = [row.work_date for row in rows]
    entries = TimeEntry.objects.filter(
        employee__employer__in={row.employer_id for row in rows}, work_date__range=(min(days), max(days))
    )
    for row in entries.values_list("pk", "employee_id", "work_date", "kind", "hours", "rate").iterator():
        yield row[0], row[1:3], row[3:]
