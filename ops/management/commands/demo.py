"""The built-in payday: a sample roster, its due pay runs, everybody paid but two."""

import time
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from events import projection
from ops import follow
from ops.status import RunStatus, run_status
from payroll import objects, sample, tick
from payroll.calc.money import dollars
from payroll.models import PayRun
from payroll.projections import RUNS
from payroll.roster import import_folder

# Fixed, so that the demo is the same in any year: the periods of late November, paid on 4 December 2026.
IMPORTED_ON = date(2026, 11, 25)
TODAY = date(2026, 12, 1)
PAYDAY = "2026-12-04"
CHECKER = "checker"


class Command(BaseCommand):
    help = (
        "Load the sample roster, open the pay runs that are due, pay everybody. Again, it pays nobody twice."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO_PASSWORDS:
            raise CommandError("the demo runs on the embedded database only: unset DATABASE_URL")
        began = time.monotonic()
        call_command("setup", verbosity=0)
        self._import()
        ticked = tick.open_due(TODAY)
        self.stdout.write(
            f"{len(ticked.opened)} pay runs are due on {PAYDAY}"
            + ("" if ticked.opened else " that were not open")
        )
        projection.catch_up(RUNS)
        runs = [
            run.run for run in PayRun.objects.filter(pay_date=PAYDAY).order_by("period_start", "period_end")
        ]
        before = sum(run_status(run).paid for run in runs)
        self.stdout.write("two workers run them; the approver of the demo is the user checker")
        follow.until_quiet(runs, workers=2, approve_as=CHECKER)
        statuses = [run_status(run) for run in runs]
        self.stdout.write(summary(statuses, before, time.monotonic() - began))

    def _import(self) -> None:
        folder = settings.STATE_DIR / "sample"
        if not (folder / "employers.csv").exists():  # afterwards it is yours: mend it and import it again
            sample.write(folder)
        imported = import_folder(folder, dry_run=False, as_of=IMPORTED_ON)
        created = imported.employees.created
        people = f"{created:,} people" if created else "nobody new"
        self.stdout.write(f"the sample roster is in {folder}: {people}")


def summary(statuses: list[RunStatus], paid_before: int, seconds: float) -> str:
    """What happened, and what to do next."""
    paid = sum(status.paid for status in statuses)
    letters = [letter for status in statuses for letter in status.dead_letters]
    files = [name for status in statuses for name in status.ach_files]
    taxes = sum(status.employee_taxes_cents for status in statuses)
    lines = [
        "",
        f"people        {sum(status.employees for status in statuses):>16,}",
        f"  paid        {paid:>16,}" + (f"   ({paid - paid_before:,} of them now)" if paid_before else ""),
        f"  waiting     {sum(status.waiting for status in statuses):>16,}   their employer waits for a dead letter",
        f"  no hours    {sum(status.no_hours for status in statuses):>16,}   hourly without time entries: paid nothing",
        f"gross         {dollars(sum(status.gross_cents for status in statuses)):>16}",
        f"taxes         {dollars(taxes):>16}   withheld from the people paid",
        f"net           {dollars(sum(status.net_cents for status in statuses)):>16}",
        f"paid out      {dollars(sum(status.paid_cents for status in statuses)):>16}",
        f"files         {len(files):>16,}   NACHA, in {objects.location('files')}",
        f"dead letters  {len(letters):>16,}",
        f"seconds       {seconds:>16.1f}",
        "",
    ]
    for letter in letters:
        who = f"{letter['employer']} {letter['employee_id']}"
        lines.append(f"{letter['id'][:8]}  {who} at {letter['step']}: {letter['reason']}")
    python = ".venv/bin/python manage.py"
    lines += ["", "What to do next:"]
    if letters:
        first = letters[0]["id"][:8]
        lines.append(
            f'  {python} deadletters dismiss {first} --reason "paid by check" --as maker   and the others go on'
        )
    lines += [
        f"  {python} proof {status.run[:8]}   prove the run paid {status.period_start}"
        for status in statuses[:1]
    ]
    lines.append("  make serve   look at it in the admin")
    return "\n".join(lines)
