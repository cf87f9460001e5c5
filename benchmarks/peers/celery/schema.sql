CREATE TABLE files (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name    text NOT NULL,
    email   text NOT NULL,
    content bytea NOT NULL,
    checked boolean NOT NULL DEFAULT false
);
CREATE TABLE checks (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_id    bigint NOT NULL REFERENCES files,
    checked_at timestamptz NOT NULL DEFAULT now(),
    mailed_at  timestamptz
);
CREATE TABLE findings (
    check_id bigint NOT NULL REFERENCES checks,
    code     text NOT NULL,
    message  text NOT NULL,
    line     int NOT NULL,
    "column" int NOT NULL
);
CREATE INDEX ON findings (check_id);
