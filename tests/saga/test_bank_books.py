"""The bank's books: credits, debits and prenotes, reversals in the window and too late, and what is given back."""

import ast
import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4, uuid5

import pytest

from payroll.payments import ach_fields, bank, bank_files, bank_orders, bank_process
from payroll.payments.gateway import GatewayRejected
from tests.saga.bank_orders import NAMESPACE, gateway_to, order, until
from tests.saga.bank_talk import Talk, as_order
from tests.saga.nacha import FRIDAY, Line, Part, came_back, written

PAY = Part([Line("22", 100_00, "777001", "E1"), Line("32", 50_00, "777002", "E2", "BORIS BAKER")])
FUNDING = Part([Line("27", 150_00, "555001", "ACME", "ACME ANVILS")], "CCD", "FUNDING")
PRENOTES = Part([Line("23", 0, "777003", "E3", "CARLA COX")], description="PRENOTE")
MONDAY, LATE, TOO_LATE = date(2026, 11, 23), date(2026, 11, 30), date(2026, 12, 1)


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    made = Talk(tmp_path / "bank")
    yield made
    bank.stop(made.folder)


def reversal(effective: date, *lines: Line, company: str = PAY.company) -> Part:
    return Part(lines or [Line("27", 100_00, "777001", "E1")], "PPD", "REVERSAL", effective, company)


# What is booked


def test_credits_and_debits_are_booked_and_prenotes_recorded(talk):
    sent = as_order("mixed", written(PAY, FUNDING, PRENOTES))
    assert (sent.entries, sent.total_cents) == (4, 300_00)
    talk.send(sent)
    assert [(m.direction, m.live, m.individual_id, m.amount_cents) for m in talk.movements()] == [
        ("credit", True, "E1", 100_00),
        ("credit", True, "E2", 50_00),
        ("debit", True, "ACME", 150_00),
        ("credit", False, "E3", 0),
    ]
    assert [(m.sec_code, m.description) for m in talk.movements()][2:] == [
        ("CCD", "FUNDING"),
        ("PPD", "PRENOTE"),
    ]
    assert [(c.individual_id, c.amount_cents) for c in bank.books(talk.folder)] == [
        ("E1", 100_00),
        ("E2", 50_00),
    ]
    said = talk.get("/books")
    assert (said["entries"], said["credits_cents"], said["debits_cents"], said["total_cents"]) == (
        4, 150_00, 150_00, 300_00,
    )  # fmt: skip
    shown = repr(talk.movements())
    assert "ANNA" not in shown and "77700" not in shown and "555001" not in shown


def books_of_the_first_kind(folder: Path) -> UUID:
    """A database as the first sandbox bank left it: credits only, and no version."""
    folder.mkdir(mode=0o700)
    key = uuid5(NAMESPACE, "of old")
    with sqlite3.connect(folder / "bank.sqlite") as connection:
        connection.executescript(
            """
            create table file (
                number integer primary key, key text not null unique, sha256 text not null unique,
                entries integer not null, total_cents integer not null, booked_at text not null
            );
            create table credit (
                file integer not null references file, trace text not null, company_id text not null,
                individual_id text not null, name text not null, routing text not null, account text not null,
                account_type text not null, amount_cents integer not null check (amount_cents > 0),
                effective text not null, booked_at text not null, primary key (file, trace)
            ) without rowid;
            """
        )
        connection.execute(
            "insert into file values (7, ?, ?, 1, 100, '2026-11-18T10:00:00.000+00:00')",
            (str(key), "ab" * 32),
        )
        connection.execute(
            "insert into credit values (7, '021000020000001', '1123456789', 'E1', 'ANNA ADAMS', '011401533',"
            " '777001', 'checking', 100, '2026-11-20', '2026-11-18T10:00:00.000+00:00')"
        )
    connection.close()
    return key


