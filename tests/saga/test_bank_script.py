"""What the bank is told to do wrong, and what its books say afterwards."""

import json
import time
from collections.abc import Iterator

import pytest

from payroll.payments import bank, bank_process, bank_script
from payroll.payments.gateway import GatewayRejected, OutcomeUnknown
from payroll.payments.gateway_http import HttpGateway
from tests.saga.bank_orders import gateway_to, order, until
from tests.saga.bank_talk import Talk
from tests.saga.nacha import came_back

WAIT_S = 0.4  # how long a caller waits for an answer that does not come


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    made = Talk(tmp_path_factory.mktemp("scripted") / "bank")
    yield made
    bank.stop(made.folder)


@pytest.fixture
def talk(one: Talk) -> Talk:
    """The bank of this module, with no script; every test sends orders of its own name."""
    one.script()
    return one


def booked(talk: Talk, sent) -> int:
    return sum(movement.key == sent.key for movement in talk.movements())


@pytest.mark.parametrize(
    ("do", "is_booked", "raised"),
    [
        ("accept_and_time_out", True, OutcomeUnknown),
        ("500_after_accept", True, OutcomeUnknown),
        ("reset_after_body", True, OutcomeUnknown),
        ("drop_before", False, OutcomeUnknown),
        ("500_before", False, OutcomeUnknown),
        ("429", False, OutcomeUnknown),
        ("rejected_file", False, GatewayRejected),
    ],
)
def test_an_answer_that_says_nothing_of_the_books(talk, do, is_booked, raised):
    sent, to = order(do.replace("_", "")[:14]), gateway_to(talk.address)
    talk.script({"on": "send", "do": do})
    with pytest.raises(raised) as said:
        gateway_to(talk.address, WAIT_S if do == "accept_and_time_out" else 10).send(sent)
    if raised is OutcomeUnknown:
        what = {"500_after_accept": "500", "500_before": "500", "429": "429"}.get(do, "did not answer")
        assert what in str(said.value)
    if do == "reset_after_body":
        assert "ConnectionResetError" in str(said.value)
    assert booked(talk, sent) == (3 if is_booked else 0)
    assert (to.find(sent.key) is not None) == is_booked
    assert talk.get("/script") == {"rules": []}
    assert to.send(sent).sha256 == sent.sha256, "the rule was for one time"
    assert booked(talk, sent) == 3


def test_a_file_rejected_later_pays_nobody(talk):
    sent, to = order("late no"), gateway_to(talk.address)
    talk.script({"on": "send", "do": "reject_later"})
    receipt = to.send(sent)
    assert (receipt.entries, receipt.total_cents) == (3, 303)
    assert booked(talk, sent) == 0
    said = json.loads(talk.outgoing("acknowledgement")[-1])
    assert (said["key"], said["status"], len(said["findings"])) == (str(sent.key), "rejected", 1)
    for call in (lambda: to.find(sent.key), lambda: to.send(sent)):
        with pytest.raises(GatewayRejected, match=r"reject|422"):
            call()
    assert booked(talk, sent) == 0


def test_a_part_of_a_file_books_nothing_and_gives_way_to_the_whole(talk):
    sent, to = order("part"), gateway_to(talk.address)
    talk.script({"on": "send", "do": "partial_file", "bytes": 200})
    with pytest.raises(OutcomeUnknown, match="another hash"):
        to.send(sent)
    (kept,) = [file for file in bank.files(talk.folder) if file["key"] == str(sent.key)]
    assert (kept["status"], kept["size"], kept["entries"]) == ("partial", 200, 0)
    assert kept["sha256"] != sent.sha256 and booked(talk, sent) == 0
    assert to.find(sent.key) is None
    receipt = to.send(sent)
    assert to.find(sent.key) == receipt and booked(talk, sent) == 3


def test_a_forgotten_key_books_again_and_the_books_show_it(talk):
    sent, to = order("forgotten"), gateway_to(talk.address)
    talk.script({"on": "find", "key": str(sent.key)[:6], "times": 1, "do": "prune_key"})
    first = to.send(sent)
    assert to.find(sent.key) is None
    assert booked(talk, sent) == 3
    again = to.send(sent)
    assert again.reference != first.reference and again.sha256 == first.sha256
    assert booked(talk, sent) == 6 == sum(credit.key == sent.key for credit in bank.books(talk.folder))
    assert to.find(sent.key) == again


def test_a_key_is_forgotten_after_booking(talk):
    sent, to = order("gone"), gateway_to(talk.address)
    talk.script({"on": "send", "do": "prune_key"})
    to.send(sent)
    assert to.find(sent.key) is None and booked(talk, sent) == 3


def test_a_look_up_lags_behind_the_books(talk):
    sent, to = order("lag"), gateway_to(talk.address)
    talk.script({"on": "send", "do": "lag", "seconds": 0.7})
    began = time.monotonic()
    receipt = to.send(sent)
    assert to.find(sent.key) is None, "booked, and not seen"
    assert booked(talk, sent) == 3
    assert to.send(sent) == receipt, "the books do not lag"
    assert until(lambda: to.find(sent.key)) == receipt
    assert time.monotonic() - began >= 0.7


