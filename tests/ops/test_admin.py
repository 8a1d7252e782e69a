"""The admin: everything can be seen, nothing can be changed, and commands say what happened."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from events import outbox, store
from events.models import DeadLetter, Delivery, Event, Limit, Publication, Work
from ops.admin import words
from ops.admin.stub import difference, gross_to_net, remarks, stub
from ops.api import keys
from ops.models import ApiKey
from payroll.calc.money import dollars
from payroll.models import (
    Employee,
    Employer,
    EmployerRun,
    LateChange,
    LedgerTransaction,
    Notification,
    Paycheck,
    Payment,
    PayOrder,
    PayRun,
    TimeEntry,
    YearToDate,
)
from tests.ops import payday

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")  # static files are collected when deployed

READ_ONLY: set[type[Model]] = {
    *(Event, Work, DeadLetter, PayRun, EmployerRun, Paycheck, YearToDate, Notification),
    *(Employer, Employee, TimeEntry, Publication, Delivery, ApiKey, LedgerTransaction),
    *(PayOrder, Payment, LateChange),
}
REGISTERED = READ_ONLY | {Limit, User, Group}
HOME = "/admin/"


@pytest.fixture
def run(db: Any, tmp_path: Any, settings: Any) -> Any:
    """A run that waits for people: one approval, two dead letters."""
    begun = payday.begin(tmp_path / "roster", settings)
    payday.change_late(tmp_path / "late")
    outbox.publish()
    keys.create("hr-portal", ["runs:read"])
    return begun


def signed_in(username: str, *, enforce_csrf_checks: bool = False) -> Client:
    client = Client(enforce_csrf_checks=enforce_csrf_checks)
    client.force_login(User.objects.get(username=username))
    return client


def somebody(*codenames: str, **flags: bool) -> Client:
    """A new staff member with these permissions."""
    user = User.objects.create_user(f"new-{len(codenames)}-{'-'.join(flags)}", is_staff=True, **flags)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def pages() -> dict[str, list[str]]:
    """Every list, and the page of every row."""
    return {
        words.listing(model): [words.page(model, row.pk) for row in model._default_manager.all()]
        for model in REGISTERED
    }


def press(client: Client, model: type[Model], action: str, *keys: object, **more: str) -> tuple[str, str]:
    """Press an action of a list; the page it leads to, and its messages."""
    form = {"action": action, ACTION_CHECKBOX_NAME: [str(key) for key in keys], **more}
    response = client.post(words.listing(model), form, follow=True)
    assert response.status_code == 200
    told = " | ".join(map(str, response.context["messages"]))
    return unescape(response.content.decode()), told


def part(employer: str) -> EmployerRun:
    return EmployerRun.objects.get(employer=employer)


def letter(employee: str) -> DeadLetter:
    return DeadLetter.objects.filter(subject__endswith=f"+{employee}").latest("opened_at")


def types(stream: str) -> list[str]:
    return [event.type for event in store.read(stream)]


# What is there, and who sees it


def test_nothing_else_is_registered():
    assert set(admin.site._registry) == REGISTERED
    assert not [model for model in admin.site._registry if model._meta.app_label == "django_q"]


@pytest.mark.parametrize("username", ["maker", "checker"])
def test_every_list_and_every_page_is_shown(run, username):
    client, found = signed_in(username), pages()
    assert all(rows for listing, rows in found.items() if "limit" not in listing and "group" not in listing)
    for address in [HOME, *found, *(row for rows in found.values() for row in rows)]:
        assert client.get(address).status_code == 200, address


def test_nobody_in_particular_is_sent_to_the_login(run):
    for address in [HOME, *pages()]:
        response = Client().get(address)
        assert response.status_code == 302
        assert response.url.startswith("/admin/login/"), address


def test_what_is_not_granted_is_denied(run):
    client = somebody()
    for listing, rows in pages().items():
        for address in [listing, *rows[:1]]:
            assert client.get(address).status_code == 403, address
    home = client.get(HOME).content.decode()
    assert "Employer A2" not in home
    assert "/admin/events/deadletter/" not in home


def test_a_name_is_shown_to_those_who_may_see_the_roster(run):
    check = Paycheck.objects.get(employee_id="e1")
    for address in (words.listing(Paycheck), words.page(Paycheck, check.pk)):
        assert "Zebrafinch" in signed_in("maker").get(address).content.decode()
    without = somebody("view_paycheck")
    for address in (words.listing(Paycheck), words.page(Paycheck, check.pk)):
        assert "Zebrafinch" not in without.get(address).content.decode()


@pytest.mark.parametrize("superuser", [False, True])
def test_nobody_adds_changes_or_deletes(run, superuser):
    client = signed_in("maker")
    if superuser:
        User.objects.filter(username="maker").update(is_superuser=True)
    for model in READ_ONLY:
        row = model._default_manager.first()
        assert row is not None
        page = words.page(model, row.pk)
        for address in (f"{words.listing(model)}add/", page, page.replace("/change/", "/delete/")):
            assert client.post(address, {"post": "yes", "state": "dismissed"}).status_code == 403, address
        press(client, model, "delete_selected", row.pk, post="yes")
        assert model._default_manager.filter(pk=row.pk).exists()


def test_a_limit_is_set_by_those_who_may(run):
    Limit.objects.create(scope="group:A1", leased_max=2)
    page = words.page(Limit, "group:A1")
    assert signed_in("maker").post(page, {"leased_max": 1}).status_code == 403
    client = somebody("view_limit", "change_limit", "add_limit")
    assert client.post(page, {"leased_max": 1, "scope": "group:other"}).status_code == 302
    assert [(limit.scope, limit.leased_max) for limit in Limit.objects.all()] == [("group:A1", 1)]
    refused = client.post(f"{words.listing(Limit)}add/", {"scope": "everything", "leased_max": 1})
    assert "Write run:" in refused.content.decode()


# What is on the pages


def test_no_page_shows_an_ssn_an_account_or_a_ciphertext(run):
    secrets = {*payday.SSNS, *payday.ACCOUNTS, payday.FUNDING, *(ssn.replace("-", "") for ssn in payday.SSNS)}
    for person in Employee.objects.all():
        secrets |= {person.ssn_ciphertext, person.ssn_index, person.account_ciphertext}
    secrets |= set(Employer.objects.values_list("account_ciphertext", flat=True))
    secrets |= set(User.objects.values_list("password", flat=True))
    client, found = signed_in("maker"), pages()
    for address in [HOME, *found, *(row for rows in found.values() for row in rows)]:
        text = client.get(address).content.decode()
        assert not [secret for secret in secrets if secret in text], address


def test_names_are_text_and_never_markup(run):
    client, found = signed_in("maker"), pages()
    Employer.objects.filter(id="A1").update(name=payday.SCRIPT)
    DeadLetter.objects.filter(pk=letter("e3").pk).update(reason=payday.SCRIPT, traceback=payday.SCRIPT)
    shown = 0
    for address in [HOME, *found, *(row for rows in found.values() for row in rows)]:
        text = client.get(address).content.decode()
        assert payday.SCRIPT not in text, address
        shown += "&lt;script&gt;alert(1)" in text
    assert shown > 8


def test_no_address_carries_a_name_or_a_number(run):
    client, found = signed_in("maker"), pages()
    personal = ("zebrafinch", "alert", "brien", *payday.SSNS, *payday.ACCOUNTS)
    for address in [HOME, *found, *(row for rows in found.values() for row in rows)]:
        links = re.findall(r'(?:href|action)="([^"]*)"', client.get(address).content.decode())
        assert links
        assert not [link for link in links for word in personal if word in link.lower()], address


def test_the_first_page_says_what_waits(run):
    home = signed_in("checker").get(HOME).content.decode()
    assert words.page(EmployerRun, part("A2").pk) in home
    assert words.amount(part("A2").net_cents) in home
    assert letter("e3").fingerprint in home
    assert words.page(PayRun, f"payrun-{run.run}") in home


def test_bad_filters_are_no_errors(run):
    client = signed_in("maker")
    bad = (
        "run=x",
        "employer_run=x",
        "employer=x",
        "type=x",
        "what=x",
        "state=x",
        "p=99999",
        "o=9.9",
        "e=1",
        "all=",
    )
    for listing in pages():
        for query in (
            *bad,
            "q=%00",
            "q=x",
            "q=paycheck-",
            "q=/",
            "q=%25_",
            "run__exact=x",
            "group_key__exact=x",
        ):
            response = client.get(f"{listing}?{query}", follow=True)
            assert response.status_code == 200, (listing, query)


def test_lists_lead_to_their_parts(run):
    client = signed_in("maker")
    checks = (
        client.get(words.listing(Paycheck, employer_run=part("A1").employer_run)).context["cl"].result_list
    )
    assert sorted(check.employee_id for check in checks) == ["e1", "e2", "e3", "e4"]
    no_hours = client.get(words.listing(Paycheck, what="no_hours")).context["cl"].result_list
    assert [check.employee_id for check in no_hours] == ["e4"]
    for term in ("e5", "A2/e5"):
        assert [
            row.employer for row in client.get(words.listing(Paycheck, q=term)).context["cl"].result_list
        ] == ["A2"]
    opened = client.get(words.listing(Event, type="PayRunOpened")).context["cl"].result_list
    assert [event.stream for event in opened] == [f"payrun-{run.run}"]


@pytest.mark.parametrize("model", [PayRun, EmployerRun, Paycheck, YearToDate])
def test_what_is_shown_is_now(run, model, monkeypatch):
    folded: list[bool] = []
    monkeypatch.setattr("events.projection.catch_up", lambda: folded.append(True) or True)
    signed_in("maker").get(words.listing(model))
    assert folded


# The log


@pytest.mark.own_session
def test_events_of_a_stream_are_found_by_the_unique_index(run):
    stream = Paycheck.objects.get(employee_id="e1").stream
    client = signed_in("maker")
    with CaptureQueriesContext(connection) as queries:
        found = client.get(words.listing(Event, q=stream)).context["cl"]
    assert [event.version for event in found.result_list] == [1, 2, 3, 4, 5]
    assert not [
        query["sql"] for query in queries if "COUNT(*)" in query["sql"] and "events_event" in query["sql"]
    ]
    with connection.cursor() as cursor:
        cursor.execute("set enable_seqscan = off")
        cursor.execute("set enable_sort = off")
    plan = found.queryset.explain()
    assert "events_event_stream_version" in plan
    assert "Index Cond" in plan
    newest = client.get(words.listing(Event)).context["cl"].queryset
    assert "Index Scan Backward using events_event_log" in newest.explain()


def test_an_event_shows_its_facts(run):
    event = Event.objects.get(type="PayRunOpened")
    text = unescape(signed_in("maker").get(words.page(Event, event.pk)).content.decode())
    assert '"pay_date": "2026-11-20"' in text
    assert words.page(PayRun, event.stream) in text


# The pay stub


def cents(cell: object) -> int:
    """The amount in a cell of a table."""
    return int(re.sub(r"<[^>]*>|[$,.]", "", str(cell)))


def test_every_stub_adds_up(run):
    finished = [check for check in Paycheck.objects.all() if "net_cents" in check.facts]
    assert len(finished) == 5
    for check in finished:
        table = gross_to_net(check.facts)
        assert cents(table.rows[0][2]) + sum(cents(row[1]) for row in table.rows[1:]) == check.net_cents
        assert cents(table.rows[-1][2]) == cents(table.total[2]) == check.net_cents
        earned = next(
            section for section in stub(check.facts, check.last_event) if section.title == "Earnings"
        )
        assert sum(cents(row[3]) for row in earned.rows) == cents(earned.total[3]) == check.gross_cents
        assert difference(check.facts) == 0


def test_a_stub_that_does_not_add_up_says_so(run):
    check = Paycheck.objects.get(employee_id="e1")
    wrong = check.facts | {"net_cents": check.facts["net_cents"] + 1}
    assert "differ from net pay by -$0.01" in remarks(wrong, check.last_event)[0][0]


def test_a_stub_says_in_words_what_was_not_done(run):
    check = Paycheck.objects.get(employee_id="e4")
    text = signed_in("maker").get(words.page(Paycheck, check.pk)).content.decode()
    assert "No hours: paid by the hour" in text
    short = {"section125_short_cents": 8500, "federal_income_tax_short_cents": 1, "deferral_refused_cents": 2}
    said = " ".join(note for note, _ in remarks(short, "RetirementCalculated"))
    assert "Section 125 not taken: $85.00" in said
    assert "Federal income tax not withheld: $0.01" in said
    assert "401(k) deferral not taken: $0.02" in said


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0.00"),
        (None, "$0.00"),
        (7, "$0.07"),
        (123456, "$1,234.56"),
        (-5, "-$0.05"),
        (100000000, "$1,000,000.00"),
    ],
)
def test_amounts(value, text):
    assert words.amount(value) == text


# Approval


def approve(client: Client, employer: str, **more: str) -> tuple[str, str]:
    return press(client, EmployerRun, "approve", part(employer).pk, **more)


def seen(employer: str) -> dict[str, str]:
    return {"confirmed": "yes", f"seen-{part(employer).employer_run}": part(employer).register_sha256 or ""}


def test_an_approval_shows_what_it_is_about_and_then_pays(run):
    client, stream = signed_in("checker"), part("A2").stream
    page, _ = approve(client, "A2")
    for shown in (
        "Employer A2",
        part("A2").register_sha256,
        words.amount(part("A2").net_cents),
        "for 1 people",
    ):
        assert shown in page
    assert "EmployerRunApproved" not in types(stream)
    form = dict(re.findall(r'type="hidden" name="((?:seen-|confirmed)[^"]*)" value="([^"]*)"', page))
    _, told = approve(client, "A2", **form)
    assert told.startswith("Approved: Employer A2")
    payday.go_on()
    assert types(stream)[-1] == "EmployerRunCompleted"
    assert part("A2").approved_by == "checker"
    for address in (words.page(EmployerRun, stream), words.listing(Notification)):
        assert dollars(part("A2").paid_cents) in client.get(address).content.decode().replace(",", "")


def test_a_second_click_approves_nothing_twice(run):
    client, form = signed_in("checker"), seen("A2")
    approve(client, "A2", **form)
    _, told = approve(client, "A2", **form)
    assert "already approved by checker" in told
    assert types(part("A2").stream).count("EmployerRunApproved") == 1


def test_who_opened_a_run_does_not_approve_it(run):
    maker = User.objects.get(username="maker")
    maker.user_permissions.add(Permission.objects.get(codename="approve_employerrun"))
    client = signed_in("maker")
    for form in ({}, seen("A2")):
        _, told = approve(client, "A2", **form)
        assert "maker opened this run; somebody else has to approve it" in told
    assert "EmployerRunApproved" not in types(part("A2").stream)
    page = client.get(words.page(EmployerRun, part("A2").pk)).content.decode()
    assert 'value="approve"' not in page


def test_who_may_not_approve_does_not(run):
    approve(signed_in("maker"), "A2", **seen("A2"))
    assert "EmployerRunApproved" not in types(part("A2").stream)


@pytest.mark.parametrize("changed", ["", "0" * 64])
def test_what_was_not_seen_is_not_approved(run, changed):
    _, told = approve(signed_in("checker"), "A2", **dict.fromkeys(seen("A2"), changed) | {"confirmed": "yes"})
    assert "has changed since you looked" in told
    assert "EmployerRunApproved" not in types(part("A2").stream)


def test_an_employer_with_a_dead_letter_is_not_approved(run):
    for form in ({}, {"confirmed": "yes"}):
        _, told = approve(signed_in("checker"), "A1", **form)
        assert "A1" in told
        assert "Approved" not in told
    assert "EmployerRunApproved" not in types(part("A1").stream)


def test_a_form_from_elsewhere_is_refused(run):
    client = signed_in("checker", enforce_csrf_checks=True)
    form = {"action": "approve", ACTION_CHECKBOX_NAME: part("A2").pk, **seen("A2")}
    assert client.post(words.listing(EmployerRun), form).status_code == 403
    assert "EmployerRunApproved" not in types(part("A2").stream)


# Dead letters


def test_open_letters_come_first(run):
    client = signed_in("maker")
    assert len(client.get(words.listing(DeadLetter)).context["cl"].result_list) == 2
    press(client, DeadLetter, "redrive", letter("e3").pk)
    assert len(client.get(words.listing(DeadLetter)).context["cl"].result_list) == 1
    for state, count in (("open", 1), ("redriven", 1), ("dismissed", 0), ("all", 2)):
        assert len(client.get(words.listing(DeadLetter, state=state)).context["cl"].result_list) == count


def test_a_redrive_goes_on_from_the_failed_step(run):
    client, first = signed_in("maker"), letter("e3")
    _, told = press(client, DeadLetter, "redrive", first.pk)
    assert told == "Redriven: 1 dead letter."
    first.refresh_from_db()
    assert (first.state, first.closed_by) == ("redriven", "maker")
    assert types(f"deadletter-{first.id}") == ["DeadLettered", "Redriven"]
    payday.go_on()
    assert letter("e3").pk != first.pk  # the manifest is frozen: the same fault, a new letter
    _, told = press(client, DeadLetter, "redrive", first.pk)
    assert "already redriven by maker" in told
    assert types(f"deadletter-{first.id}") == ["DeadLettered", "Redriven"]


def test_corrected_inputs_begin_a_paycheck_again(run):
    Employee.objects.filter(employee_id="e3").update(work_state="IL")
    client, old = signed_in("maker"), letter("e3")
    _, told = press(client, DeadLetter, "redrive_corrected", old.pk)
    assert told == "Begun again: 1 dead letter."
    payday.go_on()
    assert part("A1").last_event == "EmployerRunValidated"
    page = client.get(words.page(Paycheck, old.subject)).content.decode()
    assert "another paycheck of this person took its place" in page
    again = Paycheck.objects.get(stream=f"{old.subject}+2")
    assert words.amount(again.net_cents) in client.get(words.page(Paycheck, again.pk)).content.decode()
    _, told = press(
        client, DeadLetter, "redrive_corrected", old.pk, DeadLetter.objects.get(group_key="EMPTY").pk
    )
    assert "already" in told
    assert "only one person's paycheck can be begun again" in told


def test_a_dismissal_asks_and_needs_a_reason(run):
    client, one = signed_in("maker"), letter("e3")
    for form in ({}, {"confirmed": "yes"}, {"confirmed": "yes", "reason": "  "}):
        page, told = press(client, DeadLetter, "dismiss", one.pk, **form)
        assert "leaves each person below out of this run" in page
        assert one.reason in page
        assert not told
        assert ("Give a reason." in page) == bool(form)
    assert types(f"deadletter-{one.id}") == ["DeadLettered"]


def test_a_dismissal_leaves_the_person_out(run):
    client, one = signed_in("maker"), letter("e3")
    reason = {"confirmed": "yes", "reason": f"moved away, SSN {payday.SSNS[2]}"}
    _, told = press(client, DeadLetter, "dismiss", one.pk, **reason)
    assert told == "Dismissed: 1 dead letter."
    payday.go_on()
    assert part("A1").last_event == "EmployerRunValidated"
    stub_page = client.get(words.page(Paycheck, one.subject)).content.decode()
    assert "Left out of this run by maker: moved away, SSN [masked]" in stub_page
    letter_page = client.get(words.page(DeadLetter, one.pk)).content.decode()
    assert "dismissed by maker" in letter_page
    assert payday.SSNS[2] not in stub_page + letter_page
    _, told = press(client, DeadLetter, "dismiss", one.pk, **reason)
    assert "already dismissed by maker" in told
    assert types(one.subject).count("PaycheckExcluded") == 1


def test_what_cannot_be_dismissed_says_so_and_the_rest_goes_on(run):
    whole = DeadLetter.objects.get(group_key="EMPTY")
    form = {"confirmed": "yes", "reason": "nobody works there"}
    _, told = press(signed_in("maker"), DeadLetter, "dismiss", whole.pk, letter("e3").pk, **form)
    assert "cannot go on without this step" in told
    assert "Dismissed: 1 dead letter." in told
    whole.refresh_from_db()
    assert whole.state == "open"


@pytest.mark.parametrize("action", ["redrive", "redrive_corrected", "dismiss"])
def test_only_who_may_touches_a_dead_letter(run, action):
    client = signed_in("checker")
    press(client, DeadLetter, action, letter("e3").pk, confirmed="yes", reason="because")
    assert letter("e3").state == "open"
    assert f'value="{action}"' not in client.get(words.page(DeadLetter, letter("e3").pk)).content.decode()


@pytest.mark.parametrize("key", ["x", "", "00000000-0000-0000-0000-000000000000", "' OR 1=1--"])
@pytest.mark.parametrize("across", ["0", "1"])
def test_keys_that_are_none_do_nothing(run, across, key):
    for action in ("redrive", "redrive_corrected", "dismiss"):
        form = {"confirmed": "yes", "reason": "because", "select_across": across}
        press(signed_in("maker"), DeadLetter, action, key, **form)
    assert not DeadLetter.objects.exclude(state="open").exists()


# Users


def test_rights_are_handed_out_by_superusers_only(run):
    client = somebody("view_user", "change_user")
    maker = User.objects.get(username="maker")
    grab = {"is_superuser": "on", "is_active": "on", "is_staff": "on", "first_name": "Mara"}
    grab |= {"username": "maker", "date_joined_0": "2026-11-20", "date_joined_1": "12:00:00"}
    assert client.post(words.page(User, maker.pk), grab).status_code == 302
    maker.refresh_from_db()
    assert (maker.first_name, maker.is_superuser) == ("Mara", False)
    assert "pbkdf2" not in signed_in("checker").get(words.page(User, maker.pk)).content.decode()
    User.objects.filter(pk=maker.pk).update(is_superuser=True)
    assert client.post(words.page(User, maker.pk), {"username": "mine"}).status_code == 403
    assert client.get(f"{HOME}auth/user/{maker.pk}/password/").status_code == 403


def test_the_sidebar_and_the_sign_say_where_we_are(run, settings):
    from ops.admin import navigation

    request = RequestFactory().get(HOME)
    request.user = User.objects.get(username="maker")
    titles = [group.get("title") for group in navigation.sidebar(request)]
    assert titles == [None, "Payday", "Roster", "Year to date", "Log", "People"]
    assert navigation.environment(request) == ["Not production", "info"]
    settings.PRODUCTION = True
    assert navigation.environment(request) == ["Production", "danger"]
