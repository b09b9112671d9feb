// Audits beside eight sessions that do whatever people do to a database: no false verdict, no
// statement that fails for the audit, nothing left. With a stream that lies, never converged.
//
// LOCKSTEP_STORM_SECONDS=3600 has each of the storms last an hour (10 s unless told),
// LOCKSTEP_STORM_SEED=N repeats what the sessions wanted; what the others did in between differs.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "model/error.h"
#include "postgres/connection.h"
#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"
#include "tests/integration/footprint.h"
#include "tests/integration/random_sql.h"

namespace lockstep::integration {
namespace {

using model::Error;
using std::chrono::steady_clock;

constexpr int kSessions = 8;
constexpr const char* kDeadlock = "40P01";
// A coincidence that no lock timeout rules out (postgres/lock_wait.h), of a few in an hour.
constexpr int kStatementsADeadlock = 10'000;

// For logs: the time of day.
std::string Now() {
  const auto now = std::chrono::system_clock::now();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  return fmt::format("{:%T}.{:03}", seconds,
                     std::chrono::duration_cast<std::chrono::milliseconds>(now - seconds).count());
}

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// What sessions did and which of their statements failed for somebody else.
class Storm {
 public:
  Storm(std::uint64_t seed, std::string log) : seed_(seed), log_(std::move(log)) {}

  // Returns when `duration` is over and all have ended what they had begun. `open` gives a session.
  template <typename Open>
  void Rage(std::chrono::seconds duration, const Open& open) {
    std::vector<postgres::Connection> connections;
    for (int n = 0; n < kSessions; ++n) {
      connections.push_back(open());
      pids_.insert(std::to_string(connections.back().backend_pid()));
    }
    const auto end = steady_clock::now() + duration;
    std::vector<std::thread> threads;
    for (int n = 0; n < kSessions; ++n)
      threads.emplace_back([this, n, end, &connections] { Work(n, connections[n], end); });
    for (std::thread& thread : threads) thread.join();
  }

  int succeeded() const { return succeeded_; }
  const std::vector<std::string>& harm() const { return harm_; }
  // Statements that the server ended for a deadlock with the audit.
  int deadlocks() const { return deadlocks_; }
  // How often statements failed, by SQLSTATE.
  const std::map<std::string, int>& failed() const { return failed_; }

 private:
  void Work(int number, postgres::Connection& connection, steady_clock::time_point end) {
    RandomSql sql(seed_, static_cast<std::uint64_t>(number));
    std::ofstream log(fmt::format("{}.{}.sql", log_, number));
    while (steady_clock::now() < end) {
      for (const std::string& statement : sql.Next()) {
        const auto begun = Now();
        const auto done = connection.Execute(statement);
        log << fmt::format("/* {} to {} */ {};\n", begun, Now(), statement);
        if (done) {
          ++succeeded_;
          continue;
        }
        log << "-- " << done.error().message << std::endl;
        Note(done.error());
        if (!connection.IsAlive()) return;
        // A COMMIT that failed has ended the transaction, and this warns.
        if (!connection.Execute("ROLLBACK TO s")) (void)connection.Execute("ROLLBACK");
      }
    }
    (void)connection.Execute("ROLLBACK");
  }

  void Note(const Error& error) {
    const std::scoped_lock lock(mutex_);
    ++failed_[error.sqlstate];
    if (error.sqlstate == kDeadlock && IsDeadlockWithOthers(error.message)) ++deadlocks_;
    if (IsHarm(error)) harm_.push_back(error.message);
  }

