-- The register of an employer's run, a line for each paycheck: one hash over the events that the control totals are
-- made of, and what it comes to; nothing for one that is out of the run. It says whose paycheck has changed when the
-- hash over all of them (control_totals) is another. One range of the unique index (stream, version), read once.
select stream,
       left(encode(sha256(convert_to(string_agg(version || ' ' || type || ' ' || data::text, E'\n' order by version),
                                     'UTF8')), 'hex'), 16)                               as digest,
       case when out then 0 else coalesce(sum((data ->> 'gross_cents')::bigint), 0) end  as gross_cents,
       case when out then 0 else coalesce(sum((data ->> 'net_cents')::bigint), 0) end    as net_cents
  from (select stream, version, type, data,
               bool_or(type = any(%(out)s)) over (partition by stream) as out
          from events_event
         where stream >= %(prefix)s and stream < %(prefix)s || chr(1114111)
           and type = any(%(types)s)
           and not (type = %(voided)s and (data ->> 'instructed')::boolean)) paycheck
 group by stream, out
 order by stream
