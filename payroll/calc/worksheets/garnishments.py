"""Garnishment: the limits, how orders share what a limit leaves, and the total."""

from collections.abc import Sequence
from fractions import Fraction

from payroll.calc.worksheet import Lines, half_up, percent, worksheet

CUT_OFF = "cut off to the cent: the limit may not be passed"
WORKWEEKS = {
    "weekly": Fraction(1),
    "biweekly": Fraction(2),
    "semimonthly": Fraction(13, 6),
    "monthly": Fraction(13, 3),
}


def _cut_off(cents: int | Fraction) -> int:
    return max(Fraction(0), Fraction(cents)).__floor__()


@worksheet(
    "The limit on ordinary garnishments",
    source="15 USC 1673(a); 29 CFR 870.10",
    rounding=CUT_OFF,
    figures={
        "minimum_wage_cents": "garnishment.ordinary",
        "protected_hours_count": "garnishment.ordinary",
        "ordinary_bp": "garnishment.ordinary",
    },
)
def ordinary_limit(
    disposable_cents: int,
    frequency: str,
    minimum_wage_cents: int,
    protected_hours_count: int,
    ordinary_bp: int,
) -> Lines:
    protected = protected_hours_count * minimum_wage_cents * WORKWEEKS[frequency]
    yield "protected_cents", "hours of minimum wage a week x workweeks in the period", half_up(protected)
    excess = max(Fraction(0), disposable_cents - protected)
    yield "ordinary_excess", "disposable earnings over that", excess
    part = percent(disposable_cents, ordinary_bp)
    yield "ordinary_share", "the share of disposable earnings", part
    yield "ordinary_maximum_cents", "the lesser of the two", _cut_off(min(excess, part))


@worksheet(
    "A state's limit on ordinary garnishments",
    source="Cal. Code Civ. Proc. 706.050",
    rounding=CUT_OFF,
    figures={
        "state_protected_hours_count": "garnishment.states",
        "state_ordinary_bp": "garnishment.states",
        "state_excess_bp": "garnishment.states",
    },
)
def state_ordinary_limit(
    disposable_cents: int,
    frequency: str,
    state: str,
    local_minimum_wage_cents: int,
    state_protected_hours_count: int,
    state_ordinary_bp: int,
    state_excess_bp: int,
) -> Lines:
    protected = state_protected_hours_count * local_minimum_wage_cents * WORKWEEKS[frequency]
    yield (
        "state_protected_cents",
        "hours of minimum wage a week x workweeks in the period",
        half_up(protected),
    )
    excess = percent(max(Fraction(0), disposable_cents - protected), state_excess_bp)
    yield "state_excess", "the share of what is over that", excess
    part = percent(disposable_cents, state_ordinary_bp)
    yield "state_share", "the share of disposable earnings", part
    yield "state_ordinary_maximum_cents", "the lesser of the two", _cut_off(min(excess, part))


@worksheet(
    "The limit on support",
    source="15 USC 1673(b)(2)",
    rounding=CUT_OFF,
    figures={"support_bp": "garnishment.support"},
)
def support_limit(
    disposable_cents: int, supports_other_family: bool, arrears_over_12_weeks: bool, support_bp: int
) -> Lines:
    yield "support_percent_count", "percent of disposable earnings", Fraction(support_bp, 100)
    yield "support_maximum_cents", "that share", _cut_off(percent(disposable_cents, support_bp))


@worksheet(
    "The limit on a debt to the United States that is no tax",
    source="20 USC 1095a; 31 USC 3720D",
    rounding=CUT_OFF,
    figures={"federal_debt_bp": "garnishment.federal_debt"},
)
def federal_debt_limit(kind: str, disposable_cents: int, federal_debt_bp: int) -> Lines:
    most = _cut_off(percent(disposable_cents, federal_debt_bp))
    yield f"{kind}_maximum_cents", "the share of disposable earnings", most


