-- What copy.hex shows besides the rows that are left of decoderbufs.sql and wal2json.sql, which run
-- before: rows that decoderbufs.sql inserted, and then changed or took away.
INSERT INTO captured."Odd ""T.q""" VALUES (1, 'x', 'y', 2);
DELETE FROM captured.toasted;
INSERT INTO captured.toasted VALUES (1, repeat('0123456789', 250), 'in');
INSERT INTO captured.keyed VALUES (1, 'one', 'n');
INSERT INTO captured.full_identity VALUES (1, NULL, repeat('0123456789', 250));
INSERT INTO captured.indexed VALUES (1, 'a', 'n');
INSERT INTO captured.bare VALUES ('n');
INSERT INTO captured.nothing VALUES (1, 'n');
