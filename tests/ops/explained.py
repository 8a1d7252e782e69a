"""A payday whose paychecks have something to explain: overtime at two rates, a bonus, orders, deductions, a letter."""

from pathlib import Path

from payroll import rules
from payroll.roster import import_folder
from tests.saga import paydays, roster_files
from tests.saga.paydays import employer, hourly, salaried, worked
from tests.saga.roster_files import LEVY, SUPPORT, deduction, garnishment, pay_item, tax_form

SSN, ACCOUNT = "901-45-6781", "55501234561"
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
            garnishment("ACME", one, "CASE-7", **SUPPORT | {"amount": "300.00"})
        )
        rows[roster_files.TAX_FORMS].append(tax_form("ACME", one, **LETTER))
    import_folder(roster_files.write(into, rows), dry_run=False, as_of=paydays.AS_OF)


def load_everywhere(folder: Path) -> None:
    """Import ACME with people in every state."""
    into = folder / "everywhere"
    into.mkdir(parents=True)
    import_folder(roster_files.write(into, everywhere()), dry_run=False, as_of=paydays.AS_OF)


def everywhere() -> roster_files.Rows:
    """Three people in every state that has rules, with forms, deductions and orders of every kind in turns."""
    states = [state for state in sorted(rules.load(2026).states) for _ in range(3)]
    rows: roster_files.Rows = {roster_files.EMPLOYERS: [employer("ACME", retirement_plan="half_of_6")]}
    for name in (
        roster_files.EMPLOYEES,
        roster_files.TIME_ENTRIES,
        roster_files.PAY_ITEMS,
        roster_files.DEDUCTIONS,
        roster_files.GARNISHMENTS,
        roster_files.TAX_FORMS,
    ):
        rows[name] = []
    for number, state in enumerate(states):
        _one_of_many(rows, number, f"p{number:03d}", state)
    return rows


def _one_of_many(rows: roster_files.Rows, number: int, who: str, state: str) -> None:
    form = {"step3": "1000.00", "step4a": "500.00", "step4b": "2000.00", "step4c": "20.00"}
    of = {"work_state": state, "ssn": f"9{10 + number // 100:02d}-11-{1000 + number:04d}"}
    of |= roster_files.OLD_FORM if number % 4 == 0 else {}
    of |= form if number % 5 == 1 and number % 4 else {}
    of |= {"traditional_401k_percent": "6", "roth_401k_percent": "2"} if number % 3 == 0 else {}
    of |= {"section125_per_period": "85.00"} if number % 7 == 0 else {}
    if number % 6 < 3:
        rows[roster_files.EMPLOYEES].append(hourly("ACME", who, "25.00", **of))
        week = (
            {2: "4.00"}
            if number % 6 == 0
            else {2: "9.00", 3: "9.00", 4: "9.00", 5: "8.00", 6: "12.50", 7: "3.00"}
        )
        rows[roster_files.TIME_ENTRIES] += worked("ACME", who, week)
        rows[roster_files.TIME_ENTRIES] += worked("ACME", who, {11: "8.00"}, kind="leave")
    else:
        salary = "260000.00" if number % 6 == 5 else "90000.00"
        rows[roster_files.EMPLOYEES].append(salaried("ACME", who, salary, **of))
    if number % 2 or number % 12 == 6:
        earned = {"earned_from": "2026-11-01", "earned_to": "2026-11-07"}
        rows[roster_files.PAY_ITEMS].append(pay_item("ACME", who, "2026-11-05", "1500.00", **earned))
    rows[roster_files.DEDUCTIONS] += DEDUCTIONS_IN_TURN[number % 5](who)
    rows[roster_files.GARNISHMENTS] += ORDERS_IN_TURN[number % 7](who) if state != "CA" else []
    rows[roster_files.TAX_FORMS] += [tax_form("ACME", who, **each) for each in FORMS_IN_TURN[number % 9]]


DEDUCTIONS_IN_TURN = (
    lambda who: [],
    lambda who: [
        deduction("ACME", who, "HSA a", "60.00", kind="hsa_self"),
        deduction("ACME", who, "HSA b", "30.00", kind="hsa_family"),
    ],
    lambda who: [
        deduction("ACME", who, "Care a", "100.00", kind="dependent_care"),
        deduction("ACME", who, "Care b", "50.00", kind="dependent_care"),
    ],
    lambda who: [deduction("ACME", who, "Dues", "12.50"), deduction("ACME", who, "Gym", "900.00")],
    lambda who: [],
)
ORDERS_IN_TURN = (
    lambda who: [],
    lambda who: [garnishment("ACME", who, "C1", amount="50.00"), garnishment("ACME", who, "C2")],
    lambda who: [
        garnishment("ACME", who, "S1", **SUPPORT | {"amount": "200.00"}),
        garnishment("ACME", who, "S2", **SUPPORT | {"amount": "2000.00"}),
        garnishment("ACME", who, "C2"),
    ],
    lambda who: [garnishment("ACME", who, "L1", **LEVY)],
    lambda who: [garnishment("ACME", who, "SL", kind="student_loan", amount="", percent="15.00")],
    lambda who: [],
    lambda who: [],
)
FORMS_IN_TURN: tuple[list[dict[str, str]], ...] = (
    [],
    [LETTER],
    [{"nonresident_alien": "table2"}],
    [{"state_allowances": "2", "state_additional_withholding": "5.00"}],
    *([], [], [], [], []),
)
