-- What the chosen events post: one transaction each, as legs in signed cents (debit > 0, credit < 0).
--
-- A posting depends on the log up to its own event and on nothing else, whatever range it is folded in and whatever
-- has been recorded since: every look at other events is bounded by the (xid, position) of the event that posts.
-- Amounts are grouped by part of the event and account, so that a part balances by itself; nothing is netted between parts.
with source as materialized (
  select xid, position, stream, version, type, data, recorded_at,
         case split_part(stream, '-', 1)
           when 'order' then substr(stream, 7)
           when 'payment' then coalesce(data ->> 'reversal_order', data ->> 'order')
           else '' end as order_key
    from events_event
   where {which}
     and type in ('PaymentsInstructed', 'MoneyMoved', 'PaycheckVoided', 'OrderAccepted', 'OrderResolved', 'OrderRejected',
                  'OrderSettled', 'PaymentReturned', 'PaymentReversed', 'ReversalReturned', 'RecoveryOpened',
                  'RecoveryCancelled')),
-- Beside each: the order it is about, or the recovery that is cancelled, and in whose books it stands. `limit 1` keeps
-- either a look-up by index: joined, a long log may be read from end to end for a few events.
entry as materialized (
  select named.*, opened.data ->> 'employer' as employer, (opened.data ->> 'run')::uuid as run
    from (select source.*, created.data as created, created.data ->> 'kind' as kind,
                 case split_part(source.stream, '-', 1)
                   when 'employerrun' then substr(source.stream, 13)
                   when 'paycheck' then split_part(substr(source.stream, 10), '+', 1)
                   else coalesce(created.data, source.data) ->> 'employer_run' end as employer_run
            from source
            left join lateral (
                 select data from events_event
                  where stream = case source.type when 'RecoveryCancelled' then source.stream else 'order-' || order_key end
                    and version = 1 limit 1) created on true) named
    left join lateral (
         select data from events_event
          where stream = 'employerrun-' || named.employer_run and version = 1 limit 1) opened on true),
-- The steps of the paychecks that an employer's run pays, as of its instruction; and those of one that is voided
-- afterwards, with the sign turned.
step as materialized (
  select entry.stream, entry.version, 1 as sign, paycheck.type, paycheck.data
    from entry
   cross join lateral (
         -- A range of the index (stream, version): ',' comes after '+' in its bytewise order. `offset 0` keeps the planner
         -- from reading the index of the whole log up to this event as well.
         select type, data,
                bool_or(type = 'RetirementCalculated') over one
                  and not bool_or(type in ('PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded',
                                           'PaycheckCancelled', 'PaycheckVoided')) over one as counts
           from (select stream, type, data, xid, position
                   from events_event
                  where stream >= 'paycheck-' || entry.employer_run || '+'
                    and stream < 'paycheck-' || entry.employer_run || ','
                    and type in ('PayCalculated', 'TaxCalculated', 'RetirementCalculated', 'PaycheckExcluded',
                                 'PaycheckCarriedOver', 'PaycheckSuperseded', 'PaycheckCancelled', 'PaycheckVoided')
                 offset 0) recorded
          where (xid, position) <= (entry.xid, entry.position)
         window one as (partition by stream)) paycheck
   where entry.type = 'PaymentsInstructed' and paycheck.counts
  union all
  select entry.stream, entry.version, -1, voided.type, voided.data
    from entry
    join events_event voided on voided.stream = entry.stream and voided.version < entry.version
   where entry.type = 'PaycheckVoided'
     and exists (select from events_event instructed
                  where instructed.stream = 'employerrun-' || entry.employer_run
                    and instructed.type = 'PaymentsInstructed'
                    and (instructed.xid, instructed.position) < (entry.xid, entry.position))),
