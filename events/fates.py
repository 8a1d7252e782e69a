"""What becomes of work that failed: try again later, or a dead letter.

The three fates (failures.py) meet the work's attempt counter here, the same way for a task and for a
batch.
"""

import logging

from django.db import transaction

from events import dead_letters, work
from events.failures import NeedsReview, TryAgain
from events.saga import Retry
from events.work import Claimed

log = logging.getLogger(__name__)


def meet(held: Claimed, policy: Retry, error: Exception) -> None:
    """Send held work where this error means it to go."""
    if isinstance(error, TryAgain):
        delay_s = policy.delay_s(held.snoozes + 1) if error.after_s is None else error.after_s
        let_go(held, "ready", give_back=1, error=dead_letters.redact(str(error)), delay_s=delay_s)
    elif isinstance(error, NeedsReview):
        dead_letters.bury(held, kind=error.kind, reason=str(error), error=error)
    elif held.attempts >= policy.attempts_max:
        dead_letters.bury(held, kind="bug", reason=f"{type(error).__name__}: {error}", error=error)
    else:
        what = dead_letters.redact(f"{type(error).__name__}: {error}")
        log.warning("%s failed at %s, attempt %d: %s", held.subject, held.step, held.attempts, what)
        let_go(held, "ready", delay_s=policy.delay_s(held.attempts), error=what)


def spent(held: Claimed, policy: Retry) -> bool:
    """Bury work whose attempts were used up without any of them reporting back; True when it was."""
    if held.attempts <= policy.attempts_max:
        return False
    reason = f"{held.attempts - 1} workers began {held.step} and none came back: it may kill the process that runs it"
    dead_letters.bury(held, kind="lost worker", reason=reason)
    return True


def let_go(held: Claimed, state: str, *, give_back: int = 0, delay_s: float = 0, error: str = "") -> None:
    """Release held work in a transaction of its own."""
    with transaction.atomic(durable=True):
        work.release(held, state, give_back=give_back, delay_s=delay_s, error=error)
