"""Who wakes a worker. A bell carries the id of the work and nothing else, and decides nothing.

A ring lost, doubled, late or forged changes nothing: the worker that answers asks the table what is
due, and the sweeper rings again for whatever is. Each bell is one module here with what `Doorbell` lists; no
other file knows any of them.
"""

import logging
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction

log = logging.getLogger(__name__)


class Doorbell(Protocol):
    """What a module in this folder provides."""

    PROCESSES_PER_WORKER: bool  # True: the supervisor starts one process for each worker
    HAS_BEAT: bool  # True: the ticks are run by a scheduler of its own, and not by supervisors

    def ring(self, ids: Sequence[UUID], *, again: bool = False) -> None:
        """Wake workers for this work; may fail, may be lost.

        again   it may have been rung for before: a bell that knows of rings that wait may leave it at them
        """

    def serve(self, workers: int, queues: Sequence[str] | None) -> None:
        """Answer rings for these queues (None: for all) in the foreground until SIGTERM."""


def bell() -> Doorbell:
    """The configured doorbell."""
    return cast(Doorbell, import_module(f"events.doorbells.{settings.EVENTS_DOORBELL}"))


def ring(ids: Sequence[UUID]) -> None:
    """Wake workers once the surrounding transaction, if any, has committed. Never raises."""
    if ids:
        transaction.on_commit(lambda: _ring(list(ids)))


def _ring(ids: Sequence[UUID]) -> None:
    try:
        bell().ring(ids)
    except Exception as error:  # the sweeper rings again: a lost ring must not undo finished work
        log.warning("could not ring for %d pieces of work: %s", len(ids), type(error).__name__)
