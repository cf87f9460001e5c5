"""The rows of every service for the plan of `benchmarks.filling`, by table."""

ROWS = (
    """INSERT INTO auth.users (user_id, email, ascii_email, password_hash, language, created_at,
                               email_confirmed_at)
       SELECT user_id, user_id || '@example.org', user_id || '@example.org', '-', 'en', min(at),
              min(at) FROM plan GROUP BY user_id""",
    """INSERT INTO auth.sessions (session_id, user_id, kind, created_at, last_used_at)
       SELECT gen_random_uuid(), user_id, 'api', now(), now() FROM auth.users""",
    """INSERT INTO auth.session_tokens (token_hash, session_id, created_at)
       SELECT sha256(session_id::text::bytea), session_id, now() FROM auth.sessions""",
    """INSERT INTO auth.devices (user_id, device_hash, first_seen_at, last_seen_at)
       SELECT user_id, sha256(n::text::bytea), now(), now()
       FROM auth.users, generate_series(1, 3) AS n""",
    """INSERT INTO auth.security_log (user_id, at, kind, device, address)
       SELECT user_id, now() - interval '1 day' * n, 'signed_in', 'Firefox', '203.0.113.7'
       FROM auth.users, generate_series(1, 20) AS n""",
    """INSERT INTO auth.mail_requests (request_id, user_id, kind, email, ascii_email, details,
                                       requested_at, expires_at)
       SELECT gen_random_uuid(), user_id, 'confirm_email', email, ascii_email, '{}', now(),
              now() + interval '7 days' FROM auth.users""",
    """INSERT INTO auth.links (token_hash, request_id, expires_at)
       SELECT sha256(request_id::text::bytea), request_id, expires_at FROM auth.mail_requests""",
    """INSERT INTO auth.challenges (challenge_hash, user_id, kind, password_version, expires_at)
       SELECT sha256(user_id::text::bytea), user_id, 'api', 1, now() + interval '1 hour'
       FROM auth.users""",
    """INSERT INTO auth.api_tokens (token_id, user_id, name, scopes, token_hash, hint, created_at,
                                    expires_at)
       SELECT user_id, user_id, 'ci', '{files:read}', sha256(user_id::text::bytea), 'abcd', now(),
              now() + interval '90 days' FROM auth.users""",
    """INSERT INTO auth.second_factors (user_id, secret, begun_at)
       SELECT user_id, '', now() FROM auth.users""",
    """INSERT INTO auth.recovery_codes (user_id, code_hash)
       SELECT user_id, sha256(n::text::bytea) FROM auth.users, generate_series(1, 10) AS n""",
    """INSERT INTO auth.throttle (key, at, expires_at)
       SELECT substr(sha256(user_id::text::bytea), 1, 16), now(), now() + interval '1 hour'
       FROM auth.users""",
    """INSERT INTO files.contents (sha256, content)
       SELECT sha256, content FROM saved ON CONFLICT DO NOTHING""",
    """INSERT INTO files.files (file_id, user_id, name, version, deleted, deleted_at, saved_at)
       SELECT file_id, user_id, name, version, deleted, CASE WHEN deleted THEN saved_at END,
              saved_at
       FROM saved WHERE last""",
    """INSERT INTO files.file_versions (file_id, version, user_id, name, size, sha256, saved_at)
       SELECT file_id, version, user_id, name, size, sha256, saved_at FROM saved""",
    """INSERT INTO files.usage (user_id, files, bytes)
       SELECT user_id, (SELECT count(*) FROM files.files AS f
                        WHERE f.user_id = once.user_id AND NOT deleted), sum(size)
       FROM (SELECT DISTINCT user_id, sha256, size FROM saved) AS once GROUP BY user_id""",
    """INSERT INTO checker.files (file_id, user_id, sequence, deleted)
       SELECT file_id, user_id, version, deleted FROM saved WHERE last""",
    """INSERT INTO checker.versions (file_id, version, user_id, name, sha256, size, changed_at,
                                     deleted, checked)
       SELECT file_id, version, user_id, name, sha256, size, saved_at, deleted, NOT unchecked
       FROM saved""",
    "INSERT INTO notifier.confirmed_users (user_id) SELECT user_id FROM auth.users",
    # Some mails wait for tomorrow.
    """INSERT INTO notifier.mails (mail_id, user_id, check_id, type, result, queued_at, state,
                                   attempts, kind, due_at)
       SELECT mail_id, user_id, check_id, 'FileChecked', '{}', checked_at,
              CASE WHEN waits THEN 'queued' ELSE 'sent' END, 1, 'check_result',
              CASE WHEN waits THEN now() + interval '1 day' END
       FROM (SELECT *, n % 101 = 11 AS waits FROM checked) AS mailed""",
    """INSERT INTO reports.checks (check_id, file_id, user_id, file_name, version, sha256, engine,
                                   profile, started_at, checked_at, duration_ms, outcome, reason,
                                   verdict, counts, truncated, findings, fixed)
       SELECT check_id, file_id, user_id, name, version, sha256, 'ruff 0.17.6',
              'standard 0123456789ab', checked_at, checked_at, 14, outcome,
              CASE outcome WHEN 'failed' THEN 'timeout' END, verdict, counts, false, findings, '[]'
       FROM checked""",
    """INSERT INTO reports.mails (mail_id, check_id, user_id, sequence, state, attempts, sent_at,
                                  message_id, reply, kind, queued_at)
       SELECT mail_id, check_id, user_id, 2, 'sent', 1, checked_at,
              '<' || mail_id || '@example.org>', '250 Ok', 'check_result', checked_at
       FROM checked""",
    """INSERT INTO reports.files (file_id, user_id, sequence, deleted, version, name, folded, size,
                                  sha256, uploaded_at, deleted_at, check_id, check_version,
                                  checked_at, verdict)
       SELECT s.file_id, s.user_id, s.version, s.deleted, s.version, s.name, s.name, s.size,
              s.sha256, s.saved_at, CASE WHEN s.deleted THEN s.saved_at END, c.check_id,
              coalesce(c.version, 0), c.checked_at, c.verdict
       FROM saved s LEFT JOIN LATERAL (
           SELECT * FROM checked WHERE file_id = s.file_id ORDER BY version DESC LIMIT 1
       ) AS c ON true WHERE s.last""",
)
