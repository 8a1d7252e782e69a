"""The commands as people and programs run them: real processes, exit codes, one JSON object, one clear sentence."""

import errno
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from deploy import postgres
from deploy.postgres import Cluster
from events import dead_letters, store
from events.store import NewEvent
from payroll.models import Employer
from payroll.payments import ach_reader, bank, bank_process
from tests.saga import paydays, roster_files
from tests.saga.paydays import employer, hourly, salaried, worked

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 120.0
PERIOD = ("--from", "2026-11-01", "--to", "2026-11-14", "--pay-date", "2026-11-20")
SUMMARY = {
    *("run", "employers", "employees", "paid", "waiting", "dead_letters", "gross_cents", "net_cents"),
    *("employer_tax_cents", "seconds", "ach_files"),
}
CANARY = "s3cret-canary"  # a password that must not be told


class Said(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Its output, which must be one JSON object and nothing else."""
        found: dict[str, Any] = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def start(*arguments: str, **environment: str | None) -> subprocess.Popen[str]:
    """Start a command; a variable that is None is unset."""
    given = {name: value for name, value in (os.environ | environment).items() if value is not None}
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Said:
    """Wait for a command."""
    out, err = process.communicate(timeout=WITHIN_S)
    return Said(process.returncode, out, err)


def together(*processes: subprocess.Popen[str]) -> list[Said]:
    """Wait for all of these."""
    return [ended(process) for process in processes]


def manage(*arguments: str, **environment: str | None) -> Said:
    """Run a command to its end."""
    return ended(start(*arguments, **environment))


def assert_sentence(said: Said, *words: str) -> None:
    """Nothing was done, and one sentence says why; nobody has to read a traceback."""
    assert said.code not in {0, None}, said
    assert "Traceback" not in said.out + said.err, said.err
    assert CANARY not in said.out + said.err
    lines = said.err.strip().splitlines()
    assert len(lines) == 1, said.err
    for word in words:
        assert word in lines[0], lines[0]


@pytest.fixture
def by_file(settings: Any, monkeypatch: pytest.MonkeyPatch, db: Cluster) -> None:
    """Payment files are laid down for the bank to fetch, here and in the processes that are started."""
    settings.PAYROLL_GATEWAY = "ach"
    monkeypatch.setenv("PAYROLL_GATEWAY", "ach")


# A run by the command line


def test_a_run_by_the_command_line(tmp_path: Path, by_file: None) -> None:
    people = [
        salaried("ACME", "ann", "62400.00"),
        salaried("ACME", "cal", "62400.00", work_state="AL"),
        salaried("BOLT", "bob", "62400.00"),
        hourly("BOLT", "tex", "20.00"),
        hourly("BOLT", "idle", "20.00"),
    ]
    employers = [employer("ACME"), employer("BOLT"), employer("MONT", pay_frequency="monthly")]
    paydays.load(tmp_path, employers, people, worked("BOLT", "tex", {2: "8.00"}))

    said = manage("payrun", "start", *PERIOD, "--workers", "1", "--approve-as", "checker", "--wait", "--json")
    assert said.code == 0, said.err
    assert said.out.count("\n") == 1, "one object and nothing else"
    summary = said.json
    assert summary.keys() >= SUMMARY
    counts = {name: summary[name] for name in ("employers", "employees", "paid", "waiting", "dead_letters")}
    assert counts == {"employers": 2, "employees": 5, "paid": 2, "waiting": 2, "dead_letters": 1}
    # BOLT alone is validated: 2,400.00 and 8 h at 20.00. 2,012.25 (see test_pay_run) and 160.00 less 9.92 and 2.32.
    # The employer owes 6.2 % and 1.45 % as well, and 0.6 % up to 7,000 (IRC 3301): 148.80 + 34.80 + 14.40 and
    # 9.92 + 2.32 + 0.96
    assert (summary["gross_cents"], summary["net_cents"]) == (256_000, 201_225 + 14_776)
    assert summary["employer_tax_cents"] == 19_800 + 1_320
    (file,) = summary["ach_files"]
    entries = ach_reader.read(Path(file).read_bytes()).entries
    assert [(each.individual_id, each.amount_cents) for each in entries] == [
        ("BOB", 201_225),
        ("TEX", 14_776),
    ]
    assert "MONT is left out" in said.err

    again = manage(
        "payrun", "start", *PERIOD, "--workers", "1", "--approve-as", "checker", "--wait", "--json"
    )
    assert {name: again.json[name] for name in SUMMARY - {"seconds"}} == {
        name: summary[name] for name in SUMMARY - {"seconds"}
    }
    run, short = summary["run"], summary["run"][:8]
    verbs = {
        "status": ("payrun", "status", short),
        "list": ("payrun", "list"),
        "letters": ("deadletters", "list"),
    }
    verbs["proof"] = ("proof", short)
    said_by = together(*[start(*arguments, "--json") for arguments in verbs.values()])
    told = dict(zip(verbs, said_by, strict=True))
    assert {said.code for said in told.values()} == {0}
    status = told["status"].json
    states = {part["employer"]: part["state"] for part in status["employers"]}
    assert (status["run"], states) == (run, {"ACME": "waits for a dead letter", "BOLT": "complete"})
    assert [each["run"] for each in told["list"].json["runs"]] == [run]
    assert told["proof"].json["holds"] is True
    (letter,) = told["letters"].json["dead_letters"]
    assert (letter["employee_id"], letter["group_key"], letter["step"]) == ("cal", "ACME", "tax-calc")

    shown = manage("deadletters", "show", letter["id"][:8], "--json")
    assert (shown.code, shown.json["id"], shown.json["history"][0]["type"]) == (
        0,
        letter["id"],
        "DeadLettered",
    )
    redriven = manage("deadletters", "redrive", letter["id"][:8], "--as", "maker", "--json")
    assert (redriven.code, redriven.json) == (0, {"redriven": [letter["id"]], "refused": []})
    assert_sentence(manage("deadletters", "redrive", letter["id"][:8], "--json"), "already")
    paydays.work()
    (again,) = paydays.letters()
    dismissed = manage(
        "deadletters", "dismiss", str(again.id), "--reason", "paid by check", "--as", "maker", "--json"
    )
    assert (dismissed.code, dismissed.json) == (0, {"dismissed": [str(again.id)], "refused": []})
    paydays.work()
    approved = manage("payrun", "approve", short, "--as", "checker", "--employer", "ACME")
    assert approved.code == 0 and "ACME" in approved.out
    paydays.work()
    assert paydays.credits() == {"ann": [201_225], "bob": [201_225], "tex": [14_776]}


def test_a_roster_with_bad_rows_is_refused_with_nothing_stored(tmp_path: Path, db: Cluster) -> None:
    rows = roster_files.good()
    rows[roster_files.EMPLOYEES][0] |= {"ssn": "123-45-67890", "pay_rate": "-1"}
    folder = tmp_path / "bad"
    folder.mkdir()
    roster_files.write(folder, rows)
    command = ("import_roster", str(folder))
    said, as_json = together(start(*command), start(*command, "--json"))
    assert (said.code, as_json.code) == (1, 1)
    for each in (said, as_json):
        assert "Traceback" not in each.out + each.err
        assert "123-45-67890" not in each.out + each.err
    assert all(word in said.err for word in ("employees.csv", "pay_rate", "ssn"))
    assert as_json.json["refused"] == 2
    assert not Employer.objects.exists()


# What people mistype


def test_what_cannot_be_done_is_told_in_a_sentence(tmp_path: Path, by_file: None) -> None:
    people = [salaried("ACME", "ann", "62400.00"), salaried("MONT", "bob", "62400.00")]
    paydays.load(tmp_path, [employer("ACME"), employer("MONT", pay_frequency="monthly")], people)
    twins = [UUID(int=(0xAB << 120) + number) for number in (1, 2)]
    for run in twins:
        store.append([NewEvent(f"payrun-{run}", 1, "PayRunOpened", {"run": str(run)})])
    backwards = ("--from", "2026-11-14", "--to", "2026-11-01", "--pay-date", "2026-11-20")
    refusals = {
        ("payrun", "start", *PERIOD, "--employer", "NOPE"): ["no such employer: NOPE"],
        ("payrun", "start", *PERIOD, "--employer", "MONT"): ["MONT", "monthly", "14 days"],
        ("payrun", "start", *backwards): ["2026-11-01", "before"],
        ("payrun", "status", "ffffffff"): ["no pay run 'ffffffff'"],
        ("proof", "ab"): ["'ab'", "more than one"],
        ("deadletters", "show", "ffffffff"): ["'ffffffff'"],
    }
    arguments = list(refusals)
    for pair in zip(arguments[::2], arguments[1::2], strict=True):  # two at a time, for two processors
        for each, said in zip(pair, together(*[start(*each) for each in pair]), strict=True):
            assert_sentence(said, *refusals[each])
    assert [event.type for event in store.read_all() if event.type == "EmployerRunOpened"] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["payrun", "start", "--from", "2031-01-05", "--to", "2031-01-18", "--pay-date", "2031-01-24"],
            "2031",
        ),
        (["payrun", "start", *PERIOD, "--approve-as", "nobody"], "no active user 'nobody'"),
        (["payrun", "start", *PERIOD, "--as", "checker", "--approve-as", "checker"], "somebody else has to"),
        (
            ["payrun", "start", *PERIOD, "--employer", "ACME", "MONT"],
            "MONT is paid monthly cannot be paid for",
        ),
        (["payrun", "start", *PERIOD, "--workers", "-1"], "--workers cannot be below 0"),
        (["payrun", "approve", "ffffffff", "--as", "checker"], "no pay run"),
        (["payrun", "status", "%"], "no pay run '%'"),
        (["proof", "ffffffff"], "no pay run 'ffffffff'"),
        (["deadletters", "redrive"], "name dead letters"),
        (["deadletters", "list", "--run", "ffffffff"], "no pay run"),
        (["deadletters", "dismiss", "ffffffff", "--reason", "gone"], "'ffffffff' names 0 dead letters"),
    ],
)
def test_and_so_is_this(tmp_path: Path, by_file: None, arguments: list[str], sentence: str) -> None:
    """As the commands raise it; how that is printed is tested above."""
    employers = [employer("ACME"), employer("MONT", pay_frequency="monthly")]
    paydays.load(tmp_path, employers, [salaried("ACME", "ann", "62400.00")])
    log = store.read_all()
    with pytest.raises(CommandError, match=re.escape(sentence)) as refused:
        call_command(*arguments)
    assert "\n" not in str(refused.value)
    assert store.read_all() == log


def test_a_date_that_is_none_is_told(db: Cluster) -> None:
    said = manage("payrun", "start", "--from", "2026-13-01", "--to", "2026-11-14", "--pay-date", "2026-11-20")
    assert said.code != 0 and "Traceback" not in said.err and "2026-13-01" in said.err


def test_a_port_that_is_taken_is_told(db: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = manage("serve", "--port", port)
    assert said.code != 0 and "Traceback" not in said.err
    assert f"port {port} is taken" in said.err


# Databases that do not answer


@pytest.mark.own_session  # a pooler has words of its own for a wrong password
def test_a_database_that_does_not_answer_is_told_without_its_password(db: Cluster) -> None:
    parts = urlsplit(db.app_url)
    right = f"{parts.username}:{parts.password}@127.0.0.1:{parts.port}"
    name = parts.path
    urls = {
        f"mysql://someone:{CANARY}@127.0.0.1/{name}": ["postgresql://"],
        f"someone:{CANARY}": ["postgresql://"],
        f"postgresql://someone:{CANARY}@127.0.0.1:99999{name}": ["postgresql://"],
        f"postgresql://someone:{CANARY}@127.0.0.1": ["postgresql://"],
        f"postgresql://{parts.username}:{CANARY}@127.0.0.1:{free_port()}{name}": ["does not answer"],
        f"postgresql://{parts.username}:{CANARY}@127.0.0.1:{parts.port}{name}": ["password"],
        f"postgresql://{right}/nothing_here": ["nothing_here"],
    }
    running = [
        (words, start("payrun", "list", DATABASE_URL=url, DATABASE_OWNER_URL=None))
        for url, words in urls.items()
    ]
    for words, process in running:
        said = ended(process)
        assert_sentence(said, *words)
        assert parts.password and parts.password not in said.err


def test_a_database_that_was_never_set_up_is_told(db: Cluster) -> None:
    empty = postgres.create_database(db, "test_empty_" + urlsplit(db.app_url).path[-6:])
    said = manage("payrun", "list", DATABASE_URL=empty.app_url, DATABASE_OWNER_URL=empty.owner_url)
    assert_sentence(said, "setup")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# Folders that cannot be written

COMMANDS: dict[str, Sequence[str]] = {
    "setup": ("setup",),
    "import_roster": ("import_roster", "{folder}"),
    "payrun start": ("payrun", "start", *PERIOD),
}


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A tiny file system with nothing left on it."""
    place = tmp_path / "full"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        fill(place)
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> None:
    """Write until nothing goes any more."""
    with (place / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"x" * 512)
        except OSError as full:
            assert full.errno == errno.ENOSPC


def without_database(state: Path) -> dict[str, str | None]:
    """The environment of somebody who relies on the embedded database."""
    return {"DATABASE_URL": None, "DATABASE_OWNER_URL": None, "PAYROLL_STATE_DIR": str(state)}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_told(tmp_path: Path, full: Path, command: str) -> None:
    folder = tmp_path / "roster"
    folder.mkdir()
    roster_files.write(folder, roster_files.good())
    arguments = [each.format(folder=folder) for each in COMMANDS[command]]
    assert_sentence(manage(*arguments, **without_database(full / "state")), "space")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "roster").mkdir()
    folder = roster_files.write(tmp_path / "roster", roster_files.good())
    running = [
        start(
            *(each.format(folder=folder) for each in arguments),
            **without_database(tmp_path / "file" / "state"),
        )
        for arguments in COMMANDS.values()
    ]
    elsewhere = {"DATABASE_URL": f"postgresql://someone:{CANARY}@127.0.0.1/elsewhere"}
    running.append(start("payrun", "list", **without_database(tmp_path / "file" / "state") | elsewhere))
    for said in together(*running):
        assert_sentence(said, str(tmp_path / "file"))


