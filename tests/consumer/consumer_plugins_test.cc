// Attach, follow and compare with the source, by each output plugin that there is a decoder for.
#include <gtest/gtest.h>

#include <string>

#include "consumer/consumer.h"
#include "model/output_plugin.h"
#include "tests/consumer/consumer_fixture.h"

namespace lockstep::consumer {
namespace {

class PluginsTest : public ConsumerFixture, public testing::WithParamInterface<const char*> {
 protected:
  static Follow AttachBy(const std::string& plugin) {
    ConsumerOptions options = Options("by_plugin");
    options.plugin = plugin;
    return Follow(Must(Consumer::Attach(options)));
  }
  static bool Loses(model::Loss loss) {
    return model::LossesOf(GetParam(), {.server = Sql().server_version()}).Has(loss);
  }
};

INSTANTIATE_TEST_SUITE_P(EachPlugin, PluginsTest, testing::Values("decoderbufs", "wal2json"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(PluginsTest, ReplicaEqualsSourceAfterAMixOfChanges) {
  Write(
      "CREATE TYPE s.mood AS ENUM ('sad', 'Very Happy');"
      "CREATE TYPE s.pair AS (a int, b text);"
      "CREATE DOMAIN s.price AS numeric(10,2) CHECK (value >= 0);"
      "CREATE DOMAIN s.yes AS bool;"
      "CREATE DOMAIN s.blob AS bytea;"
      "CREATE TABLE s.\"T q\"(k text, \"Order\" bigint, note text, PRIMARY KEY (\"Order\", k));"
      "CREATE TABLE s.types(id int PRIMARY KEY, b bool, i2 smallint, o oid, f4 real, "
      "f8 double precision, n numeric, v varchar(9), c char(4), u uuid, y bytea, j json, jb jsonb, "
      "d date, t time, ts timestamp, tz timestamptz, iv interval, m s.mood, ms s.mood[], p s.pair, "
      "pr s.price, ye s.yes, bl s.blob, a int[], r int4range, net inet, money money);"
      "CREATE TABLE s.whole(id int PRIMARY KEY, note text, big text);"
      "ALTER TABLE s.whole REPLICA IDENTITY FULL; ALTER TABLE s.whole ALTER big SET STORAGE "
      "EXTERNAL;"
      "CREATE TABLE s.coded(id int PRIMARY KEY, code text NOT NULL UNIQUE, big text);"
      "ALTER TABLE s.coded REPLICA IDENTITY USING INDEX coded_code_key;"
      "ALTER TABLE s.coded ALTER big SET STORAGE EXTERNAL;"
      "INSERT INTO s.t SELECT n, 'row ' || n FROM generate_series(1, 300) n");
  Follow follow = AttachBy(GetParam());
  EXPECT_EQ(follow->replica().database().digest(), SourceDigest());

  Write("INSERT INTO s.t VALUES (1000, 'it''s \"quoted\" \\ \n'), (-1, ''), (1001, NULL)");
  Write("UPDATE s.t SET name = name || '!' WHERE id <= 100");
  Write("UPDATE s.t SET id = id + 5000 WHERE id BETWEEN 200 AND 210");
  Write("DELETE FROM s.t WHERE id BETWEEN 250 AND 260");
  Write(
      "INSERT INTO s.\"T q\" SELECT 'k' || n, n * 1000000000000, NULL FROM generate_series(1, 9) "
      "n");
  Write("UPDATE s.\"T q\" SET note = 'n', \"Order\" = -\"Order\" WHERE k < 'k3'");
  Write(
      "INSERT INTO s.types VALUES (1, true, -2, 4294967295, 0.1, 1e-300, "
      "12345678901234567890.12345678901234567890, 'größe', 'ab', "
      "'123e4567-e89b-12d3-a456-426614174000', '\\x00ff5c', '{\"b\": 1,  \"a\": 2}', '[1e400]', "
      "'4714-11-24 BC', '24:00', 'infinity', '2024-02-29 12:34:56.789012+02', '1 year -3 days', "
      "'Very Happy', '{sad,NULL}', '(1,\"a \"\"b\"\"\")', 1.5, true, '\\x00ff', '{{1,2},{3,4}}', "
      "'[1,5)', '::1', 12.34)");
  Write("INSERT INTO s.types(id, ye, pr, bl) VALUES (2, false, 0, ''), (3, NULL, NULL, NULL)");
  Write("UPDATE s.types SET id = -id, n = 1.50, c = '', f4 = '-0' WHERE id = 1");
  Write("INSERT INTO s.whole VALUES (1, NULL, repeat('0123456789', 1000)), (2, 'n', '')");
  Write("UPDATE s.whole SET note = 'touched'");
  Write("UPDATE s.whole SET id = 10 WHERE id = 1");
  Write(
      "INSERT INTO s.coded SELECT n, 'c' || n, repeat('0123456789', 1000) FROM "
      "generate_series(1, 5) n");
  Write("UPDATE s.coded SET id = id + 100");
  Write("UPDATE s.coded SET code = code || 'x' WHERE code = 'c2'");
  Write("DELETE FROM s.coded WHERE code = 'c3'");
  Write("DELETE FROM s.whole WHERE id = 2");
  Write("BEGIN; INSERT INTO s.t VALUES (2000, 'gone'); ROLLBACK");
  Write(
      "BEGIN; INSERT INTO s.t VALUES (2001, 'kept'); SAVEPOINT a; "
      "INSERT INTO s.t VALUES (2002, 'gone'); ROLLBACK TO a; COMMIT");
  Write("SELECT pg_logical_emit_message(true, 'prefix', 'content')");
  Write("SELECT pg_logical_emit_message(false, 'prefix', 'content')");
  ExpectReplicaEqualsSource(follow);
  EXPECT_TRUE(std::ranges::is_sorted(follow.end_lsns()));

  if (!Loses(model::Loss::kTruncate)) {
    Write("TRUNCATE s.t, s.\"T q\"");
    Write(
        "BEGIN; INSERT INTO s.t VALUES (1, 'a'); TRUNCATE s.t; INSERT INTO s.t VALUES (2, 'b'); "
        "COMMIT");
    ExpectReplicaEqualsSource(follow);
    EXPECT_EQ(Must(Sql().Scalar("SELECT count(*) FROM s.t")), "1");
  }
  Must(follow->Detach());
  EXPECT_EQ(Slots(), "");
}

TEST_P(PluginsTest, ReconnectGoesOnWhereItBrokeOff) {
  Follow follow = AttachBy(GetParam());
  Write("INSERT INTO s.t VALUES (1, 'a')");
  follow.UntilReceived(InsertLsn());
  TerminateReader("by_plugin");
  EXPECT_EQ(follow.UntilLost().kind, model::ErrorKind::kDisconnected);
  Write("UPDATE s.t SET id = 2, name = 'b'");
  Must(follow.Reconnect());
  ExpectReplicaEqualsSource(follow);
  EXPECT_EQ(follow.end_lsns().size(), 2U);
  Must(follow->Detach());
}

}  // namespace
}  // namespace lockstep::consumer
