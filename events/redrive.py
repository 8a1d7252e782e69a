"""Scheduled redrive: what may have healed by itself is tried again, a few times, and not for ever.

Everything is derived from the letters: how often the schedule has redriven a piece of work, when, and what became
of it. A fault that keeps failing is left to a person, until one redrives it or a day has passed. Any number of
processes may tick at once: they choose the same letters, and each letter is redriven once.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from events import database, dead_letters
from events.dead_letters import NotOpen
from events.doorbells import ring
from events.models import DeadLetter, Work

BY = "schedule"
REASON = "tried again by the schedule"
HEALS = ("bug", "lost worker", "no answer")  # never what needs a review, never an alarm
GROWS = 6  # how many times longer each wait is than the one before
FORGETS_H = 24  # after so many hours a fault that was given up is tried again

# Letters that are due to be tried again, the oldest of each fault first, as many as one tick takes.
DUE = """
select id, work, fingerprint
  from (select l.id, l.work, l.fingerprint, l.opened_at,
               row_number() over (partition by l.fingerprint order by l.opened_at, l.id) as place
          from events_deadletter l
         cross join lateral (select count(*) as tries from events_deadletter earlier
                              where earlier.work = l.work and earlier.closed_by = %(by)s) t
         where l.state = 'open' and l.kind = any(%(heals)s) and l.step <> all(%(never)s) and t.tries < %(per_letter)s
           and l.opened_at + %(after_s)s * power(%(grows)s, t.tries) * interval '1 second' <= clock_timestamp()) due
 where place <= %(per_tick)s
 order by opened_at, id
"""

# What became of the scheduled redrives of some faults, within a day and since a person has redriven one of them. One
# has failed when its work died of the same fault again; it went well when its work has left the step.
FAULTS = """
with redriven as (
  select l.fingerprint, l.closed_at, l.step = w.step and w.state in ('ready', 'leased', 'waiting') as going,
         exists (select 1 from events_deadletter again
                  where again.work = l.work and again.opened_at > l.closed_at
                    and again.fingerprint = l.fingerprint) as failed,
         (w.step <> l.step or w.state = 'done')
         and not exists (select 1 from events_deadletter again
                          where again.work = l.work and again.opened_at > l.closed_at
                            and again.step = l.step) as well
    from events_deadletter l join events_work w on w.id = l.work
   where l.state = 'redriven' and l.closed_by = %(by)s and l.fingerprint = any(%(fingerprints)s)
     and l.closed_at > clock_timestamp() - %(forgets_h)s * interval '1 hour'
     and l.closed_at > coalesce((select max(p.closed_at) from events_deadletter p
                                  where p.fingerprint = l.fingerprint and p.state = 'redriven'
                                    and p.closed_by <> %(by)s), '-infinity')),
looked_at as (
  select r.*, coalesce(max(closed_at) filter (where well) over (partition by fingerprint), '-infinity') as well_at
    from redriven r)
select fingerprint,
       count(*) filter (where failed and closed_at > well_at)       as failed,
       count(*) filter (where going and not failed)                 as undecided,
       bool_or(well)                                                as heals,
       max(closed_at) filter (where failed and closed_at > well_at) as failed_at
  from looked_at
 group by fingerprint
