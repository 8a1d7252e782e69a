"""Open, follow, approve, release, pause, limit and cancel pay runs."""

import json
import time
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict, fields
from datetime import date
from typing import Any, Literal

from django.core.management import BaseCommand, CommandError

from events import projection
from events.failures import NeedsReview
from ops import correcting, follow, proposing, settling, undoing
from ops.permitted import check
from ops.run_words import named_limits, report, summary
from ops.status import find_run, run_status
from payroll import cancel, correct, kinds, release, runs
from payroll.late import changes
from payroll.models import PayRun
from payroll.payments import same_day as settlement
from payroll.projections import RUNS
from payroll.tolerance import Tolerance


class Command(BaseCommand):
    help = "Open, follow, approve, release, correct, pause, limit, postpone, cancel and undo pay runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        start = verbs.add_parser("start", help="open a pay run; the same run again changes nothing")
        start.add_argument(
            "--from", dest="start", type=day, required=True, metavar="DATE", help="first day of the period"
        )
        start.add_argument(
            "--to", dest="end", type=day, required=True, metavar="DATE", help="last day of the period"
        )
        start.add_argument("--pay-date", type=day, required=True, metavar="DATE", help="when people are paid")
        start.add_argument(
            "--employer", nargs="+", action="extend", default=[], metavar="ID", help="default: all that fit"
        )
        start.add_argument(
            "--kind", choices=kinds.OPENED_BY_COMMAND, default=kinds.REGULAR, help="default: regular"
        )
        start.add_argument(
            "--employee",
            nargs="+",
            action="extend",
            default=[],
            metavar="ID",
            help="whom alone it pays: ids of the one --employer, or EMPLOYER/EMPLOYEE",
        )
        start.add_argument(
            "--same-day",
            action="store_true",
            help="the payment files settle on the day they are made; the pay date has to be today",
        )
        start.add_argument(
            "--as", dest="opened_by", default="cli", metavar="USER", help="who opens it (default: cli)"
        )
        start.add_argument(
            "--tolerate", type=tolerance, metavar="N|P%", help="stop when more people than this have failed"
        )
        start.add_argument(
            "--tolerate-employer",
            type=tolerance,
            metavar="N|P%",
            help="stop an employer when more of its people have failed",
        )
        add_following(start)
        status = verbs.add_parser("status", help="counts per step and employer, totals, files, dead letters")
        status.add_argument("run", help="the run's id, or the beginning of it")
        status.add_argument("--json", action="store_true")
        approve = verbs.add_parser("approve", help="approve what is validated")
        approve.add_argument("run")
        approve.add_argument("--as", dest="user", required=True, metavar="USER")
        approve.add_argument("--employer", nargs="+", action="extend", default=[], metavar="ID")
        release_verb = verbs.add_parser(
            "release", help="let an employer go on with who is complete; dead letters get a run of their own"
        )
        release_verb.add_argument("run", help="the run's id, or the beginning of it")
        release_verb.add_argument("--employer", nargs="+", action="extend", default=[], metavar="ID")
        release_verb.add_argument("--as", dest="user", required=True, metavar="USER")
        release_verb.add_argument("--reason", required=True, help="why, for the record")
        correcting.add_arguments(verbs, day)
        proposing.add_arguments(verbs)
        add_control(verbs)
        settling.add_arguments(verbs)
        undoing.add_arguments(verbs)
        verbs.add_parser("list", help="the latest pay runs").add_argument("--json", action="store_true")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            getattr(self, f"do_{verb}")(**options)
        except (runs.Refused, NeedsReview) as refused:
            raise CommandError(str(refused)) from None

    def do_start(
        self,
        *,
        start: date,
        end: date,
        pay_date: date,
        employer: list[str],
        kind: str,
        employee: list[str],
        same_day: bool,
        opened_by: str,
        tolerate: Tolerance | None,
        tolerate_employer: Tolerance | None,
        workers: int,
        approve_as: str | None,
        wait: bool,
        json: bool,
        **_: Any,
    ) -> None:
        check(opened_by, "payroll.open_payrun", "open a pay run")
        if workers < 0:
            raise runs.Refused("--workers cannot be below 0")
        if approve_as:
            runs.check_approver(approve_as, opened_by)
        began = time.monotonic()
        opened = runs.open_run(
            start,
            end,
            pay_date,
            opened_by=opened_by,
            employers=employer,
            kind=kind,
            people=people(employee, employer),
            tolerate=tolerate,
            tolerate_employer=tolerate_employer,
            same_day=same_day,
        )
        say = self.stderr.write if json else self.stdout.write
        if opened.pay_date != pay_date:
            say(f"{pay_date} is no banking day: people are paid on {opened.pay_date}")
        for skipped, why in opened.skipped.items():
            say(f"{skipped} is left out: it {why}, and this period does not fit")
        say(
            f"pay run {opened.run} {'opened' if opened.new else 'is open already'}: {len(opened.employers)} employers"
        )
        if wait or approve_as or workers:
            follow.until_quiet([opened.run], workers=workers, approve_as=approve_as, silent=json)
        status = run_status(opened.run)
        if json:
            self.stdout.write(to_json(summary(status, time.monotonic() - began)))
        elif wait or approve_as or workers:
            self.stdout.write(report(status))

    def do_status(self, *, run: str, json: bool, **_: Any) -> None:
        status = run_status(find_run(run).run)
        facts = asdict(status) | {
            "employees": status.employees,
            "paid": status.paid,
            "waiting": status.waiting,
        }
        self.stdout.write(to_json(facts) if json else report(status))

    def do_approve(self, *, run: str, user: str, employer: list[str], **_: Any) -> None:
        found = find_run(run)
        approved = follow.approve_ready(found.run, user, only=employer)
        self.stdout.write(
            f"{user} approved {len(approved)} employers: {', '.join(approved) or 'none was waiting'}"
        )

    def do_release(self, *, run: str, user: str, employer: list[str], reason: str, **_: Any) -> None:
        found = find_run(run)
        chosen = employer or release.waits(found.run)
        if not chosen:
            raise runs.Refused("nobody of this run waits as a dead letter: there is nothing to release")
        check(user, "payroll.release_employerrun", "let an employer's run go on without those who wait")
        refused = []
        for each in chosen:
            try:
                released = release.release(found.run, each, by=user, reason=reason)
            except runs.Refused as why:
                refused.append(str(why))
                continue
            self.stdout.write(
                f"{each} goes on; {len(released.carried)} people are carried over to pay run {released.run}, paid "
                f"{released.pay_date}: {', '.join(released.carried)}"
            )
        if refused:
            raise runs.Refused("; ".join(refused))

    def do_correct(
        self,
        *,
        run: str,
        employer: list[str],
        employee: list[str],
        pay_date: date | None,
        same_day: bool,
        preview: bool,
        user: str,
        json: bool,
        **_: Any,
    ) -> None:
        found = find_run(run).run
        if same_day and pay_date is None:
            pay_date = settlement.eastern().date()
        whom = people(employee, employer)
        if preview:
            proposals = correct.propose(found, employers=employer, people=whom, pay_date=pay_date)
            leaves = [] if whom else correct.dismissed(found, employers=employer)
            facts, lines = correcting.proposed(proposals, leaves)
        else:
            check(user, changes.PERMISSION, "open a correction run")
            opened = correct.open_correction(
                found, by=user, employers=employer, people=whom, pay_date=pay_date, same_day=same_day
            )
            facts, lines = correcting.opened(opened)
        self.stdout.write(to_json(facts) if json else "\n".join(lines))

    def do_corrections(
        self, *, run: str, employer: list[str], everything: bool, json: bool, **_: Any
    ) -> None:
        if run:
            facts, lines = proposing.of_run(find_run(run).run, employer, everything=everything)
        else:
            facts, lines = proposing.runs(employer)
        self.stdout.write(to_json(facts) if json else "\n".join(lines))

    def do_dismiss(
        self,
        *,
        run: str,
        employer: list[str],
        employee: list[str],
        everybody: bool,
        user: str,
        reason: str,
        **_: Any,
    ) -> None:
        if everybody == bool(employee):
            raise runs.Refused("whose late changes? Name them with --employee, or all of the run with --all")
        found = find_run(run).run
        check(user, changes.PERMISSION, "dismiss a late change")
        whom = people(employee, employer)
        self.stdout.write(proposing.dismissed(found, employer, whom, by=user, reason=reason))

    def do_pause(self, *, run: str, user: str, reason: str, **_: Any) -> None:
        found = find_run(run)
        check(user, "payroll.pause_payrun", "pause a pay run")
        runs.pause(found.run, by=user, reason=reason)
        self.stdout.write(f"pay run {found.run} is paused: what is being done finishes its step")

    def do_resume(self, *, run: str, user: str, reason: str, **_: Any) -> None:
        found = find_run(run)
        check(user, "payroll.pause_payrun", "let a paused pay run go on")
        runs.resume(found.run, by=user, reason=reason)
        self.stdout.write(f"pay run {found.run} goes on")

    def do_cancel(self, *, run: str, user: str, reason: str, **_: Any) -> None:
        found = find_run(run)
        check(user, "payroll.cancel_payrun", "cancel a pay run")
        decided = cancel.cancel(found.run, by=user, reason=reason)
        self.stdout.write(f"pay run {found.run} is being cancelled: {', '.join(decided.cancelled)}")
        if decided.goes_on:
            self.stdout.write(
                f"their payments are instructed already, they are paid: {', '.join(decided.goes_on)}"
            )

    def do_postpone(self, *, run: str, employer: list[str], json: bool, **how: Any) -> None:
        facts, lines = settling.carry_out(
            find_run(run).run, employer, user=how["user"], reason=how["reason"], preview=how["preview"]
        )
        if json or lines:
            self.stdout.write(to_json(facts) if json else "\n".join(lines))
        if facts["refused"]:
            raise runs.Refused("; ".join(facts["refused"]))

    def do_limit(
        self,
        *,
        run: str,
        employer: str,
        user: str,
        at_a_time: int | Literal["any"] | None,
        tolerate: Tolerance | Literal["any"] | None,
        **_: Any,
    ) -> None:
        if at_a_time is None and tolerate is None:
            raise runs.Refused("say what to limit: --at-a-time N|any, or --tolerate N|P%|any")
        found = find_run(run)
        check(user, "payroll.pause_payrun", "limit a pay run")
        if at_a_time is not None:
            most = None if at_a_time == "any" else at_a_time
            runs.set_limit(found.run, leased_max=most, employer=employer, by=user)
        if tolerate is not None:
            may_fail = None if tolerate == "any" else tolerate
            runs.set_tolerance(found.run, tolerate=may_fail, employer=employer, by=user)
        status = run_status(found.run)
        held = status.limits + [each for part in status.employers for each in named_limits(part)]
        self.stdout.write("\n".join(held) or "nothing is limited")

    def do_undo(self, *, run: str, employer: str, paycheck: str, json: bool, **options: Any) -> None:
        asked = undoing.Asked.of(find_run(run).run, employer, paycheck)
        chosen = {each.name: options[each.name] for each in fields(undoing.Options)}
        facts, lines = undoing.act(asked, undoing.Options(**chosen))
        self.stdout.write(to_json(facts) if json else "\n".join(lines))

    def do_list(self, *, json: bool, **_: Any) -> None:
        projection.catch_up(RUNS)
        latest = PayRun.objects.all()[:50]
        if json:
            rows = [
                {"run": str(row.run), "pay_date": row.pay_date, "complete": row.complete, "state": row.state}
                for row in latest
            ]
            self.stdout.write(to_json({"runs": rows}))
            return
        for row in latest:
            self.stdout.write(f"{row.run}  {row}  {row.state}")


