-- What decoderbufs.hex is a capture of: every type the plugin names and the cases it shows in its
-- own way. Run by ./regenerate, statement by statement, each its own transaction unless BEGIN.
SET TimeZone = 'UTC';
CREATE SCHEMA captured;
CREATE SCHEMA elsewhere;
CREATE TYPE captured.mood AS ENUM ('sad', 'so-so', 'Very Happy');
CREATE DOMAIN captured.positive AS int4 CHECK (value > 0);
CREATE DOMAIN captured.label AS text;
CREATE DOMAIN captured.blob AS bytea;
CREATE DOMAIN captured.birthday AS date;
CREATE DOMAIN captured.price AS numeric(10,2);

CREATE TABLE captured.numbers (id int4 PRIMARY KEY, b bool, i2 int2, i8 int8, o oid, f4 float4,
  f8 float8, n numeric, n2 numeric(10,2));
CREATE TABLE captured.texts (id int4 PRIMARY KEY, t text, v varchar(20), c char(5), n name,
  c1 "char", u uuid, b bytea, j json, jb jsonb, bits bit(3), x xml);
CREATE TABLE captured.times (id int4 PRIMARY KEY, d date, t time, tz timetz, ts timestamp,
  tstz timestamptz, i interval);
CREATE TABLE captured.others (id int4 PRIMARY KEY, m money, p point, e captured.mood,
  positive captured.positive, label captured.label, blob captured.blob, birthday captured.birthday,
  price captured.price, ints int4[], words text[], r int4range, ip inet);
CREATE TABLE captured."Odd ""T.q""" ("Order" int4 PRIMARY KEY, "a.b ""c""" text, "select" text,
  "größe" int4);
