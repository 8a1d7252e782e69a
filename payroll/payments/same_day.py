"""A run whose payment files settle on the day they are made, which is the day it is paid.

    EmployerRunOpened {settlement} ─▶ (approved) ─┬▶ PaymentFileTimed* ─────▶ PaymentsInstructed
                                                  └▶ SettlementPostponed* ─▶ PaymentsInstructed, by ordinary files

The moment that a file bears decides its bytes, so it is an event of its own before there is a file: whoever builds it
after a crash writes the same bytes, while the window of that moment is open. A day or a window that has passed is
never answered by a later day: the work waits as a dead letter until somebody chooses one (payroll/postpone.py).
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from events import database
from events.failures import NeedsReview
from events.store import NewEvent
from payroll.calc import calendar
from payroll.calc.money import dollars
from payroll.history import History
from payroll.manifest import Pinned
from payroll.payments import ach, building
from payroll.refusal import Refused

SAME_DAY = "same-day"  # the fact `settlement` of a run; ordinary ones say nothing of it
STANDARD = "standard"
TIMED, POSTPONED = "PaymentFileTimed", "SettlementPostponed"
# The clock of the Federal Reserve's windows; the database knows its zones whatever the machine that asks knows.
EASTERN = "select date_trunc('second', clock_timestamp() at time zone 'America/New_York')"
LAST = ach.SAME_DAY_WINDOWS[-1].closes
BY_FILES_ONLY = "payments over HTTP do not settle the same day, only a payment file does"
SENT_LATE = "when the bank next does, being sent late"
CHOICES = "let it settle on the next banking day (payrun postpone), or cancel it (payrun cancel) and pay by another run"


class Due(NamedTuple):
    """How the files of an employer's run are to be made.

    pinned      with the letter of the first file
    effective   the day on which the money is to move
    made        of files that settle on the day they are made: the moment, Eastern time; None of ordinary ones
    event       what has to be on record before they are made; None when it is
    chosen      the day or the moment was chosen after the run was opened, perhaps more than once
    """

    pinned: Pinned
    effective: date
    made: datetime | None = None
    event: NewEvent | None = None
    chosen: bool = True


def eastern() -> datetime:
    """The moment by the database's clock as a payment file says it: Eastern time, to the second, without a zone."""
    moment: datetime = database.rows(EASTERN)[0][0]
    return moment


def is_same_day(opened: Mapping[str, Any]) -> bool:
    """Whether a run was opened to settle the same day; from the facts of the event that opened it."""
    return opened.get("settlement") == SAME_DAY


def file_day(opened: Mapping[str, Any]) -> date:
    """The day that the files of an employer's run bear: letters tell apart an employer's files of one such day."""
    pay_date = date.fromisoformat(opened["pay_date"])
    return pay_date if is_same_day(opened) else calendar.add_banking_days(pay_date, -building.CUT_OFF_DAYS)


def refuse_start(pay_date: date) -> None:
    """Refuse to open a run that could not settle the same day.

    raises   Refused
    """
    now = eastern()
    if not building.remits():
        raise Refused(f"{BY_FILES_ONLY}: open the run without same-day settlement")
    if not calendar.is_banking_day(pay_date):
        raise Refused(f"{pay_date} is not a banking day: nothing settles on it")
    if pay_date != now.date():
        raise Refused(
            "a run that settles the same day is paid on the day it is opened: "
            f"today is {now:%Y-%m-%d} in Eastern time, and the pay date is {pay_date}"
        )
    if why := closed(pay_date, now):
        later = calendar.add_banking_days(pay_date, 1)
        raise Refused(f"{why}: open the run without same-day settlement, to be paid on {later}")


def closed(day: date, now: datetime) -> str:
    """Why nothing that is sent now settles on this day; empty when it may. Pure.

    now   Eastern time
    """
    if now.date() > day:
        return f"{day}, the day to settle on, is over"
    if now.date() < day:
        return f"{day}, the day to settle on, has not come"
    if not calendar.is_banking_day(day):
        return f"{day} is not a banking day"
    if ach.same_day_window(now.time()) is None:
        return f"the last same-day window of {day} closed at {LAST:%H:%M} Eastern time"
    return ""


def due(history: History, amounts_cents: Iterable[int]) -> Due:
    """How the files of an approved employer's run are to be made now.

    amounts_cents   of what is to be paid by bank
    raises          NeedsReview when an amount is too large for same-day settlement, or the files can no longer settle
                    on the day that was approved, nor on the one that somebody has chosen since
    """
    opened = history.facts["EmployerRunOpened"]
    pinned = Pinned.of(opened)
    if not is_same_day(opened):
        return Due(pinned, pinned.pay_date, chosen=False)
    now = eastern()
    if postponed := history.facts.get(POSTPONED):
        settles_on = date.fromisoformat(postponed["settles_on"])
        if now.date() >= settles_on:
            raise NeedsReview(
                f"{pinned.employer} was postponed to settle on {settles_on}, and no file was made before that day: "
                f"{CHOICES}"
            )
        return Due(pinned._replace(file_modifier=postponed["file_letter"]), settles_on)
    if not building.remits():
        raise NeedsReview(f"{pinned.employer} was to settle the same day. {BY_FILES_ONLY}: {CHOICES}")
    if why := closed(pinned.pay_date, now):
        raise NeedsReview(f"{why}, before the files of {pinned.employer} were made: {CHOICES}")
    if over := sum(cents > ach.SAME_DAY_MAX_CENTS for cents in amounts_cents):
        most = dollars(ach.SAME_DAY_MAX_CENTS)
        raise NeedsReview(
            f"{over} payments of {pinned.employer} are over the {most} that settles the same day: {CHOICES}"
        )
    if made := _timed(history, now):
        return Due(pinned, pinned.pay_date, made)
    facts = {"file_made": now.isoformat(), "settles_at": building.settles_at(now)}
    return Due(pinned, pinned.pay_date, now, history.next(TIMED, facts))


def _timed(history: History, now: datetime) -> datetime | None:
    """The moment on record, while the window that was open then still is: what was built in it is built again."""
    timed = history.facts.get(TIMED)
    if timed is None:
        return None
    made = datetime.fromisoformat(timed["file_made"])
    window = ach.same_day_window(made.time())
    return made if window and now.time() <= window.closes else None


class Files(NamedTuple):
    """How many files of net pay there are, and how many of them two people let go out too late for their day."""

    late: int = 0
    all: int = 0


IN_TIME = Files()


def in_words(facts: Mapping[str, Any], files: Files = IN_TIME) -> str:
    """When an employer's run settles, for people to read; from its merged facts, or those of its pay run."""
    if not is_same_day(facts):
        return "the ordinary way, on the pay date"
    if settles_on := facts.get("settles_on"):
        reason = f": {facts['postponed_reason']}" if facts.get("postponed_reason") else ""
        return f"on {settles_on}, postponed by {facts['postponed_by']}{reason}"
    if files.late and files.late == files.all:
        return SENT_LATE
    at = f", at {facts['settles_at']} Eastern time" if facts.get("settles_at") else ""
    later = f"; {files.late} of {files.all} files {SENT_LATE}" if files.late else ""
    return f"the same day, {facts['pay_date']}{at}{later}"
