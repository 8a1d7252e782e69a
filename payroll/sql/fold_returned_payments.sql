-- What happened to single payments after their order: returned, paid again, reversed.
with happened as (
  select (data ->> 'payment')::uuid as payment,
         (array_agg(data ->> 'state' order by version desc))[1] as state,
         jsonb_merge(data order by version) as facts
    from events_event
   where (xid, position) > (%(after_xid)s::text::xid8, %(after_position)s)
     and (xid, position) <= (%(upto_xid)s::text::xid8, %(upto_position)s)
     and stream >= 'payment-' and stream < 'payment.'
   group by data ->> 'payment')
update payroll_payment row
   set state_of_its_own = coalesce(happened.state, row.state_of_its_own),
       facts            = row.facts || happened.facts
  from happened
 where happened.payment = row.payment