CREATE TABLE captured.toasted (id int4 PRIMARY KEY, big text, note text);
ALTER TABLE captured.toasted ALTER big SET STORAGE EXTERNAL;
CREATE TABLE captured.keyed (a int4, b text, note text, PRIMARY KEY (b, a));
CREATE TABLE captured.full_identity (id int4 PRIMARY KEY, note text, big text);
ALTER TABLE captured.full_identity ALTER big SET STORAGE EXTERNAL;
ALTER TABLE captured.full_identity REPLICA IDENTITY FULL;
CREATE TABLE captured.indexed (id int4 PRIMARY KEY, code text NOT NULL UNIQUE, note text);
ALTER TABLE captured.indexed REPLICA IDENTITY USING INDEX indexed_code_key;
CREATE TABLE captured.bare (note text);
CREATE TABLE captured.nothing (id int4 PRIMARY KEY, note text);
ALTER TABLE captured.nothing REPLICA IDENTITY NOTHING;
CREATE TABLE captured.changing (id int4 PRIMARY KEY, note text);
CREATE TABLE captured.saved (id int4 PRIMARY KEY);
CREATE TABLE captured.generated (id int4 PRIMARY KEY,
  twice int4 GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE elsewhere.numbers (id int4 PRIMARY KEY, note text);

SELECT pg_create_logical_replication_slot('capture', 'decoderbufs');

-- numbers: usual, lowest, highest, special, null.
INSERT INTO captured.numbers VALUES (1, true, 2, 3, 4, 1.5, 2.25, 1.50, 12.3);
INSERT INTO captured.numbers VALUES (-2147483648, false, -32768, -9223372036854775808, 0,
  '-3.4028235e38', '-1.7976931348623157e308', -123456789012345678901234567890.000000001, -0.01);
INSERT INTO captured.numbers VALUES (2147483647, true, 32767, 9223372036854775807, 4294967295,
  '1e-45', '5e-324', 0.000, 99999999.99);
INSERT INTO captured.numbers VALUES (4, NULL, 0, 0, 0, 'NaN', 'NaN', 'NaN', 'NaN');
INSERT INTO captured.numbers VALUES (5, NULL, 0, 0, 0, 'Infinity', '-Infinity', 'Infinity', NULL);
INSERT INTO captured.numbers VALUES (6, NULL, 0, 0, 0, '-0', '-0', '-Infinity', NULL);
INSERT INTO captured.numbers VALUES (7);
INSERT INTO captured.numbers (id, f4, f8, n) VALUES (8, 0.1, 0.1, 1e20);

-- texts: usual, empty, unicode and quotes, null.
INSERT INTO captured.texts VALUES (1, 'text', 'varchar', 'ab', 'a_name', 'x',
  '123e4567-e89b-12d3-a456-426614174000', '\x00ff10', '{"b": 1,  "a": 2}', '{"b": 1,  "a": 2}',
  B'101', '<a/>');
INSERT INTO captured.texts VALUES (2, '', '', '', '', '', '00000000-0000-0000-0000-000000000000',
  '', '""', '""', B'000', '');
INSERT INTO captured.texts VALUES (3, E'gr\u00f6\u00dfe \U0001f600 ''q'' "d" \\ \n\t', '\x41',
  E'\u00f6', 'Name "q"', E'\\377', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '\x5c783431', '[1e400]',
  E'{"\u00f6": null}', B'111', NULL);
INSERT INTO captured.texts VALUES (4);

-- times: usual, lowest, highest, infinities, the plugin's blind spots.
INSERT INTO captured.times VALUES (1, '2024-02-29', '12:34:56.789', '12:00+05:30',
  '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56.789012+02',
  '1 year 2 mons -3 days 04:05:06.7');
INSERT INTO captured.times VALUES (2, '4714-11-24 BC', '00:00', '00:00+15:59',
  '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00+00 BC', '-178000000 years');
INSERT INTO captured.times VALUES (3, '5874897-12-31', '24:00', '24:00-15:59',
  '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '178000000 years');
INSERT INTO captured.times VALUES (4, 'infinity', '23:59:59.999999', '24:00+00', 'infinity',
  'infinity', '00:00:00');
INSERT INTO captured.times VALUES (5, '-infinity', '00:00:00.000001', '23:59:59.999999+00',
  '-infinity', '-infinity', '-00:00:00.000001');
INSERT INTO captured.times VALUES (6, '2000-01-01', NULL, NULL, '1999-12-31 23:59:59.999999',
  '1969-12-31 23:59:59.999999+00', NULL);
INSERT INTO captured.times VALUES (7, '1970-01-01', NULL, NULL, '294247-01-10 04:00:54.775807',
  '294247-01-10 04:00:54.775808+00', NULL);
INSERT INTO captured.times VALUES (8, NULL, NULL, NULL, '294247-01-10 04:00:54.775806',
  '294247-01-10 04:00:54.775809+00', NULL);

-- others.
INSERT INTO captured.others VALUES (1, 12.34, '(1.5,-2)', 'Very Happy', 7, 'label', '\x00ff',
  '2024-02-29', 1.5, '{1,NULL,3}', '{"a b",NULL,""}', '[1,5)', '10.0.0.0/8');
INSERT INTO captured.others VALUES (2, -1234567.89, '(1e15,1e-5)', 'so-so', 2147483647, '', '',
  'infinity', NULL, '{}', '{}', 'empty', '::1');
INSERT INTO captured.others VALUES (3, -92233720368547758.08, '(Infinity,NaN)', 'sad', NULL, NULL,
  NULL, NULL, NULL, '{{1,2},{3,4}}', NULL, NULL, NULL);
INSERT INTO captured.others VALUES (4, 92233720368547758.07, '(-0,123456789012345680)');
INSERT INTO captured.others VALUES (5, -0.05, '(0.1,1e100)');
INSERT INTO captured.others VALUES (6, 0, '(123456789012345,0.0001)');

-- Names that need quotes.
INSERT INTO captured."Odd ""T.q""" VALUES (1, 'x', 'y', 2);
UPDATE captured."Odd ""T.q""" SET "Order" = 2;
DELETE FROM captured."Odd ""T.q""";

-- An out-of-line value: inserted, untouched, changed, set to null.
INSERT INTO captured.toasted VALUES (1, repeat('0123456789', 250), 'in');
UPDATE captured.toasted SET note = 'changed';
UPDATE captured.toasted SET id = 2, note = NULL;
UPDATE captured.toasted SET big = 'short';
UPDATE captured.toasted SET big = NULL;

-- A composite key in another order than the columns.
INSERT INTO captured.keyed VALUES (1, 'one', 'n');
UPDATE captured.keyed SET note = 'm';
UPDATE captured.keyed SET a = 2, note = NULL;
DELETE FROM captured.keyed;

-- REPLICA IDENTITY FULL.
INSERT INTO captured.full_identity VALUES (1, NULL, repeat('0123456789', 250));
UPDATE captured.full_identity SET note = 'n';
UPDATE captured.full_identity SET id = 2, note = NULL;
DELETE FROM captured.full_identity;

-- REPLICA IDENTITY USING INDEX.
INSERT INTO captured.indexed VALUES (1, 'a', 'n');
UPDATE captured.indexed SET id = 2;
UPDATE captured.indexed SET code = 'b';
DELETE FROM captured.indexed;

-- No identity.
INSERT INTO captured.bare VALUES ('n');
UPDATE captured.bare SET note = 'm';
DELETE FROM captured.bare;
INSERT INTO captured.nothing VALUES (1, 'n');
UPDATE captured.nothing SET note = 'm';
DELETE FROM captured.nothing;

-- DDL between changes.
INSERT INTO captured.changing VALUES (1, 'as attached');
ALTER TABLE captured.changing RENAME note TO remark;
INSERT INTO captured.changing VALUES (2, 'renamed');
ALTER TABLE captured.changing RENAME remark TO note;
ALTER TABLE captured.changing ALTER note TYPE varchar(30);
INSERT INTO captured.changing VALUES (3, 'varchar');
ALTER TABLE captured.changing ALTER note TYPE int4 USING id;
INSERT INTO captured.changing VALUES (4, 4);
INSERT INTO captured.changing VALUES (5, NULL);
ALTER TABLE captured.changing ALTER note TYPE text USING 'text again';
ALTER TABLE captured.changing ADD more int4 DEFAULT 1;
INSERT INTO captured.changing VALUES (6, 'more', 6);
ALTER TABLE captured.changing DROP more;
INSERT INTO captured.changing VALUES (7, 'as attached');
ALTER TABLE captured.changing DROP note;
INSERT INTO captured.changing VALUES (8);
CREATE TABLE captured.late (id int4 PRIMARY KEY);
INSERT INTO captured.late VALUES (1);

-- Transactions of several changes; what is rolled back does not come.
BEGIN;
INSERT INTO captured.saved VALUES (1);
SAVEPOINT s;
INSERT INTO captured.saved VALUES (2);
ROLLBACK TO s;
INSERT INTO captured.saved VALUES (3);
SAVEPOINT t;
INSERT INTO elsewhere.numbers VALUES (1, 'n');
RELEASE t;
UPDATE captured.saved SET id = 4 WHERE id = 3;
COMMIT;
BEGIN;
INSERT INTO captured.saved VALUES (5);
ROLLBACK;
INSERT INTO captured.generated VALUES (1);

-- What decoderbufs does not show.
SELECT pg_logical_emit_message(true, 'prefix', 'content');
TRUNCATE captured.saved;
