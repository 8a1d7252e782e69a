"""Run workers under a supervisor that restarts what makes no progress."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from events import doorbells, saga
from events.queues import answers_on_sqs
from events.supervisor import Supervisor, command
from events.ticks import Clock


class Command(BaseCommand):
    help = (
        "Run workers of the configured doorbell (PAYROLL_DOORBELL) until SIGTERM. With django_q and polling the ticks "
        "run here as well; with celery they are beat's."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=2, help="how many workers (default: 2)")
        parser.add_argument(
            "--queues",
            default="",
            metavar="A,B",
            help="the queues they serve (default: all); see queues show",
        )
        parser.add_argument(
            "--no-schedule",
            action="store_true",
            help="run the ticks here, but open no pay run that becomes due; for those who follow one run",
        )
        parser.add_argument(
            "--serve", type=int, metavar="N", help="be the worker process itself, without a supervisor"
        )

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        """Look at the database's settings too, once: workers whose locks outlive their leases must not start."""
        return super().get_check_kwargs(options) | ({} if options["serve"] else {"databases": ["default"]})

    def handle(
        self,
        *args: Any,
        workers: int,
        queues: str,
        serve: int | None,
        no_schedule: bool,
        **options: Any,
    ) -> None:
        chosen = chosen_queues(queues)
        if serve:
            doorbells.bell().serve(serve, chosen)
            return
        if workers < 1:
            raise CommandError("--workers is at least 1")
        only = ("--queues", ",".join(chosen)) if chosen else ()
        clock = Clock(ticks_here(no_schedule))
        # Answers are read by some worker that serves everything, and by whoever is told to.
        beside = [command("answers")] if answers_on_sqs() and not chosen else []
        Supervisor(workers, command("worker", *only), chosen, clock, beside).run()


def ticks_here(no_schedule: bool) -> list[str]:
    """The ticks that a supervisor runs: all, none where beat does, or those that do not open runs."""
    if no_schedule:
        return [name for name in settings.EVENTS_TICKS if name not in settings.EVENTS_TICKS_OF_A_SCHEDULE]
    return [] if doorbells.bell().HAS_BEAT else list(settings.EVENTS_TICKS)


def chosen_queues(text: str) -> list[str] | None:
    """The queues named by an option; None for all. Raises CommandError for one that no step has."""
    named = [name.strip() for name in text.split(",") if name.strip()]
    known = saga.queues()
    if unknown := sorted(set(named) - set(known)):
        raise CommandError(f"no step has the queue {', '.join(unknown)}; there are {', '.join(known)}")
    return named or None
