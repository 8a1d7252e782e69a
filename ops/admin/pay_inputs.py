"""What a person's page shows of their further tax forms, deposits, deductions, court orders and pay items."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from ops.admin import words
from ops.admin.base import Facts, Section, Table
from payroll.models import Deduction, DepositDestination, Employee, Garnishment, PayItem, TaxForm
from payroll.roster.pay_columns import TAKES_ALL

ITEMS_SHOWN = 42
STATE = (
    ("State filing status", "state_filing_status"),
    ("State allowances", "state_allowances"),
    ("Further state allowances", "state_further_allowances"),
    ("State allowances for estimated deductions", "state_estimated_deduction_allowances"),
)


def sections(row: Employee) -> Iterator[Section]:
    """A section for each kind of which the person has any."""
    form = TaxForm.objects.filter(employee=row).first()
    if form:
        yield Facts("Further tax forms", [*_federal(form), *_state(form)])
    for table in (_deposits(row), _deductions(row), _garnishments(row), _pay_items(row)):
        if table.rows:
            yield table


def _federal(form: TaxForm) -> Iterator[tuple[str, object]]:
    """Beside the Form W-4: exemption, nonresident alien, lock-in letter."""
    yield "Exempt by Form W-4", _yes(form.w4_exempt)
    if form.nonresident_alien:
        yield "Nonresident alien", f"{form.get_nonresident_alien_display()} of Pub. 15-T"
    if form.lock_in_since:
        yield "Lock-in letter since", str(form.lock_in_since)
        yield "Lock-in filing status", form.lock_in_filing_status
        yield "Lock-in step 2(c)", "marked" if form.lock_in_step2_checkbox else "not marked"
        for step, name in (("3", "step3"), ("4(a)", "step4a"), ("4(b)", "step4b"), ("4(c)", "step4c")):
            yield f"Lock-in step {step}", _dollars(getattr(form, f"lock_in_{name}"))


def _state(form: TaxForm) -> Iterator[tuple[str, object]]:
    """What the state's form says, without what was not given."""
    for label, name in STATE:
        value = getattr(form, name)
        if value not in {None, ""}:
            yield label, value
    if form.state_exempt is not None:
        yield "Exempt from state withholding", _yes(form.state_exempt)
    if form.state_additional_withholding is not None:
        yield "Additional state withholding a period", _dollars(form.state_additional_withholding)
    if form.state_elected_rate_percent is not None:
        yield "Elected state rate", f"{form.state_elected_rate_percent} %"
    if form.state_deduction is not None:
        yield "State deduction a year", _dollars(form.state_deduction)


def _deposits(row: Employee) -> Table:
    rows = []
    for each in DepositDestination.objects.filter(employee=row).order_by("priority"):
        gets = "the rest"
        if each.amount is not None:
            gets = _dollars(each.amount)
        elif each.percent is not None:
            gets = f"{each.percent} % of net pay"
        goes = each.get_method_display().lower()
        if each.account_last4 or each.routing_number:
            kind = each.get_account_type_display().lower()
            goes = f"{kind} account {each.account_masked} at {each.routing_number}"
        rows.append((str(each.priority), each.name, goes, gets))
    return Table("Direct deposits", ("priority", "name", "to", ">gets"), rows)


def _deductions(row: Employee) -> Table:
    rows = [
        (
            each.name,
            each.get_kind_display(),
            _day(each.start_date),
            _day(each.end_date),
            _dollars(each.amount),
        )
        for each in Deduction.objects.filter(employee=row).order_by("name")
    ]
    return Table("Deductions", ("name", "kind", "from", "to", ">a period"), rows)


def _garnishments(row: Employee) -> Table:
    rows = []
    for each in Garnishment.objects.filter(employee=row).order_by("received_date", "order_id"):
        takes = _dollars(each.amount)
        if each.percent is not None:
            takes = f"{each.percent} %"
        elif each.amount is None and each.kind in TAKES_ALL:
            takes = "what the law allows"
        says = []
        if each.supports_other_family is not None:
            says.append("supports others" if each.supports_other_family else "supports nobody else")
        if each.arrears_over_12_weeks:
            says.append("arrears over 12 weeks")
        if each.filing_status:
            says.append(f"{each.filing_status}, {each.dependents} dependents")
        rows.append(
            (
                words.code(each.order_id),
                each.get_kind_display(),
                _day(each.received_date),
                _day(each.end_date),
                ", ".join(says),
                takes,
                _dollars(each.balance),
            )
        )
    columns = ("order", "kind", "received", "to", "says", ">takes a period", ">balance")
    return Table("Court orders and levies", columns, rows)


def _pay_items(row: Employee) -> Table:
    rows = [
        (
            _day(each.item_date),
            each.get_kind_display(),
            words.line(f"{each.earned_from} to {each.earned_to}") if each.earned_from else "",
            each.reference,
            _dollars(each.amount),
        )
        for each in PayItem.objects.filter(employee=row).order_by("-item_date", "-id")[:ITEMS_SHOWN]
    ]
    return Table("Latest pay items", ("day", "kind", "earned", "reference", ">amount"), rows)


def _dollars(amount: Decimal | None) -> str:
    return "" if amount is None else f"${amount:,.2f}"


def _day(day: date | None) -> str:
    return words.line(day or words.NOTHING)


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"
