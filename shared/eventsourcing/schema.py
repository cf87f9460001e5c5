"""The tables every service's schema has. Migrations call this; the text of a version is frozen."""

from collections.abc import Iterator

_TABLES = """
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
CREATE INDEX events_user ON events ((metadata ->> 'user_id'));
CREATE TABLE inbox (
    consumer    text NOT NULL,
    event_id    uuid NOT NULL,
    digest      bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE TABLE checkpoints (name text PRIMARY KEY, position bigint NOT NULL);
CREATE TABLE maskings (
    masked_at timestamptz NOT NULL DEFAULT now(),
    user_id   uuid NOT NULL,
    events    bigint NOT NULL
)
"""

_IMMUTABLE = """
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
END $$;
CREATE TRIGGER events_row BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_are_immutable();
CREATE TRIGGER events_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_are_immutable()
"""

# Runs as the owner, because the login role may not update events at all. `blanks` names, per type,
# the personal fields with the empty value that takes their place; only "", [] and null may.
_MASK = """
CREATE FUNCTION mask_personal_fields(person uuid, blanks jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE touched bigint;
BEGIN
    IF EXISTS (
        SELECT FROM jsonb_each(blanks) AS t(name, fields), jsonb_each(t.fields) AS f(name, value)
        WHERE f.value NOT IN ('""', '[]', 'null')
    ) THEN
        RAISE EXCEPTION 'masking may only blank' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM set_config('prereview.masking', 'on', true);
    UPDATE events SET data = data || (blanks -> type)
    WHERE metadata ->> 'user_id' = person::text AND blanks ? type;
    GET DIAGNOSTICS touched = ROW_COUNT;
    PERFORM set_config('prereview.masking', 'off', true);
    INSERT INTO maskings (user_id, events) VALUES (person, touched);
    RETURN touched;
END $$
"""

_GRANTS = """
REVOKE UPDATE, DELETE, TRUNCATE ON events FROM {role};
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON maskings FROM {role};
REVOKE ALL ON FUNCTION mask_personal_fields(uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mask_personal_fields(uuid, jsonb) TO {role}
"""

# What the relay could not publish and passed by; tried again now and then, and then deleted.
_SET_ASIDE = """
CREATE TABLE set_aside (
    position bigint PRIMARY KEY,
    reason   text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    tried_at timestamptz NOT NULL DEFAULT now()
);
DROP INDEX events_user;
CREATE INDEX events_user ON events ((metadata ->> 'user_id'), position)
"""

# The same in steps, for a person with many events: at most so many of those after a position.
# Returns the last position looked at, null once there is none left.
_MASK_SOME = """
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
_GRANT_MASK_SOME = """
REVOKE ALL ON FUNCTION mask_personal_fields(uuid, jsonb, bigint, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mask_personal_fields(uuid, jsonb, bigint, int) TO {role}
"""

# Lock, versions, events and notice in one round trip: the fewer there are under the lock, the more
# can be written. Each statement of the function sees what was committed before it began, thus the
# second one what the writer before had done. Returns nothing where a stream has another version.
_APPEND = """
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
_GRANT_APPEND = """
REVOKE ALL ON FUNCTION append_events(text[], int[], jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_events(text[], int[], jsonb) TO {role}
"""

# Who is to be forgotten: what arrives about them later is blanked before it is kept.
ERASED_USERS = """
CREATE TABLE erased_users (
    user_id   uuid PRIMARY KEY,
    erased_at timestamptz NOT NULL DEFAULT now()
)
"""
# How far an erasure has come: the person's events up to this position are masked.
MASKED_TO = "ALTER TABLE erased_users ADD masked_to bigint NOT NULL DEFAULT 0"

# By which a consumer finds what it may forget, and reads nothing else.
INBOX_RECEIVED = "CREATE INDEX inbox_received ON inbox (consumer, received_at)"


def event_store_v1(schema: str) -> Iterator[str]:
    """The statements that lay the event store, for the schema's owner to run in order."""
    role = f"prereview_{schema}"
    yield from _statements(_TABLES)
    yield from _functions(_IMMUTABLE)
    yield _MASK.format(schema=schema)
    yield from _statements(_GRANTS.format(role=role))


def event_store_v2(schema: str) -> Iterator[str]:
    """What the event store has since: events set aside by the relay, masking in steps."""
    yield from _statements(_SET_ASIDE)
    yield _MASK_SOME.format(schema=schema)
    yield from _statements(_GRANT_MASK_SOME.format(role=f"prereview_{schema}"))


def event_store_v3(schema: str) -> Iterator[str]:
    """Appending in one round trip."""
    yield _APPEND.format(schema=schema)
    yield from _statements(_GRANT_APPEND.format(role=f"prereview_{schema}"))


def _statements(text: str) -> list[str]:
    return [part.strip() for part in text.split(";\n") if part.strip()]


def _functions(text: str) -> list[str]:
    head, *rest = text.split("END $$;\n")
    return [head + "END $$", *_statements("".join(rest))]
