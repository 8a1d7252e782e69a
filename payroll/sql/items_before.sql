-- The pay items in all paychecks of some people of an employer that count, with the period of the run. Items of older
-- paychecks have no id; they are told by what they say, within that period. The run that asks does not count: a paycheck
-- that is begun again in it has the items of the one before.
select p.employee_id, line ->> 3 as item_id, line ->> 0 as kind, (line ->> 1)::bigint as cents, line ->> 2 as reference,
       r.period_start, r.period_end
  from payroll_paycheck p
 cross join jsonb_array_elements(p.facts -> 'items') line
  left join payroll_employerrun r on r.employer_run = p.employer_run
 where p.employer = %(employer)s
   and p.employee_id = any(%(people)s)
   and p.employer_run <> %(employer_run)s
   and p.last_event not in ('PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded', 'PaycheckVoided',
                            'PaycheckCancelled')
