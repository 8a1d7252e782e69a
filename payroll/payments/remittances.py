"""What orders withheld from pay, and how it reaches whom they name: by an entry in the payment file, or by hand.

An order for support that says where its money goes is remitted: one entry for each person and order, with the addenda
by which the agency knows whose it is. Whatever else was withheld by order is counted as left to people, never dropped.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from events.failures import NeedsReview
from payroll import crypto, keys, manifest
from payroll.manifest import Pinned
from payroll.models.pay import payee_context
from payroll.models.roster import Employee
from payroll.payments import ach
from payroll.payments.ach import support

REMIT = "remit"  # the method of such a payment
CHECKING = "checking"


@dataclass(frozen=True, slots=True)
class Remittance:
    """One order's money of one pay; its repr shows neither whose it is nor where it goes.

    part   the place among what this paycheck remits, from 1
    kind   of the order, as a garnishment is called
    key    the payment's, for ever
    """

    stream: str
    part: int
    order_id: str
    kind: str
    key: UUID
    amount_cents: int
    payee: str = field(repr=False)
    routing: str
    account: str = field(repr=False)
    addenda: str = field(repr=False)

    @property
    def entry(self) -> ach.Entry:
        """As the file has it; the person stands in the addenda alone."""
        return ach.Entry(
            individual_id=individual_id(self.key),
            name=self.payee,
            routing=self.routing,
            account=self.account,
            account_type=CHECKING,
            amount_cents=self.amount_cents,
            addenda=self.addenda,
            reference=str(self.key),
        )


class Withheld(NamedTuple):
    """All that a run withheld by order: what is remitted, and by kind what is left to people, [orders, cents]."""

    remitted: tuple[Remittance, ...] = ()
    by_hand: Mapping[str, Sequence[int]] = {}

    @property
    def cents(self) -> int:
        """Of what is remitted."""
        return sum(each.amount_cents for each in self.remitted)

    def facts(self) -> dict[str, Any]:
        """What the employer's run records of it; nothing where nothing was withheld."""
        facts: dict[str, Any] = {}
        if self.remitted:
            facts |= {"remitted": len(self.remitted), "remitted_cents": self.cents}
        if self.by_hand:
            facts["by_hand"] = {kind: list(sums) for kind, sums in self.by_hand.items()}
        return facts


def planned(
    pinned: Pinned,
    manifests: Iterable[Mapping[str, Any]],
    garnishments: Mapping[str, Sequence[Sequence[Any]]],
    *,
    by_file: bool = True,
) -> Withheld:
    """How everything reaches its payee that an employer's run withheld by order; pure of the log and the manifests.

    manifests      as the employer run's history lists them
    garnishments   of RetirementCalculated, by paycheck stream: [order, kind, cents, …]
    by_file        whether the gateway takes entries with addenda; else all of it is left to people
    raises         NeedsReview when an entry cannot be made of what was frozen
    """
    taken = {
        stream: [(order_id, kind, cents) for order_id, kind, cents, *_ in orders if cents]
        for stream, orders in garnishments.items()
    }
    taken = {stream: orders for stream, orders in taken.items() if orders}
    made = list(_remittances(pinned, manifests, taken)) if taken and by_file else []
    remitted = {(each.stream, each.order_id) for each in made}
    by_hand: dict[str, list[int]] = {}
    for stream, orders in sorted(taken.items()):
        for order_id, kind, cents in orders:
            if (stream, order_id) not in remitted:
                sums = by_hand.setdefault(kind, [0, 0])
                sums[0] += 1
                sums[1] += cents
    return Withheld(tuple(made), by_hand)


def individual_id(payment_key: UUID) -> str:
    """How the file and the bank call it, in 15 characters: by the payment, the person stands in the addenda."""
    return f"S{payment_key.hex[:14]}".upper()


def by_kind(remitted: Iterable[Remittance], carried: Collection[str]) -> dict[str, int]:
    """Cents by kind of order, of those whose keys a file carries."""
    sums: dict[str, int] = {}
    for each in remitted:
        if str(each.key) in carried:
            sums[each.kind] = sums.get(each.kind, 0) + each.amount_cents
    return dict(sorted(sums.items()))


def _remittances(
    pinned: Pinned,
    manifests: Iterable[Mapping[str, Any]],
    taken: Mapping[str, Sequence[tuple[str, str, int]]],
) -> Iterator[Remittance]:
    for written in manifests:
        frozen = manifest.read(written["object"], written["sha256"])
        for person in frozen["employees"]:
            stream = keys.paycheck_stream(
                pinned.employer_run, person["employee_id"], frozen["terms"]["sequence"]
            )
            places = {place["order"]: place for place in person.get("remittances", ())}
            # What a correction takes back of an order's money is asked back of the agency, by hand.
            mine = [order for order in taken.get(stream, ()) if order[0] in places and order[2] > 0]
            for part, (order_id, kind, cents) in enumerate(mine, start=1):
                yield _remittance(pinned, stream, part, person, places[order_id], kind, cents)


def _remittance(  # noqa: PLR0917
    pinned: Pinned,
    stream: str,
    part: int,
    person: Mapping[str, Any],
    place: Mapping[str, str],
    kind: str,
    cents: int,
) -> Remittance:
    employee_id, order_id, left = person["employee_id"], place["order"], person["termination_date"]
    of = Employee(employer_id=pinned.employer, employee_id=employee_id)
    withheld = support.Withheld(
        case_id=place["case_id"],
        pay_date=pinned.pay_date,
        amount_cents=cents,
        ssn=crypto.decrypt(place["ssn"], of.ssn_context).replace("-", ""),
        medical=place["medical"],
        surname=place["surname"],
        first_name=place["first_name"],
        fips=place["fips"],
        terminated=left is not None and left <= pinned.period_end.isoformat(),
    )
    try:
        addenda = support.addenda(withheld)
    except ach.FileRefused as refused:
        raise NeedsReview(f"an order for {kind} of {employee_id} cannot be remitted: {refused}") from refused
    return Remittance(
        stream=stream,
        part=part,
        order_id=order_id,
        kind=kind,
        key=keys.remittance_key(pinned.employer_run, employee_id, order_id),
        amount_cents=cents,
        payee=place["payee"],
        routing=place["routing"],
        account=crypto.decrypt(place["account"], payee_context(pinned.employer, employee_id, order_id)),
        addenda=addenda,
    )
