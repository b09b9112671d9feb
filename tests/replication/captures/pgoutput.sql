-- What pgoutput shows and other plugins do not, or in another way. Run after decoderbufs.sql.
INSERT INTO captured.nested VALUES (1, ROW('a "b"', 7), ARRAY[ROW('x,y', 1)::captured.pair, NULL],
  '{sad,"Very Happy",NULL}', ARRAY['null', '', 'plain'], ARRAY['\x00ff'::bytea, ''],
  '["a b",z)', '{[1,3),[5,6)}', '[2020-01-01,infinity)', B'10101', '{(1,2),(0,-0.5);NULL}');
INSERT INTO captured.nested (id, p, ps, moods, ms) VALUES (2, ROW(NULL, NULL), '{}',
  '[0:0]={so-so}', '{}');

-- Truncation: several tables, one that is not followed among them, such a one alone.
INSERT INTO elsewhere.numbers VALUES (2, 'n');
TRUNCATE captured.saved, captured.keyed RESTART IDENTITY CASCADE;
TRUNCATE elsewhere.numbers, captured.saved;
TRUNCATE elsewhere.numbers;

-- Messages.
SELECT pg_logical_emit_message(false, 'outside', 'of transactions');
BEGIN;
SELECT pg_logical_emit_message(true, '', E'\n\\');
INSERT INTO captured.saved VALUES (7);
SELECT pg_logical_emit_message(false, 'in', 'between');
SELECT pg_logical_emit_message(true, 'last', '');
COMMIT;

-- The same description again.
INSERT INTO captured.toasted VALUES (11, 'a', 'b');
ANALYZE captured.toasted;
INSERT INTO captured.toasted VALUES (12, 'a', 'b');
CREATE INDEX ON captured.toasted (note);
INSERT INTO captured.toasted VALUES (13, 'a', 'b');

-- Another identity.
ALTER TABLE captured.toasted REPLICA IDENTITY FULL;
UPDATE captured.toasted SET note = 'full' WHERE id = 11;
ALTER TABLE captured.toasted REPLICA IDENTITY DEFAULT;
UPDATE captured.toasted SET note = 'default' WHERE id = 11;

-- A generated column is left out.
UPDATE captured.generated SET id = 3;
DELETE FROM captured.generated;

-- A transaction that came from elsewhere.
SELECT pg_replication_origin_create('else "where"');
SELECT pg_replication_origin_session_setup('else "where"');
BEGIN;
SELECT pg_replication_origin_xact_setup('1/2', '2020-01-01');
INSERT INTO captured.saved VALUES (8);
COMMIT;
SELECT pg_replication_origin_session_reset();

-- New columns: of types that were there, then of one that was not.
ALTER TABLE captured.indexed ADD mood captured.mood, ADD v varchar(7)[], ADD positive
  captured.positive;
INSERT INTO captured.indexed VALUES (5, 'five', NULL, 'sad', '{a}', 5);
CREATE TYPE captured.newer AS ENUM ('new');
ALTER TABLE captured.indexed ADD newer captured.newer;
INSERT INTO captured.indexed VALUES (6, 'six');
ALTER TABLE captured.saved RENAME TO renamed;
INSERT INTO captured.renamed VALUES (9);
