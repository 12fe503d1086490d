INSERT INTO users (id, username, username_folded, display_name, password_hash,
                                      password_expires_at, expires_at, contact_number, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                   ON CONFLICT DO NOTHING
;;
SELECT id FROM users WHERE username_folded = $1
;;
SELECT id, username, display_name, password_hash, password_expires_at, expires_at, locked_at,
         contact_number, created_at,
         ARRAY(SELECT role FROM user_roles WHERE user_id = users.id) AS roles FROM users WHERE id = $1 AND gone_at IS NULL
;;
SELECT id, username, display_name, password_hash, password_expires_at, expires_at, locked_at,
         contact_number, created_at,
         ARRAY(SELECT role FROM user_roles WHERE user_id = users.id) AS roles FROM users WHERE username_folded = $1 AND gone_at IS NULL
;;
SELECT id, username, display_name, password_hash, password_expires_at, expires_at, locked_at,
         contact_number, created_at,
         ARRAY(SELECT role FROM user_roles WHERE user_id = users.id) AS roles FROM users
         WHERE gone_at IS NULL AND username_folded COLLATE "C" >= $1
             AND username_folded COLLATE "C" < $1 || chr(1114111)
             AND username_folded COLLATE "C" > $2
         ORDER BY username_folded COLLATE "C" LIMIT $3
;;
UPDATE users
         SET display_name = coalesce($2, display_name),
             contact_number = CASE WHEN $3 THEN $4 ELSE contact_number END
         WHERE id = $1 AND gone_at IS NULL RETURNING id, username, display_name, password_hash, password_expires_at, expires_at, locked_at,
         contact_number, created_at,
         ARRAY(SELECT role FROM user_roles WHERE user_id = users.id) AS roles
;;
UPDATE users SET password_hash = $2, password_expires_at = $3
                    WHERE id = $1 AND gone_at IS NULL
;;
UPDATE users SET locked_at = $2 WHERE id = $1 AND gone_at IS NULL
;;
SELECT id FROM users WHERE id = $1 AND gone_at IS NULL FOR NO KEY UPDATE
;;
DELETE FROM user_roles WHERE user_id = $1
;;
INSERT INTO user_roles (user_id, role)
                    SELECT $1, role FROM unnest($2::text[]) AS given (role)
                    ON CONFLICT DO NOTHING
;;
SELECT pg_advisory_xact_lock($1)
;;
SELECT EXISTS (SELECT FROM user_roles JOIN users ON users.id = user_id
             WHERE role = 'admin' AND locked_at IS NULL AND password_hash IS NOT NULL
                 AND (expires_at IS NULL OR expires_at > $2) AND user_id = $1)
        AND NOT EXISTS (SELECT FROM user_roles JOIN users ON users.id = user_id
             WHERE role = 'admin' AND locked_at IS NULL AND password_hash IS NOT NULL
                 AND (expires_at IS NULL OR expires_at > $2) AND user_id <> $1) AS is_last
;;
SELECT count(*) AS n FROM user_roles JOIN users ON users.id = user_id
             WHERE role = 'admin' AND locked_at IS NULL AND password_hash IS NOT NULL
                 AND (expires_at IS NULL OR expires_at > $1)
;;
INSERT INTO audit
                (id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
;;
UPDATE audit SET outcome = $2, code = $3 WHERE id = $1 AND outcome = 'begun'
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name
             FROM audit
             WHERE id < $1 AND ($2::text IS NULL OR act = $2)
                AND ($3::uuid IS NULL OR actor_id = $3) AND (NOT $4::boolean OR actor_id IS NULL)
                AND ($5::uuid IS NULL OR user_id = $5)
                AND ($6::bigint IS NULL OR room_id = $6)
                AND ($8::boolean IS NULL OR by_staff = $8) AND true ORDER BY id DESC LIMIT $7
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name
             FROM audit
             WHERE id < $1 AND ($2::text IS NULL OR act = $2)
                AND ($3::uuid IS NULL OR actor_id = $3) AND (NOT $4::boolean OR actor_id IS NULL)
                AND ($5::uuid IS NULL OR user_id = $5)
                AND ($6::bigint IS NULL OR room_id = $6)
                AND ($8::boolean IS NULL OR by_staff = $8) AND user_id = $5 ORDER BY id DESC LIMIT $7
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name
             FROM audit
             WHERE id < $1 AND ($2::text IS NULL OR act = $2)
                AND ($3::uuid IS NULL OR actor_id = $3) AND (NOT $4::boolean OR actor_id IS NULL)
                AND ($5::uuid IS NULL OR user_id = $5)
                AND ($6::bigint IS NULL OR room_id = $6)
                AND ($8::boolean IS NULL OR by_staff = $8) AND room_id = $6 ORDER BY id DESC LIMIT $7
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name
             FROM audit
             WHERE id < $1 AND ($2::text IS NULL OR act = $2)
                AND ($3::uuid IS NULL OR actor_id = $3) AND (NOT $4::boolean OR actor_id IS NULL)
                AND ($5::uuid IS NULL OR user_id = $5)
                AND ($6::bigint IS NULL OR room_id = $6)
                AND ($8::boolean IS NULL OR by_staff = $8) AND actor_id = $3 ORDER BY id DESC LIMIT $7
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name
             FROM audit
             WHERE id < $1 AND ($2::text IS NULL OR act = $2)
                AND ($3::uuid IS NULL OR actor_id = $3) AND (NOT $4::boolean OR actor_id IS NULL)
                AND ($5::uuid IS NULL OR user_id = $5)
                AND ($6::bigint IS NULL OR room_id = $6)
                AND ($8::boolean IS NULL OR by_staff = $8) AND actor_id IS NULL ORDER BY id DESC LIMIT $7
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name
             FROM audit
             WHERE id < $1 AND ($2::text IS NULL OR act = $2)
                AND ($3::uuid IS NULL OR actor_id = $3) AND (NOT $4::boolean OR actor_id IS NULL)
                AND ($5::uuid IS NULL OR user_id = $5)
                AND ($6::bigint IS NULL OR room_id = $6)
                AND ($8::boolean IS NULL OR by_staff = $8) AND act = $2 ORDER BY id DESC LIMIT $7
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name
             FROM audit
             WHERE id < $1 AND ($2::text IS NULL OR act = $2)
                AND ($3::uuid IS NULL OR actor_id = $3) AND (NOT $4::boolean OR actor_id IS NULL)
                AND ($5::uuid IS NULL OR user_id = $5)
                AND ($6::bigint IS NULL OR room_id = $6)
                AND ($8::boolean IS NULL OR by_staff = $8) AND by_staff = $8 ORDER BY id DESC LIMIT $7
;;
SELECT id FROM audit WHERE by_staff = $1 ORDER BY id DESC LIMIT 1 OFFSET $2
;;
DELETE FROM audit WHERE id IN
                         (SELECT id FROM audit WHERE by_staff = $1 AND id <= $2
                          ORDER BY id LIMIT $3)
;;
DELETE FROM bans WHERE room_id = $1 AND user_id = $2
;;
SELECT user_id, username, display_name, banned_by, banned_at
               FROM bans JOIN users ON users.id = user_id
               WHERE room_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3
;;
INSERT INTO bans (room_id, user_id, banned_by, banned_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING
;;
SELECT 1 FROM bans WHERE room_id = $1 AND user_id = $2
;;
SELECT c.seq AS seq, target_seq, at,
                              CASE WHEN m.id IS NULL THEN 'deleted' ELSE c.kind END AS kind,
                              coalesce(m.id, target_id) AS id, coalesce(content, '') AS content
                       FROM changes AS c
                       LEFT JOIN messages AS m ON m.room_id = c.room_id AND m.seq = target_seq
                       WHERE c.room_id = $1 AND c.seq > $2 AND c.seq <= $3 ORDER BY c.seq
;;
INSERT INTO entries
                  (id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                   takeover, offered, attempts, reservation_to_connect, decision)
              SELECT * FROM unnest(
                  $1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::bigint[], $6::bigint[],
                  $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::boolean[],
                  $13::boolean[], $14::bigint[], $15::bigint[], $16::bigint[])
              ON CONFLICT DO NOTHING
;;
SELECT id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                    takeover, offered, attempts, reservation_to_connect, decision
             FROM entries WHERE id < $1 AND ($2::text IS NULL OR outcome = $2) AND $3::bigint IS NULL AND $4::uuid IS NULL ORDER BY id DESC LIMIT $5
;;
SELECT id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                    takeover, offered, attempts, reservation_to_connect, decision
             FROM entries WHERE id < $1 AND ($2::text IS NULL OR outcome = $2) AND room_id = $3 AND ($4::uuid IS NULL OR user_id = $4) ORDER BY id DESC LIMIT $5
;;
SELECT id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                    takeover, offered, attempts, reservation_to_connect, decision
             FROM entries WHERE id < $1 AND ($2::text IS NULL OR outcome = $2) AND user_id = $4 AND $3::bigint IS NULL ORDER BY id DESC LIMIT $5
;;
SELECT at / $2 * $2 AS begins, outcome, count(*) AS lines
              FROM entries WHERE at >= $1 GROUP BY 1, 2
;;
SELECT min(at) AS oldest FROM entries
;;
SELECT id FROM entries ORDER BY id DESC LIMIT 1 OFFSET $1
;;
DELETE FROM entries WHERE id IN
                         (SELECT id FROM entries WHERE id <= $1 ORDER BY id LIMIT $2)
;;
INSERT INTO events (id, routing_key, payload, occurred_at)
           SELECT id, routing_key, payload, occurred_at
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[])
                WITH ORDINALITY AS told (id, routing_key, payload, occurred_at, place)
           ORDER BY place
;;
SELECT EXISTS (SELECT FROM events)
;;
UPDATE events_turn
                 SET publisher = $1, held_until = now() + $2 * interval '1 millisecond'
                 WHERE publisher IS NULL OR publisher = $1 OR held_until < now()
;;
UPDATE events_turn SET publisher = NULL WHERE publisher = $1
;;
SELECT n, id, routing_key, payload, occurred_at FROM events ORDER BY n LIMIT $1
;;
DELETE FROM events WHERE n = ANY ($1)
;;
SELECT (SELECT max(n) FROM events) - n + 1 AS waiting, occurred_at FROM events
               ORDER BY n LIMIT 1
;;
SELECT id FROM rooms LEFT JOIN indexed ON room_id = id
              WHERE last_seq > coalesce(indexed.seq, 0) ORDER BY id
;;
SELECT id, last_seq, coalesce(indexed.seq, 0)
                 FROM rooms LEFT JOIN indexed ON room_id = id WHERE id = ANY ($1)
;;
INSERT INTO indexed (room_id, seq)
             SELECT room_id, 0 FROM unnest($1::bigint[]) AS asked (room_id) ORDER BY room_id
             ON CONFLICT DO NOTHING
;;
SELECT room_id, seq FROM indexed WHERE room_id = ANY ($1) ORDER BY room_id FOR UPDATE
;;
SELECT id, gone_seq FROM rooms WHERE id = ANY ($1)
;;
UPDATE indexed SET seq = now.seq
                     FROM unnest($1::bigint[], $2::bigint[]) AS now (room_id, seq)
                     WHERE indexed.room_id = now.room_id
;;
DELETE FROM found_words AS f
                    USING unnest($1::bigint[], $2::bigint[]) AS gone (room_id, seq)
                    WHERE f.room_id = gone.room_id AND f.seq = gone.seq
;;
INSERT INTO found_words (room_id, seq, words)
                 SELECT room_id, seq, array_to_tsvector(string_to_array(words, ' '))
                 FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS new (room_id, seq, words)
                 ON CONFLICT (room_id, seq) DO UPDATE SET words = excluded.words
;;
SELECT gone_seq FROM rooms WHERE id = $1
;;
SELECT id,
            coalesce((SELECT created_at FROM messages AS m WHERE m.room_id = rooms.id
                      ORDER BY seq LIMIT 1) < $2, false)
            OR coalesce((SELECT at FROM changes AS c WHERE c.room_id = rooms.id
                         ORDER BY seq LIMIT 1) < $2, false)
        FROM rooms WHERE id > $1 ORDER BY id LIMIT $3
;;
SELECT gone_seq FROM rooms WHERE id = $1 FOR NO KEY UPDATE
;;
INSERT INTO indexed (room_id, seq) VALUES ($1, 0) ON CONFLICT DO NOTHING
;;
SELECT seq FROM indexed WHERE room_id = $1 FOR UPDATE
;;
SELECT seq, at FROM (
            (SELECT seq, created_at AS at FROM messages WHERE room_id = $1 AND seq > $2
             ORDER BY seq LIMIT $3)
            UNION ALL
            (SELECT seq, at FROM changes WHERE room_id = $1 AND seq > $2 ORDER BY seq LIMIT $3)
        ) AS oldest ORDER BY seq LIMIT $3
;;
UPDATE changes AS c SET target_id = m.id FROM messages AS m
        WHERE m.room_id = $1 AND m.seq = c.target_seq AND c.room_id = $1
          AND c.target_seq > $2 AND c.target_seq <= $3 AND c.seq > $3 AND c.target_id IS NULL
;;
DELETE FROM found_words WHERE room_id = $1 AND seq > $2 AND seq <= $3
;;
DELETE FROM messages WHERE room_id = $1 AND seq > $2 AND seq <= $3
;;
DELETE FROM changes WHERE room_id = $1 AND seq > $2 AND seq <= $3
;;
UPDATE rooms SET gone_seq = $2 WHERE id = $1
;;
INSERT INTO logins (id, user_id, signature_hash, jti, issued_at, expires_at,
                                        previous_hash, previous_until, created_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                    ON CONFLICT (id) DO NOTHING
;;
SELECT id FROM logins WHERE user_id = $1 AND ended_at IS NULL ORDER BY ordinal
;;
SELECT id, user_id, signature_hash, jti, issued_at, expires_at, previous_hash,
                    previous_until, created_at
             FROM logins WHERE ended_at IS NULL AND user_id = $1 ORDER BY ordinal
;;
SELECT id, user_id, signature_hash, jti, issued_at, expires_at, previous_hash,
                    previous_until, created_at
             FROM logins WHERE ended_at IS NULL AND id = $1
;;
UPDATE logins
               SET previous_hash = signature_hash, previous_until = $3, signature_hash = $4,
                   jti = $5, issued_at = $6, expires_at = $7
               WHERE id = $1 AND ended_at IS NULL AND signature_hash = $2
;;
SELECT end_reason FROM logins WHERE id = $1 AND ended_at IS NOT NULL
;;
UPDATE logins SET ended_at = $2, end_reason = $3
                 WHERE id = $1 AND ended_at IS NULL
;;
UPDATE logins SET ended_at = $2, end_reason = $3
                    WHERE id = $1 AND ended_at IS NULL RETURNING user_id
;;
UPDATE logins SET ended_at = $2, end_reason = $3
                  WHERE id = ANY ($1) AND ended_at IS NULL
;;
SELECT deployment, epoch FROM meta
;;
UPDATE meta SET epoch = epoch + 1 RETURNING epoch
;;
UPDATE memberships SET left_at = $1, left_reason = $2 WHERE left_at IS NULL AND (room_id, epoch, n) NOT IN
                 (SELECT * FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]))
;;
UPDATE memberships SET left_at = $1, left_reason = $2 WHERE left_at IS NULL AND (room_id, epoch, n) NOT IN
                 (SELECT * FROM unnest($3::bigint[], $4::bigint[], $5::bigint[])) RETURNING room_id, user_id, epoch, n
;;
SELECT user_id, epoch, n FROM memberships
                    WHERE room_id = $1 AND left_at IS NULL ORDER BY ordinal
;;
UPDATE memberships SET left_at = $1, left_reason = $2 WHERE left_at IS NULL AND room_id = $3
;;
UPDATE memberships SET left_at = $1, left_reason = $2 WHERE left_at IS NULL AND room_id = $3 RETURNING room_id, user_id, epoch, n
;;
UPDATE memberships SET left_at = $1, left_reason = $2 WHERE left_at IS NULL AND room_id = $3 AND epoch = $4 AND n = $5
;;
UPDATE memberships SET left_at = $1, left_reason = $2 WHERE left_at IS NULL AND room_id = $3 AND epoch = $4 AND n = $5 RETURNING room_id, user_id, epoch, n
;;
UPDATE memberships SET left_at = $1, left_reason = $2 WHERE left_at IS NULL AND room_id = $3 AND user_id = $6 AND (epoch, n) < ($4, $5)
;;
UPDATE memberships SET left_at = $1, left_reason = $2 WHERE left_at IS NULL AND room_id = $3 AND user_id = $6 AND (epoch, n) < ($4, $5) RETURNING room_id, user_id, epoch, n
;;
SELECT 1 FROM memberships WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL
;;
SELECT closed_at IS NOT NULL FROM rooms WHERE id = $1 FOR KEY SHARE
;;
WITH queued AS (DELETE FROM creation_queue WHERE id = $1 RETURNING *)
                 INSERT INTO rooms (id, name, capacity, staff_seats, visibility, key, password_hash,
                                    lifetime, owner_id, created_at, pending_until, opened_at)
                 SELECT id, name, capacity, staff_seats, visibility, key, password_hash,
                        lifetime, owner_id, created_at, pending_until, $2 FROM queued
;;
INSERT INTO memberships (room_id, user_id, epoch, n, entered_at,
                                            left_at, left_reason)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)
