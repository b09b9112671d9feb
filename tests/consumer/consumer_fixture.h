// A consumer of a decoderbufs slot on a real server, and what the source holds, to compare.
#ifndef LOCKSTEP_TESTS_CONSUMER_CONSUMER_FIXTURE_H_
#define LOCKSTEP_TESTS_CONSUMER_CONSUMER_FIXTURE_H_

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "consumer/consumer.h"
#include "model/change.h"
#include "model/digest.h"
#include "model/lsn.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "model/relation.h"
#include "postgres/relation_reader.h"
#include "postgres/slot.h"
#include "postgres/table_reader.h"
#include "postgres/table_scope.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::consumer {

using postgres::Connection;
using postgres::Must;

// Long enough for a slow machine; a test that gets here has failed.
inline constexpr std::chrono::seconds kPatience{30};

// A consumer with its event loop. Applies what comes to the replica; durable only when told.
class Follow {
 public:
  explicit Follow(Consumer consumer) : consumer_(std::move(consumer)) {}

  Consumer& operator*() { return consumer_; }
  Consumer* operator->() { return &consumer_; }

  // Turns the loop until `done`, which is asked after each turn. Throws when it takes too long.
  void Until(const std::function<bool()>& done) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!done()) {
      if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error("it does not come");
      Must(Turn());
    }
  }
  void UntilReceived(model::Lsn lsn) {
    Until([&] { return consumer_.received() >= lsn; });
  }
  // All that is there, one status update, and a wait of at most 10 ms. The clock of the status
  // updates runs ahead, so that one is always due.
  model::Result<void> Turn() {
    int wait_ms = 10;
    while (true) {
      auto next = consumer_.Next();
      if (!next) return std::unexpected(std::move(next.error()));
      if (std::holds_alternative<StatusIsDue>(*next)) wait_ms = 0;
      const auto* transaction = std::get_if<model::Transaction>(&*next);
      if (!transaction) break;
      if (auto applied = consumer_.replica().Apply(*transaction); !applied)
        throw std::runtime_error(applied.error().message);
      end_lsns_.push_back(transaction->end_lsn);
      changes_ += transaction->changes.size();
    }
    now_ += std::chrono::minutes(1);
    if (auto sent = consumer_.SendStatus(now_); !sent) return sent;
    if (auto flushed = consumer_.Flush(); !flushed) return flushed;
    pollfd waiting{consumer_.fd(),
                   static_cast<short>(consumer_.WantsWrite() ? POLLIN | POLLOUT : POLLIN), 0};
    poll(&waiting, 1, wait_ms);
    return {};
  }
  // Turns until the connection is lost, and returns the error.
  model::Error UntilLost() {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < give_up) {
      if (auto ok = Turn(); !ok) return std::move(ok.error());
    }
    throw std::runtime_error("the connection is not lost");
  }
  // Everything that came out so far is durable.
  void Durable() {
    if (!end_lsns_.empty()) consumer_.OnDurable(end_lsns_.back());
  }
  model::Result<void> Reconnect() { return consumer_.Reconnect(now_); }

  // Of every transaction that came out.
  const std::vector<model::Lsn>& end_lsns() const { return end_lsns_; }
  std::uint64_t changes() const { return changes_; }

 private:
  Consumer consumer_;
  std::vector<model::Lsn> end_lsns_;
  std::uint64_t changes_ = 0;
  TimePoint now_ = std::chrono::steady_clock::now();
};

// For each test a schema "s" with a table t(id, name), and slots of the test's choice.
class ConsumerFixture : public postgres::ClusterFixture {
 protected:
  void SetUp() override {
    if (!cluster().IsRunning()) Must(cluster().StartAgain());
    Write("CREATE SCHEMA s; CREATE TABLE s.t(id int PRIMARY KEY, name text)");
  }
  void TearDown() override {
    if (!cluster().IsRunning()) Must(cluster().StartAgain());
    Connection sql = Sql();
    Must(sql.Execute("DROP SCHEMA s CASCADE"));
    const std::string left = Slots();
    for (std::string_view rest = left; !rest.empty();) {
      const std::size_t space = std::min(rest.find(' '), rest.size());
      Must(postgres::DropSlot(sql, std::string(rest.substr(0, space))));
      rest.remove_prefix(std::min(space + 1, rest.size()));
    }
  }

  static ConsumerOptions Options(const std::string& slot) {
    return {.conninfo = cluster().uri(),
            .slot = slot,
            .plugin = "decoderbufs",
            .scope = postgres::TableScope::OneSchema("s")};
  }
  static Follow Attach(const std::string& slot) {
    return Follow(Must(Consumer::Attach(Options(slot))));
  }
  static void Write(const std::string& sql) { Must(Sql().Execute(sql)); }
  static model::Lsn InsertLsn() {
    return Must(Sql().ScalarLsn("SELECT pg_current_wal_insert_lsn()"));
  }
  static std::string Slots() {
    return Must(
        Sql().Scalar("SELECT coalesce(string_agg(slot_name, ' ' ORDER BY slot_name), '') "
                     "FROM pg_replication_slots"));
  }
  static model::Lsn ConfirmedFlush(const std::string& slot) {
    Connection sql = Sql();
    return Must(postgres::InspectSlot(sql, slot)).value().confirmed_flush_lsn;
  }
  // Ends the slot's walsender and waits until the slot is free.
  static void TerminateReader(const std::string& slot) {
    Write(
        "SELECT pg_terminate_backend(active_pid, 30000) FROM pg_replication_slots "
        "WHERE slot_name = '" +
        slot + "' AND active");
  }
  // What the tables of the schema hold now, read by COPY.
  static model::Digest SourceDigest() {
    Connection sql = Sql();
    Must(postgres::BeginSnapshot(sql, ""));
    model::Digest digest;
    for (const model::RelationPtr& relation : Must(postgres::ReadSchema(sql, "s")))
      digest += model::HashTable(relation->name, DigestOf(sql, *relation));
    return digest;
  }
  // The same of one table, as a plugin with the losses shows it.
  static model::TableDigest SourceDigestOf(const model::Relation& relation, model::LossSet losses) {
    Connection sql = Sql();
    return DigestOf(sql, relation, losses);
  }
  // Follows up to now and compares.
  static void ExpectReplicaEqualsSource(Follow& follow) {
    follow.UntilReceived(InsertLsn());
    EXPECT_EQ(ToString(follow->replica().database().digest()), ToString(SourceDigest()));
  }

 private:
  static model::TableDigest DigestOf(Connection& sql, const model::Relation& relation,
                                     model::LossSet losses = {}) {
    model::TableDigest digest;
    const model::Projection projection(losses);
    Must(postgres::ReadTable(sql, relation,
                             [&](const postgres::TableRow& row) -> model::Result<void> {
                               const auto shown = projection.Project(relation, row.row);
                               digest.Add((shown ? *shown : row.row).bytes());
                               return {};
                             }));
    return digest;
  }
};

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_TESTS_CONSUMER_CONSUMER_FIXTURE_H_
