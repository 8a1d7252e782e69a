"""Celery beat: what has to happen again and again, sent to the workers of the control queue."""

from typing import Any

from django.core.management import BaseCommand, CommandError

from events.doorbells import bell


class Command(BaseCommand):
    help = (
        "Send the ticks (sweep, calendar, ...) to the workers of the control queue until SIGTERM. One is enough, "
        "two are harmless. Only with PAYROLL_DOORBELL=celery: elsewhere `manage.py worker` runs them itself."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not bell().HAS_BEAT:
            raise CommandError(
                "only celery has a beat: with django_q and polling `manage.py worker` runs the ticks itself"
            )
        from events.doorbells import celery

        celery.beat()