;;
SELECT user_id,
                         ordinal = (SELECT min(ordinal) FROM memberships WHERE room_id = $1) AS first
                  FROM memberships WHERE room_id = $1 AND epoch = $2 AND n = $3
;;
SELECT id, last_seq FROM rooms WHERE id = ANY ($1) AND closed_at IS NULL
                  ORDER BY id FOR NO KEY UPDATE
;;
SELECT room_id, sender_id, client_id, m.id AS id, m.seq AS seq,
                     m.created_at AS created_at
              FROM unnest($1::bigint[], $2::uuid[], $3::text[]) AS asked (room_id, sender_id, client_id)
              JOIN messages AS m USING (room_id, sender_id, client_id)
              WHERE m.client_id IS NOT NULL
;;
SELECT id, room_id, seq, sender_id, kind, content_type, content, created_at,
                       updated_at, deleted_at, changed_seq
                FROM messages WHERE id = ANY ($1)
;;
SELECT room_id, user_id FROM unnest($1::bigint[], $2::uuid[]) AS asked (room_id, user_id)
             WHERE EXISTS (SELECT FROM rooms WHERE id = asked.room_id AND owner_id = asked.user_id)
                OR EXISTS (SELECT FROM user_roles AS r WHERE r.user_id = asked.user_id
                           AND r.role IN ('moderator', 'admin'))
