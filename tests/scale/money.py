"""What happens to the money of a whole roster after its net pay is known, told by the bank's books.

    python -m tests.scale.money FOLDER

FOLDER holds employers.csv, employees.csv and time_entries.csv. Everybody is paid twice over, from two copies of one
imported database: once undisturbed, and once with every worker killed while the payment files are being written. The
files of both are compared byte by byte and read by the tests' own reader of the format. In the second copy one in a
hundred payments then comes back; their people get other accounts, and are paid again; at last one employer's part is
undone. A third copy pays one employer early enough that undoing it comes too late for the bank. Every figure is
printed; the first that is not as it must be ends the script.
"""

import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy import postgres
from payroll.payments import bank, bank_process
from tests.brokers import until
from tests.saga.ach_parser import parse
from tests.scale.chicago import PROJECT, START, Run, report

SETTLED_ON, RETURNED_ON = "2026-11-20", "2026-11-23"
FILES_BEFORE_THE_KILL = 5
UNDONE, UNDONE_LATE = "CHI010", "CHI004"
LONG_AGO = "2026-11-06"
PATIENCE_S = 600


def main() -> None:
    """Pay, kill, compare, return, pay again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    imported = Run({})
    try:
        imported.manage("setup")
        imported.manage("import_roster", str(folder))
        postgres.stop(imported.state)
        undisturbed, killed, late = (Run({}, imported.state) for _ in range(3))
        try:
            pay_undisturbed(undisturbed)
            summary = pay_killed(killed)
            same_files(undisturbed, killed)
            undisturbed.end()
            check_files(killed, summary)
            come_back(killed, folder, summary)
            undo(killed, summary["run"], UNDONE)
            undo_too_late(late)
        finally:
            for run in (undisturbed, killed, late):
                run.end()
    finally:
        imported.end()


def pay_undisturbed(run: Run) -> None:
    began = time.monotonic()
    summary = run.pay()
    say("undisturbed:")
    report(run, summary, time.monotonic() - began)


def pay_killed(run: Run) -> dict[str, Any]:
    """Everybody is paid, and every process of ours is killed by signal 9 once the first files are written."""
    began = time.monotonic()
    command = [sys.executable, "manage.py", *START]
    first = subprocess.Popen(
        command, cwd=PROJECT, env=run.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until(
        lambda: len(files_of(run)) >= FILES_BEFORE_THE_KILL or first.poll() is not None,
        "files are written",
        PATIENCE_S,
    )
    ended = kill_all(run)
    first.wait()
    assert ended, "nothing was left to kill: the run was over"
    say(f"killed: {ended} processes, with {len(files_of(run))} files written")
    summary = run.pay()
    report(run, summary, time.monotonic() - began)
    return summary


def kill_all(run: Run) -> int:
    """Kill every process of the product that works on this state folder, but for Postgres and the bank."""
    ended = 0
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            if b"manage.py" in command and str(run.state).encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
                ended += 1
        except (OSError, ValueError):
            continue  # it is no process, or has ended
    return ended


def files_of(run: Run) -> dict[str, bytes]:
    """The payment files in object storage, by name."""
    folder = run.state / "objects" / "files"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.ach")}


def same_files(one: Run, other: Run) -> None:
    first, second = files_of(one), files_of(other)
    assert first == second, "the files differ"
    say(f"files: {len(first)}, byte for byte the same after the kill")


def check_files(run: Run, summary: dict[str, Any]) -> None:
    """Every file parses, and their totals are the bank's and the run's."""
    entries = cents = 0
    for content in files_of(run).values():
        for batch in parse(content):
            entries += len(batch["entries"])
            cents += sum(entry["cents"] for entry in batch["entries"])
    books = json.loads(run.manage("bank", "books", "--json"))
    assert cents == books["credits_cents"] == summary["paid_cents"], (cents, summary["paid_cents"])
    assert entries == books["credits"]
    say(f"files: {entries:,} entries of {cents / 100:,.2f}, by the tests' own reader and by the bank's books")


def come_back(run: Run, folder: Path, summary: dict[str, Any]) -> None:
    """One in a hundred payments comes back, and is paid again into another account."""
    address = bank_process.ensure_running(run.state / "bank")
    ask(address, "/settle", on=SETTLED_ON)
    returned = ask(address, "/return", share=0.01, code="R03", on=RETURNED_ON)["returned"]
    taken = import_all(run, set())
    back_cents = -balance(run)["returns"]
    say(f"returned: {returned} payments of {back_cents / 100:,.2f}; the ledger's legs sum to zero")
    say(f"  held: {run.manage('payments', 'repay', '--as', 'maker').count('waits')} wait for another account")

    people = {row[0] for row in run.query(RETURNED_PEOPLE)}
    with tempfile.TemporaryDirectory() as changed:
        shutil.copytree(folder, changed, dirs_exist_ok=True)
        assert other_accounts(Path(changed) / "employees.csv", people) == len(people)
        run.manage("import_roster", changed)
    run.manage("payments", "repay", "--as", "maker")
    orders = run.manage("payments", "repay", "--as", "checker").count("pays again")
    work(run, lambda: not run.query(NOT_ACCEPTED))
    settle(run, taken)
    left_cents = balance(run).get("returns", 0)
    assert left_cents == 0, f"{left_cents / 100:,.2f} are left of the returns"
    say(
        f"paid again: {returned} payments in {orders} orders; nothing is left of the returns, the legs sum to zero"
    )
    paid_once(run, summary)
    run.manage("reconcile")
    report(run, summary, 0)


def undo(run: Run, of: str, employer: str) -> dict[str, int]:
    """Two people undo an employer's part, and the bank settles what follows; the ledger afterwards."""
    verb = ("payrun", "undo", of, "--employer", employer)
    (part,) = json.loads(run.manage(*verb, "--preview", "--json"))["parts"]
    until_when = part["reversible_until"] or "too late to reverse"
    say(f"undone, {employer}: {json.dumps(part['cents'])}, last day for reversals: {until_when}")
    run.manage(*verb, "--as", "maker", "--reason", "the wrong employer was approved")
    run.manage(*verb, "--as", "checker")
    work(run, lambda: run.query(COMPLETED) and not run.query(NOT_ACCEPTED))
    settle(run, set())
    accounts = balance(run)
    back = run.query(BACK.format(employer=employer))[0]
    assert back[0] == back[1] + back[2], back
    say(
        f"  of {back[0] / 100:,.2f} paid, {back[1] / 100:,.2f} are reversed and {back[2] / 100:,.2f} owed back"
    )
    verdict = run.manage("proof", of).strip().splitlines()[-1]
    say(f"  {verdict}; the ledger's legs sum to zero")
    run.manage("reconcile")
    return accounts


