"""A process that publishes, and is killed at one place.

python -m tests.kernel.outbox_main FILE PLACE     PLACE: follow, send, or nowhere
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import django

django.setup()

from events import outbox  # noqa: E402 - needs the settings
from events.models import Publication  # noqa: E402
from events.outbox import Notice, Outlet  # noqa: E402
from events.store import Recorded  # noqa: E402

TYPES = frozenset({"Said"})


def tell(events: Sequence[Recorded]) -> Iterator[Notice]:
    """What each event says: its number."""
    for event in events:
        yield Notice(event, "said", {"topic": "said"}, {"n": event.data["n"]})


class ToFile:
    """Writes ids to a file, each durably; and dies after `lives` of them."""

    name = "file"

    def __init__(self, path: Path, lives: int | None) -> None:
        self.path, self.lives = path, lives

    def takes(self, topic: str) -> bool:
        return True

    def send(self, publication: Publication) -> None:
        with self.path.open("a") as file:
            file.write(f"{publication.id} {publication.body['n']}\n")
            file.flush()
            os.fsync(file.fileno())
        if self.lives is not None:
            self.lives -= 1
            if self.lives == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def die(events: Sequence[Recorded]) -> Iterator[Notice]:
    """What is told is written, and then the process dies before the transaction commits."""
    yield from tell(events)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    path, place = Path(sys.argv[1]), sys.argv[2]
    subscriber = ToFile(path, lives=2 if place == "send" else None)
    outbox.OUTLETS[:] = [Outlet(TYPES, die if place == "follow" else tell, lambda: [subscriber])]
    outbox.publish()