;;
INSERT INTO messages (room_id, seq, id, sender_id, client_id, kind, content_type,
                                             content, created_at, updated_at, deleted_at, changed_seq,
                                             reply_to)
                       SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[],
                                            $5::text[], $6::text[], $7::text[], $8::text[],
                                            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
                                            $13::bigint[])
;;
INSERT INTO changes (room_id, seq, target_seq, kind, actor_id, at)
                      SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[],
                                           $5::uuid[], $6::bigint[])
;;
UPDATE messages AS m
                      SET content = now.content, updated_at = now.updated_at,
                          deleted_at = now.deleted_at, changed_seq = now.changed_seq
                      FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
                           AS now (id, content, updated_at, deleted_at, changed_seq)
                      WHERE m.id = now.id
;;
UPDATE rooms SET last_seq = now.seq
                     FROM unnest($1::bigint[], $2::bigint[]) AS now (id, seq) WHERE rooms.id = now.id
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    CASE WHEN gone_at IS NULL THEN display_name END AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE room_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    CASE WHEN gone_at IS NULL THEN display_name END AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE room_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    CASE WHEN gone_at IS NULL THEN display_name END AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE room_id = $1 AND seq < $2 AND seq > $3 ORDER BY seq DESC LIMIT $4
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    CASE WHEN gone_at IS NULL THEN display_name END AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE room_id = $1 AND seq = ANY ($2) ORDER BY seq DESC
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    CASE WHEN gone_at IS NULL THEN display_name END AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE room_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    CASE WHEN gone_at IS NULL THEN display_name END AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE m.id = $1
;;
INSERT INTO nodes (node, incarnation, leased_until, seats_life)
            SELECT $1, $2, now() + $3 * interval '1 millisecond', seats_life FROM meta
            ON CONFLICT (node) DO UPDATE
            SET incarnation = excluded.incarnation, leased_until = excluded.leased_until,
                fenced = false, swept = false, seats_life = excluded.seats_life
            WHERE nodes.incarnation < excluded.incarnation
