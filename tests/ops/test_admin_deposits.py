"""Where pay goes, on the pages of a person and of a paycheck: parts, and the end of each account."""

import re
from html import unescape
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from events import projection
from ops.admin import words
from payroll.models import Employee, Paycheck
from tests.saga.deposit_files import PEOPLE, SHARED, payday

pytestmark = pytest.mark.usefixtures("db")
NUMBERS = ("3470824921", "8800112201", "8800112202", "8800112205")


@pytest.fixture(autouse=True)
def paid(db: object, tmp_path: Path) -> None:
    payday(tmp_path, PEOPLE, SHARED)
    projection.catch_up()


def shown(url: str, *permissions: str) -> str:
    """The text of a page for someone who may do these things; never with an account in full."""
    user = User.objects.create_user(f"new-{User.objects.count()}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    response = client.get(url)
    assert response.status_code == 200
    text = " ".join(re.sub("<[^>]+>", " ", unescape(response.content.decode())).split())
    assert not [number for number in NUMBERS if number in text]
    return text


def check(who: str) -> str:
    return words.page(Paycheck, Paycheck.objects.get(employee_id=who).pk)


def person(who: str) -> str:
    return words.page(Employee, Employee.objects.get(employee_id=who).pk)


def test_a_paycheck_shows_each_part() -> None:
    ann = shown(check("ann"), "view_paycheck", "view_employee")
    assert "Where net pay goes" in ann
    for line in (
        "1 checking account ••••2202 at 071000301 $500.00",
        "2 savings account ••••2205 at 071000301 $670.68",
        "3 checking account ••••4921 at 071000301 $841.57",
        "Net pay $2,012.25",
    ):
        assert line in ann
    assert "1 checking account ••••4921 at 071000301 $2,012.25" in shown(
        check("bob"), "view_paycheck", "view_employee"
    )
    assert "1 paper check $2,012.25" in shown(check("cyd"), "view_paycheck", "view_employee")


def test_accounts_are_for_those_who_may_see_the_roster() -> None:
    assert "Where net pay goes" not in shown(check("ann"), "view_paycheck")


def test_inputs_that_cannot_be_read_are_a_sentence(tmp_path: Path) -> None:
    (written,) = (tmp_path / "state" / "objects" / "manifests").rglob("*.json")
    written.write_text(written.read_text().replace("ann", "eve"))
    assert "Where this pay goes cannot be told: " in shown(check("ann"), "view_paycheck", "view_employee")


def test_a_person_shows_their_destinations() -> None:
    ann = shown(person("ann"), "view_employee")
    assert "Paid to Checking account ••••4921 at 071000301" in ann
    assert "Direct deposits" in ann
    assert "2 checking account ••••2202 at 071000301 $500.00" in ann
    assert "5 savings account ••••2205 at 071000301 33.33 % of net pay" in ann
    cyd = shown(person("cyd"), "view_employee")
    assert "Paid to as its direct deposits say" in cyd
    assert "1 paper check the rest" in cyd
    assert "Direct deposits" not in shown(person("bob"), "view_employee")
