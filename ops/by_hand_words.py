"""What is left to people, in words: in the notes of a run, and line by line for who does it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from payroll import by_hand
from payroll.by_hand import TOO_MUCH, WORDS, Item
from payroll.calc.money import dollars

REMIT = "remit"


def ahead(facts: Mapping[str, Any]) -> Iterator[str]:
    """What the bank that is configured will not do for an employer's part: before anybody approves it."""
    if "PaymentsInstructed" in facts or "payments_cents" in facts:
        return  # by now it is among what is left to people
    if way := facts.get("unfunded"):
        yield (
            f"its files are to be funded by {way}, and this bank takes payments over HTTP, which debit nothing: fund "
            "them as agreed with the bank"
        )
    if count := facts.get("not_remitted"):
        yield f"{count} orders say where their money goes, and over HTTP none is remitted: remit it by hand"


def notes(run: UUID | str) -> list[str]:
    """What a run leaves to people, a sentence for each employer and kind of thing."""
    found: dict[tuple[str, str], list[Item]] = {}
    for item in by_hand.listed(UUID(str(run))):
        found.setdefault((item.employer, item.kind), []).append(item)
    return [f"{employer}: {_note(kind, items)}" for (employer, kind), items in found.items()]


def _note(kind: str, items: Sequence[Item]) -> str:
    done_by = ", ".join(sorted({item.done_by for item in items if item.done_by and not item.left_cents}))
    done = (
        f"; done by {done_by}: {sum(not item.left_cents for item in items)} of {len(items)}"
        if done_by
        else ""
    )
    over_cents = -sum(item.left_cents for item in items if item.left_cents < 0)
    over = [f"{dollars(over_cents)} {TOO_MUCH[kind]}"] if over_cents else []
    if kind == REMIT:
        sums = ", ".join(
            f"{item.about.replace('_', ' ')} {dollars(item.cents)} ({item.payments})" for item in items
        )
        return "; ".join([f"to be remitted by hand, by kind of order: {sums}{done}", *over])
    left_cents = sum(item.left_cents for item in items if item.left_cents > 0)
    left = [f"{dollars(left_cents)} {WORDS[kind]}{done}"] if left_cents or not over else []
    return "; ".join([*left, *over])


def lines(items: Sequence[Item]) -> Iterator[str]:
    """A block for each thing, with its key, by which it is recorded as done."""
    for item in items:
        who = f"{item.employer}/{item.employee_id}" if item.employee_id else item.employer
        about = f", {item.about.replace('_', ' ')}" if item.about else ""
        yield f"{str(item.key)[:8]}  {dollars(abs(item.left_cents)):>14}  {who}{about} {item.says}"
        if item.times:
            yield f"{'':26}{dollars(item.done_cents)} done by {item.done_by}: {item.evidence}"