;;
UPDATE nodes SET leased_until = now() + $3 * interval '1 millisecond'
             WHERE node = $1 AND incarnation = $2 AND NOT fenced
;;
UPDATE nodes SET fenced = true, swept = true WHERE node = $1 AND incarnation = $2
;;
UPDATE nodes SET fenced = true
             WHERE NOT fenced AND leased_until < now() AND node <> $1
;;
SELECT node, incarnation FROM nodes WHERE fenced AND NOT swept ORDER BY node
;;
SELECT node, incarnation, fenced, swept,
                     (extract(epoch FROM leased_until - now()) * 1000)::bigint AS lease_left
                 FROM nodes ORDER BY node
;;
SELECT seats_life FROM meta
;;
UPDATE meta SET seats_life = seats_life + 1 WHERE seats_life = $1
;;
UPDATE nodes SET seats_life = greatest(seats_life, $3)
               WHERE node = $1 AND incarnation = $2
;;
SELECT NOT EXISTS (SELECT FROM nodes WHERE NOT fenced AND seats_life < $1)
;;
SELECT node, incarnation
               FROM unnest($1::bigint[], $2::bigint[]) AS asked (node, incarnation)
               JOIN nodes USING (node, incarnation) WHERE NOT fenced
;;
UPDATE nodes SET swept = true WHERE node = $1 AND incarnation = $2 AND fenced
;;
SELECT NOT current_setting('transaction_read_only')::boolean AS can_write FROM meta
;;
SELECT max(ordinal), count(*) FROM
                  (SELECT ordinal FROM logins WHERE ordinal > $1 ORDER BY ordinal LIMIT $2) AS stretch
