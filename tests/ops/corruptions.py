"""What test_proof plants: SQL against the log, the bank's books and other tables, and the lines that have to find it.

Everything here is text of our own, put together once.
"""

# ruff: noqa: S608

from uuid import UUID

ANN = "stream like 'paycheck-%+ann'"
OPENED = (
    "select min(stream) from events_event where type = 'EmployerRunOpened' and data ->> 'employer' = 'ACME'"
)
EMPLOYER = f"stream = ({OPENED})"
AN_ORDER = "stream like 'order-%'"
KEY, METHOD, CENTS, ORDER = 0, 2, 3, 4
COPY = "insert into events_event (stream, version, type, data, cause) select {stream}, {version}, type, {data}, cause"


def more(fact: str, of: str, where: str, cents: int = 1) -> str:
    """Raise one amount in one event."""
    raised = f"to_jsonb((data ->> '{fact}')::bigint + {cents})"
    return f"update events_event set data = jsonb_set(data, '{{{fact}}}', {raised}) where type = '{of}' and {where}"


def replaced(fact: str, value: str, of: str, where: str) -> str:
    """Write another word over a fact."""
    word = f"'\"{value}\"'"
    return f"update events_event set data = jsonb_set(data, '{{{fact}}}', {word}) where type = '{of}' and {where}"


def in_payment(place: int, value: str) -> str:
    """Write over one place of ann's payment, which is [key, part, method, cents, order, trace]."""
    changed = f"jsonb_set(data, '{{payments,0,{place}}}', {value})"
    return f"update events_event set data = {changed} where type = 'PaymentInstructed' and {ANN}"


VOID = (
    """'{"voided_by": "amy", "confirmed_by": "bea", "undo": "7", "reason": "", "instructed": true}'::jsonb"""
)
OF_PAYMENT = (
    "jsonb_build_object('payment', data #> '{payments,0,0}', 'state', 'reversed', 'reversal_order', "
    "'00000000-0000-0000-0000-000000000007', 'employer_run', split_part(substr(stream, 10), '+', 1), "
    "'amount_cents', data #> '{payments,0,3}')"
)


def forged(type: str, stream: str, version: str, data: str) -> str:
    """An event that nobody decided, beside ann's payment."""
    return (
        f"insert into events_event (stream, version, type, data, cause) select {stream}, {version}, '{type}', {data}, "
        f"cause from events_event where type = 'PaymentInstructed' and {ANN}"
    )


def reversed_at(version: int) -> str:
    """Ann's payment, reversed."""
    return forged("PaymentReversed", "'payment-' || (data #>> '{payments,0,0}')", str(version), OF_PAYMENT)


def word(value: object) -> str:
    return f"'\"{value}\"'"


