"""The optional roster files as data: what a person's pay needs besides rate, hours and Form W-4.

A file that is not in the folder changes nothing; one that is there is the truth for everybody in it. Every file
begins with employer_id and employee_id of a person in employees.csv. A star marks what may be empty.

pay_items.csv        single payments, in the period that contains their day; for each person it names, the file
                     replaces everything from their first to their last item_date
    item_date               ISO date
    kind                    bonus, discretionary_bonus, commission, retro, reimbursement
    amount                  dollars, above zero
    earned_from, earned_to  * days over which a nondiscretionary bonus or a commission was earned: both or neither,
                            bonus and commission only; who has overtime needs them
    reference               * up to 40 letters, digits, spaces and - _ / .

deductions.csv       what is taken from every paycheck; replaces the whole list of each person it names
    kind                    hsa_self, hsa_family, dependent_care, post_tax
    name                    up to 40 characters, once per person
    amount                  dollars per pay period, above zero
    start_date, end_date*   first and last pay date

garnishments.csv     court orders and levies; replaces the whole list of each person it names
    order_id                up to 32 of A-Z a-z 0-9 - _, once per person
    kind                    support, support_arrears, medical_support, bankruptcy, federal_levy, student_loan,
                            federal_agency, state_levy, creditor, wage_assignment
    amount, percent         * dollars per pay period, or 0.01 to 100 with two decimals: one of the two. A federal
                            levy has neither; a student loan or federal agency debt may have neither, which takes
                            all that its limit gives
    balance                 * dollars still owed in all
    received_date           when the order came
    end_date                * last pay date
    supports_other_family,  true or false: both on every order for support, since the limit depends on them, and
    arrears_over_12_weeks   on no other (15 USC 1673(b)(2))
    filing_status           * single, mfs, mfj (also a surviving spouse), hoh; federal_levy only, as on the
                            statement that came back
    dependents              * count, together with filing_status
    exempt                  * dollars per pay period that a federal levy leaves, in place of what the statement gives
    minimum_wage            * dollars an hour at the place of work, creditor and wage_assignment only; California
                            limits them by it (Code Civ. Proc. 706.050)
    case_id, fips_code,     * where an order for support is remitted to; payees.py has them
    medical_support, payee_name, payee_routing_number, payee_account_number

tax_forms.csv        one row a person, replaces their forms; everything may be empty
    w4_exempt               true or false
    nonresident_alien       table1 or table2 of Pub. 15-T
    lock_in_since           from when an IRS lock-in letter holds, with lock_in_filing_status (single, mfs, mfj,
                            hoh), lock_in_step2_checkbox, lock_in_step3, lock_in_step4a, lock_in_step4b (dollars
                            a year) and lock_in_step4c (dollars per pay period); all empty without a letter
    state_filing_status     single, married, mfs, mfj, qss, hoh, married_higher_single, married_no_spouse_income,
                            married_spouse_not_working
    state_allowances, state_further_allowances, state_estimated_deduction_allowances      counts
    state_additional_withholding    dollars per pay period
    state_deduction                 dollars a year
    state_elected_rate_percent      0 to 100 with four decimals
    state_exempt                    true or false
"""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from payroll.models import pay
from payroll.roster import cells, payees
from payroll.roster.columns import STATUSES_2020, ZERO, Column, Rule, Table, dollars
from payroll.roster.payees import SUPPORT

EARNED = ("bonus", "commission")  # over days, whose overtime they raise
ORDINARY = ("creditor", "wage_assignment")
TAKES_ALL = ("federal_levy", "student_loan", "federal_agency")  # as much as the limit of the kind gives
STATE_STATUSES = (
    *("single", "married", "mfs", "mfj", "qss", "hoh", "married_higher_single"),
    *("married_no_spouse_income", "married_spouse_not_working"),  # Iowa, Missouri
)


class PayItemRow(NamedTuple):
    """One line of pay_items.csv."""

    line: int
    employer_id: str
    employee_id: str
    item_date: date
    kind: str
    amount: Decimal
    earned_from: date | None
    earned_to: date | None
    reference: str


class DeductionRow(NamedTuple):
    """One line of deductions.csv."""

    line: int
    employer_id: str
    employee_id: str
    kind: str
    name: str
    amount: Decimal
    start_date: date
    end_date: date | None


class GarnishmentRow(NamedTuple):
    """One line of garnishments.csv; percents are of 100."""

    line: int
    employer_id: str
    employee_id: str
    order_id: str
    kind: str
    amount: Decimal | None
    percent: Decimal | None
    balance: Decimal | None
    received_date: date
    end_date: date | None
    supports_other_family: bool | None
    arrears_over_12_weeks: bool | None
    filing_status: str
    dependents: int | None
    exempt: Decimal | None
    minimum_wage: Decimal | None
    case_id: str
    fips_code: str
    medical_support: str
    payee_name: str
    payee_routing_number: str
    payee_account_number: str