;;
SELECT id, created_at, ended_at, end_reason FROM logins
              WHERE ordinal > $1 AND ordinal <= $2 AND user_id = $3 ORDER BY ordinal
;;
SELECT max(ordinal), count(*) FROM
                 (SELECT ordinal FROM memberships WHERE ordinal > $1 ORDER BY ordinal LIMIT $2) AS stretch
;;
SELECT room_id, entered_at, left_at, left_reason FROM memberships
             WHERE ordinal > $1 AND ordinal <= $2 AND user_id = $3 ORDER BY ordinal
;;
SELECT max(id), count(*) FROM
                 (SELECT id FROM rooms WHERE id > $1 ORDER BY id LIMIT $2) AS stretch
;;
SELECT id, name, created_at, closed_at FROM rooms
             WHERE id > $1 AND id <= $2 AND owner_id = $3 ORDER BY id
;;
SELECT max(room_id), count(*) FROM
                (SELECT room_id FROM bans WHERE room_id > $1 ORDER BY room_id LIMIT $2) AS stretch
;;
SELECT room_id, banned_at FROM bans
            WHERE room_id > $1 AND room_id <= $2 AND user_id = $3 ORDER BY room_id
;;
SELECT max(seq), count(*) FROM
                    (SELECT seq FROM messages WHERE room_id = $1 AND seq > $2
                     ORDER BY seq LIMIT $3) AS stretch
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    CASE WHEN gone_at IS NULL THEN display_name END AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE room_id = $1 AND seq > $2 AND seq <= $3 AND sender_id = $4 ORDER BY seq
;;
SELECT gone_at IS NOT NULL AS is_gone FROM users WHERE id = $1 FOR NO KEY UPDATE
;;
SELECT logins.id FROM logins JOIN users ON users.id = user_id
                     WHERE user_id = $1 AND ended_at = gone_at ORDER BY ordinal