def undo_too_late(run: Run) -> None:
    """One employer's part of a run whose days for reversals are over: its people owe the money back."""
    start = list(START)
    start[start.index("--pay-date") + 1] = LONG_AGO
    summary = json.loads(run.manage(*start, "--employer", UNDONE_LATE).strip().splitlines()[-1])
    settle(run, set())
    accounts = undo(run, summary["run"], UNDONE_LATE)
    assert accounts["recoverable"] == summary["paid_cents"], accounts


def work(run: Run, done: Callable[[], Any]) -> None:
    """Let a worker work until something is done."""
    worker = subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=PROJECT, env=run.environment)
    try:
        until(done, "the workers are done", PATIENCE_S)
    finally:
        worker.terminate()
        worker.wait()


def settle(run: Run, taken: set[str]) -> None:
    """The bank settles everything, and its reports are imported."""
    (last_day,) = run.query("select max(effective) from payroll_payorder")[0]
    ask(bank_process.ensure_running(run.state / "bank"), "/settle", on=last_day)
    import_all(run, taken)


RETURNED_PEOPLE = """
select employer || '/' || employee_id from payroll_payment where state_of_its_own = 'returned'
"""
COMPLETED = "select 1 from events_event where type = 'UndoCompleted'"
# Of an employer: net pay, what the bank has taken back of it, and what is owed back.
BACK = """
select sum((data ->> 'net_cents')::bigint) filter (where type = 'RetirementCalculated'),
       coalesce(sum((data ->> 'amount_cents')::bigint) filter (where type = 'PaymentReversed'), 0),
       coalesce(sum((data ->> 'amount_cents')::bigint) filter (where type = 'RecoveryOpened'), 0)
  from events_event
 where data ->> 'employer' = '{employer}'
    or stream like 'paycheck-' || (select data ->> 'employer_run' from events_event
                                    where type = 'EmployerRunOpened' and data ->> 'employer' = '{employer}') || '+%'
"""
NOT_ACCEPTED = """
select 1 from events_event o
 where o.type = 'OrderCreated'
   and not exists (select from events_event a where a.stream = o.stream and a.type = 'OrderAccepted')
"""


def ask(address: bank.BankAddress, path: str, **document: object) -> dict[str, Any]:
    """What the bank answers."""
    status, answer = bank.tell(address, "POST", path, document)
    assert status == 200, answer
    said: dict[str, Any] = json.loads(answer)
    return said


def import_all(run: Run, taken: set[str]) -> set[str]:
    """Import every file of the bank that was not imported yet; all of them so far."""
    with tempfile.TemporaryDirectory() as to:
        run.manage("bank", "outgoing", "--to", to)
        names = sorted(path.name for path in Path(to).iterdir())
        for name in names:
            if name not in taken:
                run.manage("bank", "import", str(Path(to) / name), "--as", "maker")
    return set(names)


def balance(run: Run) -> dict[str, int]:
    """Each account's balance in cents; all of them sum to zero."""
    shown = json.loads(run.manage("ledger", "trial-balance", "--json"))
    assert shown["balance_cents"] == 0
    return {each["account"]: each["balance_cents"] for each in shown["accounts"]}


def other_accounts(employees: Path, people: set[str]) -> int:
    """Give these people other account numbers; how many of them there are in the file."""
    with employees.open(newline="") as given:
        rows = list(csv.DictReader(given))
    changed = 0
    for row in rows:
        if f"{row['employer_id']}/{row['employee_id']}" in people:
            number = row["account_number"]
            row["account_number"] = f"{number[:-1]}{(int(number[-1]) + 1) % 10}"
            changed += 1
    with employees.open("w", newline="") as written:
        writer = csv.DictWriter(written, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return changed


def paid_once(run: Run, summary: dict[str, Any]) -> None:
    """By the bank's books, less what came back: every person has their net pay once."""
    books: Counter[tuple[str, str]] = Counter()
    for moved in bank.movements(run.state / "bank"):
        if moved.live and not moved.return_code:
            books[moved.company_id, moved.individual_id] += moved.amount_cents
    owed = Counter(
        {(f"1{ein.replace('-', '')}", who.upper()): cents for ein, who, cents in run.query(OWED) if cents}
    )
    assert books == owed, "the books differ from the log"
    assert books.total() == summary["paid_cents"]
    say(f"the bank's books: {len(books):,} people have {books.total() / 100:,.2f}, each their net pay once")


OWED = """
select o.data ->> 'ein', p.employee_id, (p.facts ->> 'net_cents')::bigint
  from payroll_paycheck p
  join events_event o on o.stream = 'employerrun-' || p.employer_run and o.version = 1
"""


def say(words: str) -> None:
    print(words, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
