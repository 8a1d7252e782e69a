"""Net pay, and how amounts are cut where pay does not suffice."""

from collections.abc import Sequence

from payroll.calc.worksheet import Lines, worksheet


@worksheet("Net pay", source="15 USC 1672(b); the order of deductions (C)")
def net_pay(
    gross_cents: int,
    federal_income_tax_cents: int,
    social_security_cents: int,
    medicare_cents: int,
    additional_medicare_cents: int,
    state_income_tax_cents: int,
    state_programmes_cents: int,
    section125_cents: int,
    hsa_cents: int,
    traditional_401k_cents: int,
    roth_401k_cents: int,
    garnished_cents: int,
    post_tax_cents: int,
    reimbursement_cents: int,
) -> Lines:
    fica = social_security_cents + medicare_cents + additional_medicare_cents
    taxes = fica + federal_income_tax_cents + state_income_tax_cents + state_programmes_cents
    yield "employee_taxes", "all that the law takes", taxes
    yield "disposable_cents", "disposable earnings: gross less that", gross_cents - taxes
    benefits = section125_cents + hsa_cents + traditional_401k_cents + roth_401k_cents
    yield "benefits", "premiums, health savings and retirement", benefits
    others = garnished_cents + post_tax_cents
    yield "others", "garnishments and deductions after tax", others
    net = gross_cents - taxes - benefits - others + reimbursement_cents
    yield "net_cents", "disposable earnings less these, plus what is reimbursed", net


@worksheet(
    "Taxes cut to the pay there is", source="the order of deductions (C): federal income tax gives way first"
)
def taxes_within_pay(
    available_cents: int,
    social_security_cents: int,
    medicare_cents: int,
    additional_medicare_cents: int,
    programmes_owed: Sequence[tuple[str, int]],
    state_income_tax_cents: int,
    federal_income_tax_cents: int,
    supplemental_income_tax_cents: int,
) -> Lines:
    """`programmes_owed` are (name, cents)."""
    fica = social_security_cents + medicare_cents + additional_medicare_cents
    left = room = max(0, available_cents - fica)
    yield "room", "what Social Security and Medicare leave; they are never cut", room
    for name, cents in programmes_owed:
        yield f"{name}_cents", "the state's programmes come first", min(cents, left)
        left -= min(cents, left)
    yield "state_programmes_cents", "programmes together", room - left
    state = min(state_income_tax_cents, left)
    yield "state_income_tax_cents", "state income tax in what is left", state
    federal = min(federal_income_tax_cents, left - state)
    yield "federal_income_tax_cents", "federal income tax in what is left", federal
    supplemental = min(supplemental_income_tax_cents, federal)
    yield "supplemental_income_tax_cents", "no more of it on supplemental wages", supplemental


@worksheet(
    "Deferral cut to the pay there is", source="the order of deductions (C): Roth dollars are cut first"
)
def deferral_within_pay(
    room_cents: int,
    traditional_401k_cents: int,
    roth_401k_cents: int,
    catch_up_cents: int,
    deferral_refused_cents: int,
) -> Lines:
    room = max(0, room_cents)
    traditional = min(traditional_401k_cents, room)
    yield "traditional_401k_cents", "traditional dollars as far as they fit", traditional
    roth = min(roth_401k_cents, room - traditional)
    yield "roth_401k_cents", "Roth dollars in what is left", roth
    yield "deferral_cents", "together", traditional + roth
    cut = traditional_401k_cents + roth_401k_cents - traditional - roth
    yield "catch_up_cents", "catch-up dollars are the last in and the first out", max(0, catch_up_cents - cut)
    yield "deferral_refused_cents", "what is cut is refused", deferral_refused_cents + cut


@worksheet("Deductions that are whole or nothing", source="the order of deductions (C)")
def whole_or_nothing(room_cents: int, deductions: Sequence[tuple[str, int]]) -> Lines:
    left = room_cents
    for name, cents in deductions:
        taken = cents if cents <= left else 0
        left -= taken
        yield f"{name}_cents", f"whole, of {cents} cents, or nothing", taken


@worksheet("Deductions as far as they fit", source="the order of deductions (C)")
def as_far_as_it_fits(room_cents: int, deductions: Sequence[tuple[str, int]]) -> Lines:
    left = max(0, room_cents)
    for name, cents in deductions:
        yield f"{name}_cents", f"of {cents} cents, as far as it fits", min(cents, left)
        left -= min(cents, left)


@worksheet(
    "Net pay that is owed back",
    source="payroll/calc/precedence.py, rank 6: within a share of disposable earnings (C)",
)
def recovered_within_pay(
    disposable_earnings_cents: int, share_bp: int, room_cents: int, recoveries: Sequence[tuple[str, int]]
) -> Lines:
    """`recoveries` are (id, cents that are still owed), the oldest first."""
    share = disposable_earnings_cents * share_bp // 10_000
    yield "share", "of disposable earnings, a part of a cent dropped", share
    left = most = max(0, min(share, room_cents))
    yield "most", "and never more than garnishments and deductions before tax leave", most
    for name, cents in recoveries:
        yield f"{name}_recovered", f"of {cents} cents, as far as it fits", min(cents, left)
        left -= min(cents, left)
