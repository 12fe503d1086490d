INSERT INTO users (id, username, username_folded, display_name, password_hash,
                                      password_expires_at, expires_at, contact_number, created_at)
                   VALUES (:id, :username, :folded, :display_name, :password_hash,
                           :password_expires_at, :expires_at, :contact_number, :created_at)
                   ON CONFLICT DO NOTHING
;;
SELECT id FROM users WHERE username_folded = ?1
;;
SELECT id, username, display_name, password_hash, password_expires_at, expires_at,
                    locked_at, contact_number, created_at,
                    (SELECT group_concat(role) FROM user_roles WHERE user_id = users.id) AS roles
             FROM users WHERE id = ?1 AND gone_at IS NULL
;;
SELECT id, username, display_name, password_hash, password_expires_at, expires_at,
                    locked_at, contact_number, created_at,
                    (SELECT group_concat(role) FROM user_roles WHERE user_id = users.id) AS roles
             FROM users WHERE username_folded = ?1 AND gone_at IS NULL
;;
SELECT id, username, display_name, password_hash, password_expires_at, expires_at,
                    locked_at, contact_number, created_at,
                    (SELECT group_concat(role) FROM user_roles WHERE user_id = users.id) AS roles
             FROM users WHERE gone_at IS NULL AND username_folded >= :prefix AND username_folded < :prefix || char(1114111)
                      AND username_folded > :after ORDER BY username_folded LIMIT :limit
;;
UPDATE users
                      SET display_name = coalesce(:display_name, display_name),
                          contact_number = iif(:with_contact, :contact_number, contact_number)
                      WHERE id = :id AND gone_at IS NULL
;;
UPDATE users SET password_hash = ?2, password_expires_at = ?3
                    WHERE id = ?1 AND gone_at IS NULL
;;
UPDATE users SET locked_at = ?2 WHERE id = ?1 AND gone_at IS NULL
;;
SELECT 1 FROM users WHERE id = ?1 AND gone_at IS NULL
;;
DELETE FROM user_roles WHERE user_id = ?1
;;
INSERT INTO user_roles (user_id, role) VALUES (?1, ?2) ON CONFLICT DO NOTHING
;;
SELECT EXISTS (SELECT 1 FROM user_roles JOIN users ON users.id = user_id
             WHERE role = 'admin' AND locked_at IS NULL AND password_hash IS NOT NULL
                 AND (expires_at IS NULL OR expires_at > ?2) AND user_id = ?1)
        AND NOT EXISTS (SELECT 1 FROM user_roles JOIN users ON users.id = user_id
             WHERE role = 'admin' AND locked_at IS NULL AND password_hash IS NOT NULL
                 AND (expires_at IS NULL OR expires_at > ?2) AND user_id <> ?1)
;;
SELECT count(*) FROM user_roles JOIN users ON users.id = user_id
             WHERE role = 'admin' AND locked_at IS NULL AND password_hash IS NOT NULL
                 AND (expires_at IS NULL OR expires_at > ?1)
