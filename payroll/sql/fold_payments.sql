-- Payments, one row each: from what was instructed on a paycheck, which the same fold has just brought up to the same
-- event, and from what was paid again of those that came back. Their state is that of their order until then.
with instructed as (
  select e.stream, payment.line
    from events_event e, jsonb_array_elements(e.data -> 'payments') as payment (line)
   where (e.xid, e.position) > (%(after_xid)s::text::xid8, %(after_position)s)
     and (e.xid, e.position) <= (%(upto_xid)s::text::xid8, %(upto_position)s)
     and e.type = 'PaymentInstructed'
     and e.stream >= 'paycheck-' and e.stream < 'paycheck.')
insert into payroll_payment (payment, paycheck, run, employer_run, employer, employee_id, pay_date, part, method,
                             amount_cents, "order", trace, state_of_its_own, facts)
select (line ->> 0)::uuid, p.stream, p.run, p.employer_run, p.employer, p.employee_id, p.pay_date, (line ->> 1)::int,
       line ->> 2, (line ->> 3)::bigint, nullif(line ->> 4, '')::uuid, line ->> 5, '', '{}'::jsonb
  from instructed
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
    on conflict (payment) do nothing
