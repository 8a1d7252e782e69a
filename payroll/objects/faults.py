"""What can be wrong with object storage."""

from events.failures import TryAgain


class ObjectExists(Exception):
    """Other bytes lie under this key already. Nothing was written; find out who wrote them."""


class ObjectDamaged(Exception):
    """The bytes under this key are not those that the log recorded, or they are gone. Restore them."""


class ObjectsUnavailable(TryAgain):
    """Object storage did not answer, or refused us: a step waits and spends no attempt, a command gives up."""