def test_a_silent_bank_answers_nobody_for_a_while(talk):
    sent, to = order("silent"), gateway_to(talk.address, WAIT_S)
    talk.script({"on": "send", "do": "silent", "seconds": 60})
    for call in (lambda: to.send(sent), lambda: to.find(sent.key), lambda: to.send(order("other silent"))):
        with pytest.raises(OutcomeUnknown, match="TimeoutError"):
            call()
    assert booked(talk, sent) == 0
    pid = bank_process.running_pid(talk.folder)
    bank.ensure_running(talk.folder)
    assert bank_process.running_pid(talk.folder) == pid, "who runs the bank sees that it is there"
    talk.script()
    assert gateway_to(talk.address).find(sent.key) is None
    talk.script({"on": "find", "do": "silent", "seconds": 0.5})
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        gateway_to(talk.address, 0.1).find(sent.key)
    with pytest.raises(OutcomeUnknown):
        gateway_to(talk.address, 0.1).send(sent)

    def speaks() -> bool:
        try:
            return gateway_to(talk.address, 0.1).find(sent.key) is None
        except OutcomeUnknown:
            return False

    until(speaks)
    assert time.monotonic() - began >= 0.5


def test_what_settled_can_come_back(talk):
    sent, to = order("returned"), gateway_to(talk.address)
    talk.script({"on": "send", "do": "late_return", "code": "R16", "entries": 2})
    to.send(sent)
    assert talk.outgoing("return") == []
    talk.post("/settle", on="2026-11-20")
    (back,) = [came_back(content) for content in talk.outgoing("return")]
    assert [(b.reason, b.cents) for b in back] == [("R16", 100), ("R16", 101)]
    own = [movement for movement in talk.movements() if movement.key == sent.key]
    assert [movement.return_code for movement in own] == ["R16", "R16", ""]
    assert all(str(movement.settled_on) == "2026-11-20" for movement in own)


def test_the_first_rule_that_fits_applies_as_often_as_it_says(talk):
    to = gateway_to(talk.address)
    one, other = order("first of two"), order("second of two")
    talk.script(
        {"on": "find", "do": "429"},
        {"on": "send", "key": str(other.key)[:8], "do": "429"},
        {"on": "send", "times": 2, "do": "500_before"},
        {"on": "send", "do": "drop_before"},
    )

    def said(sent) -> str:
        try:
            return to.send(sent).reference
        except OutcomeUnknown as unknown:
            return str(unknown)

    assert [said(one) for _ in range(3)][:2] == ["the bank answered 500"] * 2
    assert [said(other) for _ in range(3)] == ["the bank answered 429"] * 3, "without an end, for its key"
    assert said(one).startswith("SANDBOX-")
    assert talk.get("/script")["rules"] == [
        {"on": "find", "do": "429", "times": 1},
        {"on": "send", "key": str(other.key)[:8], "do": "429"},
    ]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ({}, "a list"),
        ([[]], "rule 1: it is not an object"),
        ([{"on": "send", "do": "429"}, {"on": "sent", "do": "429"}], "rule 2: on is"),
        ([{"on": "send", "do": "explode"}], "do is one of"),
        ([{"on": "find", "do": "late_return", "code": "R03"}], "do is one of"),
        ([{"on": "send", "do": ["429"]}], "do is one of"),
        ([{"on": "send", "do": "429", "time": 3}], "nothing else"),
        ([{"on": "send", "do": "429", "times": 0}], "above zero"),
        ([{"on": "send", "do": "429", "times": True}], "above zero"),
        ([{"on": "send", "do": "429", "key": "%"}], "the beginning of a UUID"),
        ([{"on": "send", "do": "lag"}], "lag needs seconds"),
        ([{"on": "send", "do": "lag", "seconds": -1}], "seconds"),
        ([{"on": "send", "do": "lag", "seconds": "2"}], "seconds"),
        ([{"on": "send", "do": "partial_file", "bytes": 1.5}], "whole number"),
        ([{"on": "send", "do": "late_return", "code": "C01"}], "code is R"),
        ([{"on": "send", "do": "429"}] * 1_001, "at most 1,000"),
    ],
)
def test_a_script_that_cannot_be_followed_is_refused_whole(talk, script, why):
    talk.script({"on": "find", "do": "429"})
    status, body = bank.tell(talk.address, "POST", "/script", script)
    assert status == 400 and why in json.loads(body)["error"]
    assert len(talk.get("/script")["rules"]) == 1, "the one before still holds"


def test_only_who_has_the_token_writes_a_script(talk):
    stranger = bank.BankAddress(talk.address.url, "guess")
    assert bank.tell(stranger, "POST", "/script", [])[0] == 401
    assert bank.tell(stranger, "GET", "/outgoing")[0] == 401
    assert bank.tell(stranger, "POST", "/settle", {"on": "2026-11-20"})[0] == 401


def test_every_fault_is_described_and_every_figure_has_a_rule():
    text = str(bank_script.__doc__)
    for faults in bank_script.DOES.values():
        for do in faults:
            assert do in text


# What the bank states of itself


def test_terms_are_stated_and_asked_once(talk):
    to = gateway_to(talk.address)
    assert (to.lookup_lag_s, to.key_valid_s) == (0.0, 86_400.0)
    talk.post("/terms", lookup_lag_s=2.5, key_valid_s=60)
    try:
        assert to.lookup_lag_s == 0.0, "asked once"
        again = HttpGateway(talk.address.url, talk.address.token)
        assert (again.lookup_lag_s, again.key_valid_s) == (2.5, 60.0)
    finally:
        talk.post("/terms", lookup_lag_s=0, key_valid_s=86_400)


def test_terms_that_nobody_states_are_unknown():
    with pytest.raises(OutcomeUnknown):
        _ = gateway_to(bank.BankAddress("http://127.0.0.1:9", "t"), WAIT_S).lookup_lag_s
