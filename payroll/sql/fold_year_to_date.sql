-- What each person earned in a calendar year, by pay date: the sum of their paychecks, without those that a person left
-- out or carried over, that were begun again with corrected inputs, voided or cancelled. Whoever has an event in the range is added up
-- anew from the paychecks, which the same fold has just brought up to the same event: so a void, a cancellation or a
-- correction takes its own back, and nobody else's year is touched.
with affected as (
  select distinct c.employer, c.employee_id, left(c.pay_date, 4) as year
    from events_event e
    join payroll_paycheck c on c.stream = e.stream
   where (e.xid, e.position) > (%(after_xid)s::text::xid8, %(after_position)s)
     and (e.xid, e.position) <= (%(upto_xid)s::text::xid8, %(upto_position)s)
     and e.stream >= 'paycheck-' and e.stream < 'paycheck.'
     and e.type in ('RetirementCalculated', 'PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded',
                    'PaycheckVoided', 'PaycheckCancelled')),
paycheck as (
  select p.employer, p.employee_id, left(p.pay_date, 4)::int as year, p.facts,
         p.facts ? 'net_cents'
           and p.last_event not in ('PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded',
                                    'PaycheckVoided', 'PaycheckCancelled') as counts
    from payroll_paycheck p
    join affected
      on affected.employer = p.employer
     and affected.employee_id = p.employee_id
     and affected.year = left(p.pay_date, 4)),
programme as (
  select employer, employee_id, year, jsonb_object_agg(name, wages_cents) as wages_cents
    from (select employer, employee_id, year, line ->> 0 as name, sum((line ->> 3)::bigint) as wages_cents
            from paycheck, jsonb_array_elements(facts -> 'programmes') line
           where counts
           group by employer, employee_id, year, name) by_name
   group by employer, employee_id, year)
insert into payroll_yeartodate as row
    (id, employer, employee_id, year, paychecks, gross_cents, supplemental_cents, fit_wages_cents,
   federal_income_tax_cents, fica_wages_cents, ss_taxable_cents, social_security_cents, medicare_cents,
   state_income_tax_cents, state_programmes_cents, deferrals_cents, catch_up_cents, hsa_cents,
   dependent_care_cents, match_cents, net_cents, programme_wages_cents)
select employer || '/' || employee_id || '/' || year, employer, employee_id, year,
       count(*) filter (where counts),
       coalesce(sum((facts ->> 'gross_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'supplemental_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'fit_wages_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'federal_income_tax_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'fica_wages_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'ss_taxable_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'social_security_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'medicare_cents')::bigint + (facts ->> 'additional_medicare_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'state_income_tax_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'state_programmes_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'traditional_401k_cents')::bigint + (facts ->> 'roth_401k_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'catch_up_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'hsa_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'dependent_care_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'match_cents')::bigint) filter (where counts), 0),
       coalesce(sum((facts ->> 'net_cents')::bigint) filter (where counts), 0),
       coalesce((array_agg(programme.wages_cents))[1], '{}')
  from paycheck
  left join programme using (employer, employee_id, year)
 group by employer, employee_id, year
    on conflict (id) do update
   set paychecks                = excluded.paychecks,
       gross_cents              = excluded.gross_cents,
       supplemental_cents       = excluded.supplemental_cents,
       fit_wages_cents          = excluded.fit_wages_cents,
       federal_income_tax_cents = excluded.federal_income_tax_cents,
       fica_wages_cents         = excluded.fica_wages_cents,
       ss_taxable_cents         = excluded.ss_taxable_cents,
       social_security_cents    = excluded.social_security_cents,
       medicare_cents           = excluded.medicare_cents,
       state_income_tax_cents   = excluded.state_income_tax_cents,
       state_programmes_cents   = excluded.state_programmes_cents,
       deferrals_cents          = excluded.deferrals_cents,
       catch_up_cents           = excluded.catch_up_cents,
       hsa_cents                = excluded.hsa_cents,
       dependent_care_cents     = excluded.dependent_care_cents,
       match_cents              = excluded.match_cents,
       net_cents                = excluded.net_cents,
       programme_wages_cents    = excluded.programme_wages_cents
