"""Why a request did not reach a downstream system."""


class Unreachable(Exception):
    """It is not there, or not ready, or does not let us in: whatever is asked would fail. Messages name no contents.

    after_s   how long it asked to be left alone, in seconds
    """

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Refused(Exception):
    """It is there and does not take this request: one of its tasks may be the reason."""
