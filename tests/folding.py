"""Read models that hold the whole log."""

import time

from events import projection

PATIENCE_S = 20.0


def fold(*names: str) -> None:
    """Fold all there is; a transaction elsewhere on the server, one of its own vacuums say, may delay that a moment."""
    deadline = time.monotonic() + PATIENCE_S
    while not projection.catch_up(*names):
        assert time.monotonic() < deadline, "the read models are held back"
        time.sleep(0.01)
