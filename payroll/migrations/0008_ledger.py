import django.db.models.deletion
from django.db import migrations, models

# Checked at commit, for each leg and for each transaction: a transaction without legs is none.
# `enable always`: an ordinary trigger is silent under session_replication_role = replica.
BALANCE = """
create function payroll_ledger_check(of text) returns void language plpgsql as $$
declare legs bigint; cents numeric;
begin
  select count(*), coalesce(sum(amount_cents), 0) into legs, cents from payroll_ledgerleg where transaction_id = of;
  if (legs < 2 or cents <> 0) and exists (select from payroll_ledgertransaction where id = of) then
    raise exception 'a ledger transaction has two legs or more, and their sum is zero: % has % of % cents', of, legs, cents
      using errcode = '23514';
  end if;
end $$;
create function payroll_ledger_leg_check() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then perform payroll_ledger_check(old.transaction_id); end if;
  if tg_op <> 'DELETE' then perform payroll_ledger_check(new.transaction_id); end if;
  return null;
end $$;
create function payroll_ledger_transaction_check() returns trigger language plpgsql as $$
begin
  perform payroll_ledger_check(new.id);
  return null;
end $$;
create constraint trigger payroll_ledger_legs_balance
  after insert or update or delete on payroll_ledgerleg deferrable initially deferred
  for each row execute function payroll_ledger_leg_check();
create constraint trigger payroll_ledger_transactions_balance
  after insert or update on payroll_ledgertransaction deferrable initially deferred
  for each row execute function payroll_ledger_transaction_check();
alter table payroll_ledgerleg enable always trigger payroll_ledger_legs_balance;
alter table payroll_ledgertransaction enable always trigger payroll_ledger_transactions_balance;
"""
UNBALANCE = """
drop trigger payroll_ledger_legs_balance on payroll_ledgerleg;
drop trigger payroll_ledger_transactions_balance on payroll_ledgertransaction;
drop function payroll_ledger_leg_check();
drop function payroll_ledger_transaction_check();
drop function payroll_ledger_check(text);
"""

# What came back of one order: asked when it settles. Returns alone are in it, so no other append pays for it.
RETURNED = """
create index events_event_returned on events_event ((data ->> 'order')) where type = 'PaymentReturned'
"""


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0002_event_log'),
        ('payroll', '0007_payments'),
    ]

    operations = [
        migrations.CreateModel(
            name='LedgerTransaction',
            fields=[
                ('id', models.TextField(help_text='The event that posted it: its stream and version.', primary_key=True, serialize=False)),
                ('stream', models.TextField()),
                ('version', models.IntegerField()),
                ('event', models.TextField()),
                ('employer', models.TextField()),
                ('run', models.UUIDField()),
                ('employer_run', models.UUIDField()),
                ('order_key', models.TextField(blank=True, help_text='The payment order it is about, if any.')),
                ('recorded_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'ledger transaction',
                'ordering': ['-recorded_at', 'id'],
                'indexes': [models.Index(models.F('run'), models.F('employer'), name='ledger_of_run'), models.Index(models.F('employer_run'), name='ledger_of_employer_run'), models.Index(models.F('employer'), name='ledger_of_employer'), models.Index(fields=['-recorded_at', 'id'], name='ledger_latest')],
            },
        ),
        migrations.CreateModel(
            name='LedgerLeg',
            fields=[
                ('pk', models.CompositePrimaryKey('transaction_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField(help_text='Its place in the transaction; debits come first.')),
                ('account', models.TextField()),
                ('amount_cents', models.BigIntegerField(verbose_name='amount')),
                ('transaction', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='legs', to='payroll.ledgertransaction')),
            ],
            options={
                'verbose_name': 'ledger leg',
                'ordering': ['transaction_id', 'number'],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount_cents', 0), _negated=True), name='ledger_leg_is_not_zero')],
            },
        ),
        migrations.RunSQL(BALANCE, UNBALANCE),
        migrations.RunSQL(RETURNED, "drop index events_event_returned"),
    ]
