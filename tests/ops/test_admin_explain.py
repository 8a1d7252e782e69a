"""The admin's page of a paycheck explained, and the lines of its pay stub."""

import json
import re
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from events import projection
from ops.admin import words
from ops.admin.base import Table
from ops.admin.stub import difference, gross_to_net, remarks, stub
from payroll import rulebook
from payroll.explain import paycheck as explaining
from payroll.models import Paycheck
from tests.ops import explained, payday
from tests.saga import paydays

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")  # static files are collected when deployed
GOOD = "every figure agrees"


@pytest.fixture
def run(db: Any, tmp_path: Any) -> Iterator[Any]:
    explained.load(tmp_path)
    paydays.open_run("ACME")
    paydays.work()
    return db


def somebody(*codenames: str, superuser: bool = False) -> Client:
    user = User.objects.create_user("somebody", is_staff=True, is_superuser=superuser)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def check(who: str) -> Paycheck:
    return Paycheck.objects.get(employer="ACME", employee_id=who)


def page(client: Client, who: str, *, query: str = "?explain=1") -> str:
    response = client.get(words.page(Paycheck, check(who).pk) + query)
    assert response.status_code == 200
    return response.content.decode()


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def write_over(db: Any, who: str, kind: str, fact: str, value: Any) -> None:
    stream = check(who).stream
    paydays.as_owner(db, "alter table events_event disable trigger events_event_no_change")
    paydays.as_owner(
        db,
        "update events_event set data = jsonb_set(data, %s, %s::jsonb) where stream = %s and type = %s",
        *([fact], json.dumps(value), stream, kind),
    )


# Explained


@pytest.mark.parametrize("who", ["hal-il", "hal-ca", "sal-il", "sal-ca", "pip", "alf"])
def test_it_is_shown_to_a_superuser(run: Any, who: str) -> None:
    assert GOOD.replace("figure", "figure so far" if who == "alf" else "figure") in page(
        somebody(superuser=True), who
    )


def test_it_is_shown_to_who_may_view_paychecks_and_to_nobody_else(run: Any) -> None:
    client = somebody("view_paycheck")
    shown = text_of(page(client, "hal-il"))
    assert GOOD in shown
    for words_there in (
        "1. Net pay",
        "gross pay 2111.12 see 2",
        "= net pay 1675.63",
        "frozen input step3_cents",
    ):
        assert words_there in shown
    assert "Rules fica: SSA contribution and benefit base 2026" in shown
    assert "Year to date" in shown and "Social Security tax 0.00 130.89 130.89" in shown
    User.objects.all().delete()
    address = words.page(Paycheck, check("hal-il").pk) + "?explain=1"
    assert somebody("view_employee").get(address).status_code == 403
    assert Client().get(address).status_code == 302


def test_the_stub_leads_to_it(run: Any) -> None:
    shown = page(somebody("view_paycheck"), "hal-il", query="")
    assert 'href="?explain=1"' in shown
    assert "From gross to net" in shown and "1. Net pay" not in shown


def test_it_tells_no_secret(run: Any) -> None:
    client = somebody(superuser=True)
    for who in ("hal-il", "sal-il"):
        for query in ("", "?explain=1"):
            shown = page(client, who, query=query)
            assert explained.ACCOUNT not in shown and explained.SSN not in shown


def test_a_warning_when_it_does_not_add_up(run: Any) -> None:
    write_over(run, "hal-il", "TaxCalculated", "federal_income_tax_cents", 16_950)
    shown = text_of(page(somebody("view_paycheck"), "hal-il"))
    told = "Does not add up: federal_income_tax_cents is 16950 on record, and its worksheet gives 16949."
    assert f"{told} Do not pay it; report this." in shown
    assert GOOD not in shown


