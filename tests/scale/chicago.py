"""A whole roster through every kind of worker, and the same log each time.

    python -m tests.scale.chicago FOLDER [WAY ...]

FOLDER holds employers.csv, employees.csv and time_entries.csv. The ways are django_q, sqs and redis, and http and
queue, where TaxCalc is done by the reference downstream over HTTP or over SQS, with 2 % of its answers lost, 2 % given
twice and 1 % too late; its dead letters are then redriven. Each way has a copy of one imported database, so that the
same people with the same ciphertexts are paid. Printed for each: people paid, net pay, the digest of the log, the
verdict of proof, seconds.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from deploy import postgres
from payroll.payments import bank_process
from tests import brokers

PROJECT = Path(__file__).resolve().parents[2]
PERIOD = ("--from", "2026-11-01", "--to", "2026-11-14", "--pay-date", "2026-11-20")
START = ("payrun", "start", *PERIOD, "--workers", "2", "--approve-as", "checker", "--wait", "--json")
DEADLINE_S = 180
MANNERS = ["--silent", "2", "--double", "2", "--late", "1", "--late-s", str(DEADLINE_S + 30)]

# What happened, by stream and version; not when, nor in which transaction. The bank numbers what reaches it in the
# order in which it does, so its own reference is left out.
LOG = """
select stream, version, type, (data - 'bank_reference')::text from events_event
 where stream ~ '^(payrun|employerrun|paycheck)-' order by stream, version
"""
LETTERS = "select state, kind, step, count(*) from events_deadletter group by 1, 2, 3 order by 1, 2, 3"


class Run:
    """One way, in a state folder of its own: a copy of `prepared`, or empty."""

    def __init__(self, environment: dict[str, str], prepared: Path | None = None) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="payroll-scale-"))
        if prepared:
            shutil.copytree(prepared, self.state, dirs_exist_ok=True)
            postgres.ensure_running(self.state)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = kept | environment | {"PAYROLL_STATE_DIR": str(self.state)}

    def manage(self, *arguments: str) -> str:
        """Run a command to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout[-2000:]}")
        return done.stdout

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows, as the owner of the tables."""
        cluster = postgres.read(self.state)
        assert cluster is not None
        with psycopg.connect(cluster.owner_url) as connection:
            return connection.execute(statement).fetchall()

    def pay(self) -> dict[str, Any]:
        """Two workers pay everybody who can be paid."""
        said = self.manage(*START)
        summary: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
        return summary

    def digest(self) -> str:
        """One hash over everything that happened."""
        found = hashlib.sha256()
        for row in self.query(LOG):
            found.update(json.dumps(row).encode())
        return found.hexdigest()[:16]

    def end(self) -> None:
        """Stop what runs for it and remove it."""
        bank_process.stop(self.state / "bank")
        postgres.stop(self.state)
        shutil.rmtree(self.state, ignore_errors=True)


def celery(broker: str, **change: str) -> dict[str, str]:
    """The environment of Celery's workers."""
    return {"PAYROLL_DOORBELL": "celery", "PAYROLL_BROKER_URL": broker, **change}


@contextlib.contextmanager
def on_sqs() -> Iterator[dict[str, str]]:
    with brokers.ministack() as endpoint:
        yield celery("sqs://", **brokers.CREDENTIALS, AWS_ENDPOINT_URL=endpoint)


@contextlib.contextmanager
def on_redis() -> Iterator[dict[str, str]]:
    with brokers.redis() as url:
        yield celery(url)


@contextlib.contextmanager
def embedded() -> Iterator[dict[str, str]]:
    yield {}


def plain(place: Callable[[], contextlib.AbstractContextManager[dict[str, str]]], prepared: Path) -> None:
    """Everybody by our own steps."""
    with place() as environment:
        run = Run(environment, prepared)
        try:
            if environment.get("PAYROLL_BROKER_URL", "").startswith("sqs"):
                run.manage("queues", "create")
            began = time.monotonic()
            summary = run.pay()
            report(run, summary, time.monotonic() - began)
        finally:
            run.end()


