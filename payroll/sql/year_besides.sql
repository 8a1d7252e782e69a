-- What some people of an employer were paid in a year by all of its runs but a few: the sums of their paychecks that count,
-- earlier and later ones alike, and the wages that each programme of a state took its part of. Who has none is not there.
with paycheck as (
  select employee_id, facts
    from payroll_paycheck
   where employer = %(employer)s
     and employee_id = any(%(people)s)
     and pay_date >= %(since)s and pay_date < %(until)s
     and employer_run <> all(%(runs)s::uuid[])
     and facts ? 'net_cents'
     and last_event not in ('PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded', 'PaycheckVoided',
                            'PaycheckCancelled')),
amount as (
  select employee_id, key as name, sum(value::bigint)::bigint as cents
    from paycheck, jsonb_each_text(facts)
   where key in ('gross_cents', 'fica_wages_cents', 'ss_taxable_cents', 'additional_medicare_taxable_cents',
                 'futa_taxable_cents', 'social_security_cents', 'traditional_401k_cents', 'roth_401k_cents',
                 'catch_up_cents', 'hsa_cents', 'dependent_care_cents', 'match_cents', 'matched_comp_cents')
   group by employee_id, key),
programme as (
  select employee_id, jsonb_object_agg(name, cents) as wages
    from (select employee_id, line ->> 0 as name, sum((line ->> 3)::bigint)::bigint as cents
            from paycheck, jsonb_array_elements(facts -> 'programmes') line
           group by employee_id, name) by_name
   group by employee_id)
select employee_id,
       (jsonb_object_agg(name, cents) || jsonb_build_object('programmes', coalesce(programme.wages, '{}')))::text
  from amount
  left join programme using (employee_id)
 group by employee_id, programme.wages
