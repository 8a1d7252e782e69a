"""The event log: by SQL, because Django knows neither xid8 nor BRIN nor triggers that always fire."""

from django.db import migrations

TABLE = """
create table events_event (
  position    bigint generated always as identity,
  xid         xid8 not null default pg_current_xact_id(),
  version     integer not null check (version > 0),
  -- Bytewise order: one index then serves one stream, a prefix of streams, and the expected version.
  stream      text collate "C" not null check (stream <> ''),
  type        text collate "C" not null,
  data        jsonb not null,
  cause       uuid,
  recorded_at timestamptz not null default clock_timestamp()
);
alter table events_event add constraint events_event_stream_version unique (stream, version);
-- For whoever follows the whole log: ascending only, so it grows at its right edge and never splits.
create index events_event_log on events_event (xid, position);
-- For looking up one event by its position; the table is in that order, so a range index is a few pages.
create index events_event_position on events_event using brin (position) with (pages_per_range = 16);
alter table events_event set (autovacuum_vacuum_insert_scale_factor = 0.5);
"""

# `enable always`: an ordinary trigger is silent under session_replication_role = replica.
IMMUTABLE = """
create function events_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'events are never changed: % on % refused', tg_op, tg_table_name using errcode = '42501';
end $$;
create trigger events_event_no_change before update or delete on events_event
  for each row execute function events_refuse_change();
create trigger events_event_no_truncate before truncate on events_event
  for each statement execute function events_refuse_change();
alter table events_event enable always trigger events_event_no_change;
alter table events_event enable always trigger events_event_no_truncate;
"""

# A stream without gaps, checked where it is written: version n needs version n - 1.
GAPLESS = """
create function events_refuse_gap() returns trigger language plpgsql as $$
declare gap text;
begin
  select added.stream || '@' || added.version into gap from appended added
   where added.version > 1
     and not exists (select 1 from events_event earlier
                      where earlier.stream = added.stream and earlier.version = added.version - 1)
   limit 1;
  if gap is not null then
    raise exception 'a stream has no gaps: % has no event before it', gap using errcode = '23514';
  end if;
  return null;
end $$;
create trigger events_event_no_gap after insert on events_event
  referencing new table as appended for each statement execute function events_refuse_gap();
"""

# A paycheck's jsonb facts, merged in the order of its events; used by read models.
MERGE = "create aggregate jsonb_merge(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}')"

WORK = "alter table events_work set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)"


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]
    operations = [
        migrations.RunSQL(TABLE, "drop table events_event"),
        migrations.RunSQL(IMMUTABLE, "drop function events_refuse_change() cascade"),
        migrations.RunSQL(GAPLESS, "drop function events_refuse_gap() cascade"),
        migrations.RunSQL(MERGE, "drop aggregate jsonb_merge(jsonb)"),
        migrations.RunSQL(WORK, "alter table events_work reset (fillfactor, autovacuum_vacuum_scale_factor)"),
    ]