def test_a_disk_that_is_full_when_the_run_is_frozen_is_a_dead_letter_that_can_be_redriven(
    tmp_path: Path, full: Path, by_file: None, settings: Any
) -> None:
    settings.PAYROLL_OBJECTS = full / "objects"
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    with pytest.raises(OSError, match="No space left"):  # the rule tables cannot be kept: nothing is opened
        paydays.open_run()
    assert store.read_prefix("payrun-") == []
    (full / "ballast").unlink()
    run = paydays.open_run()
    fill(full)
    paydays.work()
    letter = paydays.letter()
    assert letter.step == "snapshot" and "No space left" in letter.reason
    (full / "ballast").unlink()
    dead_letters.redrive(letter.id, by="maker")
    paydays.work()
    fill(full)
    paydays.approve(run)
    paydays.work()
    letter = paydays.letter()
    assert letter.step == "push-payment" and "No space left" in letter.reason
    assert paydays.credits() == {}
    (full / "ballast").unlink()
    dead_letters.redrive(letter.id, by="maker")
    paydays.work()
    assert paydays.credits() == {"ann": [201_225]}


# The demo


def test_the_demo_twice_pays_nobody_twice(tmp_path: Path) -> None:
    state = tmp_path / "state"
    environment = without_database(state) | {"PAYROLL_GATEWAY": None, "PAYROLL_DOORBELL": None}
    try:
        first = manage("demo", **environment)
        assert first.code == 0, first.err
        books = bank.books(state / "bank")
        assert len(books) > 0
        assert len({(each.company_id, each.individual_id) for each in books}) == len(books), (
            "nobody is paid twice"
        )
        assert re.search(r"dead letters +2\n", first.out)
        second = manage("demo", **environment)
        assert second.code == 0, second.err
        assert bank.books(state / "bank") == books
        assert re.search(r"\(0 of them now\)", second.out)
        assert re.search(r"dead letters +2\n", second.out)
        assert "Traceback" not in first.err + second.err
    finally:
        bank_process.stop(state / "bank")
        postgres.stop(state)
