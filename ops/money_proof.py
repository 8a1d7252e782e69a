"""The part of a run's proof that is about money: payments, the files that carry them, the bank's own books."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from uuid import UUID

from ops.evidence import EmployerEvidence, Payment
from payroll import keys, objects
from payroll.calc import calendar
from payroll.models import Employer, EmployerRun, PayOrder
from payroll.payments import remittances, same_day
from payroll.payments.instructions import ACH, CHECK, HELD, individual_id, known_as
from payroll.payments.orders import ACCEPTED, HELD_PAY, REPAY, SETTLED, TAX_DEPOSIT

OF_SANDBOX = "sandbox-bank"
WAY = ("OrderCreated", "OrderReserved", "OrderSending", "OrderAccepted")
TAKEN = {ACCEPTED, SETTLED}


def instructed_once(part: EmployerEvidence) -> Iterator[str]:
    """Every approved net pay is paid once: its payments add up to it, each under its own key, in one order."""
    if "PaymentsInstructed" not in part.facts:
        return
    yield from _sums(part)
    for employee in part.payments.keys() | part.net_cents.keys():
        owed, paid = part.net_cents.get(employee, 0), part.payments.get(employee, [])
        if sum(payment.amount_cents for payment in paid) != owed or any(
            each.amount_cents <= 0 for each in paid
        ):
            yield f"{employee} is owed {owed} cents and has {len(paid)} payments of {sum(e.amount_cents for e in paid)}"
        if len({each.part for each in paid}) != len(paid):
            yield f"{employee} has a part of the net pay twice"
        if any(UUID(each.key) != keys.payment_key(part.id, employee, each.part) for each in paid):
            yield f"{employee} has a payment under a key that is not its own"
    used = Counter(payment.key for payments in part.payments.values() for payment in payments)
    if repeated := [key for key, times in used.items() if times > 1]:
        yield f"{len(repeated)} payment keys are used more than once"
    yield from _carried(part)


def _sums(part: EmployerEvidence) -> Iterator[str]:
    instructed, moved = part.facts["PaymentsInstructed"], part.facts.get("MoneyMoved")
    total = len(part.net_cents), sum(part.net_cents.values())
    held_cents, held_people = (instructed.get(name, 0) for name in ("held_cents", "held_people"))
    instructed_cents = instructed["payments_cents"] + instructed["checks_cents"] + held_cents
    if (instructed["people"], instructed_cents) != total:
        yield "the sum instructed is not that of the net pay"
    if moved and (moved["paid"] + held_people, moved["paid_cents"] + held_cents) != total:
        yield "the sum moved is not that of the net pay, less what is held back"
    every = [payment for payments in part.payments.values() for payment in payments]
    if held_cents != sum(payment.amount_cents for payment in every if payment.method == HELD):
        yield "the sum held back is not that of the payments"
    if instructed["payments"] != sum(payment.method == ACH for payment in every):
        yield "the number of payments instructed is not that of the payments"


def _carried(part: EmployerEvidence) -> Iterator[str]:
    """Every payment by bank is in one order of this run, which carries nothing else, and was sent once."""
    carried: dict[str, list[Payment]] = {str(order.created.get("order")): [] for order in part.orders}
    for payments in part.payments.values():
        for payment in payments:
            if (payment.method == ACH) != (payment.order in carried):
                yield f"the payment {payment.key} is in no order of this run"
            elif payment.order:
                carried[payment.order].append(payment)
    for order in part.orders:
        if not order.exists:
            yield "an order that was instructed has no events"
            continue
        mine = sum(payment.amount_cents for payment in carried[str(order.key)])
        to_others = [each for lines in part.remitted.values() for each in lines]
        mine += sum(each.amount_cents for each in to_others if each.order == str(order.key))
        if order.created["credits_cents"] != mine:
            yield f"the order {order.key} is of {order.created['credits_cents']} cents, its payments are not"
        if (
            order.count("OrderCreated") != 1
            or order.count("OrderSending") > 1
            or order.count("OrderAccepted") > 1
        ):
            yield f"the order {order.key} was created, sent or accepted more than once"


def states_follow(part: EmployerEvidence) -> Iterator[str]:
    """Nothing is accepted that was not reserved and committed as being sent; a paid run has every order accepted."""
    for order in part.orders:
        types = [event.type for event in order.history.events]
        if order.state in TAKEN and [type for type in types if type in WAY][:3] != [*WAY[:3]]:
            yield f"the order {order.key} is {order.state}, and its events are {', '.join(types)}"
        accepted = order.facts.get("OrderAccepted", {}).get("accepted_cents")
        if accepted is not None and accepted != order.created["credits_cents"]:
            yield f"the order {order.key} was accepted with {accepted} cents"
        if part.paid and order.state not in TAKEN:
            yield f"the run is paid, and its order {order.key} is {order.state}"


def file_is_right(part: EmployerEvidence) -> Iterator[str]:
    """The files as an independent reader sees them: no findings, and exactly the net pay of everybody."""
    if not any(order.exists for order in part.orders):
        return
    for order in part.orders:
        name = order.created["object"]
        try:
            objects.get_verified(name, order.created["sha256"])
        except objects.ObjectDamaged as damage:
            yield str(damage)
            return
    for order, file in zip(part.orders, part.files, strict=True):
        yield from file.findings[:3]
        held = file.entries, sum(cents for _, cents, _ in file.credits), file.debits_cents
        created = order.created
        if held != (created["entries"], created["credits_cents"], created["debits_cents"]):
            yield f"{order.created['object']} holds other entries or another sum than its order"
        funded = part.funds_its_files and created["object"].endswith(".ach")
        if created["debits_cents"] != (created["credits_cents"] if funded else 0):
            yield f"{created['object']} debits the employer by {created['debits_cents']} cents"
    yield from _days(part)
    credits = Counter((who, cents) for file in part.files for who, cents, _ in file.credits)
    yield from _same_payments(part, credits, "the file")
    yield from _prenotes(part)


def _prenotes(part: EmployerEvidence) -> Iterator[str]:
    """The files ask for exactly the accounts on record, and what was planned for one goes by check."""
    wanted, checks = Counter[tuple[str, ...]](), set[str]()
    for employee, asked in part.prenoted.items():
        checks |= {each.key for each in part.payments.get(employee, ()) if each.method == CHECK}
        for (order, trace), facts in asked.items():
            name = individual_id(employee, UUID(facts["payment"]), facts["part"])
            wanted[order, trace, name, employee, facts["routing_account"]] += 1
            if facts["payment"] not in checks:
                yield f"an account of {employee} is prenoted, and what was planned for it is no check"
    whose = {at[:3]: at[3] for at in wanted}
    got = Counter[tuple[str, ...]]()
    for order_, file in zip(part.orders, part.files, strict=True):
        for name, trace, routing, account in file.asked:
            at = str(order_.key), trace, name
            employee = whose.get(at, "")
            got[*at, employee, known_as(part.employer, employee, routing, account)] += 1
    if missing := wanted - got:
        yield f"{missing.total()} prenotes on record are not in the files"
    if strange := got - wanted:
        yield f"the files have {strange.total()} prenotes that are not on record"
    if part.facts.get("PaymentsInstructed", {}).get("prenotes", 0) != wanted.total():
        yield "the number of prenotes instructed is not that of the accounts asked"


def _days(part: EmployerEvidence) -> Iterator[str]:
    """A file moves money on the pay date, or the day that somebody has postponed it to, and no other."""
    opened, postponed = part.facts["EmployerRunOpened"], part.facts.get(same_day.POSTPONED)
    day = str(calendar.adjust_before(date.fromisoformat(opened["pay_date"])))
    day = postponed["settles_on"] if postponed else day
    on_its_day = same_day.is_same_day(opened) and not postponed
    for order, file in zip(part.orders, part.files, strict=True):
        if file.days | {order.created["effective"]} != {day}:
            yield f"{order.created['object']} settles on another day than {day}"
        if ("settles_at" in order.created) != on_its_day:
            yield f"{order.created['object']} asks for same-day settlement, or does not, against what was approved"


def remitted_once(part: EmployerEvidence) -> Iterator[str]:
    """Whatever orders took of the pay is remitted once, each under its own key, or is listed as left to people."""
    if "PaymentsInstructed" not in part.facts:
        return
    left: dict[str, list[int]] = {}
    for employee, taken in part.garnished.items():
        lines = {each.garnishment: each for each in part.remitted.get(employee, ())}
        if len(lines) != len(part.remitted.get(employee, ())):
            yield f"{employee} has money of one order remitted twice"
        for garnishment, kind, cents in taken:
            line = lines.pop(garnishment, None)
            if line is None:
                count, before = left.get(kind, (0, 0))
                left[kind] = [count + 1, before + cents]
                continue
            key = keys.remittance_key(part.id, employee, garnishment)
            if (line.key, line.kind, line.amount_cents) != (str(key), kind, cents):
                yield f"{employee} had {cents} cents taken for {kind}, and {line.amount_cents} are remitted"
        if lines:
            yield f"{employee} has money remitted that no order took"
    if left != part.facts["PaymentsInstructed"].get("by_hand", {}):
        yield "what is listed as to be remitted by hand is not what orders took and no file carries"
    for file in part.files:
        amounts = {who: cents for who, cents, _ in file.credits}
        if any(amounts[who] != cents for who, cents in file.told.items()):
            yield "an agency is told another amount than its entry has"
    told = sum(len(file.told) for file in part.files)
    if part.files and told != sum(len(lines) for lines in part.remitted.values()):
        yield f"{told} entries say for which case they are, and other than that were remitted"


def bank_agrees(part: EmployerEvidence) -> Iterator[str]:
    """The sandbox bank's own books, read from its own database: each net pay once, to the cent."""
    moved = part.facts.get("MoneyMoved", {})
    if moved.get("gateway") != OF_SANDBOX:
        return
    booked = part.booked
    yield from _same_payments(
        part, Counter((e.individual_id, e.amount_cents) for e in booked), "the bank's books"
    )
    filed = Counter((account, cents) for file in part.files for _, cents, account in file.credits)
    if part.files and Counter((e.account, e.amount_cents) for e in booked) != filed:
        yield "the bank booked other accounts or amounts than the file has"
    if strange := _strange(part):
        yield f"the bank booked {strange} credits of this employer for this day from files that are not ours"


