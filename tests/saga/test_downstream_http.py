"""The whole way over HTTP, each part a process of its own: requests to a downstream system, answers through the API."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from events import dead_letters
from events.models import TaskToken
from tests import brokers
from tests.saga import paydays
from tests.saga.asked import PEOPLE, everybody_is_right, roster, settle, until

pytestmark = pytest.mark.usefixtures("db")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def api() -> Iterator[str]:
    """The API in a web server of its own."""
    port = brokers.free_port()
    address = f"127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "deploy.wsgi",
        "--bind",
        address,
        "--threads",
        "4",
        "--log-level",
        "error",
    ]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "deploy.settings"}
    server = subprocess.Popen(command, env=environment)
    try:
        until(lambda: listens(port), "the API answers")
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(20)


@contextmanager
def reference(*options: str) -> Iterator[tuple[str, dict[str, int]]]:
    """The reference downstream; its URL, and what it said once it has ended."""
    known = {"PATH", "HOME", "LANG", "VIRTUAL_ENV", "PYTHONPATH"}
    alone = {name: value for name, value in os.environ.items() if name in known}
    command = [sys.executable, "-m", "tests.downstream.http", *options]
    process = subprocess.Popen(command, env=alone, stdout=subprocess.PIPE, text=True)
    said: dict[str, int] = {}
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), said
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        said.update(json.loads(out))
    finally:
        process.kill()
        process.wait()


def _refused_or_silent(where: str) -> int:
    with urllib.request.urlopen(where.replace("/tasks", "/said")) as answer:  # noqa: S310 - our own process
        said = json.load(answer)
    return int(said.get("silent", 0) + said.get("late 410", 0))


def test_lost_doubled_and_late_answers_over_the_api(tmp_path: Path, settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "ach"
    options = [
        "--silent",
        "15",
        "--double",
        "15",
        "--late",
        "10",
        "--late-s",
        "5",
        "--wrong",
        "30",
        "--secret",
        "shared",
    ]
    with api() as url, reference("--api", url, *options) as (where, said):
        settings.EVENTS_DOWNSTREAM = {"tax-calc": where}
        settings.EVENTS_DOWNSTREAM_SECRET = "shared"
        settings.EVENTS_DOWNSTREAM_REQUEST_TASKS = 7
        paydays.load(tmp_path, *roster())
        run = paydays.open_run("ACME", "BOLT")
        paydays.work()
        until(lambda: 0 < TaskToken.objects.filter(state="open").count() < PEOPLE / 2, "most have answered")
        with connection.cursor() as cursor:
            over = "deadline_at = clock_timestamp() + interval '3 seconds'"
            cursor.execute(f"update events_tasktoken set {over} where state = 'open'")  # noqa: S608
        settle()
        letters = paydays.letters()
        assert letters and {letter.kind for letter in letters} == {"no answer"}
        for letter in letters:
            dead_letters.redrive(letter.id, by="somebody")
        settle()
        everybody_is_right()
        paydays.approve(run)
        settle()
        assert paydays.credits()
        until(lambda: _refused_or_silent(where) >= len(letters), "the late answers have come too late")
    assert said["answer 200"] + said.get("late 200", 0) == PEOPLE
    assert said["double 200"] and said["other 409"] and said["malformed 422"]
    assert said["silent"] + said.get("late 410", 0) >= len(letters)
    assert not [name for name in said if name.endswith((" 500", " 503", " 400"))]
