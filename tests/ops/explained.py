"""A payday whose paychecks have something to explain: overtime at two rates, a bonus, orders, deductions, a letter."""

from pathlib import Path

from payroll.roster import import_folder
from tests.saga import paydays, roster_files
from tests.saga.paydays import employer, hourly, salaried, worked
from tests.saga.roster_files import deduction, garnishment, pay_item, tax_form

SSN, ACCOUNT = "901-45-6781", "55501234561"
PLACES = {"IL": "il", "CA": "ca"}
LETTER = {
    "lock_in_since": "2026-02-01",
    "lock_in_filing_status": "single",
    "lock_in_step2_checkbox": "true",
    "lock_in_step3": "0.00",
    "lock_in_step4a": "0.00",
    "lock_in_step4b": "0.00",
    "lock_in_step4c": "10.00",
}


def load(folder: Path) -> None:
    """Import ACME.

    hal-il, hal-ca   by the hour: 45 h in each of two workweeks, 5 h of each at 30.00, else 20.00
    sal-il, sal-ca   78,000.00 a year, a bonus, health savings, support, union dues, a lock-in letter, a reimbursement
    pip              by the hour, 5 h, whose premium of 85.00 no pay is left for beside an order and dues
    alf              works in a state without rules: its paycheck stops before taxes
    """
    hal, sal = {"account_number": ACCOUNT, "ssn": SSN}, {"filing_status": "mfj"}
    people = [
        hourly("ACME", "hal-il", "20.00", work_state="IL", **hal),
        hourly("ACME", "hal-ca", "20.00", work_state="CA"),
        salaried("ACME", "sal-il", "78000.00", work_state="IL", traditional_401k_percent="6", **sal),
        salaried("ACME", "sal-ca", "78000.00", work_state="CA", traditional_401k_percent="6", **sal),
        hourly("ACME", "pip", "16.00", work_state="IL", section125_per_period="85.00"),
        salaried("ACME", "alf", "52000.00", work_state="AL"),
    ]
    short = {2: "9.00", 3: "9.00", 4: "9.00", 5: "8.00", 9: "9.00", 10: "9.00", 11: "9.00", 12: "8.00"}
    time = [row for hourly_one in ("hal-il", "hal-ca") for row in worked("ACME", hourly_one, short)]
    for hourly_one in ("hal-il", "hal-ca"):
        time += worked("ACME", hourly_one, {6: "10.00", 13: "10.00"}, rate="30.00")
    time += worked("ACME", "pip", {2: "5.00"})
    into = folder / "roster"
    into.mkdir(parents=True)
    people = [row | {"ssn": row["ssn"] or f"910-11-{1000 + n:04d}"} for n, row in enumerate(people)]
    rows: roster_files.Rows = {
        roster_files.EMPLOYERS: [employer("ACME", retirement_plan="half_of_6")],
        roster_files.EMPLOYEES: people,
        roster_files.TIME_ENTRIES: time,
        roster_files.PAY_ITEMS: [],
        roster_files.DEDUCTIONS: [deduction("ACME", "pip", "Union dues", "60.00")],
        roster_files.GARNISHMENTS: [garnishment("ACME", "pip", "C-9")],
        roster_files.TAX_FORMS: [],
    }
    for one in ("sal-il", "sal-ca"):
        rows[roster_files.PAY_ITEMS] += [
            pay_item("ACME", one, "2026-11-05", "1000.00", kind="discretionary_bonus"),
            pay_item("ACME", one, "2026-11-06", "42.10", kind="reimbursement", reference="Trip 7"),
        ]
        rows[roster_files.DEDUCTIONS] += [
            deduction("ACME", one, "HSA", "100.00", kind="hsa_self"),
            deduction("ACME", one, "Union dues", "12.50"),
        ]
        rows[roster_files.GARNISHMENTS].append(
            garnishment("ACME", one, "CASE-7", **roster_files.SUPPORT | {"amount": "300.00"})
        )
        rows[roster_files.TAX_FORMS].append(tax_form("ACME", one, **LETTER))
    import_folder(roster_files.write(into, rows), dry_run=False, as_of=paydays.AS_OF)
