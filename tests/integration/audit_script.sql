-- What `lockstep audit` is shown in audit_test.cc: DDL, TRUNCATE, COPY, savepoints, partitions, inheritance, tables with
-- and without an identity, every built-in type that can be stored. For psql.
\set ON_ERROR_STOP on

CREATE SCHEMA shop;
CREATE SCHEMA "odd ""s.q""";
SET search_path = shop;
CREATE TYPE mood AS ENUM ('sad', 'so-so', 'Very Happy');
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE TYPE pair AS (name text, number int);

-- Every built-in type.
CREATE TABLE numbers (id int PRIMARY KEY, b bool, i2 int2, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(10, 2),
  m money, o oid, r regclass, x8 xid8, l pg_lsn);
CREATE TABLE texts (id int PRIMARY KEY, t text, v varchar(20), c char(5), n name, c1 "char", u uuid, b bytea, j json,
  jb jsonb, bits bit(3), vb varbit, x xml, tv tsvector, tq tsquery, jp jsonpath);
CREATE TABLE times (id int PRIMARY KEY, d date, t time, ts timestamp, tstz timestamptz, i interval);
CREATE TABLE zones (id int PRIMARY KEY, tz timetz);
CREATE TABLE shapes (id int PRIMARY KEY, p point, l line, s lseg, b box, pa path, po polygon, c circle, ip inet, net cidr,
  mac macaddr, mac8 macaddr8);
CREATE TABLE ranges (id int PRIMARY KEY, i4 int4range, i8 int8range, nr numrange, dr daterange, tr tsrange,
  tzr tstzrange, mr int4multirange, m mood, p positive, pr pair, ints int[], words text[][]);
INSERT INTO numbers VALUES (1, true, 2, 3, 1.5, 0.1, 1.50, 12.3, 12.34, 4, 'pg_class', '42', '0/16B3748'),
  (2, false, -32768, -9223372036854775808, '-0', '5e-324', -123456789012345678901234567890.000000001, -0.01, -0.05, 0,
   'pg_type', '0', '0/0');
INSERT INTO numbers VALUES (3);
INSERT INTO texts VALUES (1, E'gr\u00f6\u00dfe ''q'' "d" \\ \n\t', 'varchar', 'ab', 'name', 'x',
    '123e4567-e89b-12d3-a456-426614174000', '\x00ff10', '{"b": 1,  "a": 2}', '{"b": 1,  "a": 2}', B'101', B'1', '<a/>',
    'a fat cat', 'fat & cat', '$.a[*]'),
  (2, '', '', '', '', '', NULL, '', '""', '""', B'000', B'', '', '', '', '$');
INSERT INTO texts VALUES (3);
INSERT INTO times VALUES (1, '2024-02-29', '12:34:56.789', '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56+02',
    '1 year 2 mons -3 days 04:05:06.7'),
  (2, '4714-11-24 BC', '00:00', '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00+00 BC', '-178000000 years'),
  (3, 'infinity', '24:00', 'infinity', '-infinity', '00:00');
INSERT INTO zones VALUES (1, '12:00+00'), (2, '23:59:59.999999+00');
INSERT INTO shapes VALUES (1, '(1.5,-2)', '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1)]',
    '((0,0),(1,1),(1,0))', '<(0,0),2>', '10.0.0.0/8', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05');
INSERT INTO shapes VALUES (2);
INSERT INTO ranges VALUES (1, '[1,5)', '(,7]', 'empty', '[2020-01-01,2021-01-01)', '[2020-01-01,infinity)', '(,)',
    '{[1,3),[5,6)}', 'Very Happy', 7, ROW('a "b"', 7), '{1,NULL,3}', '{{a,"b c"},{NULL,""}}');
INSERT INTO ranges VALUES (2);
UPDATE texts SET v = 'changed' WHERE id = 1;
UPDATE numbers SET id = 30 WHERE id = 3;
DELETE FROM ranges WHERE id = 2;

-- Names.
CREATE TABLE "odd ""s.q"""."T ""a.b""" ("select" int PRIMARY KEY, "größe ""g""" text);
INSERT INTO "odd ""s.q"""."T ""a.b""" VALUES (1, 'one'), (2, NULL);
UPDATE "odd ""s.q"""."T ""a.b""" SET "größe ""g""" = 'two' WHERE "select" = 2;

-- Out-of-line values that an update leaves alone.
CREATE TABLE letters (id int PRIMARY KEY, body text, note text);
ALTER TABLE letters ALTER body SET STORAGE EXTERNAL;
INSERT INTO letters SELECT g, repeat(md5(g::text), 200), 'n' FROM generate_series(1, 20) g;
UPDATE letters SET note = 'changed' WHERE id % 2 = 0;
UPDATE letters SET id = id + 100 WHERE id > 15;

-- COPY, savepoints, a transaction that is rolled back.
CREATE TABLE items (id int PRIMARY KEY, name text);
COPY items FROM STDIN;
1	one
2	\N
3	thr\tee
\.
BEGIN;
INSERT INTO items VALUES (4, 'four');
SAVEPOINT a;
UPDATE items SET name = 'lost';
SAVEPOINT b;
DELETE FROM items WHERE id = 1;
ROLLBACK TO a;
UPDATE items SET name = 'kept' WHERE id = 2;
RELEASE a;
COMMIT;
BEGIN;
DELETE FROM items;
ROLLBACK;
INSERT INTO items VALUES (1, 'conflict') ON CONFLICT (id) DO UPDATE SET name = excluded.name;
MERGE INTO items USING (VALUES (3), (9)) AS s (id) ON items.id = s.id
  WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'merged');

