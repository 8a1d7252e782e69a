"""Fold the read models from the log again, or check that they are what the log says."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import DataError, IntegrityError

from events import projection


class Command(BaseCommand):
    help = "Rebuild the read models from the log; with --check, only say whether they equal a rebuild."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if anything differs")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        try:
            self.check_all() if check else self.rebuild()
        except (DataError, IntegrityError) as error:
            why = str(error).splitlines()[0]
            raise CommandError(
                f"a read model cannot be folded from the log, it is left as it was: {why}"
            ) from None

    def rebuild(self) -> None:
        projection.rebuild()
        self.stdout.write("the read models are rebuilt from the log")

    def check_all(self) -> None:
        projection.catch_up()
        if different := projection.differences():
            raise CommandError(
                f"differ from the log: {', '.join(different)}. Run rebuild, and find out who wrote to them"
            )
        self.stdout.write("the read models equal the log")
