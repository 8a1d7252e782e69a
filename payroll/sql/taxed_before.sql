-- Of some people of an employer, those whose regular wages had income tax withheld in either of two years, in a paycheck
-- that counts. What was withheld from a bonus by the aggregate method does not make the next one flat (Pub. 15 sec. 7).
select distinct employee_id
  from payroll_paycheck
 where employer = %(employer)s
   and employee_id = any(%(people)s)
   and pay_date >= %(since)s
   and pay_date < %(until)s
   and (facts ->> 'federal_income_tax_cents')::bigint
       > coalesce((facts ->> 'supplemental_income_tax_cents')::bigint, 0)
   and last_event not in ('PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded', 'PaycheckVoided',
                          'PaycheckCancelled')