def _strange(part: EmployerEvidence) -> int:
    """Credits of the employer for its payday under a key that none of its runs has."""
    payday = part.facts["EmployerRunOpened"]["pay_date"]
    runs = EmployerRun.objects.filter(employer=part.employer)
    ours = {UUID(key) for facts in runs.values_list("facts", flat=True) for key in facts.get("orders", ())}
    # What came back is paid again in orders of its own, which may move on the payday of another run; so is tax.
    again = PayOrder.objects.filter(employer=part.employer, kind__in=(REPAY, HELD_PAY, TAX_DEPOSIT))
    ours |= {key for key in again.values_list("order", flat=True) if key}
    company = "1" + Employer.objects.get(id=part.employer).ein.replace("-", "")
    others = [credit for key, credits in part.books.items() if key not in ours for credit in credits]
    return sum(credit.company_id == company and str(credit.effective) == payday for credit in others)


def _same_payments(part: EmployerEvidence, found: Counter[tuple[str, int]], where: str) -> Iterator[str]:
    """Whether this adds up to everybody's net pay in the log, less what they get by check, and what is held."""
    who, wanted = {}, Counter[str]()
    for employee, cents in part.net_cents.items():
        paid = part.payments.get(employee, [])
        wanted[employee] = cents - sum(each.amount_cents for each in paid if each.method in {CHECK, HELD})
        for number in {1, *(each.part for each in paid)}:
            who[individual_id(employee, keys.payment_key(part.id, employee, number), number)] = employee
    to_others = [each for lines in part.remitted.values() for each in lines]
    wanted.update({remittances.individual_id(UUID(each.key)): each.amount_cents for each in to_others})
    got = Counter[str]()
    for (individual, cents), times in found.items():
        got[who.get(individual, individual)] += cents * times
    wrong = {name for name in wanted | got if wanted[name] != got[name]}
    if wrong:
        extra = sum(got[name] > wanted[name] for name in wrong)
        yield f"{where} lacks net pay of {len(wrong) - extra} people in the log, and has too much for {extra}"
