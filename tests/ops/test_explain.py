"""`manage.py explain`: from net pay down to each cent, out of what is stored, and what was tampered with is told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from deploy.postgres import Cluster
from events import dead_letters
from payroll import rulebook, rules
from payroll.calc.worksheet import WORKSHEETS
from payroll.domain import PAYCHECK_EVENTS, Inputs, workings_of
from payroll.explain import paycheck as explaining
from payroll.explain.origins import knows
from payroll.explain.paycheck import explain
from payroll.models import Paycheck
from tests.ops import explained
from tests.saga import paydays
from tests.saga.paydays import employer, salaried

OFF = "alter table events_event disable trigger events_event_no_change"
SET = "update events_event set data = jsonb_set(data, %s, %s::jsonb) where stream = %s and version = %s"
WIDTH = 110


@pytest.fixture
def run(db: Cluster, tmp_path: Path) -> UUID:
    """ACME's run, as far as it goes without a person: all are computed but for alf."""
    explained.load(tmp_path)
    opened = paydays.open_run("ACME")
    paydays.work()
    return opened


def said(*arguments: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    out = StringIO()
    try:
        call_command("explain", *arguments, stdout=out)
    except SystemExit as left:
        return int(str(left)), out.getvalue()
    return 0, out.getvalue()


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("explain", *arguments, stdout=StringIO())
    text = str(refused.value)
    assert "\n" not in text
    return text


def as_json(*arguments: str) -> dict[str, Any]:
    code, out = said(*arguments, "--json")
    assert (code, out.count("\n")) == (0, 1), "one object and nothing else"
    found: dict[str, Any] = json.loads(out)
    return found


def section(found: dict[str, Any], rule: str) -> dict[str, Any]:
    (only,) = [each for each in found["sections"] if each["rule"] == rule]
    return only


def lines(found: dict[str, Any], rule: str) -> dict[str, str]:
    return {line["key"]: line["shown"] for line in section(found, rule)["lines"]}


def entry(found: dict[str, Any], rule: str, name: str) -> dict[str, Any]:
    (only,) = [each for each in section(found, rule)["inputs"] if each["name"] == name]
    return only


@contextmanager
def written_over(db: Cluster, who: str, kind: str, fact: str, value: Any) -> Iterator[None]:
    """One fact of one event is another while this lasts."""
    (event,) = [each for each in paydays.paycheck("ACME", who) if each.type == kind]
    paydays.as_owner(db, OFF)
    where = (event.stream, event.version)
    paydays.as_owner(db, SET, [fact], json.dumps(value), *where)
    yield
    paydays.as_owner(db, SET, [fact], json.dumps(event.data[fact]), *where)


# What is explained


def test_hourly_pay_with_overtime_at_two_rates_to_the_cent(run: UUID) -> None:
    """45 h a week: 35 at 20.00 and 10 at 30.00 are 1,000.00, 22.22… an hour; 5 h at half of it are 55.56."""
    found = as_json("ACME/hal-il")
    weeks = lines(found, "hourly_period")
    for monday in ("2026-11-01", "2026-11-08"):
        assert weeks[f"{monday}.hours_worked_hundredths"] == "45.00 h"
        assert weeks[f"{monday}.remuneration_cents"] == "1000.00"
        assert weeks[f"{monday}.regular_rate_cents"] == "22.22222222…"
        assert weeks[f"{monday}.premium_cents"] == "55.56"
    assert lines(found, "gross_pay") == {"gross_cents": "2111.12"}
    # 2,111.12 x 26 - 8,600 = 46,289.12; 1,240 + 12 % of what is over 19,900 = 4,406.6944, / 26 = 169.488…
    tax = lines(found, "federal_2020")
    assert (tax["1c"], tax["1i"], tax["2g"]) == ("54889.12", "46289.12", "4406.6944")
    assert tax["federal_income_tax_cents"] == "169.49"
    # 6.2 % = 130.889, 1.45 % = 30.611, Illinois 4.95 % = 104.500
    assert lines(found, "fica")["social_security_cents"] == "130.89"
    assert lines(found, "fica")["medicare_cents"] == "30.61"
    assert lines(found, "state_annualized")["state_income_tax_cents"] == "104.50"
    # 2,111.12 - 169.49 - 130.89 - 30.61 - 104.50
    assert lines(found, "net_pay")["net_cents"] == "1675.63"
    assert found["facts"]["net_cents"] == 167_563


def test_a_salary_with_everything_to_the_cent(run: UUID) -> None:
    """3,000.00, a bonus of 1,000.00, HSA 100.00, deferral 6 % = 240.00, support 300.00, dues 12.50, expenses 42.10."""
    found = as_json("ACME/sal-il")
    assert lines(found, "salary")["weekdays_in_period"] == "10"
    assert lines(found, "earnings")["supplemental_cents"] == "1000.00"
    # Regular wages 4,000 - 340 - 1,000 = 2,660. By the letter: 69,160 a year; 8,983 + 24 % over 60,900 = 10,965.40;
    # / 26 = 421.75, + 10.00. The bonus at 22 %
    assert lines(found, "lock_in_floor")["federal_income_tax_cents"] == "431.75"
    assert lines(found, "supplemental_flat")["federal_income_tax_cents"] == "220.00"
    assert lines(found, "federal_together")["federal_income_tax_cents"] == "651.75"
    # 3,900 x 6.2 %, 3,900 x 1.45 %, 3,660 x 4.95 %: 4,000 - 1,131.27 - 340 - 300 - 12.50 + 42.10
    assert lines(found, "net_pay")["employee_taxes"] == "1131.27"
    assert lines(found, "net_pay")["net_cents"] == "2258.33"
    assert lines(found, "match")["match_cents"] == "120.00"
    assert entry(found, "garnishment_turn", "orders")["shown"] == "CASE-7 300.00"
    assert entry(found, "as_far_as_it_fits", "deductions")["shown"] == "Union dues 12.50"
    assert entry(found, "as_far_as_it_fits", "room_cents")["from"]["kind"] == "computed"


def test_california_has_its_own_sheets(run: UUID) -> None:
    hourly, salary = as_json("ACME/hal-ca"), as_json("ACME/sal-ca")
    assert lines(hourly, "california_period")["overtime_premium_cents"] == "111.12"
    assert (
        lines(salary, "state_wages")["state_wages_cents"] == "3760.00"
    )  # an HSA is wages there: 4,000 - 240
    assert lines(salary, "state_programme")["ca_sdi_cents"] == "50.70"  # 1.3 % of 3,900
    assert "wed 9.00 h at 20.00".lower() in entry(hourly, "california_period", "workweeks")["shown"].lower()


@pytest.mark.parametrize("who", ["hal-il", "hal-ca", "sal-il", "sal-ca", "pip"])
def test_every_entry_says_where_it_comes_from_and_it_adds_up(run: UUID, who: str) -> None:
    found = as_json(f"ACME/{who}")
    assert (found["adds_up"], found["wrong"], found["complete"]) == (True, [], True)
    numbers = {each["number"] for each in found["sections"]}
    assert sorted(numbers) == list(range(1, len(found["sections"]) + 1))
    assert found["sections"][0]["rule"] == "net_pay"
    for each in found["sections"]:
        assert each["stored_in"].partition(",")[0] in {
            *("TimeEntered", "PayCalculated", "TaxCalculated", "RetirementCalculated"),
        }
        for given in each["inputs"]:
            assert given["given_by_section"] in numbers or given["from"]["where"], (each["rule"], given)
            if given["from"] and given["from"]["kind"] == "rules":
                assert given["from"]["source"], (each["rule"], given)


def test_where_entries_come_from(run: UUID) -> None:
    found = as_json("ACME/sal-il")
    kinds = {
        ("net_pay", "gross_cents"): None,
        ("salary", "annual_salary_e4"): ("input", "pay_rate", ""),
        ("salary", "periods"): ("input", "terms.frequency", ""),
        ("garnished", "creditor_withheld_cents"): ("computed", "no order of this kind", ""),
        ("fica", "ytd_ss_wages_cents"): ("year to date", "year_to_date.fica_wages_cents", ""),
    }
    for (rule, name), origin in kinds.items():
        given = entry(found, rule, name)["from"]
        assert (None if given is None else tuple(given.values())) == origin
    letter, own = [each for each in found["sections"] if each["rule"] == "federal_2020"][::-1]
    where = {each["name"]: each["from"]["where"] for each in letter["inputs"]}
    assert where["step4c_cents"] == "forms.lock_in.step4c_cents"
    assert where["fit_wages_cents"] == "taxable wages less supplemental wages"
    assert {each["name"]: each["from"]["where"] for each in own["inputs"]}["step4c_cents"] == "step4c_cents"
    base = entry(found, "fica", "ss_wage_base_cents")["from"]
    assert (base["kind"], base["where"]) == ("rules", "fica") and base["source"].startswith("SSA")
    assert entry(found, "gross_pay", "straight_time_cents")["from"] == {
        "kind": "event",
        "where": "TimeEntered, event 2",
        "source": "",
    }


def test_every_sheet_that_a_run_can_fill_in_is_known_entry_by_entry() -> None:
    outside = {
        "check_digit",
        "entry_hash",
        "block_count",
        "paydays_in_year",
        "semiweekly_deposit",
        "banking_day",
    }
    outside |= {
        "workweek",
        "salaried_workweek",
        "california_workweek",
        "retro_hourly",
        "retro_salary",
        "true_up",
    }
    outside |= {"health_fsa", "health_fsa_carryover", "qualified_transportation", "state_unemployment"}
    outside |= {"futa_credit_reduction", "total", "first_of", "whole_or_nothing"}
    given = {
        *("gross_cents", "fit_wages_cents", "fica_wages_cents", "ss_wages_cents", "medicare_wages_cents"),
        *("eligible_cents", "state_wages_cents", "disposable_cents"),
    }
    events = {"PayCalculated", "TaxCalculated", "RetirementCalculated", "TimeEntered"}
    facts = {name for kind in events for name in PAYCHECK_EVENTS[kind].__dataclass_fields__}
    for sheet in WORKSHEETS.values():
        for name in sheet.entries if sheet.name not in outside else ():
            known = name in sheet.figures or name in facts | given | set(Inputs._fields)
            nested = name.endswith("_working")
            assert known or nested or knows(sheet.name, name), (sheet.name, name)


def test_nobody_in_any_state_is_said_not_to_add_up(db: Cluster, tmp_path: Path) -> None:
    explained.load_everywhere(tmp_path)
    sheets: set[str] = set()
    for period in ((paydays.START, paydays.END, paydays.PAYDAY), paydays.NEXT):
        opened = paydays.open_run("ACME", period=period)
        paydays.work()
        for letter in paydays.letters():
            dead_letters.dismiss(letter.id, by="maker", reason="paid by check")
        paydays.work()
        paydays.approve(opened)
        paydays.work()
        for each in Paycheck.objects.filter(run=opened):
            found = explain(each.stream)
            assert found.wrong == [], each.employee_id
            for one in found.sections:
                sheets.add(one.filled.worksheet.name)
                for asked in one.entries:
                    assert asked.section or asked.origin, (one.filled.worksheet.name, asked.name)
                    if asked.origin and asked.origin.kind == "rules":
                        assert asked.origin.source, (one.filled.worksheet.name, asked)
    assert sheets >= {"premiums", "supplemental_aggregate", "levy_limit", "federal_before_2020", "state_ma"}


# What people read


def test_the_text_is_in_columns_and_tells_no_secret(run: UUID) -> None:
    code, out = said("ACME/hal-il")
    assert code == 0
    assert out.splitlines()[0] == "ACME/hal-il, paid 2026-11-20: net pay 1675.63"
    assert "added up again from its parts: every figure agrees" in out
    assert "     gross pay                                                    2111.12  see 2" in out
    assert (
        "     Section 125, HSA, traditional 401(k), Roth 401(k)               0.00  PayCalculated, event 3"
        in out
    )
    assert (
        "       workweek from 2026-11-01: 35.00 h at 20.00, 10.00 h at 30.00; its premium is due now" in out
    )
    assert "       work: 70.00 h at 20.00" in out
    assert "   workweek from 2026-11-08\n   = hours worked in this workweek  " in out
    assert (
        "     base tax of the row                                          1240.00  the row of the table"
        in out
    )
    assert "   ~ fica: SSA contribution and benefit base 2026" in out
    assert max(map(len, out.splitlines())) <= WIDTH
    for secret in (explained.SSN, explained.SSN.replace("-", ""), explained.ACCOUNT):
        assert secret not in out + json.dumps(as_json("ACME/hal-il"))


def test_a_section_of_nothing_is_short(run: UUID) -> None:
    _, out = said("ACME/pip")
    begin = out.index("All garnishments")
    assert out[begin:].splitlines()[2].strip().split("  ")[0] == "= garnishments; every line is zero"
    assert "medical support withheld" not in out


def test_the_year_to_date_before_and_after(db: Cluster, tmp_path: Path) -> None:
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    for period in ((paydays.START, paydays.END, paydays.PAYDAY), paydays.NEXT):
        paydays.pay("ACME", period=period)
    first = explain(paydays.paycheck("ACME", "ann")[0].stream)
    found = as_json("ACME/ann")  # the latest
    year = {each["name"]: each for each in found["year_to_date"]}
    assert found["pay_date"] == "2026-12-04"
    wages = year["fica_wages_cents"]
    assert (wages["before_cents"], wages["this_cents"], wages["after_cents"]) == (240_000, 240_000, 480_000)
    assert {each.name: each.after_cents for each in first.year_to_date}["fica_wages_cents"] == 240_000
    assert entry(found, "fica", "ytd_ss_wages_cents")["value"] == 240_000
    shown = next(
        line for line in said("ACME/ann")[1].splitlines() if line.startswith("Social Security tax  ")
    )
    assert shown.split()[-3:] == ["148.80", "148.80", "297.60"]


def test_an_unfinished_paycheck_explains_what_there_is(run: UUID) -> None:
    code, out = said("ACME/alf")
    assert code == 0
    assert "net pay not computed yet" in out.splitlines()[0]
    assert "every figure so far agrees" in out
    assert "Gross pay" in out and "Net pay" not in out
    assert as_json("ACME/alf")["complete"] is False


# What does not add up


FACTS = {
    "hal-il": {"TimeEntered", "PayCalculated", "TaxCalculated", "RetirementCalculated"},
    "sal-ca": {"PayCalculated", "TaxCalculated", "RetirementCalculated"},
    "pip": {"TimeEntered", "PayCalculated", "TaxCalculated", "RetirementCalculated"},
}


@pytest.mark.parametrize("who", FACTS)
def test_a_cent_more_in_any_fact_is_told(run: UUID, db: Cluster, who: str) -> None:
    changed = 0
    for event in paydays.paycheck("ACME", who):
        for fact, value in event.data.items() if event.type in FACTS[who] else ():
            if isinstance(value, bool) or not isinstance(value, int):
                continue
            with written_over(db, who, event.type, fact, value + 1):
                wrong = explain(event.stream).wrong
            assert any(fact in each for each in wrong), fact
            changed += 1
    assert changed >= 40
    assert explain(paydays.paycheck("ACME", who)[0].stream).wrong == []


def test_a_cent_more_is_told_with_exit_1(run: UUID, db: Cluster) -> None:
    with written_over(db, "hal-il", "TaxCalculated", "federal_income_tax_cents", 16_950):
        code, out = said("ACME/hal-il")
        as_object = said("ACME/hal-il", "--json")
    told = "DOES NOT ADD UP: federal_income_tax_cents is 16950 on record, and its worksheet gives 16949"
    assert (code, told in out, "every figure agrees" in out) == (1, True, False)
    assert as_object[0] == 1
    assert json.loads(as_object[1])["adds_up"] is False
    assert told.removeprefix("DOES NOT ADD UP: ") in json.loads(as_object[1])["wrong"]


@pytest.mark.parametrize(
    "changed",
    [
        ("hal-il", "TaxCalculated", "federal_2020", 5, 100, "took step3_cents as 100, and it is 0"),
        ("hal-il", "TaxCalculated", "federal_2020", 3, 24, "took periods as 24, and it is 26"),
        ("hal-il", "TaxCalculated", "fica", 3, 100, "took ytd_ss_wages_cents as 100, and it is 0"),
        ("hal-il", "TaxCalculated", "fica", 1, 211_111, "took ss_wages_cents as 211111, and it is 211112"),
        ("sal-il", "PayCalculated", "salary", 1, 1, "took annual_salary_e4 as 1, and it is 780000000"),
        ("sal-il", "PayCalculated", "earnings", 1, [], "took items as [], and it is [["),
        ("sal-il", "RetirementCalculated", "as_far_as_it_fits", 1, 0, "took room_cents as 0, and it is"),
        (
            "sal-il",
            "RetirementCalculated",
            "garnished",
            11,
            5,
            "took wage_assignment_withheld_cents as 5, and it",
        ),
    ],
)
def test_an_entry_that_is_not_what_it_comes_from_is_told(
    run: UUID, db: Cluster, changed: tuple[str, str, str, int, Any, str]
) -> None:
    who, kind, sheet, place, value, told = changed
    (event,) = [each for each in paydays.paycheck("ACME", who) if each.type == kind]
    workings = workings_of(event.data)
    next(each for each in workings if each[0] == sheet)[place] = value
    with written_over(db, who, kind, "working", json.dumps(workings)):
        code, out = said(f"ACME/{who}")
    assert code == 1
    assert told in out


@pytest.mark.parametrize(
    "text", ['[["gross_pay", "x", 0, 0, 0, 0, 0]]', "[", '[["gross_pay"]]', "[[1]]", "[3]"]
)
def test_a_damaged_worksheet_is_told_in_one_sentence(run: UUID, db: Cluster, text: str) -> None:
    with written_over(db, "hal-il", "PayCalculated", "working", text):
        assert "worksheet" in refusal("ACME/hal-il")


def test_what_was_never_given_is_told(run: UUID, db: Cluster) -> None:
    with written_over(db, "hal-il", "PayCalculated", "items", [["bonus", 100, ""]]):
        assert said("ACME/hal-il")[0] == 1
    with written_over(db, "sal-il", "RetirementCalculated", "garnishments", []):
        assert "garnished_cents is 30000 on record, and its parts come to 0" in said("ACME/sal-il")[1]


# Which paycheck


def test_which_paycheck_is_meant(run: UUID) -> None:
    stream = paydays.paycheck("ACME", "hal-il")[0].stream
    for arguments in (("ACME/hal-il",), (stream,), ("ACME/hal-il", "--run", str(run)[:8])):
        assert as_json(*arguments)["paycheck"] == stream


def test_what_is_no_paycheck_is_refused_in_one_sentence(run: UUID, tmp_path: Path) -> None:
    assert refusal("ACME") == "'ACME' names no paycheck: write EMPLOYER/EMPLOYEE"
    assert refusal("ACME/nobody") == "ACME/nobody has no paycheck"
    assert refusal("ACME/nobody", "--run", str(run)) == "ACME/nobody has no paycheck in this run"
    assert "there is no pay run 'zzz'" in refusal("ACME/hal-il", "--run", "zzz")
    assert refusal("paycheck-x+y") == "there is no paycheck paycheck-x+y, or it has not begun"
    paydays.load(tmp_path, [employer("BOLT")], [salaried("BOLT", "bob", "62400.00")])
    paydays.open_run("BOLT", period=paydays.NEXT)
    assert "more than one pay run" in refusal("ACME/hal-il", "--run", "")


# What it is explained by


def test_the_rules_that_were_pinned_are_cited(run: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    now = rules.text_of(2026).replace(b"SSA contribution and benefit base 2026", b"another source")
    assert b"another source" in now
    monkeypatch.setattr(rules, "text_of", lambda year: now)
    explaining._tables.cache_clear()
    try:
        assert entry(as_json("ACME/hal-il"), "fica", "ss_rate_ppm")["from"]["source"].startswith("SSA")
    finally:
        explaining._tables.cache_clear()


def test_rules_that_are_gone_are_told(run: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(version: str) -> bytes:
        raise rulebook.RulesMissing(f"the run is pinned to the rule tables {version}: restore them")

    monkeypatch.setattr(rulebook, "text", gone)
    explaining._tables.cache_clear()
    assert "restore them" in refusal("ACME/hal-il")


def test_a_sheet_that_this_program_does_not_have_is_told(run: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(WORKSHEETS, "gross_pay")
    assert refusal("ACME/hal-il") == "there is no worksheet gross_pay with 6 entries"