;;
UPDATE users
        SET username = $3, username_folded = $3, display_name = '–', password_hash = NULL,
            password_expires_at = NULL, contact_number = NULL, locked_at = $2, gone_at = $2
        WHERE id = $1
;;
UPDATE users SET erases = true WHERE id = $1
;;
DELETE FROM user_roles WHERE user_id = $1
;;
INSERT INTO user_roles (user_id, role) VALUES ($1, 'user')
;;
SELECT id, gone_at FROM users WHERE erases ORDER BY id LIMIT $1
;;
UPDATE users SET erases = false WHERE id = $1
;;
SELECT id FROM rooms WHERE id = $1 AND closed_at IS NOT NULL FOR NO KEY UPDATE
;;
UPDATE messages SET content = '', deleted_at = $5
        WHERE room_id = $1 AND seq > $2 AND seq <= $3 AND sender_id = $4 AND deleted_at IS NULL
;;
DELETE FROM found_words WHERE room_id = $1 AND seq IN
        (SELECT seq FROM messages WHERE room_id = $1 AND seq > $2 AND seq <= $3 AND sender_id = $4)
;;
INSERT INTO creation_queue (name, capacity, staff_seats, visibility, key,
                                              password_hash, lifetime, owner_id, created_at,
                                              pending_until)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                  RETURNING id
