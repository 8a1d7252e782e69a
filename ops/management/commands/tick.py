"""Open the pay runs that are due."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management import BaseCommand
from django.utils import timezone

from payroll import tick


class Command(BaseCommand):
    help = "Open every pay run that is due by the employers' pay calendars. Safe to run anywhere, any number of times."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--today", type=date.fromisoformat, help="as of this day (default: today, UTC)")

    def handle(self, *args: Any, today: date | None, **options: Any) -> None:
        outcome = tick.open_due(today or timezone.now().date())
        for opened in outcome.opened:
            self.stdout.write(f"{opened.run}: {len(opened.employers)} employers, paid {opened.pay_date}")
        for refused in outcome.refused:
            self.stderr.write(refused)
        self.stdout.write(f"{len(outcome.opened)} pay runs opened")