def test_what_was_written_into_the_record_is_text_and_no_markup(run: Any) -> None:
    write_over(run, "sal-il", "RetirementCalculated", "post_tax", [[payday.SCRIPT, 1_250, 1_250]])
    workings = json.dumps([["as_far_as_it_fits", 0, [[payday.SCRIPT, 1_250]]]])
    write_over(run, "sal-il", "RetirementCalculated", "working", workings)
    projection.rebuild()
    client = somebody("view_paycheck")
    for query in ("", "?explain=1"):
        shown = page(client, "sal-il", query=query)
        assert payday.SCRIPT not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_what_cannot_be_explained_is_told(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = somebody("view_paycheck")

    def gone(version: str) -> bytes:
        raise rulebook.RulesMissing("the rule tables are missing: restore them")

    with monkeypatch.context() as patch:
        patch.setattr(rulebook, "text", gone)
        explaining._tables.cache_clear()
        assert "the rule tables are missing: restore them" in page(client, "hal-il")
    write_over(run, "hal-il", "PayCalculated", "working", "[")
    assert "the worksheets of PayCalculated, event 3 cannot be read" in page(client, "hal-il")


# The pay stub


def cents(cell: object) -> int:
    return int(re.sub(r"<[^>]*>|[$,.]", "", str(cell)))


def tables(facts: dict[str, Any]) -> dict[str, Table]:
    return {each.title: each for each in stub(facts, "RetirementCalculated") if isinstance(each, Table)}


def labels(table: Table) -> list[str]:
    return [str(row[0]) for row in table.rows]


@pytest.mark.parametrize("who", ["hal-il", "hal-ca", "sal-il", "sal-ca", "pip"])
def test_every_line_of_the_stub_adds_up(run: Any, who: str) -> None:
    facts = check(who).facts
    table = gross_to_net(facts)
    assert cents(table.rows[0][2]) + sum(cents(row[1]) for row in table.rows[1:]) == facts["net_cents"]
    left = [cents(row[2]) for row in table.rows]
    steps = [after - before for before, after in pairwise(left)]
    assert steps == [cents(row[1]) for row in table.rows[1:]]
    assert left[-1] == cents(table.total[2]) == facts["net_cents"]
    assert difference(facts) == 0
    earned = tables(facts)["Earnings"]
    assert sum(cents(row[3]) for row in earned.rows) == facts["gross_cents"]


def test_what_is_taken_is_named(run: Any) -> None:
    assert labels(gross_to_net(check("sal-ca").facts)) == [
        *("Gross pay", "Health savings account", "401(k) deferral, traditional", "Federal income tax"),
        *("Social Security", "Medicare", "State income tax (CA)", "CA SDI", "Garnishments"),
        *("Union dues, after tax", "Reimbursements, which are no wages"),
    ]
    shown = tables(check("sal-ca").facts)
    assert labels(shown["Earnings"]) == ["Salary", "Discretionary bonus"]
    (order,) = shown["Garnishments"].rows
    assert [str(order[0]), cents(order[1]), cents(order[2]), order[3]] == [
        "support CASE-7",
        30_000,
        30_000,
        "",
    ]
    assert "What comes first when pay does not suffice" not in shown
    employer = {str(row[0]): cents(row[1]) for row in shown["Paid by the employer, not taken from pay"].rows}
    assert employer["401(k) match"] == 12_000  # half of 6 % of 4,000.00


def test_programmes_without_names_are_one_line(run: Any) -> None:
    facts = check("sal-ca").facts
    for programmes in ([], [["CA_SDI", 1, 0, 1]]):
        table = gross_to_net(facts | {"programmes": programmes})
        assert "State programmes" in labels(table) and "CA SDI" not in labels(table)
        assert cents(table.rows[-1][2]) == facts["net_cents"]


def test_the_order_of_precedence_is_shown_when_something_was_cut(run: Any) -> None:
    facts = check("pip").facts
    order = tables(facts)["What comes first when pay does not suffice"]
    assert labels(order)[:2] == ["1", "2"]
    said = " ".join(note for note, _ in remarks(facts, "RetirementCalculated"))
    assert "Section 125 not taken: $85.00, because over the year's limit, or not enough pay left." in said
    (creditor,) = tables(facts)["Garnishments"].rows
    assert (cents(creditor[1]), cents(creditor[2])) == (10_000, 0)
    assert creditor[3]


def test_a_deduction_after_tax_that_was_cut_is_told(run: Any) -> None:
    facts = check("pip").facts | {"post_tax": [["Union dues", 6_000, 7_000]], "garnishments": []}
    facts["section125_short_cents"] = 0
    said = " ".join(note for note, _ in remarks(facts, "RetirementCalculated"))
    assert "Union dues not taken: $10.00, because there was not enough pay left." in said
    assert "What comes first when pay does not suffice" in tables(facts)
    whole = facts | {"post_tax": [["Union dues", 6_000, 6_000]]}
    assert not remarks(whole, "RetirementCalculated")
    assert "What comes first when pay does not suffice" not in tables(whole)


@pytest.mark.parametrize(
    "name",
    ["hsa_cents", "garnished_cents", "post_tax_cents", "reimbursement_cents", "state_programmes_cents"],
)
def test_a_cent_too_much_in_a_line_is_told(run: Any, name: str) -> None:
    facts = check("sal-ca").facts
    wrong = facts | {name: facts[name] + 1}
    assert abs(difference(wrong)) == 1
    assert any("differ from net pay by" in note for note, _ in remarks(wrong, "RetirementCalculated"))


@pytest.mark.parametrize(
    "name", ["hsa_short_cents", "state_income_tax_short_cents", "deferral_refused_cents"]
)
def test_every_short_shows_the_order(run: Any, name: str) -> None:
    facts = check("hal-il").facts
    assert "What comes first when pay does not suffice" not in tables(facts)
    assert "What comes first when pay does not suffice" in tables(facts | {name: 1})
