-- The control totals of one employer's run, from the log alone: counts and sums over its paychecks, without
-- those that a person left out or carried over to another run, that were cancelled, voided before they were paid, or begun again with corrected
-- inputs, and one hash over every event that made them.
-- The names of the facts are unique within a paycheck, so each sum finds its own event.
with paycheck as (
  select stream, version, type, data,
         bool_or(type = 'PaycheckExcluded') over (partition by stream)                    as excluded,
         bool_or(type = 'PaycheckCarriedOver') over (partition by stream)                 as carried_over,
         bool_or(type = 'PaycheckVoided') over (partition by stream)                      as voided,
         bool_or(type in ('PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded', 'PaycheckCancelled',
                          'PaycheckVoided'))
           over (partition by stream)                                                     as out
    from events_event
   where stream >= %(prefix)s and stream < %(prefix)s || chr(1114111)
     and type in ('PaycheckBegan', 'TimeEntered', 'PayCalculated', 'TaxCalculated', 'RetirementCalculated',
                  'PaycheckExcluded', 'PaycheckCarriedOver', 'PaycheckSuperseded', 'PaycheckCancelled',
                  'PaycheckVoided')
     -- Voided after its payment was instructed, it was part of what was approved and paid, and stays so.
     and not (type = 'PaycheckVoided' and (data ->> 'instructed')::boolean))
select count(*) filter (where type = 'RetirementCalculated' and not out)                as completed,
       count(distinct stream) filter (where excluded)                                        as excluded,
       count(distinct stream) filter (where carried_over)                                    as carried_over,
       count(distinct stream) filter (where voided)                                          as voided,
       count(*) filter (where (data ->> 'no_hours')::boolean and not out)               as no_hours,
       count(*) filter (where (data ->> 'net_cents')::bigint > 0 and not out)           as payable,
       coalesce(sum((data ->> 'hours_worked_hundredths')::bigint
                  + (data ->> 'leave_hours_hundredths')::bigint
                  + (data ->> 'holiday_hours_hundredths')::bigint)
                filter (where not out), 0)                                              as hours_hundredths,
       coalesce(sum((data ->> 'gross_cents')::bigint) filter (where not out), 0)        as gross_cents,
       coalesce(sum((data ->> 'reimbursement_cents')::bigint) filter (where not out), 0)
                                                                                             as reimbursement_cents,
       coalesce(sum((data ->> 'section125_cents')::bigint
                  + coalesce((data ->> 'hsa_cents')::bigint, 0)
                  + (data ->> 'traditional_401k_cents')::bigint
                  + (data ->> 'roth_401k_cents')::bigint) filter (where not out), 0)
     + coalesce(sum(coalesce((data ->> 'garnished_cents')::bigint, 0)
                  + coalesce((data ->> 'post_tax_cents')::bigint, 0)) filter (where not out), 0)     as deductions_cents,
       coalesce(sum((data ->> 'employee_taxes_cents')::bigint) filter (where not out), 0)
                                                                                             as employee_taxes_cents,
       coalesce(sum((data ->> 'employer_taxes_cents')::bigint) filter (where not out), 0)
                                                                                             as employer_taxes_cents,
       coalesce(sum((data ->> 'match_cents')::bigint) filter (where not out), 0)        as match_cents,
       coalesce(sum((data ->> 'net_cents')::bigint) filter (where not out), 0)          as net_cents,
       encode(sha256(convert_to(coalesce(
         string_agg(stream || '@' || version || ' ' || type || ' ' || encode(sha256(convert_to(data::text, 'UTF8')), 'hex'),
                    E'\n' order by stream, version), ''), 'UTF8')), 'hex')                   as register_sha256
  from paycheck