def test_books_of_an_earlier_bank_are_read_and_taken_over(talk):
    key = books_of_the_first_kind(talk.folder)
    before = bank.books(talk.folder)  # no bank has opened them yet
    assert [(c.key, c.individual_id, c.amount_cents) for c in before] == [(key, "E1", 100)]
    assert [file["reference"] for file in bank.files(talk.folder)] == ["SANDBOX-00000007"]
    assert bank.outgoing(talk.folder) == []
    found = gateway_to(talk.address).find(key)
    assert (found.reference, found.sha256, found.entries, found.total_cents) == (
        "SANDBOX-00000007",
        "ab" * 32,
        1,
        100,
    )
    assert bank.books(talk.folder) == before
    assert (talk.get("/books")["credits_cents"], talk.get("/books")["debits_cents"]) == (100, 0)
    talk.send(as_order("new", written(PAY)))
    assert talk.get("/books")["files"][1]["reference"] == "SANDBOX-00000008"
    talk.post("/settle", on="2026-11-20")
    talk.post("/return", traces=["021000020000001"], key=str(key), code="R02", on="2026-11-23")
    (back,) = came_back(talk.outgoing("return")[0])
    assert (back.reason, back.original_trace, back.cents) == ("R02", "021000020000001", 100)


def test_books_of_a_later_bank_are_left_alone(talk):
    talk.folder.mkdir(mode=0o700)
    with sqlite3.connect(talk.folder / "bank.sqlite") as connection:
        connection.execute("pragma user_version = 3")
    connection.close()
    with pytest.raises(bank.BankNotRunning):
        bank.ensure_running(talk.folder)
    assert "version 3" in (talk.folder / "bank.log").read_text()


# Reversals


def test_the_window_of_a_reversal_is_five_banking_days():
    # 2026-11-26 is Thanksgiving; written down from the calendar
    assert bank_orders.reversible_until(FRIDAY) == LATE
    assert bank_orders.reversible_until(date(2026, 11, 2)) == date(2026, 11, 9)
    assert all(ach_fields.is_banking_day(day) for day in (MONDAY, LATE, TOO_LATE))


@pytest.mark.parametrize("settled", [False, True])
def test_a_reversal_in_the_window_takes_its_credit_back(talk, settled):
    paid = as_order("paid", written(PAY))
    talk.send(paid)
    if settled:
        talk.post("/settle", on=str(FRIDAY))
    talk.send(as_order("back", written(reversal(LATE))))
    last = talk.movements()[-1]
    assert (last.direction, last.amount_cents, last.return_code) == ("debit", 100_00, "")
    assert last.reverses == (paid.key, "021000020000001")
    talk.post("/settle", on=str(LATE))
    assert talk.outgoing("return") == []


@pytest.mark.parametrize(
    "part",
    [
        reversal(TOO_LATE),
        reversal(MONDAY, Line("27", 100_01, "777001", "E1")),
        reversal(MONDAY, Line("27", 100_00, "777009", "E1")),
        reversal(MONDAY, Line("37", 100_00, "777001", "E1")),
        reversal(MONDAY, Line("27", 100_00, "777001", "E1", routing="091000019")),
        reversal(MONDAY, Line("22", 100_00, "777001", "E1")),
        reversal(MONDAY, company="1987654321"),
    ],
    ids=["too late", "amount", "account", "kind of account", "routing", "direction", "company"],
)
def test_a_reversal_of_nothing_comes_back(talk, part):
    talk.send(as_order("paid", written(PAY)))
    talk.post("/settle", on=str(FRIDAY))
    talk.send(as_order("back", written(part)))
    last = talk.movements()[-1]
    assert (last.reverses, last.return_code, last.returned_on) == (None, "R17", None)
    assert talk.outgoing("return") == []
    talk.post("/settle", on="2026-12-01")
    (back,) = came_back(talk.outgoing("return")[0])
    assert (back.reason, back.original_trace, back.cents) == ("R17", last.trace, last.amount_cents)
    assert talk.movements()[-1].returned_on == TOO_LATE


