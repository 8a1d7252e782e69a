-- The pay items in all paychecks of some people of an employer that count, with the period of the run; one that a
-- correction has taken back is not among them. Items of older
-- paychecks have no id; they are told by what they say, within that period. The runs that ask do not count: a paycheck
-- that is begun again has the items of the one before, and a correction those of the paycheck that it corrects.
select p.employee_id, line ->> 3 as item_id, line ->> 0 as kind, sum((line ->> 1)::bigint)::bigint as cents,
       line ->> 2 as reference, r.period_start, r.period_end
  from payroll_paycheck p
 cross join jsonb_array_elements(p.facts -> 'items') line
  left join payroll_employerrun r on r.employer_run = p.employer_run
 where p.employer = %(employer)s
   and p.employee_id = any(%(people)s)
   and p.employer_run <> all(%(employer_runs)s::uuid[])
   and p.last_event not in ('PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded', 'PaycheckVoided',
                            'PaycheckCancelled')
 group by p.employee_id, item_id, kind, reference, r.period_start, r.period_end,
          case when line ->> 3 is null then p.stream || line::text end
having sum((line ->> 1)::bigint) <> 0
