"""The read models of payroll, as folds of the log."""

from pathlib import Path

from events.projection import Projection
from payroll import ledger

SQL = Path(__file__).parent / "sql"


def statement(name: str) -> str:
    """A named SQL statement of this package."""
    return (SQL / f"{name}.sql").read_text()


def fold(prefix: str, table: str) -> str:
    """One row a stream: the merged facts of streams whose names begin with `prefix`."""
    # Not str.format: the statement's own braces and percent signs stay as they are.
    return statement("fold_streams").replace("{table}", table).replace("{prefix}", prefix)


RUNS, PAYCHECKS = "runs", "paychecks"

# Runs are small and looked at all the time; paychecks are many; the ledger stops where it would not balance. Each
# follows the log at its own pace.
READ_MODELS = (
    Projection(
        RUNS,
        (
            fold("payrun", "payroll_payrun"),
            fold("employerrun", "payroll_employerrun"),
            fold("order", "payroll_payorder"),
            fold("late", "payroll_latechange"),
        ),
        ("payroll_payrun", "payroll_employerrun", "payroll_payorder", "payroll_latechange"),
    ),
    Projection(
        PAYCHECKS,
        (
            fold("paycheck", "payroll_paycheck"),
            statement("fold_year_to_date"),
            statement("fold_payments"),
            statement("fold_returned_payments"),
            fold("recovery", "payroll_recovery"),
        ),
        ("payroll_paycheck", "payroll_yeartodate", "payroll_payment", "payroll_recovery"),
    ),
    ledger.PROJECTION,
)
