"""Kill -9 of the bank under every fault it can be told to do: its books show each payment once, to the cent.

The payer here is the shortest one that keeps the rules: it asks by key before it sends, waits out the look-up
lag that the bank states, and sends the same bytes under the same key for as long as the outcome is unknown.
"""

import contextlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from payroll.payments import bank, bank_process, bank_script
from payroll.payments.gateway import (
    GatewayRejected,
    OutcomeUnknown,
    PaymentGateway,
    PaymentOrder,
    SandboxBank,
)
from payroll.payments.gateway_http import HttpGateway
from tests.saga.bank_orders import order, until
from tests.saga.bank_talk import Talk
from tests.saga.test_bank_payments import payments

LAG_S = 0.3
TIMEOUT_S = 0.8
FIGURES: dict[str, dict[str, Any]] = {
    "partial_file": {"bytes": 300},
    "lag": {"seconds": LAG_S},
    "silent": {"seconds": 1},
    "late_return": {"code": "R03"},
}
KINDS: dict[str, tuple[type[SandboxBank], PaymentOrder]] = {
    "files": (SandboxBank, order("faulty", 40)),
    "payments": (HttpGateway, payments("faulty", 40)),
}
PAYS_TWICE = {
    "prune_key"
}  # what no payer can see: only its own guard on the age of a key keeps it from sending


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    made = Talk(tmp_path / "bank")
    yield made
    bank.stop(made.folder)


def pay(gateway: PaymentGateway, sent: PaymentOrder, over: Event) -> str:
    """Accepted or rejected, however long that takes."""
    while not over.is_set():
        with contextlib.suppress(OutcomeUnknown):
            try:
                if gateway.find(sent.key) or gateway.send(sent):
                    return "accepted"
            except GatewayRejected:
                return "rejected"
        over.wait(LAG_S)
    return "given up"


def kill(talk: Talk) -> None:
    pid = bank_process.running_pid(talk.folder)
    assert pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: bank_process.running_pid(talk.folder) is None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("do", sorted(bank_script.SEND))
def test_killed_once_the_fault_is_done(talk: Talk, do: str, kind: str) -> None:
    """The rule is used up, the bank dies; what the rule did stands, and it is not done again."""
    maker, sent = KINDS[kind]
    gateway = maker(talk.address.url, talk.address.token, TIMEOUT_S)
    talk.script({"on": "send", "do": do} | FIGURES.get(do, {}))
    over = Event()
    with ThreadPoolExecutor(1) as pool:
        payer = pool.submit(pay, gateway, sent, over)
        try:
            until(lambda: not talk.get("/script")["rules"])
            kill(talk)
            assert bank.ensure_running(talk.folder) == talk.address
            assert talk.get("/script") == {"rules": []}
            said = payer.result(timeout=30)
        finally:
            over.set()
    assert_told(talk, sent, do, said)


@pytest.mark.parametrize("do", sorted(bank_script.SEND))
def test_killed_before_and_after_every_answer(talk: Talk, do: str) -> None:
    """A bank that dies twice while it is being paid at, wherever that meets it."""
    maker, sent = KINDS["files"]
    gateway = maker(talk.address.url, talk.address.token, TIMEOUT_S)
    talk.script({"on": "send", "do": do, "times": 2} | FIGURES.get(do, {}))
    over = Event()
    with ThreadPoolExecutor(1) as pool:
        payer = pool.submit(pay, gateway, sent, over)
        try:
            for pause_s in (0.0, 0.01):
                time.sleep(pause_s)  # another moment each time, not a wait for anything
                kill(talk)
                assert bank.ensure_running(talk.folder) == talk.address
            said = payer.result(timeout=30)
        finally:
            over.set()
    assert_told(talk, sent, do, said)


def assert_told(talk: Talk, sent: PaymentOrder, do: str, said: str) -> None:
    told = [json.loads(content)["status"] for content in talk.outgoing("acknowledgement")]
    if said == "rejected" or do == "reject_later":  # the receipt of the second was no last word
        assert bank.movements(talk.folder) == []
        assert told == ["rejected"] * (do == "reject_later")
        return
    assert said == "accepted"
    credits = bank.books(talk.folder)
    people = Counter(credit.individual_id for credit in credits)
    assert len(people) == sent.entries == 40
    if do not in PAYS_TWICE:
        assert set(people.values()) == {1}
        assert sum(credit.amount_cents for credit in credits) == sent.total_cents
        assert told == ["accepted"]
    assert {credit.key for credit in credits} == {sent.key}


def test_the_witness_shows_what_a_blind_payer_does(talk: Talk) -> None:
    """The oracle has teeth: a payer that trusts a forgotten key pays twice, and the books say so."""
    _, sent = KINDS["files"]
    gateway = SandboxBank(talk.address.url, talk.address.token)
    talk.script({"on": "send", "do": "prune_key"})
    gateway.send(sent)
    kill(talk)
    bank.ensure_running(talk.folder)
    assert gateway.find(sent.key) is None, "forgotten for good, also by the bank that comes after"
    gateway.send(sent)
    people = Counter(credit.individual_id for credit in bank.books(talk.folder))
    assert set(people.values()) == {2}


def test_a_silence_outlives_the_bank(talk: Talk) -> None:
    _, sent = KINDS["files"]
    gateway = SandboxBank(talk.address.url, talk.address.token, 0.3)
    talk.script({"on": "find", "do": "silent", "seconds": 60})
    with pytest.raises(OutcomeUnknown):
        gateway.find(sent.key)
    kill(talk)
    bank.ensure_running(talk.folder)
    with pytest.raises(OutcomeUnknown):
        gateway.find(sent.key)
    talk.script()
    assert SandboxBank(talk.address.url, talk.address.token).find(sent.key) is None