"""


class Fault(NamedTuple):
    """What the schedule has made of one fingerprint.

    failed      scheduled redrives that died of it again, since the last that went well
    undecided   those of which nothing is known yet
    heals       whether one has gone well
    failed_at   when the last of those that failed was redriven
    """

    failed: int = 0
    undecided: int = 0
    heals: bool = False
    failed_at: datetime | None = None

    @property
    def given_up(self) -> bool:
        """Whether it has failed so often that a person has to look."""
        return bool(self.failed >= settings.EVENTS_REDRIVE_FAILED_MAX)

    @property
    def room(self) -> int:
        """How many may be tried now: a fault that is not known to heal is tried a few at a time."""
        if self.heals and not self.failed:
            return int(settings.EVENTS_REDRIVE_PER_TICK)
        return max(0, settings.EVENTS_REDRIVE_FAILED_MAX - self.failed - self.undecided)


def scheduled() -> int:
    """The tick: redrive what is due by itself, within its budget; how many letters it was."""
    with transaction.atomic(durable=True):
        works = [work_id for letter_id, work_id in _affordable() if _redrive(letter_id, work_id)]
    ring(works)
    return len(works)


def outlooks(letters: Sequence[DeadLetter]) -> dict[UUID, str]:
    """Of open letters: when each is redriven by itself, or why it is not, in words."""
    works = [letter.work for letter in letters]
    tried = DeadLetter.objects.filter(work__in=works, closed_by=BY).values_list("work").order_by()
    tries: Mapping[UUID, int] = dict(tried.annotate(Count("id")))
    faults = _faults([letter.fingerprint for letter in letters])
    return {
        letter.id: _outlook(letter, tries.get(letter.work, 0), faults.get(letter.fingerprint, Fault()))
        for letter in letters
    }


def _outlook(letter: DeadLetter, tries: int, fault: Fault) -> str:
    if letter.kind not in HEALS or letter.step in settings.EVENTS_REDRIVE_NEVER:
        return "not redriven by itself: a person has to look"
    if tries >= settings.EVENTS_REDRIVE_PER_LETTER:
        return f"not redriven by itself any more: that was tried {tries} times"
    if fault.given_up and fault.failed_at:
        return (
            f"not redriven by itself any more: this fault came back {fault.failed} times in a row, "
            f"last tried {fault.failed_at:%Y-%m-%d %H:%M} UTC. Redrive one yourself, or wait a day"
        )
    wait = timedelta(seconds=settings.EVENTS_REDRIVE_AFTER_S * GROWS**tries)
    left_s = (letter.opened_at + wait - timezone.now()).total_seconds()
    return f"redriven by itself in {left_s / 60:.0f} min" if left_s > 30 else "redriven by itself soon"


def _affordable() -> list[tuple[UUID, UUID]]:
    """The letters that are due and their work, as many of each fault as its budget allows."""
    budget = {
        "by": BY,
        "heals": list(HEALS),
        "never": list(settings.EVENTS_REDRIVE_NEVER),
        "grows": GROWS,
        "after_s": settings.EVENTS_REDRIVE_AFTER_S,
        "per_letter": settings.EVENTS_REDRIVE_PER_LETTER,
        "per_tick": settings.EVENTS_REDRIVE_PER_TICK,
    }
    due = database.rows(DUE, budget)
    faults = _faults([fingerprint for _, _, fingerprint in due])
    taken: Counter[str] = Counter()
    chosen = []
    for letter_id, work_id, fingerprint in due:
        if taken[fingerprint] < faults.get(fingerprint, Fault()).room:
            taken[fingerprint] += 1
            chosen.append((letter_id, work_id))
    return chosen[: settings.EVENTS_REDRIVE_PER_TICK]


def _redrive(letter_id: UUID, work_id: UUID) -> bool:
    """Redrive one letter; False when somebody is just about it, which is as good."""
    # Not waited for: whoever holds it may be waiting for one that this tick has locked, or ticks as well.
    if not Work.objects.filter(id=work_id).select_for_update(skip_locked=True).values_list("id").first():
        return False
    try:
        with transaction.atomic():
            dead_letters.set_going(letter_id, by=BY, reason=REASON)
    except NotOpen:
        return False
    return True


def _faults(fingerprints: Sequence[str]) -> dict[str, Fault]:
    asked = {"by": BY, "fingerprints": sorted(set(fingerprints)), "forgets_h": FORGETS_H}
    return {fingerprint: Fault(*rest) for fingerprint, *rest in database.rows(FAULTS, asked)}