class TaxFormRow(NamedTuple):
    """One line of tax_forms.csv; None and "" where nothing was given."""

    line: int
    employer_id: str
    employee_id: str
    w4_exempt: bool
    nonresident_alien: str
    lock_in_since: date | None
    lock_in_filing_status: str
    lock_in_step2_checkbox: bool
    lock_in_step3: Decimal
    lock_in_step4a: Decimal
    lock_in_step4b: Decimal
    lock_in_step4c: Decimal
    state_filing_status: str
    state_allowances: int | None
    state_further_allowances: int | None
    state_additional_withholding: Decimal | None
    state_exempt: bool | None
    state_elected_rate_percent: Decimal | None
    state_deduction: Decimal | None
    state_estimated_deduction_allowances: int | None


PayRow = PayItemRow | DeductionRow | GarnishmentRow | TaxFormRow


def earned_without_bonus(row: PayItemRow) -> str:
    """Only bonuses and commissions are spread over the days they were earned on (29 CFR 778.117, 778.209)."""
    if row.earned_from is not None and row.kind not in EARNED:
        return f"is for a bonus or a commission, and this is {row.kind} - leave it empty, or correct the kind"
    return ""


def earned_half(row: PayItemRow) -> str:
    """Both days or neither."""
    if row.earned_from is None and row.earned_to is not None:
        return "is empty, and earned_to is not - give both days or neither"
    return ""


def earned_backwards(row: PayItemRow) -> str:
    """A last day, and not before the first."""
    if row.earned_from is None:
        return ""
    if row.earned_to is None:
        return "is empty, and earned_from is not - give both days or neither"
    return "is before earned_from - correct one of the two" if row.earned_to < row.earned_from else ""


def ends_before(first: str) -> Rule:
    """An end_date is not before the date that begins."""

    def broken(row: DeductionRow | GarnishmentRow) -> str:
        if row.end_date is not None and row.end_date < getattr(row, first):
            return f"is before {first} - correct one of the two"
        return ""

    return Rule(("end_date", first), broken)


def amount_or_percent(row: GarnishmentRow) -> str:
    """An order takes an amount or a percentage; some kinds take what the law leaves to them."""
    if row.amount is not None and row.percent is not None:
        return "is given besides a percent - keep the one that the order names"
    if row.amount is None and row.percent is None and row.kind not in TAKES_ALL:
        return "is empty, and so is percent - give the one that the order names"
    return ""


def levy_takes_the_rest(column: str) -> Rule:
    """A federal levy takes everything above the exempt amount, and so names no other (IRC 6334)."""

    def broken(row: GarnishmentRow) -> str:
        if getattr(row, column) is not None and row.kind == "federal_levy":
            return "is not on a federal levy, which takes all above the exempt amount - leave it empty"
        return ""

    return Rule((column, "kind"), broken)


def support_says(column: str) -> Rule:
    """The limit of an order for support depends on two facts about the person; no other order has them."""

    def broken(row: GarnishmentRow) -> str:
        given = getattr(row, column) is not None
        if row.kind in SUPPORT and not given:
            return "is empty, and the limit of a support order depends on it - write true or false"
        if given and row.kind not in SUPPORT:
            return f"is for orders for support, and this is {row.kind} - leave it empty"
        return ""

    return Rule((column, "kind"), broken)


def levy_statement(row: GarnishmentRow) -> str:
    """The statement that comes back with a federal levy."""
    if row.filing_status and row.kind != "federal_levy":
        return f"is for a federal levy, and this is {row.kind} - leave it empty"
    if not row.filing_status and row.dependents is not None:
        return "is empty, and dependents is not - give both as on the statement, or neither"
    return ""


def levy_dependents(row: GarnishmentRow) -> str:
    """A statement names both."""
    if row.filing_status and row.dependents is None:
        return "is empty, and filing_status is not - give both as on the statement, or neither"
    return ""


def only_of(column: str, kinds: tuple[str, ...], words: str) -> Rule:
    """A fact that only some kinds of orders have."""

    def broken(row: GarnishmentRow) -> str:
        if getattr(row, column) is not None and row.kind not in kinds:
            return f"is for {words}, and this is {row.kind} - leave it empty"
        return ""

    return Rule((column, "kind"), broken)


def exempt_nonresident(row: TaxFormRow) -> str:
    """A nonresident alien cannot claim exemption on Form W-4 (Pub. 15)."""
    if row.w4_exempt and row.nonresident_alien:
        return "cannot be claimed on the W-4 of a nonresident alien - write false, or clear nonresident_alien"
    return ""


def lock_in_half(row: TaxFormRow) -> str:
    """A letter names a filing status."""
    if row.lock_in_since is not None and not row.lock_in_filing_status:
        return "is empty, and lock_in_since is not - copy the status from the letter"
    return ""


