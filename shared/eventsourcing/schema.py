"""The tables and functions of the event store, the same in every service's schema.

They are a part of each service's `0001_initial`, so a released text never changes: a change is a
migration of each service.
"""

# Positions are in the order of commits, because `append_events` takes a lock. An erasure reads the
# events of one person in that order.
EVENTS = """
CREATE TABLE events (
    position       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id       uuid NOT NULL UNIQUE,
    stream_id      text NOT NULL,
    version        int NOT NULL CHECK (version >= 1),
    type           text NOT NULL,
    schema_version smallint NOT NULL,
    data           jsonb NOT NULL,
    metadata       jsonb NOT NULL,
    recorded_at    timestamptz NOT NULL,
    UNIQUE (stream_id, version)
);
CREATE INDEX events_user ON events ((metadata ->> 'user_id'), position);
"""

# How far each reader of the events has come.
CHECKPOINTS = """
CREATE TABLE checkpoints (
    name     text PRIMARY KEY,
    position bigint NOT NULL
);
"""

# Events that the relay could not publish. It tries them again, and then deletes the row.
SET_ASIDE = """
CREATE TABLE set_aside (
    position bigint PRIMARY KEY,
    reason   text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    tried_at timestamptz NOT NULL DEFAULT now()
);
"""

# The audit of every use of `mask_personal_fields`.
MASKINGS = """
CREATE TABLE maskings (
    masked_at timestamptz NOT NULL DEFAULT now(),
    user_id   uuid NOT NULL,
    events    bigint NOT NULL
);
"""

# Lock, versions, events and notice in one round trip: the fewer there are under the lock, the more
# can be written. Each statement of the function sees what was committed before it began, thus the
# second one what the writer before had done. Returns nothing where a stream has another version.
APPEND_EVENTS = """
CREATE FUNCTION append_events(streams text[], versions int[], new jsonb)
RETURNS TABLE (at_position bigint, id uuid, at_time timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('{schema}/append', 0));
    IF EXISTS (
        SELECT FROM unnest(streams, versions) AS expected (stream, version)
        WHERE expected.version IS DISTINCT FROM coalesce(
            (SELECT max(e.version) FROM {schema}.events AS e WHERE e.stream_id = stream), 0)
    ) THEN
        RETURN;
    END IF;
    RETURN QUERY
        INSERT INTO {schema}.events (
            event_id, stream_id, version, type, schema_version, data, metadata, recorded_at)
        SELECT event_id, stream_id, version, type, schema_version, data, metadata, clock_timestamp()
        FROM jsonb_to_recordset(new) AS row (
            place int, event_id uuid, stream_id text, version int, type text,
            schema_version smallint, data jsonb, metadata jsonb)
        ORDER BY place
        RETURNING position, event_id, recorded_at;
    PERFORM pg_notify('events_{schema}', '');
END $$
"""

# Masks a person's events after a position, `most` at a time, for there may be many. Returns the
# last position it has looked at, null once there is none left. Runs as the owner, because the login
# role may not update events at all. `blanks` names, per type, the personal fields with the empty
# value that takes their place; only "", [] and null may.
MASK_PERSONAL_FIELDS = """
CREATE FUNCTION mask_personal_fields(person uuid, blanks jsonb, after bigint, most int)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE touched bigint; last_one bigint;
BEGIN
    IF EXISTS (
        SELECT FROM jsonb_each(blanks) AS t(name, fields), jsonb_each(t.fields) AS f(name, value)
        WHERE f.value NOT IN ('""', '[]', 'null')
    ) THEN
        RAISE EXCEPTION 'masking may only blank' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    last_one := (SELECT max(position) FROM (
        SELECT position FROM events WHERE metadata ->> 'user_id' = person::text AND position > after
        ORDER BY position LIMIT most) AS step);
    PERFORM set_config('prereview.masking', 'on', true);
    UPDATE events SET data = data || (blanks -> type)
    WHERE metadata ->> 'user_id' = person::text AND position > after AND position <= last_one
      AND blanks ? type AND data IS DISTINCT FROM data || (blanks -> type);
    GET DIAGNOSTICS touched = ROW_COUNT;
    PERFORM set_config('prereview.masking', 'off', true);
    IF touched > 0 THEN
        INSERT INTO maskings (user_id, events) VALUES (person, touched);
    END IF;
    RETURN last_one;
END $$
"""

# Masking changes `data` and nothing else.
EVENTS_ARE_IMMUTABLE = """
CREATE FUNCTION events_are_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('prereview.masking', true) = 'on'
       AND (NEW.position, NEW.event_id, NEW.stream_id, NEW.version, NEW.type, NEW.schema_version,
            NEW.metadata, NEW.recorded_at)
         = (OLD.position, OLD.event_id, OLD.stream_id, OLD.version, OLD.type, OLD.schema_version,
            OLD.metadata, OLD.recorded_at)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'events are immutable' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
# They bind the owner as well, who has every right.
TRIGGERS = """
CREATE TRIGGER events_row BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_are_immutable();
CREATE TRIGGER events_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_are_immutable();
"""

# By default the login role may do anything with a table, and anybody may call a function.
GRANTS = """
REVOKE UPDATE, DELETE, TRUNCATE ON events FROM prereview_{schema};
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON maskings FROM prereview_{schema};
REVOKE ALL ON FUNCTION append_events(text[], int[], jsonb) FROM PUBLIC;
REVOKE ALL ON FUNCTION mask_personal_fields(uuid, jsonb, bigint, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_events(text[], int[], jsonb) TO prereview_{schema};
GRANT EXECUTE ON FUNCTION mask_personal_fields(uuid, jsonb, bigint, int) TO prereview_{schema};
"""

# What a service that consumes events has besides. The inbox: the events that it has handled, so
# that none has its effect twice. The erased users: what arrives about them later is blanked before
# it is stored; what was there is masked up to the position `masked_to`.
CONSUMER = """
CREATE TABLE inbox (
    consumer    text NOT NULL,
    event_id    uuid NOT NULL,
    digest      bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_received ON inbox (consumer, received_at);
CREATE TABLE erased_users (
    user_id   uuid PRIMARY KEY,
    erased_at timestamptz NOT NULL DEFAULT now(),
    masked_to bigint NOT NULL DEFAULT 0
);
"""


def event_store(schema: str) -> tuple[str, ...]:
    """The scripts that create the event store, for the schema's owner to run in order."""
    return (
        *(EVENTS, CHECKPOINTS, SET_ASIDE, MASKINGS),
        APPEND_EVENTS.format(schema=schema),
        MASK_PERSONAL_FIELDS.format(schema=schema),
        *(EVENTS_ARE_IMMUTABLE, TRIGGERS),
        GRANTS.format(schema=schema),
    )
