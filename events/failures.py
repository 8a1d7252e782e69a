"""The three fates of a failure.

`TryAgain`     the world was not ready: the work is snoozed, and no attempt of the employee's is spent.
`NeedsReview`  a person must look: a dead letter at once, everybody else in the batch goes on.
anything else  a bug: retried by the step's policy, then a dead letter with its traceback.

Messages carry the values that matter and what to do next, and never personal data: they are stored,
shown on screens and written to logs.
"""


class TryAgain(Exception):
    """The world was not ready yet. Raise it when waiting alone may cure it.

    after_s   seconds until the work is due again; None lets the step's back-off decide
    """

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class NeedsReview(Exception):
    """A person has to look before this item can go on. Say what is wrong and what would mend it.

    kind   what the dead letter is called
    """

    kind = "needs review"


class NoAnswer(NeedsReview):
    """A downstream system that was asked has not answered in time."""

    kind = "no answer"
