-- Sum again the years of everybody who has a paycheck that was completed or left out in this range.
-- It reads the paychecks, which the same fold has just brought up to the same event.
insert into payroll_yeartodate as row
  (id, employer, employee_id, year, paychecks, gross_cents, fit_wages_cents, federal_income_tax_cents,
   fica_wages_cents, ss_taxable_cents, social_security_cents, medicare_cents, state_income_tax_cents,
   deferrals_cents, match_cents, net_cents)
select employer || '/' || employee_id || '/' || year, employer, employee_id, year,
       count(*),
       sum((facts ->> 'gross_cents')::bigint),
       sum((facts ->> 'fit_wages_cents')::bigint),
       sum((facts ->> 'federal_income_tax_cents')::bigint),
       sum((facts ->> 'fica_wages_cents')::bigint),
       sum((facts ->> 'ss_taxable_cents')::bigint),
       sum((facts ->> 'social_security_cents')::bigint),
       sum((facts ->> 'medicare_cents')::bigint + (facts ->> 'additional_medicare_cents')::bigint),
       sum((facts ->> 'state_income_tax_cents')::bigint),
       sum((facts ->> 'traditional_401k_cents')::bigint + (facts ->> 'roth_401k_cents')::bigint),
       sum((facts ->> 'match_cents')::bigint),
       sum((facts ->> 'net_cents')::bigint)
  from (select p.employer, p.employee_id, left(p.pay_date, 4)::int as year, p.facts
          from payroll_paycheck p
          join (select distinct c.employer, c.employee_id, left(c.pay_date, 4) as year
                  from events_event e
                  join payroll_paycheck c on c.stream = e.stream
                 where (e.xid, e.position) > (%(after_xid)s::text::xid8, %(after_position)s)
                   and (e.xid, e.position) <= (%(upto_xid)s::text::xid8, %(upto_position)s)
                   and e.stream >= 'paycheck-' and e.stream < 'paycheck.'
                   and e.type in ('RetirementCalculated', 'PaycheckExcluded', 'PaycheckSuperseded')) affected
            on affected.employer = p.employer
           and affected.employee_id = p.employee_id
           and affected.year = left(p.pay_date, 4)
         where p.facts ? 'net_cents'
           and p.last_event not in ('PaycheckExcluded', 'PaycheckSuperseded')) paid
 group by employer, employee_id, year
    on conflict (id) do update
   set paychecks                = excluded.paychecks,
       gross_cents              = excluded.gross_cents,
       fit_wages_cents          = excluded.fit_wages_cents,
       federal_income_tax_cents = excluded.federal_income_tax_cents,
       fica_wages_cents         = excluded.fica_wages_cents,
       ss_taxable_cents         = excluded.ss_taxable_cents,
       social_security_cents    = excluded.social_security_cents,
       medicare_cents           = excluded.medicare_cents,
       state_income_tax_cents   = excluded.state_income_tax_cents,
       deferrals_cents          = excluded.deferrals_cents,
       match_cents              = excluded.match_cents,
       net_cents                = excluded.net_cents