def test_a_credit_is_reversed_once(talk):
    talk.send(as_order("paid", written(PAY)))
    talk.send(as_order("back", written(reversal(MONDAY))))
    talk.send(as_order("again", written(reversal(MONDAY), modifier="B")))
    first, second = [m for m in talk.movements() if m.direction == "debit"]
    assert first.reverses and not second.reverses and second.return_code == "R17"


def test_a_credit_that_came_back_is_not_reversed(talk):
    talk.send(as_order("paid", written(PAY)))
    talk.post("/return", traces=["021000020000001"], on=str(MONDAY))
    talk.send(as_order("back", written(reversal(MONDAY))))
    assert talk.movements()[-1].return_code == "R17"


def test_a_reversal_that_came_back_leaves_the_credit_to_be_reversed(talk):
    talk.send(as_order("paid", written(PAY)))
    back = as_order("back", written(reversal(MONDAY)))
    talk.send(back)
    talk.post("/return", traces=["021000020000001"], key=str(back.key), code="R01", on=str(MONDAY))
    talk.send(as_order("again", written(reversal(LATE), modifier="B")))
    assert [m.return_code for m in talk.movements() if m.direction == "debit"] == ["R01", ""]
    (returned,) = came_back(talk.outgoing("return")[0])
    assert (returned.code, returned.reason) == ("26", "R01")


def test_the_latest_of_equal_credits_is_reversed(talk):
    week = replace(PAY, effective=date(2026, 11, 25))
    talk.send(as_order("first", written(PAY)))
    second = as_order("second", written(week))
    talk.send(second)
    talk.send(as_order("back", written(reversal(LATE))))
    assert talk.movements()[-1].reverses == (second.key, "021000020000001")


def test_a_funding_debit_is_reversed_by_a_credit(talk):
    talk.send(as_order("funded", written(PAY, FUNDING)))
    taken = Part([Line("22", 150_00, "555001", "ACME", "ACME ANVILS")], "CCD", "REVERSAL", MONDAY)
    talk.send(as_order("back", written(taken)))
    assert talk.movements()[-1].reverses == (uuid5(NAMESPACE, "funded"), "021000020000003")


# What is given back


def test_what_was_taken_is_acknowledged(talk):
    sent = as_order("told", written(PAY, FUNDING))
    reference = talk.send(sent).reference
    assert [json.loads(content) for content in talk.outgoing("acknowledgement")] == [
        {
            "type": "acknowledgement", "status": "accepted", "key": str(sent.key), "sha256": sent.sha256,
            "reference": reference, "entries": 3, "total_cents": 300_00, "findings": [],
        }
    ]  # fmt: skip
    talk.send(sent)
    assert len(talk.outgoing("acknowledgement")) == 1


def test_settlement_says_what_settled_once(talk):
    first = as_order("first", written(PAY, FUNDING, PRENOTES))
    later = as_order("later", written(replace(PAY, effective=MONDAY)))
    talk.send(first)
    talk.send(later)
    assert talk.post("/settle", on="2026-11-19")["settled"] == 0
    assert talk.outgoing("settlement") == []
    assert talk.post("/settle", on="2026-11-20")["settled"] == 4
    assert talk.post("/settle", on="2026-11-20")["settled"] == 0
    assert talk.post("/settle", on="2026-11-23")["settled"] == 2
    reports = [json.loads(content) for content in talk.outgoing("settlement")]
    assert reports[0] == {
        "type": "settlement", "settled_on": "2026-11-20",
        "files": [{
            "key": str(first.key), "sha256": first.sha256, "reference": "SANDBOX-00000001",
            "credits_cents": 150_00, "debits_cents": 150_00, "entries": 4,
        }],
    }  # fmt: skip
    assert [(f["key"], f["credits_cents"]) for f in reports[1]["files"]] == [(str(later.key), 150_00)]
    assert {m.settled_on for m in talk.movements()} == {FRIDAY, MONDAY}