leg (stream, version, part, account, cents) as (
  -- Pay: what it costs, and what was taken from it before tax. Dependent care is within Section 125, catch-up within 401(k).
  select stream, version, 1, account, sign * cents
    from step
   cross join lateral jsonb_to_record(data) as fact (
         gross_cents bigint, reimbursement_cents bigint, section125_cents bigint, hsa_cents bigint,
         traditional_401k_cents bigint, roth_401k_cents bigint)
   cross join lateral (values
         ('wages_expense', gross_cents),
         ('reimbursements', reimbursement_cents),
         ('section125', -section125_cents),
         ('hsa', -hsa_cents),
         ('401k', -(traditional_401k_cents + roth_401k_cents))) line (account, cents)
   where type = 'PayCalculated'
  union all
  -- Taxes: each is owed with the employee's and the employer's share in one.
  select stream, version, 1, account, sign * cents
    from step
   cross join lateral jsonb_to_record(data) as fact (
         federal_income_tax_cents bigint, social_security_cents bigint, employer_social_security_cents bigint,
         medicare_cents bigint, additional_medicare_cents bigint, employer_medicare_cents bigint,
         employer_futa_cents bigint, state text, state_income_tax_cents bigint, programmes jsonb,
         employer_taxes_cents bigint)
   cross join lateral (
         values
         ('employer_tax_expense', employer_taxes_cents),
         ('federal_income_tax', -federal_income_tax_cents),
         ('social_security', -(social_security_cents + employer_social_security_cents)),
         ('medicare', -(medicare_cents + additional_medicare_cents + employer_medicare_cents)),
         ('futa', -employer_futa_cents),
         ('state_income_tax/' || state, -state_income_tax_cents)
         union all
         select 'programme/' || (each ->> 0), -((each ->> 1)::bigint + (each ->> 2)::bigint)
           from jsonb_array_elements(programmes) each) line (account, cents)
   where type = 'TaxCalculated'
  union all
  -- The employer's contribution, what others take from the pay, and the net pay.
  select stream, version, 1, account, sign * cents
    from step
   cross join lateral jsonb_to_record(data) as fact (
         match_cents bigint, garnishments jsonb, post_tax jsonb, net_cents bigint)
   cross join lateral (
         values
         ('contribution_expense', match_cents),
         ('contribution/match', -match_cents),
         ('wages_payable', -net_cents)
         union all
         select 'garnishment/' || (each ->> 1), -(each ->> 2)::bigint from jsonb_array_elements(garnishments) each
         union all
         -- What is owed back has its id as a fourth part: it is taken off what the employee owes, and owed to nobody.
         select case when jsonb_array_length(each) > 3 then 'recoverable' else 'post_tax/' || (each ->> 0) end,
                -(each ->> 1)::bigint
           from jsonb_array_elements(post_tax) each
         ) line (account, cents)
   where type = 'RetirementCalculated'
  union all
  -- Paper checks leave the house with the instruction.
  select stream, version, 2, account, cents
    from entry
   cross join lateral (values
         ('wages_payable', (data ->> 'checks_cents')::bigint),
         ('checks_issued', -(data ->> 'checks_cents')::bigint)) line (account, cents)
   where type = 'PaymentsInstructed'
  union all
  -- The bank holds the file: net pay is no longer owed to people but on its way. What the file remits to others, such as
  -- child support, is taken off what was withheld for them; a deposit of federal tax is nothing but that. A bank that takes
  -- its acceptance back turns all of it.
  select stream, version, 1, account, sign * cents
    from entry
   cross join lateral (
         select coalesce((data ->> 'accepted_cents')::bigint, (created ->> 'credits_cents')::bigint),
                case type when 'OrderRejected' then -1 else 1 end) of (accepted, sign)
   cross join lateral (
         values
         (case kind when 'repay' then 'returns' else 'wages_payable' end, accepted),
         ('net_pay_clearing', -accepted)
         union all
         select account, cents
           from (select 'garnishment/' || key, value::bigint from jsonb_each_text(created -> 'remitted')
                  union all
                 select key, value::bigint from jsonb_each_text(created -> 'taxes')) other (owed_to, owed)
          cross join lateral (values (owed_to, owed), ('wages_payable', -owed)) line (account, cents)
         ) line (account, cents)
   where kind in ('net-pay', 'repay', 'held-pay', 'tax-deposit')
     and (type = 'OrderAccepted' or type = 'OrderResolved' and data ->> 'resolved_as' = 'accepted'
          or type = 'OrderRejected' and (
             select stood.data ->> 'state' from events_event stood
              where stood.stream = entry.stream and stood.version < entry.version and stood.data ? 'state'
              order by stood.version desc limit 1) = 'accepted')
  union all
  -- The same in a log from before there were orders: one file, and no settlement.
  select stream, version, 1, account, cents
    from entry
   cross join lateral (values
         ('wages_payable', (data ->> 'paid_cents')::bigint),
         ('net_pay_clearing', -(data ->> 'paid_cents')::bigint)) line (account, cents)
   where type = 'MoneyMoved'
     and exists (select from events_event instructed
                  where instructed.stream = entry.stream and instructed.type = 'PaymentsInstructed'
                    and not instructed.data ? 'orders')
  union all
  -- Settled: the money has left the funding account, but for what had come back before.
  select stream, version, 1, account, cents
    from entry
   cross join lateral (
         select (created ->> 'credits_cents')::bigint - coalesce(sum((returned.data ->> 'amount_cents')::bigint), 0)
           from events_event returned
          where returned.type = 'PaymentReturned' and returned.data ->> 'order' = entry.order_key
            and (returned.xid, returned.position) < (entry.xid, entry.position)) of (settled)
   cross join lateral (values ('net_pay_clearing', settled), ('employer_funding', -settled)) line (account, cents)
   where type = 'OrderSettled' and kind in ('net-pay', 'repay', 'held-pay', 'tax-deposit')
  union all
  -- The debit that the file itself carried has filled the funding account from the employer's own.
  select stream, version, 2, account, cents
    from entry
   cross join lateral (values
         ('employer_funding', (created ->> 'debits_cents')::bigint),
         ('employer_bank', -(created ->> 'debits_cents')::bigint)) line (account, cents)
   where type = 'OrderSettled' and kind in ('net-pay', 'repay', 'held-pay', 'tax-deposit')
  union all
  -- A reversal that settled has brought money back; the file's own offset, where there is one, is not counted again.
  select stream, version, 1, account, cents
    from entry
   cross join lateral (select greatest((created ->> 'debits_cents')::bigint, (created ->> 'credits_cents')::bigint)) of (reversed)
   cross join lateral (values ('employer_funding', reversed), ('reversals', -reversed)) line (account, cents)
   where type = 'OrderSettled' and kind = 'reversal'
  union all
  -- Returned: net pay is owed again, and the money lies in the funding account, or never left the clearing. What was
  -- remitted to others is owed to them again, and so is every tax of a deposit. A reversal that is returned did not bring
  -- anything back. Net pay that is undone is not owed again: it makes up for what was paid, was taken back already, or is
  -- to be recovered.
  select stream, version, 1, account, cents
    from entry
   cross join lateral (select (data ->> 'amount_cents')::bigint, exists (
         select from events_event settled
          where settled.stream = 'order-' || entry.order_key and settled.type = 'OrderSettled'
            and (settled.xid, settled.position) < (entry.xid, entry.position)), (
         select case undone.type when 'PaymentReversalOrdered' then 'wages_payable'
                                 when 'PaymentReversed' then 'reversals'
                                 else 'recoverable' end
           from events_event undone
          where undone.stream = entry.stream and undone.version < entry.version
            and undone.type in ('PaymentReversalOrdered', 'PaymentReversed', 'ReversalReturned', 'PaymentOwedBack')
          order by undone.version desc limit 1)) of (returned, was_settled, instead)
   cross join lateral (
         values
         (case when kind = 'reversal' then 'reversals' when was_settled then 'employer_funding' else 'net_pay_clearing' end,
          returned),
         (case when kind = 'reversal' then 'employer_funding'
               else coalesce('garnishment/' || (data ->> 'remits'), instead, 'returns') end, -returned)
         union all
         select account, cents
           from jsonb_each_text(created -> 'taxes') tax
          cross join lateral (values ('returns', value::bigint), (key, -value::bigint)) line (account, cents)
         ) line (account, cents)
   where type in ('PaymentReturned', 'ReversalReturned')
  union all
  -- Voided: a check is stopped, and what had come back is not owed again.
  select stream, version, 2, account, cents
    from entry
   cross join lateral jsonb_to_record(data) as fact (stopped_cents bigint, returned_cents bigint)
   cross join lateral (values
         ('checks_issued', stopped_cents),
         ('returns', returned_cents),
         ('wages_payable', -(stopped_cents + returned_cents))) line (account, cents)
   where type = 'PaycheckVoided'
  union all
  -- Reversed: what was taken back makes up for what was paid and is not owed.
  select stream, version, 1, account, cents
    from entry
   cross join lateral (select (data ->> 'amount_cents')::bigint) of (reversed)
   cross join lateral (values ('reversals', reversed), ('wages_payable', -reversed)) line (account, cents)
   where type = 'PaymentReversed'
  union all
  -- To be taken from later pay: net pay that is not owed, or was thought to be taken back; not if its correction is void.
  select stream, version, 1, account, cents
    from entry
   cross join lateral (select coalesce((data ->> 'amount_cents')::bigint, -(created ->> 'amount_cents')::bigint), exists (
         select from events_event reversed
          where reversed.stream = 'payment-' || (entry.data ->> 'payment') and reversed.type = 'PaymentReversed'
            and (reversed.xid, reversed.position) < (entry.xid, entry.position))) of (owed, was_reversed)
   cross join lateral (values
         ('recoverable', owed),
         (case when was_reversed then 'reversals' else 'wages_payable' end, -owed)) line (account, cents)
   where type = 'RecoveryOpened' or created ->> 'because' = 'correction'),
posting as (
  select entry.stream || '@' || entry.version as id, entry.stream, entry.version, entry.type as event, entry.employer,
         entry.run, entry.employer_run::uuid as employer_run, entry.order_key, entry.recorded_at,
         row_number() over (partition by entry.stream, entry.version
                                order by part, cents < 0, account collate "C") as number,
         account, cents as amount_cents
    from entry
    join (select stream, version, part, account, sum(cents)::bigint as cents
            from leg
           group by stream, version, part, account
          having sum(cents) <> 0) summed using (stream, version))
