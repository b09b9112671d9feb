#include "postgres/pipeline.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using namespace std::chrono_literals;

class PipelineTest : public ClusterFixture {
 protected:
  // One word a result: the tag, the SQLSTATE, "aborted" or "sync".
  static std::string Word(const PipelineResult& result) {
    if (const auto* ok = std::get_if<CommandOk>(&result)) {
      return "ok " + std::string(ok->result.command_tag());
    }
    if (const auto* failed = std::get_if<CommandFailed>(&result)) return failed->error.sqlstate;
    return std::holds_alternative<CommandAborted>(result) ? "aborted" : "sync";
  }
  static std::string Drain(Pipeline& pipeline) {
    std::string words;
    while (pipeline.pending() > 0) words += Word(Must(pipeline.Wait(10s))) + "; ";
    return words;
  }
};

TEST_F(PipelineTest, ResultsComeInOrder) {
  Pipeline pipeline = Must(Pipeline::Start(Sql()));
  Must(pipeline.Prepare("add", "SELECT $1::int + $2::int"));
  std::array<std::optional<std::string_view>, 2> parameters = {"40", "2"};
  Must(pipeline.SendPrepared("add", parameters));
  parameters[1] = std::nullopt;
  Must(pipeline.SendPrepared("add", parameters));
  Must(pipeline.Sync());
  EXPECT_EQ(pipeline.pending(), 4u);
  EXPECT_EQ(Word(Must(pipeline.Wait(10s))), "ok ");
  PipelineResult sum = Must(pipeline.Wait(10s));
  EXPECT_EQ(std::get<CommandOk>(sum).FirstValue(), "42");
  PipelineResult null = Must(pipeline.Wait(10s));
  EXPECT_EQ(std::get<CommandOk>(null).FirstValue(), std::nullopt);
  EXPECT_EQ(std::get<CommandOk>(null).result.rows(), 1);
  EXPECT_EQ(Drain(pipeline), "sync; ");
  EXPECT_FALSE(Must(pipeline.Next()).has_value());
}

TEST_F(PipelineTest, ErrorAbortsUpToTheNextSync) {
  Pipeline pipeline = Must(Pipeline::Start(Sql()));
  Must(pipeline.SendSql("BEGIN"));
  Must(pipeline.SendSql("SELECT 1/0"));
  Must(pipeline.SendSql("COMMIT"));
  Must(pipeline.Sync());
  Must(pipeline.SendSql("COMMIT"));
  Must(pipeline.Sync());
  EXPECT_EQ(Drain(pipeline), "ok BEGIN; 22012; aborted; sync; ok ROLLBACK; sync; ");
}

TEST_F(PipelineTest, GuardedStatementInASavepointCostsOneRoundTrip) {
  Pipeline pipeline = Must(Pipeline::Start(Sql()));
  Must(pipeline.SendSql("CREATE TEMPORARY TABLE t(a int PRIMARY KEY)"));
  Must(pipeline.SendSql("BEGIN"));
  Must(pipeline.SendSql("INSERT INTO t VALUES (1)"));
  Must(pipeline.SendSql("SAVEPOINT s"));
  Must(pipeline.SendSql("INSERT INTO t VALUES (1)"));
  Must(pipeline.Sync());
  Must(pipeline.SendSql("ROLLBACK TO s"));
  Must(pipeline.Sync());
  Must(pipeline.SendSql("COMMIT"));
  Must(pipeline.Sync());
  EXPECT_EQ(Drain(pipeline),
            "ok CREATE TABLE; ok BEGIN; ok INSERT 0 1; ok SAVEPOINT; 23505; sync; ok ROLLBACK; "
            "sync; ok COMMIT; sync; ");
}

// Far more than the buffers of both sides hold, in both directions.
TEST_F(PipelineTest, HugePipelineDoesNotDeadlock) {
  constexpr int kStatements = 20000;
  Pipeline pipeline = Must(Pipeline::Start(Sql()));
  std::string payload(2000, 'x');
  std::array<std::optional<std::string_view>, 1> parameters = {payload};
  Must(pipeline.Prepare("echo", "SELECT $1::text"));
  int results = 0;
  for (int i = 0; i < kStatements; ++i) {
    Must(pipeline.SendPrepared("echo", parameters));
    if (i % 100 == 0) Must(pipeline.Flush());
  }
  Must(pipeline.Sync());
  while (pipeline.pending() > 0) {
    PipelineResult result = Must(pipeline.Wait(60s));
    if (const auto* ok = std::get_if<CommandOk>(&result); ok != nullptr && ok->FirstValue()) {
      results += *ok->FirstValue() == payload;
    }
  }
  EXPECT_EQ(results, kStatements);
}

TEST_F(PipelineTest, LostServerIsDisconnectedAfterWhatHadArrived) {
  Pipeline pipeline = Must(Pipeline::Start(Sql()));
  Must(pipeline.SendSql("SELECT 1"));
  Must(pipeline.Sync());
  EXPECT_EQ(Word(Must(pipeline.Wait(10s))), "ok SELECT 1");
  Must(pipeline.SendSql("SELECT pg_terminate_backend(pg_backend_pid())"));
  Must(pipeline.SendSql("SELECT 2"));
  Must(pipeline.Sync());
  model::Result<PipelineResult> result = pipeline.Wait(10s);
  while (result) result = pipeline.Wait(10s);
  EXPECT_EQ(result.error().kind, model::ErrorKind::kDisconnected);
  EXPECT_FALSE(pipeline.Next().has_value());
}

TEST_F(PipelineTest, ServerGoneWhileNothingIsOwedIsNoticed) {
  Pipeline pipeline = Must(Pipeline::Start(Sql()));
  Must(Sql().Execute("SELECT pg_terminate_backend(" +
                     std::to_string(pipeline.connection().backend_pid()) + ", 10000)"));
  model::Result<PipelineResult> result = pipeline.Wait(10s);
  ASSERT_FALSE(result.has_value());
  EXPECT_FALSE(pipeline.connection().IsAlive());
}

TEST_F(PipelineTest, ConnectionComesBackForBlockingCalls) {
  Pipeline pipeline = Must(Pipeline::Start(Sql()));
  Must(pipeline.SendSql("CREATE TEMPORARY TABLE t(a int)"));
  Must(pipeline.Sync());
  Drain(pipeline);
  Connection connection = Must(std::move(pipeline).Leave());
  EXPECT_EQ(Must(connection.CopyIn("COPY t FROM STDIN", "1\n2\n")), 2u);
}

}  // namespace
}  // namespace lockstep::postgres
