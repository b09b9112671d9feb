-- What is done in audit_test.cc to the tables that audit_script.sql has made: every one is changed. For psql.
\set ON_ERROR_STOP on
SET search_path = shop;
UPDATE numbers SET id = id + 1000, n = n + 0.001, f8 = -f8;
INSERT INTO numbers (id, b, i2, i8, f4, f8, n, n2, m, o, r, x8, l)
  SELECT id - 500, b, i2, i8, f4, f8, n, n2, m, o, r, x8, l FROM numbers;
UPDATE texts SET id = id + 1000, t = t || t, jb = '[null]';
INSERT INTO texts SELECT id - 500, t, v, c, n, c1, u, b, j, jb, bits, vb, x, tv, tq, jp FROM texts;
UPDATE times SET id = id + 1000;
INSERT INTO times SELECT id - 500, d, t, ts, tstz, i FROM times;
UPDATE zones SET id = id + 1000;
UPDATE shapes SET id = id + 1000, ip = '::1';
INSERT INTO shapes SELECT id - 500, p, l, s, b, pa, po, c, ip, net, mac, mac8 FROM shapes;
UPDATE ranges SET id = id + 1000, m = 'sad';
INSERT INTO ranges SELECT id - 500, i4, i8, nr, dr, tr, tzr, mr, m, p, pr, ints, words FROM ranges;
UPDATE "odd ""s.q"""."T ""a.b""" SET "select" = "select" + 10;
UPDATE "odd ""s.q""".renamed SET b = id;
BEGIN;
UPDATE letters SET note = 'only this';
SAVEPOINT a;
DELETE FROM letters;
ROLLBACK TO a;
UPDATE letters SET body = body || '.' WHERE id % 3 = 0;
COMMIT;
DELETE FROM items WHERE id = 99;
COPY items FROM STDIN;
100	\N
\.
INSERT INTO log SELECT * FROM log;
INSERT INTO bag SELECT * FROM bag;
UPDATE bag SET b = 'z' WHERE ctid = (SELECT min(ctid) FROM bag);
DELETE FROM bag WHERE ctid = (SELECT max(ctid) FROM bag);
UPDATE coded SET code = code || code;
UPDATE events SET at = '2024-12-31' WHERE id = 2;
INSERT INTO events_2023 VALUES (7, '1999-01-01');
UPDATE animals SET name = name || '!';
TRUNCATE emptied;
INSERT INTO emptied VALUES (1), (2);
INSERT INTO again VALUES ('b', 2);
INSERT INTO made VALUES (5, 'five');
INSERT INTO narrow DEFAULT VALUES;
