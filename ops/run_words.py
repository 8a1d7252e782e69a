"""A pay run as its command shows it: for people to read, and for a program."""

from typing import Any

from ops.status import EmployerStatus, RunStatus
from payroll.calc.money import dollars
from payroll.payments.same_day import SAME_DAY


def named_limits(part: EmployerStatus) -> list[str]:
    """What holds an employer's part back, with its name."""
    return [f"{part.employer}: {limit}" for limit in part.limits]


def summary(status: RunStatus, seconds: float) -> dict[str, Any]:
    """What `payrun start --wait --json` ends with."""
    return {
        "run": status.run,
        "pay_date": status.pay_date,
        "settlement": status.settlement,
        "complete": status.complete,
        "state": status.state,
        "employers": len(status.employers),
        "employees": status.employees,
        "paid": status.paid,
        "waiting": status.waiting,
        "no_hours": status.no_hours,
        "no_pay": status.no_pay,
        "dead_letters": len(status.dead_letters),
        "gross_cents": status.gross_cents,
        "net_cents": status.net_cents,
        "employer_tax_cents": status.employer_taxes_cents,
        "paid_cents": status.paid_cents,
        "seconds": round(seconds, 2),
        "ach_files": status.ach_files,
    }


def report(status: RunStatus) -> str:
    """A run for people to read."""
    same_day = status.settlement == SAME_DAY
    lines = [
        f"pay run {status.run}: {status.period_start} to {status.period_end}, paid {status.pay_date}, "
        f"{'same-day settlement, ' if same_day else ''}"
        f"{'; '.join([status.state, *status.notes, *filter(None, status.limits)])}",
        f"{'employer':<14} {'people':>7} {'done':>7} {'paid':>7} {'dead':>5} {'net pay':>16}  state",
    ]
    for part in status.employers:
        lines.append(
            f"{part.employer:<14} {part.employees:>7,} {part.completed:>7,} {part.paid:>7,} {part.dead_letters:>5} "
            f"{dollars(part.net_cents):>16}  {part.state}{f', settles {part.settlement}' if same_day else ''}"
        )
    lines += [f"  {limit}" for part in status.employers for limit in named_limits(part)]
    lines.append(
        f"gross {dollars(status.gross_cents)}, employee taxes {dollars(status.employee_taxes_cents)}, "
        f"employer taxes {dollars(status.employer_taxes_cents)}, match {dollars(status.match_cents)}, "
        f"net {dollars(status.net_cents)}, paid {dollars(status.paid_cents)}"
    )
    if status.people:
        lines.append("before " + ", ".join(f"{step}: {count:,}" for step, count in status.people.items()))
    if status.no_hours:
        lines.append(f"no hours: {status.no_hours} hourly people have no time entries and are paid nothing")
    if status.no_pay > status.no_hours:
        lines.append(
            f"nothing to pay: {status.no_pay - status.no_hours} people whose taxes and deductions took it all"
        )
    for letter in status.dead_letters:
        who = letter["employee_id"] or "the employer's run"
        lines.append(
            f"dead letter {letter['id'][:8]}: {letter['employer']} {who} at {letter['step']}: {letter['reason']}"
        )
    return "\n".join(lines)
