#include "verifier/wal_reader.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "tests/postgres/cluster_fixture.h"

namespace lockstep::verifier {
namespace {

using postgres::Must;

class WalReaderTest : public postgres::ClusterFixture {
 protected:
  void SetUp() override {
    Must(Sql().Execute("DROP TABLE IF EXISTS t; CREATE TABLE t (a int)"));
    reader_.emplace(std::get<WalReader>(Must(WalReader::Open(cluster().uri()))));
  }

  // A commit, by its xid.
  static model::Xid Commit() {
    auto sql = Sql();
    Must(sql.Execute("BEGIN; INSERT INTO t VALUES (1)"));
    const std::string xid = Must(sql.Scalar("SELECT pg_current_xact_id()::xid"));
    Must(sql.Execute("COMMIT"));
    return model::Xid{static_cast<std::uint32_t>(std::stoul(xid))};
  }

  // As the verifier's loop does, once.
  void Turn() {
    auto batch = Must(reader_->Read(std::chrono::steady_clock::now()));
    if (batch) {
      for (const model::CommitRecord& record : batch->commits) read_.push_back(record.xid);
    }
    pollfd item{reader_->fd(),
                static_cast<short>(reader_->WantsWrite() ? POLLIN | POLLOUT : POLLIN), 0};
    poll(&item, 1, 5);
  }
  // Until the last of them has been read.
  void ReadTo(model::Xid last) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (read_.empty() || read_.back() != last) {
      if (std::chrono::steady_clock::now() > end)
        throw std::runtime_error("the commit is not read");
      Turn();
    }
  }
  std::ptrdiff_t TimesRead(model::Xid xid) const { return std::ranges::count(read_, xid); }

  std::optional<WalReader> reader_;
  std::vector<model::Xid> read_;
};

TEST_F(WalReaderTest, GivesEveryCommitSinceTheOpening) {
  const std::vector<model::Xid> made{Commit(), Commit(), Commit()};
  ReadTo(made.back());
  EXPECT_EQ(read_, made);
}

TEST_F(WalReaderTest, ALostConnectionLosesAndDoublesNothing) {
  std::vector<model::Xid> made;
  for (int round = 0; round < 5; ++round) {
    made.push_back(Commit());
    Turn();  // a question may be under way
    Must(
        Sql().Execute("SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity "
                      "WHERE application_name = 'lockstep verifier'"));
    made.push_back(Commit());
    if (round % 2 == 0) ReadTo(made.back());
  }
  ReadTo(made.back());
  EXPECT_EQ(read_, made);
}

TEST_F(WalReaderTest, AServerThatIsStoppedAndCrashesIsWaitedFor) {
  std::vector<model::Xid> made{Commit()};
  ReadTo(made.back());
  Must(cluster().Stop(postgres::StopMode::kFast));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (reader_->fd() != -1 && std::chrono::steady_clock::now() < end) Turn();
  for (int i = 0; i < 20; ++i) Turn();  // fails in silence
  EXPECT_EQ(reader_->fd(), -1);
  EXPECT_TRUE(reader_->NextRead().has_value());
  Must(cluster().StartAgain());
  made.push_back(Commit());
  ReadTo(made.back());
  Must(cluster().Crash());
  Must(cluster().StartAgain());
  made.push_back(Commit());
  ReadTo(made.back());
  for (const model::Xid xid : made) EXPECT_EQ(TimesRead(xid), 1) << xid.value;
}

TEST_F(WalReaderTest, AUserWhoMayNotIsToldWhy) {
  Must(Sql().Execute("CREATE USER plain"));
  std::string uri = cluster().uri();
  uri.replace(uri.find("postgres@"), 9, "plain@");
  const auto opened = Must(WalReader::Open(uri));
  ASSERT_TRUE(std::holds_alternative<WalReader::Unavailable>(opened));
  EXPECT_NE(std::get<WalReader::Unavailable>(opened).reason.find("may not read the log"),
            std::string::npos);
}

}  // namespace
}  // namespace lockstep::verifier
