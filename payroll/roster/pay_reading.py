"""The optional files of a folder -> rows of which every one is good, or findings that say why not."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from payroll.roster.columns import EmployeeRow, Table
from payroll.roster.files import Read, table_rows
from payroll.roster.findings import Findings
from payroll.roster.pay_columns import (
    DEDUCTIONS,
    GARNISHMENTS,
    PAY_ITEMS,
    TAX_FORMS,
    DeductionRow,
    GarnishmentRow,
    PayItemRow,
    TaxFormRow,
)
from payroll.roster.references import Person, Unique, known_person

OF_PERSON = " of this person"


class PayFiles:
    """Reads the optional files of one folder against the people of its employees.csv.

    employer_ids, people   what employers.csv and employees.csv hold
    """

    def __init__(
        self,
        folder: Path,
        employer_ids: Unique,
        people: Unique,
        employees: Mapping[Person, EmployeeRow],
        findings: Findings,
    ) -> None:
        self.folder, self.findings = folder, findings
        self.employer_ids, self.people, self.employees = employer_ids, people, employees

    def rows(self, table: Table) -> Iterator[Read]:
        """Rows of a file whose person could be read; none when the file is not there."""
        path = self.folder / table.file
        if not (path.exists() or path.is_symlink()):
            return
        for read in table_rows(path, table, self.findings):
            if read.bad.isdisjoint(("employer_id", "employee_id")):
                known_person(table, read.row, self.employer_ids, self.people, self.findings)
                yield read

    def pay_items(self) -> Iterator[PayItemRow]:
        """Rows of pay_items.csv; the same item twice, and a day without employment, are warnings."""
        lines: dict[PayItemRow, int] = {}
        for row, bad in self.rows(PAY_ITEMS):
            if not bad:
                first = lines.setdefault(row._replace(line=0), row.line)
                if first != row.line:
                    problem = f"is the same as line {first} - if this is one payment, delete one of the two"
                    self.findings.warn(PAY_ITEMS.file, row.line, "", "", problem)
                self.within_employment(row)
            yield row

    def within_employment(self, row: PayItemRow) -> None:
        """A warning for a day on which the person is not employed: who is in no pay period gets no paycheck."""
        person = self.employees.get((row.employer_id, row.employee_id))
        if person is None:
            return
        last, problem = person.termination_date, ""
        if last is not None and row.item_date > last:
            problem = f"is after the last day of employment {last}"
        elif person.hire_date is not None and row.item_date < person.hire_date:
            problem = f"is before the hire date {person.hire_date}"
        if problem:
            problem += " - it is paid only if the person is employed on a day of its pay period"
            self.findings.warn(PAY_ITEMS.file, row.line, "item_date", str(row.item_date), problem)

    def deductions(self) -> Iterator[DeductionRow]:
        """Rows of deductions.csv; names once per person."""
        names = Unique(DEDUCTIONS, "name", OF_PERSON, self.findings)
        for row, bad in self.rows(DEDUCTIONS):
            if "name" not in bad:
                names.add((row.employer_id, row.employee_id, row.name), row.line, row.name)
            yield row

    def garnishments(self) -> Iterator[GarnishmentRow]:
        """Rows of garnishments.csv; orders once per person."""
        orders = Unique(GARNISHMENTS, "order_id", OF_PERSON, self.findings)
        for row, bad in self.rows(GARNISHMENTS):
            if "order_id" not in bad:
                orders.add((row.employer_id, row.employee_id, row.order_id), row.line, row.order_id)
            yield row

    def tax_forms(self) -> Iterator[TaxFormRow]:
        """Rows of tax_forms.csv; one per person, that fits their Form W-4."""
        people = Unique(TAX_FORMS, "employee_id", " of this employer", self.findings)
        for row, bad in self.rows(TAX_FORMS):
            person = (row.employer_id, row.employee_id)
            people.add(person, row.line, row.employee_id)
            if employee := self.employees.get(person):
                self.fits_w4(row, bad, employee)
            yield row

    def fits_w4(self, row: TaxFormRow, bad: frozenset[str], employee: EmployeeRow) -> None:
        """Findings for what the person's Form W-4 rules out (Pub. 15, Pub. 15-T)."""
        entries = (employee.step2_checkbox, employee.step3, employee.step4a, employee.step4b, employee.step4c)
        if "w4_exempt" not in bad and row.w4_exempt and any(entries):
            problem = (
                "is not valid on a Form W-4 with entries in step 2, 3 or 4 (employees.csv) - clear those, "
                "or write false and keep the earlier form"
            )
            self.findings.add(TAX_FORMS.file, row.line, "w4_exempt", "true", problem)
        if row.nonresident_alien == "table1" and employee.w4_version == "2020+":
            problem = "is for a Form W-4 of 2019 or earlier, and employees.csv says 2020+ - write table2"
            self.findings.add(TAX_FORMS.file, row.line, "nonresident_alien", "table1", problem)