LOG: dict[str, tuple[set[str], list[str]]] = {
    "net pay, a cent more": (
        {"lines", "totals", "approval"},
        [more("net_cents", "RetirementCalculated", ANN)],
    ),
    "one tax, a cent more": ({"approval"}, [more("federal_income_tax_cents", "TaxCalculated", ANN)]),
    "gross and net, a cent more": (
        {"totals", "approval", "payments", "files", "bank"},
        [more("gross_cents", "PayCalculated", ANN), more("net_cents", "RetirementCalculated", ANN)],
    ),
    "an hour more": ({"approval"}, [more("hours_worked_hundredths", "TimeEntered", ANN, 100)]),
    "a step gone": (
        {"streams", "steps", "approval"},
        [f"delete from events_event where type = 'TaxCalculated' and {ANN}"],
    ),
    "a paycheck gone": ({"people", "totals"}, [f"delete from events_event where {ANN}"]),
    "a person left out as well gone": (
        {"people", "totals"},
        ["delete from events_event where stream like 'paycheck-%+ned'"],
    ),
    "a paycheck of a stranger": (
        {"people", "totals", "payments", "files", "bank"},
        [
            COPY.format(stream="replace(stream, '+ann', '+eve')", version="version", data="data")
            + f" from events_event where {ANN} and type <> 'PaymentInstructed'"
        ],
    ),
    "a payment gone": (
        {"payments"},
        [f"delete from events_event where type = 'PaymentInstructed' and {ANN}"],
    ),
    "a payment doubled": (
        {"payments"},
        [
            COPY.format(stream="stream", version="version + 1", data="data")
            + f" from events_event where type = 'PaymentInstructed' and {ANN}"
        ],
    ),
    "a payment, a cent more": (
        {"payments"},
        [in_payment(CENTS, f"to_jsonb((data #>> '{{payments,0,{CENTS}}}')::bigint + 1)")],
    ),
    "a payment under a key of its own making": ({"payments"}, [in_payment(KEY, word(UUID(int=7)))]),
    "a payment in another order": ({"payments"}, [in_payment(ORDER, word(UUID(int=7)))]),
    "a payment called a check": ({"payments", "files", "bank"}, [in_payment(METHOD, word("check"))]),
    "an order gone": (
        {"payments", "orders"},
        [f"delete from events_event where {AN_ORDER}"],
    ),
    "an order, a cent more": ({"payments", "orders"}, [more("credits_cents", "OrderCreated", AN_ORDER)]),
    "an order with an entry more": ({"files"}, [more("entries", "OrderCreated", AN_ORDER)]),
    "an order of another file": ({"files"}, [replaced("sha256", "0" * 64, "OrderCreated", AN_ORDER)]),
    "an order that reserved nothing": (
        {"orders"},
        [f"delete from events_event where type = 'OrderReserved' and {AN_ORDER}"],
    ),
    "an order that was never committed as being sent": (
        {"orders"},
        [f"delete from events_event where type = 'OrderSending' and {AN_ORDER}"],
    ),
    "an order accepted twice": (
        {"payments"},
        [
            COPY.format(stream="stream", version="version + 1", data="data")
            + f" from events_event where type = 'OrderAccepted' and {AN_ORDER}"
        ],
    ),
    "an order accepted, a cent more": (
        {"orders"},
        [more("accepted_cents", "OrderAccepted", AN_ORDER)],
    ),
    "an order not accepted": (
        {"orders"},
        [f"delete from events_event where type = 'OrderAccepted' and {AN_ORDER}"],
    ),
    "an approval gone": (
        {"approval", "streams"},
        [f"delete from events_event where type = 'EmployerRunApproved' and {EMPLOYER}"],
    ),
    "an approval by the opener": (
        {"approval"},
        [replaced("approved_by", "maker", "EmployerRunApproved", EMPLOYER)],
    ),
    "an approval of something else": (
        {"approval"},
        [replaced("approved_register_sha256", "0" * 64, "EmployerRunApproved", EMPLOYER)],
    ),
    "a validated total": ({"totals"}, [more("total_net_cents", "EmployerRunValidated", EMPLOYER)]),
    "another head count": ({"people", "totals"}, [more("employees", "EmployerRunBegan", EMPLOYER)]),
    "the total instructed": ({"payments"}, [more("payments_cents", "PaymentsInstructed", EMPLOYER)]),
    "the number instructed": ({"payments"}, [more("payments", "PaymentsInstructed", EMPLOYER)]),
    "the total moved": ({"payments"}, [more("paid_cents", "MoneyMoved", EMPLOYER)]),
    "a void that nobody decided": ({"undone"}, [forged("PaycheckVoided", "stream", "version + 1", VOID)]),
    "a reversal without a void": ({"undone"}, [reversed_at(1)]),
    "a payment reversed twice": ({"undone"}, [reversed_at(1), reversed_at(2)]),
    "other rule tables": (
        {"rules"},
        [replaced("rules_version", "2026-000000000000", "PayRunOpened", "true")],
    ),
    "an employer in another run": (
        {"periods"},
        [replaced("run", str(UUID(int=7)), "EmployerRunOpened", EMPLOYER)],
    ),
}


MOVED = (
    "direction, live, company_id, company_name, sec_code, description, odfi, individual_id, name, routing, account, "
    "account_type, amount_cents, effective, booked_at"
)
BOOKS = {
    "a credit gone": "delete from movement where individual_id = 'ANN'",
    "a credit, a cent more": "update movement set amount_cents = amount_cents + 1 where individual_id = 'ANN'",
    "a credit, twice": f"insert into movement (file, trace, {MOVED}) select file, trace + 77, {MOVED} from movement "
    "where individual_id = 'ANN'",
    "a credit into another account": "update movement set account = '666' where individual_id = 'ANN'",
    "a credit of somebody else": "update movement set individual_id = 'EVE' where individual_id = 'ANN'",
    "a credit for each cent of two people, swapped": "update movement set amount_cents = "
    "(select sum(amount_cents) from movement) - amount_cents",
    "the file booked again under another key": "insert into file (number, key, kind, sha256, size, status, entries, "
    "total_cents, credits_cents, debits_cents, booked_at) select number + 1, '00000000-0000-0000-0000-000000000007', "
    "kind, 'other', size, status, entries, total_cents, credits_cents, debits_cents, booked_at from file; "
    f"insert into movement (file, trace, {MOVED}) select file + 1, trace, {MOVED} from movement",
    "no books at all": "delete from movement; delete from file",
}


