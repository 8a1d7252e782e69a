"""What was sent to the bank and where it stands; stop all sending; decide what no look-up can tell."""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError

from events import projection, store
from ops import by_hand_words, depositing
from ops.permitted import check
from ops.status import find_run
from payroll import by_hand
from payroll.calc.money import dollars
from payroll.models import Payment, PayOrder
from payroll.payments import decisions, halt, orders, prenotes, repay
from payroll.payments.decisions import ACCEPTED_BY_BANK
from payroll.payments.orders import Order
from payroll.payments.sending import ABSENT, ALLOWED, LATE
from payroll.projections import PAYCHECKS, RUNS
from payroll.refusal import Refused

DECISIONS = {"accepted": ACCEPTED_BY_BANK, "absent": ABSENT}


class Command(BaseCommand):
    help = (
        "Payment orders and payments: look at them, stop all sending, decide about one with a second person."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listed = verbs.add_parser(
            "list", help="payment orders, newest first; with --employee, single payments"
        )
        listed.add_argument("--run", metavar="RUN")
        listed.add_argument("--employer", metavar="ID")
        listed.add_argument("--employee", metavar="ID")
        listed.add_argument("--state", choices=orders.STATES)
        listed.add_argument("--json", action="store_true")
        show = verbs.add_parser("show", help="one order, or one payment, and everything that happened to it")
        show.add_argument("key", metavar="KEY", help="of an order or a payment, or the beginning of it")
        show.add_argument("--json", action="store_true")
        resolve = verbs.add_parser(
            "resolve", help="record what became of an order; the second person who says the same confirms it"
        )
        resolve.add_argument("key", metavar="ORDER")
        resolve.add_argument(
            "--bank-has", choices=sorted(DECISIONS), required=True, dest="found",
            help="accepted: the bank has it. absent: it has not, and it may be sent again under its key",
        )  # fmt: skip
        allow = verbs.add_parser(
            "allow", help="send an order over a cap, or far from the mean; takes two people"
        )
        allow.add_argument("key", metavar="ORDER")
        late = verbs.add_parser(
            "late",
            help="send a same-day order after its last window, to settle when the bank next does; two people",
        )
        late.add_argument("key", metavar="ORDER")
        for each in (resolve, allow, late):
            each.add_argument("--as", dest="user", required=True, metavar="USER")
            each.add_argument("--evidence", required=True, metavar="TEXT", help="what it rests on")
            each.add_argument("--json", action="store_true")
        again = verbs.add_parser(
            "repay", help="pay again what came back; the second person who says the same confirms it"
        )
        again.add_argument("--run", metavar="RUN")
        again.add_argument("--employer", metavar="ID", default="")
        again.add_argument("--payment", metavar="KEY", type=UUID, nargs="+", default=[])
        again.add_argument("--as", dest="user", required=True, metavar="USER")
        depositing.add_arguments(verbs)
        by = verbs.add_parser(
            "by-hand",
            help="what is left to people, of a run or of all; `by-hand done KEY` records what was done",
        )
        by.add_argument("of", nargs="*", metavar="RUN | done KEY", help="of which run, or what was done")
        by.add_argument("--as", dest="user", default="", metavar="USER", help="with done: who did it")
        by.add_argument("--evidence", default="", metavar="TEXT", help="with done: what shows it")
        by.add_argument("--open", dest="still", action="store_true", help="without what was done")
        by.add_argument("--json", action="store_true")
        for verb, does in (
            ("halt", "stop all sending, within seconds"),
            ("resume", "let payments go out again"),
        ):
            switch = verbs.add_parser(verb, help=does)
            switch.add_argument("--as", dest="user", default="cli", metavar="USER")
            switch.add_argument("--reason", default="")
            switch.add_argument("--json", action="store_true")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            getattr(self, f"do_{verb.replace('-', '_')}")(**options)
        except Refused as refused:
            raise CommandError(str(refused)) from None

    def do_list(
        self,
        *,
        run: str | None,
        employer: str | None,
        employee: str | None,
        state: str | None,
        **options: Any,
    ) -> None:
        projection.catch_up(RUNS, PAYCHECKS)
        of = {"run": find_run(run).run} if run else {}
        of |= {"employer": employer} if employer else {}
        rows = (
            [_payment(each) for each in Payment.objects.filter(**of, employee_id=employee)]
            if employee
            else [_order(each) for each in PayOrder.objects.filter(**of)]
        )
        self._show([row for row in rows if state in {None, row["state"]}], options["json"])

    def do_show(self, *, key: str, json: bool, **_: Any) -> None:
        projection.catch_up(RUNS, PAYCHECKS)
        found = _find(key)
        row = _order(found) if isinstance(found, PayOrder) else _payment(found)
        if isinstance(found, Payment) and (why := prenotes.why_check(found)):
            row |= {"why": why}
        stream = found.stream if isinstance(found, PayOrder) else f"payment-{found.payment}"
        events = [
            {"at": event.recorded_at.isoformat(), "type": event.type, **event.data}
            for event in store.read(stream)
        ]
        if json:
            self._show(row | {"events": events}, True)
        else:
            self._show([row], False)
            for event in events:
                facts = ", ".join(
                    f"{name} {value}" for name, value in event.items() if name not in {"at", "type"}
                )
                self.stdout.write(f"  {event['at']} {event['type']}: {facts}")

    def do_resolve(self, *, found: str, **options: Any) -> None:
        self._decide(DECISIONS[found], **options)

    def do_allow(self, **options: Any) -> None:
        self._decide(ALLOWED, **options)

    def do_late(self, **options: Any) -> None:
        self._decide(LATE, **options)

    def _decide(self, decision: str, *, key: str, user: str, evidence: str, json: bool, **_: Any) -> None:
        projection.catch_up(RUNS)
        order = _find(key)
        if not isinstance(order, PayOrder):
            raise Refused(
                f"{key} is a payment: decisions are made about the order that carries it, {order.order}"
            )
        recorded = decisions.decide(order.order, decision, by=user, evidence=evidence)
        said = (
            f"recorded: {decision}. The order goes on"
            if recorded
            else f"proposed: {decision}. Somebody else has to say the same, with the same command"
        )
        self._say(said, {"key": str(order.order), "decision": decision, "recorded": recorded}, json)

    def do_repay(self, *, run: str | None, employer: str, payment: list[UUID], user: str, **_: Any) -> None:
        of_run = find_run(run).run if run else None
        done = repay.repay(by=user, run=of_run, employer=employer, payments=payment)
        for key in done.orders:
            self.stdout.write(f"the order {key} pays again")
        if done.proposed:
            self.stdout.write(
                f"proposed: {len(done.proposed):,} payments. Somebody else has to say the same, with the same command"
            )
        for key, why in done.waiting.items():
            self.stdout.write(f"  {key} waits: {why}")

    def do_deposit(self, *, run: str, json: bool, **options: Any) -> None:
        asked = {name: options[name] for name in ("user", "employer", "effective", "preview")}
        found = find_run(run).run
        lines, done = depositing.carry_out(found, **asked)
        facts = depositing.told(found, lines, done)
        self._say(depositing.in_words(lines, done), facts, json)

    def do_by_hand(
        self, *, of: list[str], user: str, evidence: str, still: bool, json: bool, **_: Any
    ) -> None:
        if of[:1] == ["done"]:
            if len(of) != 2 or not user:
                raise Refused("which, and who did it? payments by-hand done KEY --as USER --evidence TEXT")
            item = by_hand.done(of[1], by=user, evidence=evidence)
            words = f"recorded: {dollars(item.done_cents)} {by_hand.WORDS[item.kind]}"
            self._say(words, item.facts, json)
            return
        if len(of) > 1 or user or evidence:
            raise Refused(
                "of one run at a time, and --as and --evidence are for what was done: by-hand done KEY"
            )
        projection.catch_up(RUNS, PAYCHECKS)
        items = by_hand.listed(find_run(of[0]).run if of else None)
        items = [item for item in items if item.left_cents or not still]
        if json:
            self._show({"by_hand": [item.facts for item in items]}, True)
        else:
            self.stdout.write("\n".join(by_hand_words.lines(items)) or "nothing is left to people")

    def do_halt(self, *, user: str, reason: str, json: bool, **_: Any) -> None:
        check(user, "payroll.halt_payments", "stop all payments")
        halt.halt(by=user, reason=reason)
        self._say("all payments are halted: nothing is sent until payments resume", {"halted": True}, json)

    def do_resume(self, *, user: str, reason: str, json: bool, **_: Any) -> None:
        check(user, "payroll.resume_payments", "let payments go out again")
        halt.resume(by=user, reason=reason)
        self._say("payments go out again", {"halted": False}, json)

    def _say(self, words: str, facts: dict[str, Any], as_json: bool) -> None:
        self.stdout.write(json.dumps(facts) if as_json else words)

    def _show(self, found: Any, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(found))
            return
        for row in found:
            amount = dollars(row["amount_cents"])
            self.stdout.write(
                f"{row['key']}  {row['state']:<9} {amount:>16}  {row['employer']:<12} {row['what']}"
            )
        if not found:
            self.stdout.write("none")


def _order(row: PayOrder) -> dict[str, Any]:
    return {
        "key": str(row.order),
        "what": f"{row.kind} of {row.pay_date}, {row.entries} entries, {row.object}",
        "kind": row.kind,
        "state": row.state,
        "run": str(row.run),
        "employer": row.employer,
        "employer_run": str(row.employer_run),
        "entries": row.entries,
        "amount_cents": row.credits_cents,
        "debits_cents": row.debits_cents,
        "effective": row.effective,
        "settles_at": row.facts.get("settles_at", ""),
        "file": row.object,
        "sha256": row.facts["sha256"],
        "bank_reference": row.bank_reference or "",
    }


def _payment(row: Payment) -> dict[str, Any]:
    state = row.state_of_its_own or (
        Order(orders.stream(row.order)).state if row.order else orders.NO_ORDER[row.method]
    )
    return {
        "key": str(row.payment),
        "what": f"{row.employee_id or 'federal tax'}, part {row.part}, paid {row.pay_date}",
        "state": state,
        "run": str(row.run),
        "employer": row.employer,
        "employer_run": str(row.employer_run),
        "employee_id": row.employee_id,
        "part": row.part,
        "method": row.method,
        "amount_cents": row.amount_cents,
        "order": str(row.order or ""),
        "trace": row.trace,
    }


def _find(text: str) -> PayOrder | Payment:
    """The order or the payment whose key this is, or begins so. Raises Refused."""
    found: list[PayOrder | Payment] = list(
        PayOrder.objects.filter(stream__startswith=orders.stream(text.lower()))[:2]
    )
    try:
        found += Payment.objects.filter(payment=UUID(text))
    except ValueError:
        pass  # the beginning of a key finds orders only: payments are too many to search so
    if len(found) != 1:
        raise Refused(
            f"{text!r} is the key of no order and of no payment"
            if not found
            else f"{text!r} is the beginning of more than one order's key; write more of it"
        )
    return found[0]
