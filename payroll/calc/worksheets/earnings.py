"""Bonuses, commissions, retro pay and reimbursements."""

from fractions import Fraction

from payroll.calc.worksheet import Lines, half_up, share, worksheet


@worksheet(
    "Earnings besides hours and salary",
    source="IRS Pub. 15 sec. 7 (supplemental wages), sec. 5 (accountable plan)",
)
def earnings(items: list[list[str | int]]) -> Lines:
    def of(kind: str) -> int:
        return sum(cents for each, cents in items if each == kind and isinstance(cents, int))

    bonus, discretionary = of("bonus"), of("discretionary_bonus")
    commission, retro = of("commission"), of("retro")
    yield "bonus_cents", "nondiscretionary bonuses", bonus
    yield "discretionary_bonus_cents", "discretionary bonuses", discretionary
    yield "commission_cents", "commissions", commission
    yield "retro_cents", "pay owed for the past", retro
    yield "supplemental_cents", "supplemental wages: all of these", bonus + discretionary + commission + retro
    yield "reimbursement_cents", "expenses under an accountable plan: no wages", of("reimbursement")


@worksheet(
    "Retro pay of an hourly rate",
    source="29 CFR 778.110, .115: a higher rate raises straight time, and the regular rate of each workweek",
    rounding="half up to the cent, once for all workweeks",
    figures={"overtime_after_hundredths": "flsa", "premium_ppm": "flsa"},
)
def retro_hourly(
    old_rate_e4: int,
    new_rate_e4: int,
    workweeks: list[list[int]],
    paid_overtime_ppm: int,
    paid_double_time_ppm: int,
    overtime_after_hundredths: int,
    premium_ppm: int,
) -> Lines:
    raised = Fraction(new_rate_e4 - old_rate_e4, 100)
    yield "raise_cents", "the raise, cents an hour", raised
    straight = premium = federal = Fraction(0)
    for number, (at_rate, worked, overtime, double, leave) in enumerate(workweeks, 1):
        paid = raised * Fraction(at_rate + leave, 100)
        yield f"{number}.straight_time_cents", "hours and leave at the old rate x the raise", paid
        rate = raised * Fraction(at_rate, worked) if worked else Fraction(0)
        yield f"{number}.regular_rate_cents", "by so much the regular rate rises: cents an hour, exact", rate
        added = share(rate * Fraction(overtime - double, 100), paid_overtime_ppm)
        added += share(rate * Fraction(double, 100), paid_double_time_ppm)
        yield f"{number}.premium_cents", "and so the premium", added
        over = max(0, worked - overtime_after_hundredths)
        straight, premium = straight + paid, premium + added
        federal += share(rate * Fraction(over, 100), premium_ppm)
    yield (
        "retro_pay_cents",
        "straight time and premium of all workweeks, rounded",
        half_up(straight + premium),
    )
    yield "retro_premium_cents", "of it premium", half_up(premium)
    yield "retro_flsa_premium_cents", "of that required by the FLSA", half_up(federal)


@worksheet(
    "Retro pay of a salary",
    source="convention of this product: the difference of the salaries, prorated by weekdays as the salary is",
    rounding="half up to the cent, once for all periods",
)
def retro_salary(old_salary_e4: int, new_salary_e4: int, periods: int, parts: list[list[int]]) -> Lines:
    raised = Fraction(new_salary_e4 - old_salary_e4, 100 * periods)
    yield "raise_cents", "the raise of one pay period, exact", raised
    owed = sum((raised * Fraction(employed, in_period) for employed, in_period in parts), Fraction(0))
    yield "retro_pay_cents", "that for the weekdays of each period, rounded", half_up(owed)
    yield "retro_premium_cents", "a salary has no premium", 0
    yield "retro_flsa_premium_cents", "a salary has no premium", 0
