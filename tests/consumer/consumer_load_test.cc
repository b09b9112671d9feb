// Attaching while four connections write, roll back to savepoints and truncate: whatever falls into
// the moments between the slot, the locks and the copies, the replica ends as the source.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <iostream>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "consumer/consumer.h"
#include "tests/consumer/consumer_fixture.h"

namespace lockstep::consumer {
namespace {

constexpr int kTables = 6;
constexpr int kWriters = 4;
constexpr int kRounds = 20;

// Writes until it is destroyed.
class Load {
 public:
  Load(std::string uri, std::uint32_t seed) : uri_(std::move(uri)) {
    for (std::uint32_t i = 0; i < kWriters; ++i) {
      writers_.emplace_back(
          [this, i, random = std::mt19937(seed + i)]() mutable { Write(random, i); });
    }
  }
  ~Load() {
    stop_ = true;
    Resume();
    for (std::thread& writer : writers_) writer.join();
  }
  // When it returns no transaction is open, and none begins before Resume.
  void Pause() {
    std::unique_lock lock(mutex_);
    paused_ = true;
    changed_.wait(lock, [this] { return running_ == 0; });
  }
  void Resume() {
    std::lock_guard lock(mutex_);
    paused_ = false;
    changed_.notify_all();
  }
  std::uint64_t truncations() const { return truncations_; }

 private:
  // A writer has keys of its own, so that no two wait for each other.
  static std::string TransactionOf(std::mt19937& random, std::uint32_t writer) {
    const std::string table = "s.t" + std::to_string(random() % kTables);
    const std::string own = " WHERE id / 10000 = " + std::to_string(writer);
    const std::string from = std::to_string(writer * 10000 + random() % 1000);
    const std::string rows = " SELECT n, 'row ' || n FROM generate_series(" + from + ", " + from +
                             " + 200) n ON CONFLICT (id) DO UPDATE SET name = excluded.name || '+'";
    switch (random() % 10) {
      case 0:
        return "BEGIN; TRUNCATE " + table + "; INSERT INTO " + table + rows + "; COMMIT";
      case 1:
      case 2:
        return "BEGIN; INSERT INTO " + table + rows + "; SAVEPOINT a; DELETE FROM " + table + own +
               "; ROLLBACK TO a; COMMIT";
      case 3:
      case 4:
        return "DELETE FROM " + table + own + " AND id % 3 = 0";
      default:
        return "INSERT INTO " + table + rows;
    }
  }
  void Write(std::mt19937& random, std::uint32_t writer) {
    Connection sql = Must(Connection::Open(uri_, postgres::ConnectionKind::kSql));
    while (!stop_) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !paused_; });
        ++running_;
      }
      const std::string transaction = TransactionOf(random, writer);
      Must(sql.Execute(transaction));
      if (transaction.find("TRUNCATE") != std::string::npos) ++truncations_;
      std::lock_guard lock(mutex_);
      if (--running_ == 0) changed_.notify_all();
    }
  }

  std::string uri_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 0;
  bool paused_ = false;
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> truncations_ = 0;
  std::vector<std::thread> writers_;
};

class AttachLoadTest : public ConsumerFixture, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    ConsumerFixture::SetUp();
    for (int i = 0; i < kTables; ++i) {
      const std::string table = "s.t" + std::to_string(i);
      Write("CREATE TABLE " + table + "(id int PRIMARY KEY, name text); INSERT INTO " + table +
            " SELECT n, 'first' FROM generate_series(1, " + std::to_string(i * 1000) + ") n");
    }
    Write("CREATE PUBLICATION everything FOR ALL TABLES");
  }
  void TearDown() override {
    Write("DROP PUBLICATION IF EXISTS everything");
    ConsumerFixture::TearDown();
  }
};

INSTANTIATE_TEST_SUITE_P(EachPlugin, AttachLoadTest, testing::Values("pgoutput", "wal2json"),
                         [](const auto& plugin) { return std::string(plugin.param); });

TEST_P(AttachLoadTest, EveryAttachAmongWritersAndTruncationsEndsEqual) {
  const std::uint32_t seed = std::random_device()();
  ConsumerOptions options = Options("under_load");
  options.plugin = GetParam();
  options.publications = {"everything"};
  options.on_wait = [&](const AttachWait& wait) {
    std::cerr << "waited: " << wait.reason << "\n";
    return model::Result<void>();
  };
  Load load(cluster().uri(), seed);
  int undecodable = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    Follow follow(Must(Consumer::Attach(options)));
    try {
      follow.Until([&] { return follow.end_lsns().size() >= 5; });
      load.Pause();
      ExpectReplicaEqualsSource(follow);
    } catch (const std::exception& error) {
      // The server says that it cannot decode what was open while tables were truncated; a listener
      // that is told so attaches again.
      ASSERT_NE(std::string(error.what()).find("attach again, with a new slot"), std::string::npos)
          << error.what();
      ++undecodable;
    }
    load.Resume();
    Must(follow->Detach());
    if (HasFailure()) break;
  }
  EXPECT_LT(undecodable, kRounds / 2);
  EXPECT_GT(load.truncations(), static_cast<std::uint64_t>(kRounds));
  std::cout << "seed " << seed << ", " << load.truncations() << " truncations, " << undecodable
            << " slots that the server could not decode\n";
}

}  // namespace
}  // namespace lockstep::consumer
