"""The bank dies, or its answer is lost: the outcome is unknown, and the file is booked once all the same."""

import http.client
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import urlsplit

import pytest

from payroll.payments import bank, bank_process

from . import payday, roster
from .conftest import NewPayday
from .payday import Payday, kill

ANSWERS_AFTER_MS = 1500


def test_the_bank_is_killed_between_approval_and_payment(new_payday: NewPayday, owed: roster.Owed) -> None:
    day = new_payday(pace=0.02)
    bank_process.ensure_running(day.bank)
    run = day.start()
    day.until(lambda: day.events("EmployerRunApproved"), "an employer is approved")
    first = bank_process.running_pid(day.bank)
    assert first
    kill(first)
    day.pace(0)
    assert day.finish(run)["complete"]
    assert bank_process.running_pid(day.bank) not in {None, first}
    day.assert_paid_once(owed)


@pytest.mark.parametrize("victim", ["bank", "worker"])
def test_killed_after_the_file_was_booked_and_before_it_was_answered(
    new_payday: NewPayday, owed: roster.Owed, victim: str
) -> None:
    day = new_payday()
    bank_process.ensure_running(day.bank, delay_ms=ANSWERS_AFTER_MS)
    run = day.start()
    day.until(lambda: bank.books(day.bank), "the bank has booked a file")
    ((worker,),) = day.query(
        "select worker from events_work where state = 'leased' and step = 'move-money' limit 1"
    )
    assert day.events("OrderAccepted") == 0, "the answer was there already"
    pid = bank_process.running_pid(day.bank) if victim == "bank" else int(worker.rpartition(":")[2])
    assert pid
    killed_at = kill(pid)
    day.until(lambda: day.events("OrderAccepted"), "the outcome is known", payday.RECOVERY_S)
    day.recovered(f"kill -9 of the {victim} before the bank's answer", [], killed_at)
    assert day.finish(run)["complete"]
    day.assert_paid_once(owed)


def test_an_unknown_outcome_is_asked_for_before_anything_is_sent_again(
    new_payday: NewPayday, owed: roster.Owed
) -> None:
    day = new_payday()
    with _bad_line(day) as line:
        assert day.finish(day.start())["complete"]
    said = [line.said[key] for key in line.order]
    assert said[0] == ["GET", "POST", "GET", "POST"], "lost on the way there: not booked, so it is sent again"
    assert said[1] == ["GET", "POST", "GET"], "lost on the way back: it is booked, and never sent again"
    assert said[2] == ["GET", "POST"]
    day.assert_paid_once(owed)


class _Line(ThreadingHTTPServer):
    """A line to the bank that loses the first file on its way there, and the answer to the second."""

    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        self.bank = host, port
        self.said: dict[str, list[str]] = defaultdict(list)
        self.order: list[str] = []  # keys in the order in which their files were first sent
        self.lock = Lock()
        super().__init__(("127.0.0.1", 0), _Call)


class _Call(BaseHTTPRequestHandler):
    server: _Line

    def do_GET(self) -> None:
        if self.path.startswith("/files/"):
            self.server.said[self.path.rpartition("/")[2]].append("GET")
        self._pass_on(-1, b"")

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Idempotency-Key"]
        with self.server.lock:
            self.server.said[key].append("POST")
            place = -1
            if key not in self.server.order:
                place = len(self.server.order)
                self.server.order.append(key)
        self._pass_on(place, content)

    def _pass_on(self, place: int, content: bytes) -> None:
        """Forward, unless this is the first file; hand the answer back, unless this is the second."""
        if place == 0:
            return
        connection = http.client.HTTPConnection(*self.server.bank, timeout=10)
        names = ("Authorization", "Idempotency-Key")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        connection.request(self.command, self.path, content, headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if place != 1:
            self.send_response(response.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


@contextmanager
def _bad_line(day: Payday) -> Iterator[_Line]:
    """Stand between the program and its bank: the address that the bank published becomes ours."""
    parts = urlsplit(bank_process.ensure_running(day.bank).url)
    with _Line(parts.hostname or "", parts.port or 0) as line:
        record = json.loads((day.bank / "bank.json").read_text())
        record["url"] = f"http://127.0.0.1:{line.server_port}"
        (day.bank / "bank.json").write_text(json.dumps(record))
        thread = Thread(target=line.serve_forever)
        thread.start()
        try:
            yield line
        finally:
            line.shutdown()
            thread.join()
