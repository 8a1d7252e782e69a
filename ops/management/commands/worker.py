"""Run workers under a supervisor that sweeps, folds the read models and restarts what makes no progress."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand
from django.utils.module_loading import import_string

from events.doorbells import bell
from events.supervisor import Supervisor, worker_command


class Command(BaseCommand):
    help = "Run workers of the configured doorbell (PAYROLL_DOORBELL) until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=2, help="how many workers (default: 2)")
        parser.add_argument("--no-schedule", action="store_true", help="open no pay runs that become due")
        parser.add_argument(
            "--serve", type=int, metavar="N", help="be the worker process itself, without a supervisor"
        )

    def handle(self, *args: Any, workers: int, serve: int | None, no_schedule: bool, **options: Any) -> None:
        if serve:
            bell().serve(serve)
        else:
            ticks = [] if no_schedule else [import_string(name) for name in settings.EVENTS_TICKS]
            Supervisor(workers, worker_command(), ticks).run()
