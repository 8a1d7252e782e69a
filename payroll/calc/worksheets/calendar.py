"""Paydays and deposit due dates, counted day by day."""

from datetime import date, timedelta

from payroll.calc.worksheet import Lines, worksheet

DAYS_BETWEEN = {"weekly": 7, "biweekly": 14}
TIMES_A_YEAR = {"semimonthly": 24, "monthly": 12, "quarterly": 4, "semiannual": 2, "annual": 1}
WEDNESDAY, FRIDAY = 3, 5  # as date.isoweekday() counts
BUSINESS_DAYS_LEFT = 3


@worksheet("Paydays in a year", source="arithmetic: nominal paydays, from the first one on")
def paydays_in_year(year: int, frequency: str, first_payday: str) -> Lines:
    if frequency not in DAYS_BETWEEN:
        yield "paydays_in_year", f"paid {frequency}", TIMES_A_YEAR[frequency]
        return
    day, count, first = date.fromisoformat(first_payday), 0, "none"
    while day.year <= year:
        if day.year == year:
            first = day.isoformat() if not count else first
            count += 1
        day += timedelta(days=DAYS_BETWEEN[frequency])
    yield "first_in_year", "the first payday in the year", first
    yield "paydays_in_year", f"every {DAYS_BETWEEN[frequency]} days until its end", count


@worksheet(
    "Deposit of a semiweekly depositor",
    source="IRS Pub. 15 sec. 11: paid Wednesday to Friday, due the following Wednesday; paid Saturday to Tuesday, due "
    "the following Friday; a legal holiday among the three weekdays after the period gives one more day",
)
def semiweekly_deposit(payday: str, legal_holidays: list[str]) -> Lines:
    day = date.fromisoformat(payday)
    # ISO weekdays: Monday is 1. Wednesday to Friday end on Friday, the others on Tuesday
    to_end = (
        FRIDAY - day.isoweekday() if WEDNESDAY <= day.isoweekday() <= FRIDAY else (2 - day.isoweekday()) % 7
    )
    end = day + timedelta(days=to_end)
    yield "period_end", "the last day of the semiweekly period", end.isoformat()
    due, counted = end, 0
    while counted < BUSINESS_DAYS_LEFT:
        due += timedelta(days=1)
        words = "a business day"
        if due.isoweekday() > FRIDAY:
            words = "a day of the weekend"
        elif due.isoformat() in legal_holidays:
            words = "a legal holiday"
        else:
            counted += 1
        yield due.isoformat(), words, counted
    yield "due", "the third business day after the period", due.isoformat()