TABLES: dict[str, tuple[str, bool, str]] = {
    "a paycheck's row": (
        "read models",
        True,
        "update payroll_paycheck set facts = facts || '{\"net_cents\": 1}' where stream like '%+ann'",
    ),
    "a paycheck's row gone": ("read models", True, "delete from payroll_paycheck where stream like '%+ann'"),
    "a year to date": (
        "read models",
        True,
        "update payroll_yeartodate set fica_wages_cents = 0 where employee_id = 'ann'",
    ),
    "an employer's row": (
        "read models",
        True,
        "update payroll_employerrun set last_event = 'EmployerRunBegan' where employer = 'ACME'",
    ),
    "a run's row": (
        "read models",
        True,
        'update payroll_payrun set facts = facts || \'{"opened_by": "you"}\'',
    ),
    "a row that is in no stream": (
        "read models",
        True,
        'insert into payroll_yeartodate select (jsonb_populate_record(row, \'{"id": "ACME/eve/2026", '
        '"employee_id": "eve"}\')).* from payroll_yeartodate row where employee_id = \'ann\'',
    ),
    "a dead letter gone": ("dead letters", False, "delete from events_deadletter where subject like '%+cal'"),
    "a dead letter closed by hand": (
        "dead letters",
        False,
        "update events_deadletter set state = 'dismissed' where subject like '%+cal'",
    ),
    "dead work called done": (
        "dead letters",
        False,
        "update events_work set state = 'done' where state = 'dead'",
    ),
    "work begun again in a complete run": (
        "complete",
        True,
        "update events_work set state = 'ready' where saga = 'paychecks' and state = 'done'",
    ),
    "the right to change events": ("immutable", True, "grant update on events_event to {app}"),
    "the right to delete events": ("immutable", True, "grant delete on events_event to {app}"),
    "the right to change one column": ("immutable", True, "grant update (data) on events_event to {app}"),
    "the right of everybody": ("immutable", True, "grant update on events_event to public"),
    "a trigger off": ("immutable", True, "alter table events_event disable trigger events_event_no_change"),
    "a trigger that replicas do not fire": (
        "immutable",
        True,
        "alter table events_event enable trigger events_event_no_change",
    ),
    "a trigger gone": ("immutable", True, "drop trigger events_event_no_truncate on events_event"),
}


ORDERED = "stream like 'taxdeposit-%'"
ITS_ORDER = (
    "stream in (select 'order-' || (data ->> 'order') from events_event where type = 'TaxDepositOrdered')"
)
# Of a part whose federal tax is deposited: each has to be found by the line "deposited".
DEPOSITS: dict[str, list[str]] = {
    "a deposit gone": ["delete from events_event where type = 'TaxDepositOrdered'"],
    "a proposal gone": ["delete from events_event where type = 'TaxDepositProposed'"],
    "a deposit, a cent more": [more("amount_cents", "TaxDepositOrdered", ORDERED)],
    "a cent moved from tax to tax": [
        "update events_event set data = data || jsonb_build_object('taxes', jsonb_build_object("
        "'social_security', 29759, 'medicare', 6961, 'federal_income_tax', 20415)) where type = 'TaxDepositOrdered'"
    ],
    "a deposit by one person": [replaced("deposit_confirmed_by", "amy", "TaxDepositOrdered", ORDERED)],
    "a deposit on another day than proposed": [
        replaced("effective", "2026-12-31", "TaxDepositProposed", ORDERED)
    ],
    "a deposit twice": [
        COPY.format(stream="stream", version="version + 1", data="data")
        + " from events_event where type = 'TaxDepositOrdered'"
    ],
    "a deposit under a key of its own making": [
        replaced("payment", str(UUID(int=7)), "TaxDepositOrdered", ORDERED)
    ],
    "a deposit in another order": [replaced("order", str(UUID(int=7)), "TaxDepositOrdered", ORDERED)],
    "its order, a cent more": [more("credits_cents", "OrderCreated", ITS_ORDER)],
    "its order of another file": [replaced("sha256", "0" * 64, "OrderCreated", ITS_ORDER)],
    "its order not committed as being sent": [
        f"delete from events_event where type = 'OrderSending' and {ITS_ORDER}"
    ],
    "its order accepted twice": [
        COPY.format(stream="stream", version="version + 1", data="data")
        + f" from events_event where type = 'OrderAccepted' and {ITS_ORDER}"
    ],
    "a tax withheld, a cent less": [more("federal_income_tax_cents", "TaxCalculated", ANN, -1)],
}
DEPOSITED_BOOKS = {
    "a deposit gone": "delete from movement where account = '9400123'",
    "a deposit, a cent more": "update movement set amount_cents = amount_cents + 1 where account = '9400123'",
    "a deposit, twice": f"insert into movement (file, trace, {MOVED}) select file, trace + 77, {MOVED} from movement "
    "where account = '9400123'",
}
