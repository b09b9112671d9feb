-- What pgoutput.sql needs before the slot: a publication that does not exist at the time of a change
-- is an error, and types that come later are not known to a listener.
CREATE TYPE captured.pair AS (a text, b captured.positive);
CREATE DOMAIN captured.pairs AS captured.pair[];
CREATE TYPE captured.words AS RANGE (subtype = text, collation = "C");
CREATE TABLE captured.nested (id int4 PRIMARY KEY, p captured.pair, ps captured.pairs,
  moods captured.mood[], labels captured.label[], blobs bytea[], w captured.words,
  ms int4multirange, tr tstzrange, v varbit, boxes box[]);
CREATE PUBLICATION "All ""of"" it" FOR ALL TABLES;