;;
INSERT OR IGNORE INTO audit
                (id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
;;
UPDATE audit SET outcome = ?2, code = ?3 WHERE id = ?1 AND outcome = 'begun'
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name FROM audit WHERE id < :before AND (:act IS NULL OR act = :act)
                AND (:actor IS NULL OR actor_id = :actor)
                AND (NOT :by_command OR actor_id IS NULL)
                AND (:user IS NULL OR user_id = :user)
                AND (:room IS NULL OR room_id = :room)
                AND (:by_staff IS NULL OR by_staff = :by_staff) AND true ORDER BY id DESC LIMIT :limit
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name FROM audit INDEXED BY audit_user WHERE id < :before AND (:act IS NULL OR act = :act)
                AND (:actor IS NULL OR actor_id = :actor)
                AND (NOT :by_command OR actor_id IS NULL)
                AND (:user IS NULL OR user_id = :user)
                AND (:room IS NULL OR room_id = :room)
                AND (:by_staff IS NULL OR by_staff = :by_staff) AND user_id = :user ORDER BY id DESC LIMIT :limit
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name FROM audit INDEXED BY audit_room WHERE id < :before AND (:act IS NULL OR act = :act)
                AND (:actor IS NULL OR actor_id = :actor)
                AND (NOT :by_command OR actor_id IS NULL)
                AND (:user IS NULL OR user_id = :user)
                AND (:room IS NULL OR room_id = :room)
                AND (:by_staff IS NULL OR by_staff = :by_staff) AND room_id = :room ORDER BY id DESC LIMIT :limit
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name FROM audit INDEXED BY audit_actor WHERE id < :before AND (:act IS NULL OR act = :act)
                AND (:actor IS NULL OR actor_id = :actor)
                AND (NOT :by_command OR actor_id IS NULL)
                AND (:user IS NULL OR user_id = :user)
                AND (:room IS NULL OR room_id = :room)
                AND (:by_staff IS NULL OR by_staff = :by_staff) AND actor_id IS :actor ORDER BY id DESC LIMIT :limit
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name FROM audit INDEXED BY audit_act WHERE id < :before AND (:act IS NULL OR act = :act)
                AND (:actor IS NULL OR actor_id = :actor)
                AND (NOT :by_command OR actor_id IS NULL)
                AND (:user IS NULL OR user_id = :user)
                AND (:room IS NULL OR room_id = :room)
                AND (:by_staff IS NULL OR by_staff = :by_staff) AND act = :act ORDER BY id DESC LIMIT :limit
;;
SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name FROM audit INDEXED BY audit_kept WHERE id < :before AND (:act IS NULL OR act = :act)
                AND (:actor IS NULL OR actor_id = :actor)
                AND (NOT :by_command OR actor_id IS NULL)
                AND (:user IS NULL OR user_id = :user)
                AND (:room IS NULL OR room_id = :room)
                AND (:by_staff IS NULL OR by_staff = :by_staff) AND by_staff = :by_staff ORDER BY id DESC LIMIT :limit
;;
SELECT id FROM audit WHERE by_staff = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2
;;
DELETE FROM audit WHERE id IN
                         (SELECT id FROM audit WHERE by_staff = ?1 AND id <= ?2
                          ORDER BY id LIMIT ?3)
;;
SELECT room_id, seq, sender_id, kind, content_type, content,
                       updated_at, deleted_at, changed_seq, created_at
                FROM messages WHERE id = ?1
;;
SELECT EXISTS (SELECT 1 FROM rooms WHERE id = ?1 AND owner_id = ?2)
                    OR EXISTS (SELECT 1 FROM user_roles
                               WHERE user_id = ?2 AND role IN ('moderator', 'admin'))
;;
INSERT INTO changes (room_id, seq, target_seq, kind, actor_id, at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
;;
UPDATE messages SET content = ?3, updated_at = ?4, changed_seq = ?5
            WHERE row_no = (?1 << 32) | ?2
;;
UPDATE messages SET content = '', deleted_at = ?3, changed_seq = ?4
              WHERE row_no = (?1 << 32) | ?2
;;
SELECT c.seq AS seq, target_seq, iif(m.id IS NULL, 'deleted', c.kind) AS kind, at,
                              coalesce(m.id, target_id) AS id, coalesce(content, '') AS content
                       FROM changes AS c
                       LEFT JOIN messages AS m ON m.row_no = (c.room_id << 32) | target_seq
                       WHERE c.room_id = ?1 AND c.seq > ?2 AND c.seq <= ?3 ORDER BY c.seq
;;
SELECT room_id, user_id FROM bans
;;
INSERT OR IGNORE INTO entries
                  (id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                   takeover, offered, attempts, reservation_to_connect, decision)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
;;
SELECT id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                    takeover, offered, attempts, reservation_to_connect, decision FROM entries WHERE id < :before AND (:outcome IS NULL OR outcome = :outcome) AND (:room IS NULL AND :user IS NULL) ORDER BY id DESC LIMIT :limit
;;
SELECT id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                    takeover, offered, attempts, reservation_to_connect, decision FROM entries INDEXED BY entries_room WHERE id < :before AND (:outcome IS NULL OR outcome = :outcome) AND room_id = :room AND (:user IS NULL OR user_id = :user) ORDER BY id DESC LIMIT :limit
;;
SELECT id, at, room_id, user_id, epoch, n, strategy, outcome, code, stage, entry,
                    takeover, offered, attempts, reservation_to_connect, decision FROM entries INDEXED BY entries_user WHERE id < :before AND (:outcome IS NULL OR outcome = :outcome) AND user_id = :user AND :room IS NULL ORDER BY id DESC LIMIT :limit
;;
SELECT at / :width * :width AS begins, outcome, count(*) AS lines
              FROM entries INDEXED BY entries_at WHERE at >= :from GROUP BY begins, outcome
;;
SELECT min(at) FROM entries INDEXED BY entries_at
;;
SELECT id FROM entries ORDER BY id DESC LIMIT 1 OFFSET ?1
;;
DELETE FROM entries WHERE id IN
                         (SELECT id FROM entries WHERE id <= ?1 ORDER BY id LIMIT ?2)
;;
INSERT INTO events (id, routing_key, payload, occurred_at) VALUES (?1, ?2, ?3, ?4)
;;
SELECT n, id, routing_key, payload, occurred_at FROM events ORDER BY n LIMIT ?1
;;
DELETE FROM events WHERE n = ?1
;;
SELECT (SELECT max(n) FROM events) - n + 1, occurred_at FROM events
               ORDER BY n LIMIT 1
;;
SELECT room_id FROM last_seqs LEFT JOIN indexed USING (room_id)
              WHERE last_seq > coalesce(indexed.seq, 0) ORDER BY room_id
;;
SELECT last_seq, coalesce(indexed.seq, 0)
                     FROM last_seqs LEFT JOIN indexed USING (room_id) WHERE room_id = ?1
;;
SELECT coalesce(indexed.seq, 0), gone_seq
                FROM rooms LEFT JOIN indexed ON room_id = id WHERE id = ?1
;;
INSERT INTO indexed (room_id, seq) VALUES (?1, ?2)
                    ON CONFLICT (room_id) DO UPDATE SET seq = excluded.seq
;;
DELETE FROM found_words WHERE rowid = ?1
;;
INSERT INTO found_words (rowid, words) VALUES (?1, ?2)
;;
SELECT gone_seq FROM rooms WHERE id = ?1
;;
SELECT id,
            coalesce((SELECT created_at FROM messages
                      WHERE row_no > rooms.id << 32 AND row_no < (rooms.id + 1) << 32
                      ORDER BY row_no LIMIT 1) < ?2, 0)
            OR coalesce((SELECT at FROM changes WHERE room_id = rooms.id ORDER BY seq LIMIT 1) < ?2, 0)
        FROM rooms WHERE id > ?1 ORDER BY id LIMIT ?3
;;
SELECT seq, at FROM (
            SELECT * FROM (SELECT seq, created_at AS at FROM messages
                           WHERE row_no > ?1 AND row_no <= ?2 ORDER BY row_no LIMIT ?5)
            UNION ALL
            SELECT * FROM (SELECT seq, at FROM changes WHERE room_id = ?3 AND seq > ?4
                           ORDER BY seq LIMIT ?5)
        ) ORDER BY seq LIMIT ?5
;;
UPDATE changes
        SET target_id = (SELECT id FROM messages WHERE row_no = (?1 << 32) | target_seq)
        WHERE room_id = ?1 AND target_seq > ?2 AND target_seq <= ?3 AND seq > ?3 AND target_id IS NULL
;;
DELETE FROM found_words WHERE rowid = ?1
;;
DELETE FROM messages WHERE row_no > ?1 AND row_no <= ?2
;;
DELETE FROM changes WHERE room_id = ?1 AND seq > ?2 AND seq <= ?3
;;
UPDATE rooms SET gone_seq = ?2, seq_floor = max(seq_floor, ?2) WHERE id = ?1
;;
SELECT 1 FROM users WHERE id = ?1 AND gone_at IS NULL
;;
INSERT INTO logins (id, user_id, signature_hash, jti, issued_at, expires_at,
                                        previous_hash, previous_until, created_at)
                    VALUES (:id, :user, :signature_hash, :jti, :issued_at, :expires_at,
                            :previous_hash, :previous_until, :created_at)
                    ON CONFLICT (id) DO NOTHING
;;
SELECT id FROM logins WHERE user_id = ?1 AND ended_at IS NULL ORDER BY ordinal
;;
SELECT id, user_id, signature_hash, jti, issued_at, expires_at, previous_hash,
                    previous_until, created_at
             FROM logins WHERE ended_at IS NULL AND user_id = ?1 ORDER BY ordinal
;;
SELECT id, user_id, signature_hash, jti, issued_at, expires_at, previous_hash,
                    previous_until, created_at
             FROM logins WHERE ended_at IS NULL AND id = ?1
;;
UPDATE logins
               SET previous_hash = signature_hash, previous_until = :previous_until,
                   signature_hash = :signature_hash, jti = :jti, issued_at = :issued_at,
                   expires_at = :expires_at
               WHERE id = :id AND ended_at IS NULL AND signature_hash = :expected
;;
SELECT end_reason FROM logins WHERE id = ?1 AND ended_at IS NOT NULL
;;
UPDATE logins SET ended_at = ?2, end_reason = ?3
                 WHERE id = ?1 AND ended_at IS NULL
;;
SELECT user_id FROM logins WHERE id = ?1
;;
SELECT deployment, epoch FROM meta
;;
UPDATE meta SET epoch = epoch + 1 RETURNING epoch
;;
UPDATE memberships INDEXED BY memberships_open SET left_at = ?1, left_reason = ?2
               WHERE left_at IS NULL
;;
SELECT ordinal, room_id, epoch, n, user_id FROM memberships INDEXED BY memberships_open
                WHERE left_at IS NULL
;;
UPDATE memberships SET left_at = ?2, left_reason = ?3 WHERE ordinal = ?1
;;
SELECT user_id, epoch, n FROM memberships INDEXED BY memberships_open
                    WHERE room_id = ?1 AND left_at IS NULL
;;
UPDATE memberships INDEXED BY memberships_open SET left_at = ?2, left_reason = ?3
                   WHERE room_id = ?1 AND left_at IS NULL
;;
UPDATE memberships SET left_at = ?4, left_reason = ?5
               WHERE room_id = ?1 AND epoch = ?2 AND n = ?3 AND left_at IS NULL
;;
UPDATE memberships INDEXED BY memberships_open SET left_at = ?5, left_reason = ?6
                 WHERE room_id = ?1 AND user_id = ?2 AND (epoch, n) < (?3, ?4) AND left_at IS NULL
;;
SELECT 1 FROM memberships INDEXED BY memberships_open
                WHERE room_id = ?1 AND user_id = ?2 AND left_at IS NULL
;;
SELECT closed_at IS NOT NULL FROM rooms WHERE id = ?1
;;
INSERT INTO rooms (id, name, capacity, staff_seats, visibility, key, password_hash,
                                    lifetime, owner_id, created_at, pending_until, opened_at)
                 SELECT id, name, capacity, staff_seats, visibility, key, password_hash,
                        lifetime, owner_id, created_at, pending_until, ?2
                 FROM creation_queue WHERE id = ?1
;;
DELETE FROM creation_queue WHERE id = ?1
;;
INSERT INTO memberships (room_id, user_id, epoch, n, entered_at,
                                            left_at, left_reason)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
;;
SELECT user_id,
                         ordinal = (SELECT min(ordinal) FROM memberships WHERE room_id = ?1)
                  FROM memberships WHERE room_id = ?1 AND epoch = ?2 AND n = ?3
;;
SELECT last_seq FROM last_seqs WHERE room_id = ?1 AND closed_at IS NULL
;;
INSERT INTO messages (row_no, room_id, seq, id, sender_id, client_id, kind,
                                            content_type, content, created_at, reply_to)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                      ON CONFLICT DO NOTHING
;;
SELECT id, seq, created_at FROM messages
                          WHERE room_id = ?1 AND sender_id = ?2 AND client_id = ?3
;;
SELECT id, seq, created_at FROM messages WHERE room_id = ?1 AND id = ?2
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    iif(gone_at IS NULL, display_name, NULL) AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE row_no > ?1 AND row_no < ?2 ORDER BY row_no DESC LIMIT ?3
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    iif(gone_at IS NULL, display_name, NULL) AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE row_no > ?1 AND row_no <= ?2 ORDER BY row_no LIMIT ?3
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    iif(gone_at IS NULL, display_name, NULL) AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE row_no > ?1 AND row_no < ?2 ORDER BY row_no DESC
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    iif(gone_at IS NULL, display_name, NULL) AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE row_no = ?1
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    iif(gone_at IS NULL, display_name, NULL) AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE row_no > ?1 AND row_no <= ?2 ORDER BY row_no
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    iif(gone_at IS NULL, display_name, NULL) AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE m.id = ?1
;;
SELECT max(ordinal), count(*) FROM
                  (SELECT ordinal FROM logins WHERE ordinal > ?1 ORDER BY ordinal LIMIT ?2)
;;
SELECT id, created_at, ended_at, end_reason FROM logins
              WHERE ordinal > ?1 AND ordinal <= ?2 AND user_id = ?3 ORDER BY ordinal
;;
SELECT max(ordinal), count(*) FROM
                 (SELECT ordinal FROM memberships WHERE ordinal > ?1 ORDER BY ordinal LIMIT ?2)
;;
SELECT room_id, entered_at, left_at, left_reason FROM memberships
             WHERE ordinal > ?1 AND ordinal <= ?2 AND user_id = ?3 ORDER BY ordinal
;;
SELECT max(id), count(*) FROM
                 (SELECT id FROM rooms WHERE id > ?1 ORDER BY id LIMIT ?2)
;;
SELECT id, name, created_at, closed_at FROM rooms
             WHERE id > ?1 AND id <= ?2 AND owner_id = ?3 ORDER BY id
;;
SELECT max(room_id), count(*) FROM
                (SELECT room_id FROM bans WHERE room_id > ?1 ORDER BY room_id LIMIT ?2)
;;
SELECT room_id, banned_at FROM bans
            WHERE room_id > ?1 AND room_id <= ?2 AND user_id = ?3 ORDER BY room_id
;;
SELECT max(row_no), count(*) FROM
                    (SELECT row_no FROM messages WHERE row_no > ?1 AND row_no <= ?2
                     ORDER BY row_no LIMIT ?3)
;;
SELECT m.id AS id, room_id, seq, sender_id,
                    iif(gone_at IS NULL, display_name, NULL) AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE row_no > ?1 AND row_no <= ?2 AND sender_id = ?3 ORDER BY row_no
;;
SELECT gone_at IS NOT NULL FROM users WHERE id = ?1
;;
SELECT logins.id FROM logins JOIN users ON users.id = user_id
                     WHERE user_id = ?1 AND ended_at = gone_at ORDER BY ordinal
;;
UPDATE users
        SET username = ?3, username_folded = ?3, display_name = '–', password_hash = NULL,
            password_expires_at = NULL, contact_number = NULL, locked_at = ?2, gone_at = ?2
        WHERE id = ?1
;;
UPDATE users SET erases = 1 WHERE id = ?1
;;
DELETE FROM user_roles WHERE user_id = ?1
;;
INSERT INTO user_roles (user_id, role) VALUES (?1, 'user')
;;
SELECT id, gone_at FROM users INDEXED BY users_erasing WHERE erases = 1
                ORDER BY id LIMIT ?1
;;
UPDATE users SET erases = 0 WHERE id = ?1
;;
SELECT closed_at IS NOT NULL FROM rooms WHERE id = ?1
;;
SELECT row_no, deleted_at IS NULL FROM messages
               WHERE row_no > ?1 AND row_no <= ?2 AND sender_id = ?3
;;
UPDATE messages SET content = '', deleted_at = ?2 WHERE row_no = ?1
;;
DELETE FROM found_words WHERE rowid = ?1
;;
INSERT INTO creation_queue (name, capacity, staff_seats, visibility, key,
                                              password_hash, lifetime, owner_id, created_at,
                                              pending_until)
                  VALUES (:name, :capacity, :staff_seats, :visibility, :key, :password_hash,
                          :lifetime, :owner, :created_at, :pending_until)
                  RETURNING id
;;
SELECT id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until FROM creation_queue ORDER BY id
;;
DELETE FROM creation_queue WHERE id = ?1
;;
DELETE FROM memberships WHERE room_id = ?1
        AND NOT EXISTS (SELECT 1 FROM messages
            WHERE row_no > ?1 << 32 AND row_no < (?1 + 1) << 32)
        AND NOT EXISTS (SELECT 1 FROM memberships
            WHERE room_id = ?1 AND left_reason IS NOT 'entry_failed')
;;
DELETE FROM rooms WHERE id = ?1 AND closed_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM memberships WHERE room_id = ?1)
        AND NOT EXISTS (SELECT 1 FROM messages
            WHERE row_no > ?1 << 32 AND row_no < (?1 + 1) << 32)
;;
SELECT id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until, opened_at, closed_at,
             (SELECT last_seq FROM last_seqs WHERE room_id = rooms.id) AS last_seq FROM rooms WHERE closed_at IS NULL ORDER BY id
;;
SELECT id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until, opened_at, closed_at,
             (SELECT last_seq FROM last_seqs WHERE room_id = rooms.id) AS last_seq FROM rooms WHERE id = ?1
;;
SELECT id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until, opened_at, closed_at,
             (SELECT last_seq FROM last_seqs WHERE room_id = rooms.id) AS last_seq FROM rooms WHERE id = ?1
         UNION ALL
         SELECT id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until, NULL, NULL, NULL FROM creation_queue WHERE id = ?1
;;
UPDATE rooms SET closed_at = ?2 WHERE id = ?1 AND closed_at IS NULL
;;
UPDATE rooms
         SET name = coalesce(:name, name), capacity = coalesce(:capacity, capacity),
             staff_seats = coalesce(:staff_seats, staff_seats),
             visibility = coalesce(:visibility, visibility),
             key = iif(:visibility IS NULL, key, :key),
             password_hash = iif(:with_password, :password_hash, password_hash)
         WHERE id = :id AND closed_at IS NULL
         RETURNING id, name, capacity, staff_seats, visibility, key, password_hash, lifetime, owner_id,
         created_at, pending_until, opened_at, closed_at,
             (SELECT last_seq FROM last_seqs WHERE room_id = rooms.id) AS last_seq
;;
DELETE FROM bans WHERE room_id = ?1 AND user_id = ?2
;;
SELECT user_id, username, display_name, banned_by, banned_at
               FROM bans JOIN users ON users.id = user_id
               WHERE room_id = ?1 AND user_id > ?2 ORDER BY user_id LIMIT ?3
;;
INSERT INTO bans (room_id, user_id, banned_by, banned_at) VALUES (?1, ?2, ?3, ?4)
           ON CONFLICT DO NOTHING
;;
SELECT last_seq, coalesce(indexed.seq, 0)
               FROM last_seqs LEFT JOIN indexed USING (room_id) WHERE room_id = ?1
;;
SELECT DISTINCT target_seq FROM changes WHERE room_id = ?1 AND seq > ?2
;;
SELECT rowid FROM found_words
            WHERE found_words MATCH ?1 AND rowid > ?2 AND rowid < ?3 ORDER BY rowid DESC
;;
