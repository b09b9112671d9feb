-- What wal2json.hex is a capture of besides decoderbufs.sql, which runs before: what only wal2json
-- shows, or shows in its own way.
SET TimeZone = 'UTC';
CREATE TYPE captured.pair AS (a int4, "B b" text);
CREATE DOMAIN captured.yes AS bool CHECK (value);
CREATE DOMAIN captured.ratio AS float8;
CREATE TABLE captured.composed (id int4 PRIMARY KEY, p captured.pair, pairs captured.pair[],
  moods captured.mood[], labels captured.label[], blobs bytea[], r int4multirange, tr tstzrange,
  v varbit, ts tsvector, yes captured.yes, ratio captured.ratio);

INSERT INTO captured.composed VALUES (1, '(1,"a ""b""")', ARRAY['(1,x)', NULL]::captured.pair[],
  '{sad,"Very Happy",NULL}', '{"l 1",l2}', ARRAY['\x00ff'::bytea], '{[1,3),[5,7)}',
  '["2024-02-29 12:00:00+02",)', B'1', 'a b', true, 0.5);
INSERT INTO captured.composed (id, p, ratio) VALUES (2, '(,)', 'NaN');
INSERT INTO captured.composed (id, ratio) VALUES (3, '-Infinity');

-- More digits than a double has, also in the exponent.
INSERT INTO captured.numbers (id, f4, f8, n) VALUES (20, '1.17549435e-38', 9007199254740993,
  0.1234567890123456789012345678901234567890);
INSERT INTO captured.numbers (id, i8, n) VALUES (21, 9007199254740993, 1e400);
INSERT INTO captured.numbers (id, i8, n) VALUES (22, -9007199254740993, -1e-30);

-- Characters that JSON escapes, and some that it need not.
INSERT INTO captured.texts (id, t, v) VALUES (20, E'\x01\x1f\x7f\b\f\r\u2028\ufeff\U0010ffff',
  '{"action":"C"}');

-- Messages, in a transaction and outside any.
SELECT pg_logical_emit_message(false, 'outside "p"', E'of any\ntransaction');
BEGIN;
SELECT pg_logical_emit_message(true, 'inside', E'"\u00f6\u0001"');
INSERT INTO captured.saved VALUES (30);
SELECT pg_logical_emit_message(false, 'in between', 'sent at once');
SELECT pg_logical_emit_message(true, '', '');
COMMIT;

-- TRUNCATE of several tables, followed and not.
INSERT INTO captured.saved VALUES (31);
TRUNCATE captured.saved, elsewhere.numbers, captured.full_identity;
BEGIN;
INSERT INTO captured.saved VALUES (32);
TRUNCATE captured.saved;
INSERT INTO captured.saved VALUES (33);
COMMIT;