def test_returns_name_their_original(talk):
    talk.send(as_order("paid", written(PAY, FUNDING, PRENOTES)))
    talk.post("/settle", on=str(FRIDAY))
    talk.post("/return", traces=["021000020000002", "021000020000003"], code="R03", on=str(MONDAY))
    talk.post("/return", traces=["021000020000004"], code="R04", on=str(MONDAY))
    backs = [came_back(content) for content in talk.outgoing("return")]
    assert [len(back) for back in backs] == [2, 1]
    shown = [(b.sec_code, b.code, b.account, b.cents, b.addenda_type, b.reason, b.original_trace, b.original_bank)
             for back in backs for b in back]  # fmt: skip
    assert set(shown) == {
        ("PPD", "31", "777002", 50_00, "99", "R03", "021000020000002", "01140153"),
        ("CCD", "26", "555001", 150_00, "99", "R03", "021000020000003", "01140153"),
        ("PPD", "21", "777003", 0, "99", "R04", "021000020000004", "01140153"),
    }
    # The effective day is the original's; the settlement day, which only a bank writes, is the 327th of 2026.
    assert {(b.effective, b.settled) for back in backs for b in back} == {("261120", "327")}
    again = talk.refused("/return", traces=["021000020000002"], on=str(MONDAY))
    assert "came back before" in again


def test_a_share_comes_back_spread_over_the_file(talk):
    talk.send(order("crowd", 200))
    assert talk.post("/return", share=0.05, on=str(MONDAY))["returned"] == 0, "nothing has settled yet"
    talk.post("/settle", on=str(FRIDAY))
    assert talk.post("/return", share=0.05, code="R02", on=str(MONDAY))["returned"] == 10
    (content,) = talk.outgoing("return")
    backs = came_back(content)
    assert len({back.original_trace for back in backs}) == 10 and {back.reason for back in backs} == {"R02"}
    returned = {m.trace: m for m in talk.movements() if m.return_code}
    assert {back.original_trace: back.cents for back in backs} == {
        t: m.amount_cents for t, m in returned.items()
    }
    assert talk.post("/return", share=1, on=str(MONDAY))["returned"] == 190


@pytest.mark.parametrize(
    ("code", "data"), [("C01", "777099"), ("C02", "091000019"), ("C03", "091000019   777099"), ("C05", "32")]
)
def test_a_notice_of_change_carries_the_corrected_data(talk, code, data):
    talk.send(as_order("paid", written(PAY)))
    talk.post("/notice", trace="021000020000002", code=code, data=data, on=str(MONDAY))
    (back,) = came_back(talk.outgoing("notice")[0])
    assert (back.sec_code, back.addenda_type, back.reason, back.data) == ("COR", "98", code, data)
    assert (back.code, back.cents, back.original_trace) == ("31", 0, "021000020000002")


