"""What is wrong with the machinery right now, in sentences: for a person, a monitor, and the log.

    for trouble in health.troubles(): print(trouble)

A dead letter is no trouble of the machinery: it waits for a person, and says so itself.
"""

import logging
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from events import checkpoints, database, limits, outbox, projection, queues
from events.work import CLAIMABLE
from ops import reconciled

log = logging.getLogger(__name__)

DUE_S_MAX = 60.0  # due work that nobody takes for so long
RECONCILED_D_MAX = 1  # it is done once a day
LATE_S_MAX = 300.0  # deliveries and read models that lag so far behind
COMPARED_S_MAX = 3600.0  # what an import has touched; it waits while its employer's pay is computed

# How long the oldest work of each queue that could be claimed has been due.
WAITING = f"""
select queue, extract(epoch from clock_timestamp() - min(available_at))
  from events_work w
 where {CLAIMABLE}
 group by queue order by queue
"""  # noqa: S608
OVERDUE_LEASES = """
select count(*) from events_work
 where state = 'leased' and lease_until < clock_timestamp() - %s * interval '1 second'
"""
BEHIND = """
select extract(epoch from clock_timestamp() - min(recorded_at)) from events_event
 where (xid, position) > (select xid::xid8, position from events_checkpoint where name = %s)
"""
DELIVERIES = """
select count(*) filter (where given_up_at is not null),
       count(*) filter (where given_up_at is null and due_at < clock_timestamp() - %s * interval '1 second')
  from events_delivery where sent_at is null
"""
# What a run that has begun took, and an import has changed since.
TOUCHED = """
select count(*) from payroll_touchedpaycheck t join payroll_employerrun r on r.employer_run = t.employer_run
 where t.touched_at < clock_timestamp() - %s * interval '1 second' and r.facts ->> 'employees' is not null
"""


def troubles() -> Iterator[str]:
    """What is not as it should be, and what to do about it."""
    yield from _work()
    yield from _followers()
    yield from _deliveries()
    yield from _queues()
    yield from _books()
    yield from _roster()


def watch() -> None:
    """The tick: say in the log what is wrong, each time until it is mended."""
    for trouble in troubles():
        log.error("%s", trouble)


def _work() -> Iterator[str]:
    for queue, seconds in database.rows(WAITING, {"queues": None, "blocked": limits.blocked()}):
        if seconds > DUE_S_MAX:
            yield f"work has been due in {queue} for {seconds:.0f} s and nobody takes it: start workers for it"
    ((overdue,),) = database.rows(OVERDUE_LEASES, [DUE_S_MAX])
    if overdue:
        yield f"{overdue} pieces of work are held by lost workers: nobody sweeps. Start a worker or beat"


def _followers() -> Iterator[str]:
    for name, why in checkpoints.stopped().items():
        yield f"{name} cannot be folded any further: {why}. See in the log what it would fold next, and mend that"
    for name in (*(model.name for model in projection.PROJECTIONS), outbox.NAME):
        ((seconds,),) = database.rows(BEHIND, [name])
        if seconds and seconds > LATE_S_MAX:
            yield f"{name} is {seconds:.0f} s behind the log: start a worker or beat, or see in its log why it stays"


def _deliveries() -> Iterator[str]:
    ((given_up, late),) = database.rows(DELIVERIES, [LATE_S_MAX])
    if given_up:
        yield f"{given_up} deliveries to subscribers were given up: send them again in the admin"
    if late:
        yield f"{late} deliveries are late: start a worker or beat, or see which subscriber hangs or was removed"


def _books() -> Iterator[str]:
    last = reconciled.latest()
    if last is not None and last.type == reconciled.DIFFERED:
        yield (
            f"ledger, payments and bank did not agree on {last.recorded_at:%Y-%m-%d %H:%M} UTC, in "
            f"{last.data['found']} things: manage.py reconcile names them; when it is mended, reconcile in the admin"
        )
    elif last is not None and (age_d := (database.now() - last.recorded_at).days) > RECONCILED_D_MAX:
        yield f"the books were not reconciled for {age_d} days: start a worker or beat"


def _roster() -> Iterator[str]:
    ((touched,),) = database.rows(TOUCHED, [COMPARED_S_MAX])
    if touched:
        yield (
            f"{touched} paychecks were not compared with the roster since an import changed it: start a worker or "
            "beat, or see whether a run of their employer is paused, or in the log why not"
        )


def _queues() -> Iterator[str]:
    try:
        for depth in queues.show():
            if depth.dead:
                yield f"{depth.dead} messages lie in {depth.name}-dlq: see the workers' logs for why, then purge it"
            if depth.name == settings.EVENTS_RESPONSE_QUEUE and (depth.oldest_s or 0) > DUE_S_MAX:
                yield f"answers wait in {depth.name} for {depth.oldest_s} s: start manage.py answers"
            for attribute, (found, wanted) in depth.differs.items():
                yield f"{depth.name}: {attribute} is {found} and should be {wanted}: manage.py queues create mends it"
    except (BotoCoreError, ClientError, queues.QueueMissing) as error:
        yield f"the queues do not answer: {error}"
