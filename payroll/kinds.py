"""The kinds of pay runs: whom each pays, and for what.

regular      everybody, hours, salary and items of the period
off-cycle    chosen people, the same as a regular run would
termination  chosen people whose last day is in the period, the same
remainder    chosen people whom a release has carried over from another run of the period, the same
correction   chosen people of a run that is paid: what is right now, less what they were paid
bonus        pay items alone: no hours, no salary
"""

from collections.abc import Mapping, Sequence
from datetime import date

from payroll.refusal import Refused

REGULAR, OFF_CYCLE, TERMINATION, REMAINDER, BONUS, CORRECTION = (
    "regular",
    "off-cycle",
    "termination",
    "remainder",
    "bonus",
    "correction",
)
OPENED_BY_COMMAND = (REGULAR, OFF_CYCLE, BONUS, TERMINATION)
CHOSEN = frozenset({OFF_CYCLE, TERMINATION, REMAINDER})  # never for everybody
SHOWN = 5  # people that a message names

People = dict[str, list[str]]  # by employer, in order


def pays_days(kind: str) -> bool:
    """Whether a run of this kind pays hours and salary, so that no day of a person is in two of them.

    A correction pays no day: it mends what a run has paid for it.
    """
    return kind not in {BONUS, CORRECTION}


def named(kind: str, people: Mapping[str, Sequence[str]] | None, employers: Sequence[str]) -> People:
    """The people that a run is opened for, each once and in order; empty means everybody.

    employers   that the command names beside them; none, or the same
    raises      Refused when a run of this kind is not opened so
    """
    if kind not in OPENED_BY_COMMAND:
        raise Refused(f"no run is opened as {kind!r}: it is one of {', '.join(OPENED_BY_COMMAND)}")
    chosen = {employer: sorted(set(ids)) for employer, ids in sorted((people or {}).items())}
    if kind == REGULAR and chosen:
        raise Refused("a regular run pays everybody: to pay some people alone, open one that is off-cycle")
    if kind in CHOSEN and not chosen:
        raise Refused(f"a run that is {kind} pays the people you name: name them with --employee")
    if empty := [employer for employer, ids in chosen.items() if not ids]:
        raise Refused(f"nobody of {', '.join(empty)} is named")
    if chosen and employers and set(employers) != chosen.keys():
        raise Refused("the employers of the run and of the people named in it are not the same")
    return chosen


def check_people(
    kind: str, employer: str, ids: Sequence[str], employed: Mapping[str, date | None], end: date
) -> None:
    """Whether these people of an employer can be paid by a run of this kind.

    employed   everybody whom the run could pay: employee id to last day of work
    end        of the period
    raises     Refused, naming some whom it cannot pay by their ids
    """
    if strange := [name for name in ids if name not in employed]:
        why = "not employed there in this period" if pays_days(kind) else "no pay item in these dates"
        raise Refused(f"{some(strange)} of {employer}: {why}")
    staying = [name for name in ids if (employed[name] or date.max) > end]
    if kind == TERMINATION and staying:
        raise Refused(
            f"{some(staying)} of {employer}: the roster has no last day of work in this period. Import it first"
        )


def some(ids: Sequence[str]) -> str:
    """A few ids, and how many more."""
    return ", ".join(ids[:SHOWN]) + (f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else "")
