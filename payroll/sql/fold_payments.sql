-- Payments, one row each: from what was instructed on a paycheck, which the same fold has just brought up to the same
-- event, to the person and to those whom orders name; from what was paid again of those that came back; and from deposits of
-- federal tax. Their state is that of their order until something of their own happens.
with instruction as materialized (
  select e.stream, e.data
    from events_event e
   where (e.xid, e.position) > (%(after_xid)s::text::xid8, %(after_position)s)
     and (e.xid, e.position) <= (%(upto_xid)s::text::xid8, %(upto_position)s)
     and e.type = 'PaymentInstructed'
     and e.stream >= 'paycheck-' and e.stream < 'paycheck.'),
instructed as (
  select stream, line ->> 0 as payment, line ->> 1 as part, line ->> 2 as method, line ->> 3 as amount_cents,
         line ->> 4 as "order", line ->> 5 as trace, '{}'::jsonb as facts
    from instruction, jsonb_array_elements(data -> 'payments') as payment (line)
   union all
  select stream, line ->> 0, line ->> 1, 'remit', line ->> 4, line ->> 5, line ->> 6,
         jsonb_build_object('garnishment', line ->> 2, 'remits', line ->> 3)
    from instruction, jsonb_array_elements(data -> 'remitted') as remittance (line))
insert into payroll_payment (payment, paycheck, run, employer_run, employer, employee_id, pay_date, part, method,
                             amount_cents, "order", trace, state_of_its_own, facts)
select i.payment::uuid, p.stream, p.run, p.employer_run, p.employer, p.employee_id, p.pay_date, i.part::int, i.method,
       i.amount_cents::bigint, nullif(i."order", '')::uuid, i.trace, '', i.facts
  from instructed i
  join payroll_paycheck p using (stream)
 union all
select (data ->> 'reissue_key')::uuid, data ->> 'paycheck', (data ->> 'run')::uuid, (data ->> 'employer_run')::uuid,
       data ->> 'employer', data ->> 'employee_id', data ->> 'pay_date', (data ->> 'part')::int, 'ach',
       (data ->> 'amount_cents')::bigint, (data ->> 'reissue_order')::uuid, data ->> 'reissue_trace', '', '{}'::jsonb
  from events_event
 where (xid, position) > (%(after_xid)s::text::xid8, %(after_position)s)
   and (xid, position) <= (%(upto_xid)s::text::xid8, %(upto_position)s)
   and type = 'PaymentReissued'
   and stream >= 'payment-' and stream < 'payment.'
 union all
-- A deposit of federal tax is of an employer's run, and of nobody's paycheck.
select (data ->> 'payment')::uuid, '', (data ->> 'run')::uuid, (data ->> 'employer_run')::uuid,
       data ->> 'employer', '', data ->> 'pay_date', (data ->> 'part')::int, 'deposit',
       (data ->> 'amount_cents')::bigint, (data ->> 'order')::uuid, data ->> 'trace', '',
       jsonb_build_object('tax', data ->> 'tax', 'tax_period_end', data ->> 'tax_period_end', 'taxes', data -> 'taxes')
  from events_event
 where (xid, position) > (%(after_xid)s::text::xid8, %(after_position)s)
   and (xid, position) <= (%(upto_xid)s::text::xid8, %(upto_position)s)
   and type = 'TaxDepositOrdered'
   and stream >= 'taxdeposit-' and stream < 'taxdeposit.'
    on conflict (payment) do nothing
