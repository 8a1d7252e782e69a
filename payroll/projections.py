"""The read models of payroll, as folds of the log."""

from pathlib import Path

from events.projection import Projection

SQL = Path(__file__).parent / "sql"


def statement(name: str) -> str:
    """A named SQL statement of this package."""
    return (SQL / f"{name}.sql").read_text()


def folded(prefix: str, table: str) -> Projection:
    """One row a stream: the merged facts of streams whose names begin with `prefix`."""
    # Not str.format: the statement's own braces and percent signs stay as they are.
    sql = statement("fold_streams").replace("{table}", table).replace("{prefix}", prefix)
    return Projection(table, sql, (table,))


READ_MODELS = (
    folded("payrun", "payroll_payrun"),
    folded("employerrun", "payroll_employerrun"),
    folded("paycheck", "payroll_paycheck"),
    Projection("year to date", statement("fold_year_to_date"), ("payroll_yeartodate",)),
)
