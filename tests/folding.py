"""Read models that hold the whole log."""

from events import projection
from tests.brokers import until


def fold(*names: str) -> None:
    """Fold all there is; a transaction elsewhere on the server, one of its own vacuums say, may delay that a moment."""
    until(lambda: projection.catch_up(*names), "the read models hold the whole log")
