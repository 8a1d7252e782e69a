-- Fold the events of a range into the read model {table}: one row a stream, its facts merged in order.
-- The facts of one stream have unique names, so a later event adds to the earlier ones; the worksheets of a paycheck
-- stay in the log alone.
insert into {table} as row (stream, version, last_event, facts, first_at, last_at)
select stream,
       max(version),
       (array_agg(type order by version desc))[1],
       jsonb_merge(data - 'working' order by version),
       min(recorded_at),
       max(recorded_at)
  from events_event
 where (xid, position) > (%(after_xid)s::text::xid8, %(after_position)s)
   and (xid, position) <= (%(upto_xid)s::text::xid8, %(upto_position)s)
   and stream >= '{prefix}-' and stream < '{prefix}.'
 group by stream
    on conflict (stream) do update
   set version    = excluded.version,
       last_event = excluded.last_event,
       facts      = row.facts || excluded.facts,
       last_at    = excluded.last_at