-- Identities.
CREATE TABLE log (at int, line text);
INSERT INTO log VALUES (1, 'a'), (1, 'a'), (2, NULL);
CREATE TABLE bag (a int, b text);
ALTER TABLE bag REPLICA IDENTITY FULL;
INSERT INTO bag VALUES (1, 'x'), (1, 'x'), (1, 'x'), (2, NULL);
UPDATE bag SET b = 'y' WHERE ctid = (SELECT min(ctid) FROM bag);
DELETE FROM bag WHERE ctid = (SELECT max(ctid) FROM bag WHERE a = 1);
CREATE TABLE coded (id int PRIMARY KEY, code text NOT NULL UNIQUE);
ALTER TABLE coded REPLICA IDENTITY USING INDEX coded_code_key;
INSERT INTO coded VALUES (1, 'a'), (2, 'b');
UPDATE coded SET code = 'c' WHERE id = 2;
CREATE UNLOGGED TABLE scratch (id int PRIMARY KEY);
INSERT INTO scratch VALUES (1);
CREATE TEMPORARY TABLE passing (id int PRIMARY KEY);
INSERT INTO passing VALUES (1);
CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM items;

-- Partitions and inheritance.
CREATE TABLE events (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_2023 PARTITION OF events FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO events VALUES (1, '2023-05-05'), (2, '2024-05-05'), (3, '2023-06-06');
UPDATE events SET at = '2024-07-07' WHERE id = 1;
ALTER TABLE events DETACH PARTITION events_2023;
CREATE TABLE animals (id int PRIMARY KEY, name text);
CREATE TABLE cats (lives int, PRIMARY KEY (id)) INHERITS (animals);
INSERT INTO animals VALUES (1, 'cow');
INSERT INTO cats VALUES (2, 'tom', 9);
UPDATE animals SET name = upper(name);

-- Truncation.
CREATE TABLE emptied (id int PRIMARY KEY);
INSERT INTO emptied SELECT generate_series(1, 50);
TRUNCATE emptied;
INSERT INTO emptied VALUES (51);

-- Tables that change their form, are rewritten, renamed, moved, dropped and created again.
CREATE TABLE altered (id int PRIMARY KEY, a text);
INSERT INTO altered VALUES (1, 'x'), (2, 'y');
ALTER TABLE altered ADD b int;
UPDATE altered SET b = 7 WHERE id = 1;
ALTER TABLE altered ADD c int DEFAULT 42;
ALTER TABLE altered ADD d timestamptz DEFAULT clock_timestamp();
ALTER TABLE altered DROP a;
INSERT INTO altered (id, b) VALUES (3, 3);
ALTER TABLE altered ALTER b TYPE bigint USING b * 2;
ALTER TABLE altered RENAME c TO cc;
ALTER TABLE altered RENAME TO renamed;
UPDATE renamed SET cc = 43 WHERE id = 2;
ALTER TABLE renamed SET SCHEMA "odd ""s.q""";
INSERT INTO "odd ""s.q""".renamed (id) VALUES (4);
CREATE TABLE again (id int PRIMARY KEY);
INSERT INTO again VALUES (1), (2);
DROP TABLE again;
CREATE TABLE again (name text PRIMARY KEY, n int);
INSERT INTO again VALUES ('a', 1);
VACUUM FULL items;
CLUSTER letters USING letters_pkey;
CREATE TABLE made AS SELECT id, name FROM items;
CREATE TABLE narrow ();
INSERT INTO narrow DEFAULT VALUES;
CREATE INDEX CONCURRENTLY ON items (name);
INSERT INTO items VALUES (99, 'the end');
