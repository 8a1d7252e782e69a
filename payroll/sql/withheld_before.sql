-- What was withheld for each order of some people of an employer, in all of their paychecks that count but those of the
-- runs that are corrected.
select employee_id, line ->> 0 as order_id, sum((line ->> 2)::bigint)::bigint as withheld_cents
  from payroll_paycheck, jsonb_array_elements(facts -> 'garnishments') line
 where employer = %(employer)s
   and employee_id = any(%(people)s)
   and employer_run <> all(%(but_for)s::uuid[])
   and last_event not in ('PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded', 'PaycheckVoided',
                          'PaycheckCancelled')
 group by employee_id, order_id