  // Whether the statement would have succeeded without the audit, as far as its error tells.
  bool IsHarm(const Error& error) const {
    const auto says = [&](const char* text) { return error.message.contains(text); };
    const std::string& code = error.sqlstate;
    return error.kind != model::ErrorKind::kSql || says("lockstep") || says("publishes") ||
           says("publication") || says("event trigger") || code.starts_with("53") ||
           code.starts_with("57") || code == "55P03";
  }
  // Whether one that waits in the cycle is held up by a lock that a session of the audit's has. One
  // that only stands before it in the queue, and has no lock yet, is no reason: the server lets
  // others pass it where that helps.
  bool IsDeadlockWithOthers(const std::string& message) const {
    static const std::regex kWait(
        "Process ([0-9]+) waits for [A-Za-z]+ on ([^;]+); blocked by process ([0-9]+)");
    std::map<std::string, std::string> waits_for;
    for (std::sregex_iterator at(message.begin(), message.end(), kWait), end; at != end; ++at)
      waits_for[(*at)[1]] = (*at)[2];
    for (std::sregex_iterator at(message.begin(), message.end(), kWait), end; at != end; ++at) {
      const std::string blocker = (*at)[3];
      if (!pids_.contains(blocker) && waits_for[blocker] != (*at)[2].str()) return true;
    }
    return false;
  }

  std::uint64_t seed_;
  std::string log_;
  std::set<std::string> pids_;
  std::atomic<int> succeeded_ = 0;
  std::mutex mutex_;  // of what follows
  std::vector<std::string> harm_;
  int deadlocks_ = 0;
  std::map<std::string, int> failed_;
};

class AuditStormTest : public AuditFixture {
 protected:
  void SetUp() override { Execute(RandomSql::Schema()); }
  void TearDown() override {
    AuditFixture::TearDown();
    Execute(RandomSql::DropSchema());
  }

  // The audit of a storm; a seed's logs are kept where Bazel keeps a test's outputs.
  AuditEnded AuditOfAStorm(std::vector<std::string> arguments, std::uint64_t seed) {
    const char* outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
    const std::string logs = outputs == nullptr ? Path("logs") : outputs;
    Storm storm(seed, fmt::format("{}/storm-{}", logs, seed));
    arguments.insert(arguments.end(), {"--watch", "--checkpoint=1s",
                                       fmt::format("--keep={}/storm-{}.audit", logs, seed)});
    AuditRun run = Start(std::move(arguments), {});
    WaitUntil("all have attached",
              [&] { return run.output().find("lockstep: attached") != std::string::npos; });
    storm.Rage(std::chrono::seconds(FromEnvironment("LOCKSTEP_STORM_SECONDS", 10)),
               [&] { return Open(); });
    run.Signal(SIGINT);
    AuditEnded ended = run.End();
    EXPECT_EQ(storm.harm(), std::vector<std::string>());
    EXPECT_LE(storm.deadlocks(), 1 + storm.succeeded() / kStatementsADeadlock);
    EXPECT_GT(storm.succeeded(), 100);
    fmt::print("seed {}: {} statements done, failed by SQLSTATE:", seed, storm.succeeded());
    for (const auto& [code, count] : storm.failed()) fmt::print(" {} {}", code, count);
    fmt::print("\n{}\n", ended.output.substr(ended.output.rfind("plugin  ")));
    return ended;
  }
  static std::uint64_t Seed() {
    return FromEnvironment("LOCKSTEP_STORM_SEED", std::random_device()());
  }
};

TEST_F(AuditStormTest, NothingIsCalledDifferentAndNobodyIsHarmed) {
  const std::uint64_t seed = Seed();
  const AuditEnded ended = AuditOfAStorm({"--plugin=all", "--install-triggers"}, seed);
  EXPECT_TRUE(ended.exit_code == 0 || ended.exit_code == 5) << seed << "\n" << ended.output;
}

// One kind, unless it is for hours.
TEST_F(AuditStormTest, AStreamThatLiesIsNeverCalledConverged) {
  constexpr std::array kLies = {"drop-change",        "corrupt-value",  "duplicate-transaction",
                                "null-for-unchanged", "stale-key",      "apply-rolled-back",
                                "swap-commits",       "reorder-changes"};
  const std::uint64_t first = Seed();
  const std::uint64_t count = std::getenv("LOCKSTEP_STORM_SECONDS") == nullptr ? 1 : kLies.size();
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const std::string lie = kLies.at(seed % kLies.size());
    const AuditEnded ended =
        AuditOfAStorm({"--plugin=all", "--install-triggers", "--sabotage=" + lie}, seed);
    EXPECT_TRUE(ended.exit_code == 2 || ended.exit_code == 5) << lie << " " << seed << "\n"
                                                              << ended.output;
  }
}

}  // namespace
}  // namespace lockstep::integration