def downstream(kind: str, prepared: Path) -> None:
    """Taxes by the reference downstream, which has bad manners; what it did not answer is redriven."""
    limits = {
        "PAYROLL_DOWNSTREAM_TAX_CALC_DEADLINE_S": str(DEADLINE_S),
        "PAYROLL_DOWNSTREAM_TAX_CALC_AT_A_TIME": "4000",
    }
    with contextlib.ExitStack() as stack:
        endpoint = stack.enter_context(brokers.ministack()) if kind == "queue" else ""
        local = {**brokers.CREDENTIALS, "AWS_ENDPOINT_URL": endpoint} if endpoint else {}
        run = Run(limits | local, prepared)
        stack.callback(run.end)
        if kind == "http":
            port = brokers.free_port()
            _beside(stack, run, "manage.py", "serve", "--port", str(port))
            brokers.until(lambda: brokers.listens(port), "the API answers")
            service = _beside(
                stack, run, "-m", "tests.downstream.http", "--api", f"http://127.0.0.1:{port}", *MANNERS
            )
            assert service.stdout is not None
            run.environment["PAYROLL_DOWNSTREAM_TAX_CALC"] = service.stdout.readline().strip()
        else:
            client = brokers.client("sqs", endpoint)
            for name in ("tax-requests", "payroll-task-tokens"):
                client.create_queue(QueueName=name)
            run.environment["PAYROLL_DOWNSTREAM_TAX_CALC"] = "sqs:tax-requests"
            objects = str(run.state / "objects")
            asked = ("--requests", "tax-requests", "--responses", "payroll-task-tokens", "--objects", objects)
            _beside(stack, run, "-m", "tests.downstream.sqs", *asked, *MANNERS)
        began = time.monotonic()
        summary = run.pay()
        report(run, summary, time.monotonic() - began)
        for row in run.query(LETTERS):
            print("  dead letters:", *row)  # noqa: T201
        run.manage("deadletters", "redrive", "--step", "tax-calc", "--as", "maker", "--json")
        summary = run.pay()
        report(run, summary, time.monotonic() - began)


def _beside(stack: contextlib.ExitStack, run: Run, *arguments: str) -> "subprocess.Popen[str]":
    """A process that runs beside the workers, until the end of this way."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=PROJECT, env=run.environment, stdout=subprocess.PIPE, text=True
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def report(run: Run, summary: dict[str, Any], seconds: float) -> None:
    """One line of figures."""
    proof = subprocess.run(
        [sys.executable, "manage.py", "proof", summary["run"], "--json"],
        cwd=PROJECT,
        env=run.environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    verdict = "holds" if proof.returncode == 0 else "FAILS"
    print(  # noqa: T201
        f"  {summary['paid']:,} of {summary['employees']:,} paid, net {summary['paid_cents'] / 100:,.2f}, "
        f"{summary['dead_letters']} dead letters, log {run.digest()}, proof {verdict}, {seconds:.1f} s",
        flush=True,
    )


WAYS: dict[str, Callable[[Path], None]] = {
    "django_q": partial(plain, embedded),
    "sqs": partial(plain, on_sqs),
    "redis": partial(plain, on_redis),
    "http": partial(downstream, "http"),
    "queue": partial(downstream, "queue"),
}


def main() -> None:
    """Take every way that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("ways", nargs="*", default=list(WAYS), metavar="WAY")
    options = parser.parse_args()
    imported = Run({})
    try:
        imported.manage("setup")
        imported.manage("import_roster", str(options.folder.resolve()))
        postgres.stop(imported.state)
        for way in options.ways:
            print(way, flush=True)  # noqa: T201
            WAYS[way](imported.state)
    finally:
        imported.end()


if __name__ == "__main__":
    main()