@pytest.mark.parametrize(
    ("path", "given", "why"),
    [
        ("/settle", {}, None),
        ("/settle", {"on": "2026-11-21"}, "not a banking day"),
        ("/settle", {"on": "tomorrow"}, "a date"),
        ("/settle", {"by": "2026-11-20"}, "only on"),
        ("/return", {"traces": ["1"]}, "no entry"),
        ("/return", {"traces": "021000020000001"}, "a list"),
        ("/return", {"traces": ["021000020000001"] * 2}, "twice"),
        ("/return", {"traces": ["021000020000001"], "code": "C01"}, "code is R"),
        ("/return", {"traces": ["021000020000001"], "share": 1}, "not both"),
        ("/return", {"traces": ["021000020000001"], "key": str(uuid4())}, "no entry"),
        ("/return", {"share": 1.5}, "from 0 to 1"),
        ("/return", {"share": True}, "from 0 to 1"),
        ("/notice", {"trace": "021000020000001", "code": "R03", "data": "1"}, "code is C"),
        ("/notice", {"trace": "021000020000001", "code": "C01"}, "data is"),
        ("/notice", {"trace": "021000020000001", "code": "C01", "data": "X" * 30}, "data is"),
        ("/notice", {"trace": "9", "code": "C01", "data": "X"}, "no entry"),
        ("/terms", {"lookup_lag_s": -1}, "seconds from zero up"),
        ("/terms", {"lookup_lag_s": "2"}, "seconds from zero up"),
        ("/webhook", {"url": "ftp://x", "secret": "s"}, "http"),
        ("/webhook", {"url": "http://127.0.0.1/x", "secret": ""}, "secret"),
    ],
)
def test_what_the_bank_cannot_do_it_refuses_and_leaves_undone(talk, path, given, why):
    talk.send(as_order("paid", written(PAY)))
    before = talk.movements()
    if why is None:
        talk.post(path, **given)
        return
    assert why in talk.refused(path, **given)
    assert talk.movements() == before
    assert talk.outgoing("return") == talk.outgoing("notice") == []


def test_a_trace_number_of_two_files_wants_a_key(talk):
    first, second = as_order("one", written(PAY)), as_order("two", written(PAY, modifier="B"))
    talk.send(first)
    talk.send(second)
    assert "by its key" in talk.refused("/return", traces=["021000020000001"], on=str(MONDAY))
    talk.post("/return", traces=["021000020000001"], key=str(second.key), on=str(MONDAY))
    assert [m.key for m in talk.movements() if m.return_code] == [second.key]


def test_what_is_to_fetch_is_listed_and_fetched_whole(talk):
    talk.send(as_order("paid", written(PAY)))
    talk.post("/settle", on=str(FRIDAY))
    listed = talk.get("/outgoing")["files"]
    assert [file["kind"] for file in listed] == ["acknowledgement", "settlement"]
    for file, (name, content) in zip(listed, bank.outgoing(talk.folder), strict=True):
        assert (file["name"], file["size"]) == (name, len(content))
        status, body = bank.tell(talk.address, "GET", f"/outgoing/{name}")
        assert (status, body) == (200, content)
    assert bank.tell(talk.address, "GET", "/outgoing/../bank.json")[0] == 404


def test_the_books_survive_kill_nine_with_all_that_happened(talk):
    sent = as_order("paid", written(PAY, FUNDING))
    talk.send(sent)
    talk.post("/settle", on=str(FRIDAY))
    talk.post("/return", traces=["021000020000002"], on=str(MONDAY))
    before = talk.movements(), bank.outgoing(talk.folder), bank.files(talk.folder)
    pid = bank_process.running_pid(talk.folder)
    os.kill(pid, signal.SIGKILL)
    until(lambda: bank_process.running_pid(talk.folder) is None)
    assert (talk.movements(), bank.outgoing(talk.folder), bank.files(talk.folder)) == before
    assert gateway_to(bank.ensure_running(talk.folder)).send(sent).sha256 == sent.sha256
    assert (talk.movements(), bank.outgoing(talk.folder), bank.files(talk.folder)) == before


def test_a_file_with_a_bad_debit_is_refused_whole(talk):
    with pytest.raises(GatewayRejected, match="422"):
        talk.send(as_order("bad", written(PAY, replace(FUNDING, service="220"))))
    assert talk.movements() == [] and talk.outgoing("acknowledgement") == []


def test_the_banks_files_are_of_its_own_hand():
    """Neither our writer nor our readers had a part in them: a shared mistake would be seen by nobody."""
    tree = ast.parse(Path(bank_files.__file__).read_text())
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(isinstance(node, ast.Import) for node in ast.walk(tree))
    assert froms == {"collections.abc", "dataclasses", "datetime", "itertools"}
