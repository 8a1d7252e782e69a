"""The ledger: double entry in cents, derived from the log. Nothing writes to it but the fold.

    log ─▶ postings.sql ─▶ payroll_ledgertransaction, payroll_ledgerleg ─▶ balance.py

One transaction for each event that means money; accounts.py says what each account holds. Its id names the event, so
every amount is explained by what was recorded, and a correction is a new event, never a changed leg. The database
refuses to commit a transaction that does not balance: the ledger then stays where it is, the other read models go on.
"""

from pathlib import Path

from events.projection import Projection

NAME = "ledger"
TABLES = ("payroll_ledgertransaction", "payroll_ledgerleg")

_POSTINGS = (Path(__file__).parent / "postings.sql").read_text()

IN_RANGE = """(xid, position) > (%(after_xid)s::text::xid8, %(after_position)s)
     and (xid, position) <= (%(upto_xid)s::text::xid8, %(upto_position)s)"""

COLUMNS = "stream, version, event, employer, run, employer_run, order_key, recorded_at"


def postings(which: str) -> str:
    """The statement whose `posting` holds a row for each leg that some events post.

    which   a condition on events_event; its percent signs are doubled, and it comes from our own declarations
    """
    return _POSTINGS.replace("{which}", which)


# The transactions of the legs are made in the same statement; the foreign key is checked when all is committed.
FOLD = f"""{postings(IN_RANGE)},
posted as (insert into payroll_ledgertransaction (id, {COLUMNS}) select distinct id, {COLUMNS} from posting)
insert into payroll_ledgerleg (transaction_id, number, account, amount_cents)
select id, number, account, amount_cents from posting
"""  # noqa: S608

PROJECTION = Projection(NAME, (FOLD,), TABLES)
