-- What some people of an employer still owe back, the oldest first: what was opened, less what their paychecks that count
-- have withheld for it. Their paychecks are read by the index on employer and employee.
select r.employee_id, r.recovery::text, r.amount_cents - taken.cents
  from payroll_recovery r
 cross join lateral (
       select coalesce(sum((line ->> 1)::bigint), 0)::bigint
         from payroll_paycheck p, jsonb_array_elements(p.facts -> 'post_tax') line
        where p.employer = r.employer
          and p.employee_id = r.employee_id
          and line ->> 3 = r.recovery::text
          and p.last_event not in ('PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded', 'PaycheckVoided',
                                   'PaycheckCancelled')) taken (cents)
 where r.employer = %(employer)s
   and r.employee_id = any(%(people)s)
   and r.last_event <> 'RecoveryCancelled'
   and r.amount_cents > taken.cents
 order by r.employee_id, r.first_at, r.stream
