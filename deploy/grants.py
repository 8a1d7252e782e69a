"""What the application's database role may do: everything but change an event, or an approval."""

from django.db import connections
from psycopg import sql

# Events can be read and inserted. Tables of migrations and the permission to truncate stay with the owner.
GRANTS = (
    "grant usage on schema public to {app}",
    "grant select, insert, update, delete on all tables in schema public to {app}",
    "grant usage, select on all sequences in schema public to {app}",
    "revoke update, delete, truncate, references, trigger on events_event from {app}",
    "revoke update, delete, truncate on payroll_approval from {app}",
    "revoke insert, update, delete on django_migrations from {app}",
    # The ledger is folded and folded anew; nothing changes a leg.
    "revoke update on payroll_ledgertransaction, payroll_ledgerleg from {app}",
)


def apply() -> None:
    """Grant the application's role its rights; with one role for both there is nothing to grant."""
    app = connections["default"].settings_dict["USER"]
    owner = connections["owner"]
    if app == owner.settings_dict["USER"]:
        return
    with owner.cursor() as cursor:
        for grant in GRANTS:
            cursor.execute(sql.SQL(grant).format(app=sql.Identifier(app)))