def add_following(verb: ArgumentParser) -> None:
    """What `start` does once the run is open."""
    verb.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="start N workers, and wait for the run",
    )
    verb.add_argument("--approve-as", metavar="USER", help="approve each employer as it is validated")
    verb.add_argument("--wait", action="store_true", help="wait until all is paid or waits for a person")
    verb.add_argument("--json", action="store_true", help="end with one JSON object")


def add_control(verbs: Any) -> None:
    """The verbs that change how a run goes on."""
    for verb, does in (
        ("pause", "let nothing else of a run begin"),
        ("resume", "let a paused run go on"),
        ("cancel", "give a run up: nobody in it is paid, but where payments are instructed already"),
    ):
        control = verbs.add_parser(verb, help=does)
        control.add_argument("run", help="the run's id, or the beginning of it")
        control.add_argument("--as", dest="user", default="cli", metavar="USER")
        control.add_argument("--reason", default="", required=verb == "cancel", help="why, for the record")
    limit = verbs.add_parser("limit", help="how much of a run is done at a time, how much of it may fail")
    limit.add_argument("run", help="the run's id, or the beginning of it")
    limit.add_argument("--employer", default="", metavar="ID", help="of this employer's part")
    limit.add_argument("--at-a-time", type=at_a_time, metavar="N|any", help="pieces of work at a time")
    limit.add_argument("--tolerate", type=tolerance_or_any, metavar="N|P%|any", help="people who may fail")
    limit.add_argument("--as", dest="user", default="cli", metavar="USER")


def people(named: list[str], employers: list[str]) -> dict[str, list[str]] | None:
    """The people of `--employee` by employer; None when nobody is named. Raises Refused."""
    found: dict[str, list[str]] = {}
    for text in named:
        employer, slash, employee = text.rpartition("/")
        if not slash and len(employers) != 1:
            raise runs.Refused(f"whose employee is {text}? Name one --employer, or write EMPLOYER/EMPLOYEE")
        found.setdefault(employer if slash else employers[0], []).append(employee)
    return found or None


def tolerance(text: str) -> Tolerance:
    """A number of people or a percentage of them."""
    try:
        return Tolerance.parse(text)
    except ValueError as wrong:
        raise ArgumentTypeError(str(wrong)) from None


def tolerance_or_any(text: str) -> Tolerance | Literal["any"]:
    """The same, or any number."""
    return "any" if text == "any" else tolerance(text)


def at_a_time(text: str) -> int | Literal["any"]:
    """How many at a time."""
    return "any" if text == "any" else int(text)


def day(text: str) -> date:
    """An ISO date of the command line."""
    return date.fromisoformat(text)


def to_json(facts: dict[str, Any]) -> str:
    """One JSON object; ids and dates as strings."""
    return json.dumps(facts, default=str)
