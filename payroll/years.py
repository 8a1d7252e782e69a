"""The year to date that a paycheck is computed with, frozen in its manifest.

A regular paycheck knows what was computed before it. A correction also knows what came after the paycheck that it
corrects: of a yearly limit it leaves what all others of the year take, so that the year's total comes out right. What
is no limit stays as it was known then, such as the way in which a bonus is taxed.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from events.database import rows
from payroll.domain import YearToDate
from payroll.models import YearToDate as YearToDateRow
from payroll.projections import statement

YEAR_BESIDES = statement("year_besides")


def before(employer: str, employee_ids: Sequence[str], year: int, taxed: set[str]) -> dict[str, YearToDate]:
    """What these people were paid in the year so far.

    taxed   of whom it is known that income tax was withheld from regular wages (paid_before.taxed)
    """
    found = YearToDateRow.objects.filter(
        employer=employer, employee_id__in=employee_ids, year__in=(year - 1, year)
    )
    of = {(row.employee_id, row.year): row for row in found}
    return {
        each: _before(of.get((each, year)), of.get((each, year - 1)), each in taxed) for each in employee_ids
    }


def besides(
    employer: str, employer_runs: Sequence[str], year: int, known: Mapping[str, Mapping[str, Any]]
) -> dict[str, YearToDate]:
    """What these people were paid in the year besides the paychecks of some of the employer's runs.

    employer_runs   the run that is corrected, and its corrections
    known           by employee id, the year to date as the corrected paycheck had it
    """
    asked = {"employer": employer, "runs": list(employer_runs), "people": list(known)}
    since, until = f"{year}-01-01", f"{year + 1}-01-01"
    found = dict(rows(YEAR_BESIDES, asked | {"since": since, "until": until}))
    return {
        each: _besides(YearToDate(**then), json.loads(found.get(each, "{}"))) for each, then in known.items()
    }


def _before(this: YearToDateRow | None, last: YearToDateRow | None, taxed: bool) -> YearToDate:
    of_last = last.ss_taxable_cents if last else 0
    if this is None:
        return YearToDate(prior_year_ss_wages_cents=of_last, income_tax_withheld=taxed)
    return YearToDate(
        fica_wages_cents=this.fica_wages_cents,
        social_security_cents=this.social_security_cents,
        medicare_cents=this.medicare_cents,
        deferrals_cents=this.deferrals_cents,
        eligible_comp_cents=this.gross_cents,
        prior_year_ss_wages_cents=of_last,
        supplemental_cents=this.supplemental_cents,
        hsa_cents=this.hsa_cents,
        dependent_care_cents=this.dependent_care_cents,
        annual_additions_cents=this.deferrals_cents - this.catch_up_cents + this.match_cents,
        programme_wages_cents=this.programme_wages_cents,
        income_tax_withheld=taxed,
    )


def _besides(then: YearToDate, figures: Mapping[str, Any]) -> YearToDate:
    """What was known then, with the limits as all other paychecks of the year leave them."""
    sums = {name: int(cents) for name, cents in figures.items() if name.endswith("_cents")}

    def of(name: str) -> int:
        return sums.get(name, 0)

    regular_cents = of("traditional_401k_cents") + of("roth_401k_cents") - of("catch_up_cents")
    return then._replace(
        deferrals_cents=regular_cents,
        eligible_comp_cents=of("gross_cents"),
        hsa_cents=of("hsa_cents"),
        dependent_care_cents=of("dependent_care_cents"),
        annual_additions_cents=regular_cents + of("match_cents"),
        programme_wages_cents=dict(figures.get("programmes", {})),
        used={
            "ytd_ss_wages_cents": of("ss_taxable_cents"),
            "ytd_medicare_wages_cents": of("fica_wages_cents") - of("additional_medicare_taxable_cents"),
            "ytd_futa_wages_cents": of("futa_taxable_cents"),
            "ytd_social_security_cents": of("social_security_cents"),
            "ytd_comp_cents": of("matched_comp_cents"),
            "later_catch_up_cents": of("catch_up_cents"),
        },
    )
