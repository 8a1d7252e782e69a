"""What the paychecks of a run and of its earlier corrections have given, which another correction takes off.

Paychecks that were left out, carried over, begun again, voided or cancelled have given nothing. The read model answers,
when it has caught up with everything that the employer's runs have computed (manifest.unsettled).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from events.failures import NeedsReview
from payroll import delta, keys, objects
from payroll.domain import OUT
from payroll.history import History
from payroll.models import Paycheck

HOURS = ("hours_worked_hundredths", "leave_hours_hundredths", "holiday_hours_hundredths")
OF_THE_EMPLOYER = ("retirement_plan", "workweek_start", "employees")  # a later change is for later pay
RECOVERY = 3  # the place of its id in a line of what is taken after tax
GONE = (*OUT, "PaycheckVoided")


class PaidSoFar(NamedTuple):
    """By employee id: the sums of the facts, and the entry of the manifest that the last of the paychecks began with.

    terms   of the corrected run's manifests: what its employer was like
    """

    paid: Mapping[str, dict[str, Any]]
    entries: Mapping[str, dict[str, Any]]
    terms: dict[str, Any]

    def known(self, taxed: set[str]) -> dict[str, dict[str, Any]]:
        """The year to date as each of them was computed with; `taxed`: who is known to be taxed since."""
        years = {each: dict(entry["year_to_date"]) for each, entry in self.entries.items()}
        return {
            each: year | {"income_tax_withheld": year.get("income_tax_withheld", False) or each in taxed}
            for each, year in years.items()
        }

    def recoveries(self, left: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
        """What could be taken back of each: what it was, less what later pay has given.

        left   what is still owed back, by employee id; opened since, it is for later pay
        """
        found: dict[str, list[dict[str, Any]]] = {}
        for each, entry in self.entries.items():
            left_cents = {one["id"]: one["cents"] for one in left.get(each, ())}
            for line in self.paid[each].get("post_tax", ()):
                if line[RECOVERY:]:
                    left_cents[line[RECOVERY]] = left_cents.get(line[RECOVERY], 0) + line[1]
            for one in entry.get("recoveries", ()):
                cents = min(one["cents"], left_cents.get(one["id"], 0))
                found.setdefault(each, []).append({**one, "cents": cents})
        return found


NOTHING = PaidSoFar({}, {}, {})


def read(employer: str, corrects: Sequence[str], people: Sequence[str]) -> PaidSoFar:
    """What these people were paid by a run and its corrections.

    corrects   employer's runs, the one that is corrected first
    raises     NeedsReview, naming some who have no paycheck in it that counts; objects.ObjectDamaged
    """
    found: dict[str, list[dict[str, Any]]] = {}
    rows = Paycheck.objects.filter(employer=employer, employer_run__in=corrects, employee_id__in=people)
    standing = rows.exclude(last_event__in=GONE).filter(facts__has_key="net_cents")
    for row in sorted(standing, key=lambda row: corrects.index(str(row.employer_run))):
        found.setdefault(row.employee_id, []).append(row.facts)
    if none := sorted(
        set(people) - {each for each, facts in found.items() if facts[0]["employer_run"] == corrects[0]}
    ):
        raise NeedsReview(
            f"{none[0]}{f' and {len(none) - 1} more' if none[1:] else ''} of {employer} have no paycheck in "
            f"that run which counts: it is unfinished, or was left out, carried over, voided or cancelled"
        )
    used = {
        facts[place]["manifest"]: facts[place]["employer_run"]
        for facts in found.values()
        for place in (0, -1)
    }
    manifests = _manifests(used)
    last = {each: facts[-1] for each, facts in found.items()}
    terms: dict[str, Any] = next((manifests[facts[0]["manifest"]]["terms"] for facts in found.values()), {})
    return PaidSoFar(
        {each: delta.total(facts) for each, facts in found.items()},
        {each: manifests[facts["manifest"]]["employees"][facts["number"]] for each, facts in last.items()},
        {name: terms[name] for name in OF_THE_EMPLOYER if name in terms},
    )


def _manifests(used: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Manifests by the name of their object; `used` names the employer's run of each."""
    sha256 = {
        written["object"]: written["sha256"]
        for employer_run in set(used.values())
        for written in History(keys.employerrun_stream(employer_run)).manifests
    }
    return {name: json.loads(objects.get_verified(name, sha256[name])) for name in used}
