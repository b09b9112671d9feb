// Attach and follow with pgoutput, text and binary, on a real server: what the replica holds is
// what the source holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "consumer/consumer.h"
#include "model/change.h"
#include "model/error.h"
#include "tests/consumer/consumer_fixture.h"

namespace lockstep::consumer {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ConsumerPgoutputTest : public ConsumerFixture,
                             public testing::WithParamInterface<const char*> {
 protected:
  static constexpr const char* kPublication = "all \"of\" it";

  void SetUp() override {
    ConsumerFixture::SetUp();
    Write("CREATE PUBLICATION \"all \"\"of\"\" it\" FOR ALL TABLES");
  }
  void TearDown() override {
    Write("DROP PUBLICATION IF EXISTS \"all \"\"of\"\" it\"");
    ConsumerFixture::TearDown();
  }
  static ConsumerOptions OptionsOf(const std::string& slot) {
    ConsumerOptions options = Options(slot);
    options.plugin = GetParam();
    options.publications = {kPublication};
    return options;
  }
  static Follow AttachTo(const std::string& slot) {
    return Follow(Must(Consumer::Attach(OptionsOf(slot))));
  }
  // Follows until an error that is not a lost connection, and returns it.
  static std::string UntilRefused(Follow& follow) {
    try {
      return follow.UntilLost().message;
    } catch (const std::exception& error) {
      return error.what();
    }
  }
};

INSTANTIATE_TEST_SUITE_P(TextAndBinary, ConsumerPgoutputTest,
                         testing::Values("pgoutput", "pgoutput-binary"), [](const auto& plugin) {
                           return std::string_view(plugin.param) == "pgoutput" ? "Text" : "Binary";
                         });

TEST_P(ConsumerPgoutputTest, ReplicaEqualsSourceWithEveryKindOfType) {
  Write(
      "CREATE TYPE s.mood AS ENUM ('sad', 'Very Happy'); CREATE DOMAIN s.positive AS int4;"
      "CREATE TYPE s.pair AS (a text, b s.positive); CREATE DOMAIN s.pairs AS s.pair[];"
      "CREATE TABLE s.\"T q\"(k int, \"Order\" text, PRIMARY KEY (\"Order\", k), b bool, i2 int2, "
      "i8 int8, f4 float4, f8 float8, n numeric, c char(5), v varchar(9), by bytea, d date, t time,"
      "tz timetz, ts timestamp, tstz timestamptz, i interval, u uuid, j json, jb jsonb, x xml, "
      "m money, p point, ip inet, bits varbit, mood s.mood, pos s.positive, pair s.pair, "
      "pairs s.pairs, f8s float8[], words text[], r int4range, mr nummultirange, moods s.mood[])");
  const std::string values =
      " 'o' || n, n % 2 = 0, n, n * 1000000000000, n / 3.0, n / 7.0, n / 4.0, 'c', 'v' || n, "
      "decode('00ff', 'hex'), date '2024-02-29' + n, '12:00:00.5', '12:00+05:30', 'infinity', "
      "now(), '1 year -2 days 3:04:05.6', gen_random_uuid(), '{\"a\":  1}', '{\"a\":  1}', '<a/>', "
      "n * 1234.56::numeric, point(n / 3.0, 1e20), '10.0.0.0/8', B'101', 'Very Happy', 7, "
      "ROW('a \"b\"', n)::s.pair, ARRAY[ROW('x,y', 1)::s.pair, NULL], ARRAY[n / 3.0, "
      "29670963641469088, "
      "'NaN'], ARRAY['', 'null', 'a b'], int4range(1, n + 2), '{[1.50,2)}', '{sad,NULL}' ";
  Write("INSERT INTO s.\"T q\" SELECT n," + values + "FROM generate_series(1, 50) n");
  Follow follow = AttachTo("types");
  EXPECT_EQ(follow->replica().database().digest(), SourceDigest());
  Write("INSERT INTO s.\"T q\" SELECT n," + values + "FROM generate_series(51, 100) n");
  Write("INSERT INTO s.\"T q\" (k, \"Order\") VALUES (1000, '')");
  Write("UPDATE s.\"T q\" SET f8 = -f8, k = -k WHERE k < 20");
  Write("DELETE FROM s.\"T q\" WHERE k BETWEEN 60 AND 70");
  ExpectReplicaEqualsSource(follow);
  EXPECT_EQ(follow.end_lsns().size(), 4U);
  Must(follow->Detach());
}

TEST_P(ConsumerPgoutputTest, ReplicaEqualsSourceThroughRollbackToastTruncateAndDescriptionsAgain) {
  Write("ALTER TABLE s.t ALTER name SET STORAGE EXTERNAL; INSERT INTO s.t VALUES (0, 'before')");
  Follow follow = AttachTo("follows");
  Write("INSERT INTO s.t SELECT n, repeat('x', n * 50) FROM generate_series(1, 100) n");
  Write("UPDATE s.t SET id = -id WHERE id > 0");  // the name is out of line
  Write("BEGIN; INSERT INTO s.t VALUES (2000, 'gone'); ROLLBACK");
  Write(
      "BEGIN; INSERT INTO s.t VALUES (2001, 'kept'); SAVEPOINT a; "
      "INSERT INTO s.t VALUES (2002, 'gone'); ROLLBACK TO a; COMMIT");
  Write("ANALYZE s.t");
  Write("INSERT INTO s.t VALUES (3000, NULL)");
  Write("CREATE INDEX ON s.t(length(name))");
  Write("INSERT INTO s.t VALUES (3001, NULL)");
  Write("ALTER TABLE s.t REPLICA IDENTITY FULL");
  Write("UPDATE s.t SET name = 'full' WHERE id = 3001");
  Write("ALTER TABLE s.t REPLICA IDENTITY DEFAULT");
  Write("DELETE FROM s.t WHERE id = 3000");
  ExpectReplicaEqualsSource(follow);
  Write(
      "BEGIN; INSERT INTO s.t VALUES (5, 'a'); TRUNCATE s.t; INSERT INTO s.t VALUES (5, 'b'); "
      "COMMIT");
  Write("SELECT pg_logical_emit_message(true, 'prefix', 'content')");
  ExpectReplicaEqualsSource(follow);
  EXPECT_EQ(follow->replica().database().row_count(), 1U);
  Must(follow->Detach());
}

TEST_P(ConsumerPgoutputTest, AReaderThatWasEndedGoesOnWithoutLossOrRepetition) {
  Follow follow = AttachTo("again");
  Write("INSERT INTO s.t VALUES (1, 'a')");
  follow.UntilReceived(InsertLsn());
  follow.Durable();
  TerminateReader("again");
  EXPECT_EQ(follow.UntilLost().kind, model::ErrorKind::kDisconnected);
  Write("INSERT INTO s.t VALUES (2, 'b')");
  Must(follow.Reconnect());
  ExpectReplicaEqualsSource(follow);
  EXPECT_EQ(follow.end_lsns().size(), 2U);
  Must(follow->Detach());
}

TEST_P(ConsumerPgoutputTest, ATableThatChangedIsRefusedByTheReplicaWithItsColumns) {
  Follow follow = AttachTo("changed");
  Write("ALTER TABLE s.t ADD more int");
  Write("INSERT INTO s.t VALUES (1, 'a', 5)");
  EXPECT_THAT(UntilRefused(follow), AllOf(HasSubstr("table s.t changed"), HasSubstr("more integer"),
                                          HasSubstr("attach again")));
  Must(follow->Detach());
}

TEST_P(ConsumerPgoutputTest, AGeneratedColumnIsNotSent) {
  Write("CREATE TABLE s.made(id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)");
  Write("INSERT INTO s.made VALUES (1)");
  Follow follow = AttachTo("generated");
  // The copied row too: a replica never holds some of a column's values.
  const model::Row copied =
      *follow->replica().database().table(0).Find(model::MakeRow({std::int64_t{1}}));
  EXPECT_EQ(copied.At(1), model::Cell(model::NotSent{}));
  Write("INSERT INTO s.made VALUES (2)");
  Write("DELETE FROM s.made WHERE id = 1");
  follow.UntilReceived(InsertLsn());
  EXPECT_EQ(follow.changes(), 2U);
  EXPECT_EQ(follow->replica().database().row_count(), 1U);
  Must(follow->Detach());
}

TEST_P(ConsumerPgoutputTest, WithoutAPublicationNothingIsLeftBehind) {
  ConsumerOptions options = OptionsOf("none");
  options.publications.clear();
  auto consumer = Consumer::Attach(options);
  ASSERT_FALSE(consumer.has_value());
  EXPECT_EQ(consumer.error().kind, model::ErrorKind::kUsage);
  EXPECT_THAT(consumer.error().message, HasSubstr("publication"));
  EXPECT_EQ(Slots(), "");
}

}  // namespace
}  // namespace lockstep::consumer