def only_with_letter(column: str) -> Rule:
    """Without a letter its entries are empty (or 0, or false, which say the same)."""

    def broken(row: TaxFormRow) -> str:
        if getattr(row, column) and row.lock_in_since is None:
            return "is given without lock_in_since - add the letter's date, or leave it empty"
        return ""

    return Rule((column, "lock_in_since"), broken)


above_zero = cells.amount("0.01", "10000000", 2, "dollars")
number = cells.count(999)
WHOSE = (Column("employer_id", cells.key), Column("employee_id", cells.key))


def optional(name: str, check: cells.Check, default: object = None) -> Column:
    """A column that may be missing or empty."""
    return Column(name, check, required=False, default=default)


PAY_ITEMS = Table(
    "pay_items.csv",
    PayItemRow,
    (
        *WHOSE,
        Column("item_date", cells.day),
        Column("kind", cells.choice(*pay.PayItemKind.values)),
        Column("amount", above_zero),
        optional("earned_from", cells.day),
        optional("earned_to", cells.day),
        optional("reference", cells.reference, default=""),
    ),
    (
        Rule(("earned_from", "kind"), earned_without_bonus),
        Rule(("earned_from", "earned_to"), earned_half),
        Rule(("earned_to", "earned_from"), earned_backwards),
    ),
)

# Names of deductions and orders say much about a person: what is shown of them is their end.
DEDUCTIONS = Table(
    "deductions.csv",
    DeductionRow,
    (
        *WHOSE,
        Column("kind", cells.choice(*pay.DeductionKind.values)),
        Column("name", cells.words(40), secret=True),
        Column("amount", above_zero),
        Column("start_date", cells.day),
        optional("end_date", cells.day),
    ),
    (ends_before("start_date"),),
)

GARNISHMENTS = Table(
    "garnishments.csv",
    GarnishmentRow,
    (
        *WHOSE,
        Column("order_id", cells.key, secret=True),
        Column("kind", cells.choice(*pay.GarnishmentKind.values)),
        optional("amount", above_zero),
        optional("percent", cells.amount("0.01", "100", 2, "percent")),
        optional("balance", dollars),
        Column("received_date", cells.day),
        optional("end_date", cells.day),
        optional("supports_other_family", cells.flag),
        optional("arrears_over_12_weeks", cells.flag),
        optional("filing_status", cells.choice(*STATUSES_2020), default=""),
        optional("dependents", number),
        optional("exempt", dollars),
        optional("minimum_wage", cells.amount("0.01", "1000", 2, "dollars")),
        *payees.COLUMNS,
    ),
    (
        Rule(("amount", "percent", "kind"), amount_or_percent),
        levy_takes_the_rest("amount"),
        levy_takes_the_rest("percent"),
        ends_before("received_date"),
        support_says("supports_other_family"),
        support_says("arrears_over_12_weeks"),
        Rule(("filing_status", "dependents", "kind"), levy_statement),
        Rule(("dependents", "filing_status"), levy_dependents),
        only_of("exempt", ("federal_levy",), "a federal levy"),
        only_of("minimum_wage", ORDINARY, "creditors and wage assignments"),
        *payees.RULES,
    ),
)

TAX_FORMS = Table(
    "tax_forms.csv",
    TaxFormRow,
    (
        *WHOSE,
        optional("w4_exempt", cells.flag, default=False),
        optional("nonresident_alien", cells.choice(*pay.NonresidentTable.values), default=""),
        optional("lock_in_since", cells.day),
        optional("lock_in_filing_status", cells.choice(*STATUSES_2020), default=""),
        optional("lock_in_step2_checkbox", cells.flag, default=False),
        *(
            optional(f"lock_in_{step}", dollars, default=ZERO)
            for step in ("step3", "step4a", "step4b", "step4c")
        ),
        optional("state_filing_status", cells.choice(*STATE_STATUSES), default=""),
        optional("state_allowances", number),
        optional("state_further_allowances", number),
        optional("state_additional_withholding", dollars),
        optional("state_exempt", cells.flag),
        optional("state_elected_rate_percent", cells.amount("0", "100", 4, "percent")),
        optional("state_deduction", dollars),
        optional("state_estimated_deduction_allowances", number),
    ),
    (
        Rule(("w4_exempt", "nonresident_alien"), exempt_nonresident),
        Rule(("lock_in_filing_status", "lock_in_since"), lock_in_half),
        *(
            only_with_letter(f"lock_in_{name}")
            for name in ("filing_status", "step2_checkbox", "step3", "step4a", "step4b", "step4c")
        ),
    ),
)

OPTIONAL_TABLES = (PAY_ITEMS, DEDUCTIONS, GARNISHMENTS, TAX_FORMS)