;;
SELECT id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until FROM creation_queue ORDER BY id
;;
DELETE FROM creation_queue WHERE id = $1
;;
SELECT closed_at IS NULL FROM rooms WHERE id = $1 FOR UPDATE
;;
DELETE FROM memberships WHERE room_id = $1
        AND NOT EXISTS (SELECT FROM messages WHERE room_id = $1)
        AND NOT EXISTS (SELECT FROM memberships
            WHERE room_id = $1 AND left_reason IS DISTINCT FROM 'entry_failed')
;;
DELETE FROM rooms WHERE id = $1 AND closed_at IS NULL
        AND NOT EXISTS (SELECT FROM memberships WHERE room_id = $1)
        AND NOT EXISTS (SELECT FROM messages WHERE room_id = $1)
;;
SELECT id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until, opened_at, closed_at, last_seq FROM rooms WHERE closed_at IS NULL ORDER BY id
;;
SELECT id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until, opened_at, closed_at, last_seq FROM rooms WHERE id = $1
;;
SELECT id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until, opened_at, closed_at, last_seq FROM rooms WHERE id = $1
         UNION ALL
         SELECT id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until, NULL, NULL, NULL FROM creation_queue WHERE id = $1
;;
UPDATE rooms SET closed_at = $2 WHERE id = $1
;;
UPDATE rooms
         SET name = coalesce($2, name), capacity = coalesce($3, capacity),
             staff_seats = coalesce($4, staff_seats), visibility = coalesce($5, visibility),
             key = CASE WHEN $5 IS NULL THEN key ELSE $6 END,
             password_hash = CASE WHEN $7 THEN $8 ELSE password_hash END
         WHERE id = $1 AND closed_at IS NULL
         RETURNING id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until, opened_at, closed_at, last_seq
;;
SELECT last_seq, coalesce(indexed.seq, 0)
               FROM rooms LEFT JOIN indexed ON room_id = id WHERE id = $1
;;
SELECT DISTINCT target_seq FROM changes WHERE room_id = $1 AND seq > $2
;;
WITH top AS MATERIALIZED (
                           SELECT seq, words FROM found_words WHERE room_id = $1 AND seq < $2
                           ORDER BY seq DESC LIMIT $4)
                       SELECT (SELECT min(seq) FROM top) AS lowest,
                              ARRAY(SELECT seq FROM top WHERE words @@ CAST($3::text AS tsquery)) AS hits
;;
WITH hits AS MATERIALIZED (
                SELECT seq FROM found_words WHERE words @@ CAST($2::text AS tsquery) AND seq < $1)
            SELECT seq FROM hits ORDER BY seq DESC LIMIT $3
;;
INSERT INTO nodes (node, incarnation, leased_until, seats_life)
            SELECT $1, $2, now() + $3 * interval '1 millisecond', seats_life FROM meta
            ON CONFLICT (node) DO UPDATE
            SET incarnation = excluded.incarnation, leased_until = excluded.leased_until,
                fenced = false, swept = false, seats_life = excluded.seats_life
            WHERE nodes.incarnation < excluded.incarnation
            RETURNING seats_life
;;
UPDATE nodes SET leased_until = now() + $3 * interval '1 millisecond' FROM meta
             WHERE node = $1 AND incarnation = $2 AND NOT fenced RETURNING meta.seats_life
;;
SELECT seats_life = $1
                       AND NOT EXISTS (SELECT FROM nodes WHERE NOT fenced AND nodes.seats_life < $1)
                   FROM meta
;;
