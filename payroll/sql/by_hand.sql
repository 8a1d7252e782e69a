-- Everything that payroll leaves to people, one row for each thing: what it is about, how many payments, cents.
--
-- Of one run, each branch reads the payments of the run by their index and looks up their paychecks by primary key; of
-- all runs, all payments are read once for each branch. What is nothing any more is here with 0 cents, because it may
-- have been done while it was something.
with part as (
  select run, employer_run, employer, facts
    from payroll_employerrun
   where %(run)s::uuid is null or run = %(run)s),
payment as (
  select p.*, c.last_event = 'PaycheckVoided' as voided, o.facts ->> 'state' as order_state
    from payroll_payment p
    join payroll_paycheck c on c.stream = p.paycheck
    left join payroll_payorder o on o."order" = p."order"
   where (%(run)s::uuid is null or p.run = %(run)s)
     -- Of a payday without trouble none is left: this is asked whenever somebody looks at a run.
     and (p.method in ('remit', 'check') or p.state_of_its_own <> '')),
-- What paychecks that are voided would have paid to whom orders name; the partial index paycheck_voided finds them.
not_withheld as (
  select c.employer_run, line ->> 1 as kind, count(*) as count, sum((line ->> 2)::bigint)::bigint as cents
    from part
    join payroll_paycheck c on c.employer_run = part.employer_run and c.last_event = 'PaycheckVoided'
   cross join lateral jsonb_array_elements(c.facts -> 'garnishments') line
   where part.facts ? 'by_hand'
     and (c.facts ->> 'instructed')::boolean
     and (line ->> 2)::bigint <> 0
     and not exists (
         select from payroll_payment p
          where p.paycheck = c.stream and p.employer_run = c.employer_run and p.employee_id = c.employee_id
            and p.method = 'remit' and p.facts ->> 'garnishment' = line ->> 0)
   group by c.employer_run, line ->> 1)
-- Withheld by order, and carried by no file.
select 'remit' as kind, part.employer_run || '/' || sums.key as subject, part.run, part.employer_run, part.employer,
       '' as employee_id, sums.key as about, (sums.value ->> 0)::bigint - coalesce(n.count, 0) as count,
       (sums.value ->> 1)::bigint - coalesce(n.cents, 0) as cents
  from part
 cross join lateral jsonb_each(part.facts -> 'by_hand') sums
  left join not_withheld n on n.employer_run = part.employer_run and n.kind = sums.key
 union all
-- What a file should have debited, at a bank that takes none: see EmployerRunValidated.
select 'fund', part.employer_run::text, part.run, part.employer_run, part.employer, '', part.facts ->> 'unfunded', 1,
       case when part.facts ? 'undone_by' then 0 else coalesce((part.facts ->> 'payments_cents')::bigint, 0) end
  from part
 where part.facts ? 'unfunded' and part.facts ? 'payments_cents'
 union all
-- Remitted, and it came back: owed to the agency again, or nobody's any more.
select 'remit again', payment::text, run, employer_run, employer, employee_id, facts ->> 'remits', 1,
       case when voided then 0 else amount_cents end
  from payment
 where method = 'remit' and state_of_its_own = 'returned'
 union all
-- Remitted for a paycheck that is void: it stays with the agency unless the agency gives it back.
select 'ask back', payment::text, run, employer_run, employer, employee_id, facts ->> 'remits', 1,
       case when state_of_its_own = '' then amount_cents else 0 end
  from payment
 where method = 'remit' and voided and order_state in ('accepted', 'settled')
 union all
select 'stop check', payment::text, run, employer_run, employer, employee_id, '', 1, amount_cents
  from payment
 where method = 'check' and voided and state_of_its_own = ''
 union all
-- Debited from the employer by the file, and back in the funding account: the payments were reversed or came back.
select 'give back', p.employer_run::text, p.run, p.employer_run, p.employer, '', '', count(*) filter (where back),
       coalesce(sum(p.amount_cents) filter (where back), 0)::bigint
  from payment p
 cross join lateral (
       select p.state_of_its_own in ('reversed', 'crossed')
              or p.facts ? 'return_code' and p.state_of_its_own <> 'not reversed') of (back)
 where p.voided
   and not p.facts ? 'reissue_key'
   and exists (
       select from payroll_payorder funded
        where funded.employer_run = p.employer_run and funded.debits_cents > 0 and funded.kind <> 'reversal'
          and funded.facts ->> 'state' in ('accepted', 'settled'))
 group by p.run, p.employer_run, p.employer
 union all
-- It came back while it was taken back: where the reversal does not come back too, the employee has lost the money.
select 'pay employee', payment::text, run, employer_run, employer, employee_id, '', 1,
       case when state_of_its_own = 'crossed' then amount_cents else 0 end
  from payment
 where facts ? 'reversal_trace' and facts ? 'return_code' and state_of_its_own in ('crossed', 'voided')
 union all
-- Taken from later pay for what came back after all.
select 'pay employee', r.recovery::text, r.run, (r.facts ->> 'employer_run')::uuid, r.employer, r.employee_id, '', 1,
       taken.cents
  from payroll_recovery r
 cross join lateral (
       select coalesce(sum((line ->> 1)::bigint), 0)::bigint
         from payroll_paycheck c, jsonb_array_elements(c.facts -> 'post_tax') line
        where c.employer = r.employer
          and c.employee_id = r.employee_id
          and line ->> 3 = r.recovery::text
          and c.last_event not in ('PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded', 'PaycheckVoided',
                                   'PaycheckCancelled')) taken (cents)
 where r.last_event = 'RecoveryCancelled'
   and (%(run)s::uuid is null or r.run = %(run)s)