@worksheet(
    "Federal tax levy: what it may take",
    source="Form 668-W; IRS Publication 1494",
    rounding="each exempt amount of a period half up to the cent",
    figures={
        "standard_deduction_cents": "garnishment.levy.standard_deduction",
        "exemption_cents": "garnishment.levy",
    },
)
def levy_limit(
    disposable_cents: int,
    deductions_in_effect_cents: int,
    periods: int,
    standard_deduction_cents: int,
    exemption_cents: int,
    dependents: int,
    exempt_on_order_cents: int | None,
) -> Lines:
    take_home = disposable_cents - deductions_in_effect_cents
    yield "levy_take_home_cents", "disposable earnings less deductions in effect", take_home
    exempt = exempt_on_order_cents
    if exempt is None:
        each = half_up(Fraction(exemption_cents, periods))
        yield "levy_exemption_cents", "a period's exemption for each dependent", each
        exempt = half_up(Fraction(standard_deduction_cents, periods)) + each * dependents
    yield "levy_exempt_cents", "exempt: the period's standard deduction and the exemptions", exempt
    yield "federal_levy_maximum_cents", "take-home pay over that", max(0, take_home - exempt)


@worksheet(
    "Orders of one kind",
    source="29 CFR 870.11(b)(2): a limit counts what orders of higher priority took; sharing by amount (C)",
    rounding="a share is cut off to the cent; cents left over go one each down the list",
)
def garnishment_turn(
    kind: str,
    how: str,
    earlier_of_kind_cents: int,
    limits: Sequence[tuple[str, int, int]],
    orders: Sequence[tuple[str, int]],
) -> Lines:
    """`limits` are (line that gives it, cents, taken before); `orders` are (id, cents wanted)."""
    room = max(0, min(most - before for _, most, before in limits))
    yield f"{kind}_room_cents", "what the narrowest limit leaves, less what was taken before", room
    wanted = sum(cents for _, cents in orders)
    yield f"{kind}_wanted_cents", "what the orders ask for together", wanted
    given: list[int] = []
    for _, cents in orders:
        left = room - sum(given)
        if how == "prorated":
            given.append(cents if wanted <= room else Fraction(room * cents, wanted).__floor__())
        elif how == "whole":
            given.append(cents if cents <= left else 0)
        else:
            given.append(min(cents, left))
    over = min(room, wanted) - sum(given) if how == "prorated" else 0
    for (name, cents), share in zip(orders, given, strict=True):
        extra = 1 if over and share < cents else 0
        over -= extra
        yield f"garnishment_{name}_cents", f"order {name}, of {cents} cents", share + extra
    total = min(room, wanted) if how == "prorated" else sum(given)
    yield f"{kind}_withheld_cents", "together, with what the kind got before", earlier_of_kind_cents + total


@worksheet("All garnishments", source="15 USC 1672, 1673; the kinds in their usual priority (C)")
def garnished(
    disposable_cents: int,
    support_withheld_cents: int,
    medical_support_withheld_cents: int,
    support_arrears_withheld_cents: int,
    bankruptcy_withheld_cents: int,
    federal_levy_withheld_cents: int,
    student_loan_withheld_cents: int,
    federal_agency_withheld_cents: int,
    state_levy_withheld_cents: int,
    creditor_withheld_cents: int,
    wage_assignment_withheld_cents: int,
) -> Lines:
    family = support_withheld_cents + medical_support_withheld_cents + support_arrears_withheld_cents
    yield "garnished_family_cents", "support, medical support and arrears", family
    public = federal_levy_withheld_cents + state_levy_withheld_cents
    public += student_loan_withheld_cents + federal_agency_withheld_cents
    yield "garnished_public_cents", "tax levies and debts to the United States", public
    private = bankruptcy_withheld_cents + creditor_withheld_cents + wage_assignment_withheld_cents
    yield "garnished_private_cents", "bankruptcy, creditors and wage assignments", private
    yield "garnished_cents", "together", family + public + private
