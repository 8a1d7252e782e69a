"""`manage.py import_roster FOLDER`: load employers.csv, employees.csv, time_entries.csv and what else is there."""

import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payroll.crypto import Undecryptable
from payroll.late import listed
from payroll.late.compare import compare
from payroll.models import TouchedPaycheck
from payroll.roster import ImportSummary, RosterRefused, import_folder

SHOWN_WARNINGS = 5


class Command(BaseCommand):
    """Report every bad row and load nothing, or load everything."""

    help = (
        "Load a roster: a folder with employers.csv, employees.csv and time_entries.csv, and if there are any "
        "pay_items.csv, deductions.csv, garnishments.csv, tax_forms.csv and direct_deposits.csv. All or nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Folder, --dry-run, --as-of, --json."""
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--dry-run", action="store_true", help="check, say what would change, store nothing"
        )
        parser.add_argument(
            "--as-of",
            type=date.fromisoformat,
            default=None,
            metavar="DATE",
            help="new employers begin with the pay period of this day (YYYY-MM-DD; today)",
        )
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, and print the result; exit 1 with the findings when the roster was refused."""
        as_json = options["json"]
        say = (lambda line: None) if as_json else self.stdout.write
        try:
            summary = import_folder(
                options["folder"],
                dry_run=options["dry_run"],
                as_of=options["as_of"] or timezone.localdate(),
                say=say,
            )
        except RosterRefused as refused:
            self.print_refusal(refused, as_json=as_json)
            raise CommandError(str(refused)) from None
        except Undecryptable as error:
            raise CommandError(f"a stored account number cannot be compared: {error}") from None
        if summary.dry_run and summary.paychecks_touched:
            summary.notes.append(
                f"{summary.paychecks_touched:,} paychecks of runs that are open or paid may have taken what this "
                "changes: the import compares them"
            )
        elif summary.changed:
            compare()
            summary.notes += listed.in_words()
            if left := TouchedPaycheck.objects.count():
                summary.notes.append(
                    f"{left:,} paychecks are compared with it when what is being computed is done: payrun corrections"
                )
        self.print_summary(summary, as_json=as_json)

    def print_refusal(self, refused: RosterRefused, *, as_json: bool) -> None:
        """All findings as JSON, or the first 200 as text."""
        if as_json:
            findings = [finding._asdict() for finding in refused.findings.kept]
            self.stdout.write(json.dumps({"refused": refused.findings.total, "findings": findings}))
            return
        for line in refused.findings.lines():
            self.stderr.write(line)

    def print_summary(self, summary: ImportSummary, *, as_json: bool) -> None:
        """What changed, and the first warnings."""
        if as_json:
            self.stdout.write(json.dumps(summary.as_dict()))
            return
        for warning in summary.warnings[:SHOWN_WARNINGS]:
            self.stdout.write(f"warning: {warning}")
        if len(summary.warnings) > SHOWN_WARNINGS:
            self.stdout.write(
                f"... and {len(summary.warnings) - SHOWN_WARNINGS:,} more warnings (--json has all)"
            )
        for line in summary.lines():
            self.stdout.write(line)
