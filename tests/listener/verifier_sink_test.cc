// What the verifier is told of a listener's commits, over a real socket, and the rows it can ask
// for until it has accepted them.
#include "listener/verifier_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "replication/replica.h"
#include "tests/verifier/small_run.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/poller.h"

namespace lockstep::listener {
namespace {

using model::Lsn;
using ::testing::SizeIs;
using verifier::Delete;
using verifier::Insert;
using verifier::Item;
using verifier::ItemKey;
using verifier::Ran;
using verifier::SetA;
using verifier::SetId;

constexpr Lsn kConsistentPoint{1000};

std::string MakeDirectory() {
  std::string pattern = "/tmp/lockstep-XXXXXX";
  return mkdtemp(pattern.data());
}

class VerifierSinkTest : public testing::Test {
 protected:
  VerifierSinkTest() {
    for (std::uint32_t session = 1; session <= verifier::kSessions; ++session) {
      replica_.database().Write(model::kSessionTable, verifier::SessionKey(session),
                                model::MakeSessionRow({session}, {}));
    }
    poller_.Add(server_);
    poller_.Add(client_);
  }
  ~VerifierSinkTest() override { std::filesystem::remove_all(directory_); }

  Ran Commit(std::vector<model::Operation> operations) {
    Ran ran = postgres_.Run(1, std::move(operations));
    Deliver(ran.transaction);
    return ran;
  }
  void Deliver(const model::Transaction& transaction) {
    auto applied = replica_.Apply(transaction).value();
    EXPECT_TRUE(sink_.Deliver(transaction, replica_.database().digest(), std::move(applied)));
  }

  // The next message that comes to the verifier.
  wire::Message Next() {
    const auto give_up = wire::Clock::now() + std::chrono::seconds(20);
    while (wire::Clock::now() < give_up) {
      (void)client_.Receive();
      auto event = server_.Receive();
      EXPECT_TRUE(event.has_value());
      if (event && *event) {
        if (auto* received = std::get_if<wire::Received>(&**event)) return received->message;
        continue;
      }
      EXPECT_TRUE(client_.Tick(wire::Clock::now()) && server_.Tick(wire::Clock::now()));
      auto deadline = wire::Earlier(client_.NextDeadline(), server_.NextDeadline());
      EXPECT_TRUE(poller_.Wait(wire::Earlier(deadline, give_up)));
    }
    ADD_FAILURE() << "nothing came";
    return wire::Ready{};
  }
  template <typename T>
  T NextAs() {
    wire::Message message = Next();
    auto* expected = std::get_if<T>(&message);
    EXPECT_TRUE(expected) << "message " << message.index();
    return expected ? *expected : T{};
  }

  // Item id -> row (nullopt: absent), of an answer; the session row is left out.
  using Items = std::map<std::int64_t, std::optional<model::Row>>;
  Items Answer(Lsn end_lsn, std::vector<wire::RowAddress> rows = {}) {
    const wire::RowsReply reply = sink_.Answer({end_lsn, std::move(rows)}, replica_);
    EXPECT_EQ(reply.end_lsn, end_lsn);
    Items items;
    for (const auto& [address, row] : reply.rows) {
      if (address.table != "items") continue;
      const auto id = std::get<std::int64_t>(std::get<model::Value>(address.key.At(0)));
      EXPECT_TRUE(items.emplace(id, row).second) << "twice: " << id;
    }
    return items;
  }

  const std::string directory_ = MakeDirectory();
  const std::string endpoint_ = "ipc://" + directory_ + "/s";
  wire::Context context_;
  wire::Server server_ = wire::Server::Bind(context_, "verifier", endpoint_).value();
  wire::Client client_ = wire::Client::Connect(context_, "listener-1", endpoint_).value();
  wire::Poller poller_;
  verifier::PretendedPostgres postgres_;
  replication::Replica replica_{verifier::MakeSmallCatalog().tables, kConsistentPoint};
  VerifierSink sink_{client_, kConsistentPoint};
};

TEST_F(VerifierSinkTest, ACommitIsReportedWithTheDigestAfterIt) {
  const Ran ran = Commit({Insert(1), Insert(2)});
  EXPECT_EQ(NextAs<wire::Commit>(), (wire::Commit{.xid = ran.record.xid,
                                                  .end_lsn = ran.record.end_lsn,
                                                  .digest = ran.digest,
                                                  .changes_digest = ran.changes,
                                                  .changes = 3,
                                                  .run_changes = 3}));
}

TEST_F(VerifierSinkTest, AForeignCommitIsReportedWithoutChangesOfTheRun) {
  const model::CommitRecord record = postgres_.CommitForeign();
  Deliver({.xid = record.xid, .end_lsn = record.end_lsn, .other_changes = 5});
  const auto commit = NextAs<wire::Commit>();
  EXPECT_EQ(commit.run_changes, 0u);
  EXPECT_EQ(commit.changes, 5u);
  EXPECT_EQ(commit.digest, replica_.database().digest());
}

TEST_F(VerifierSinkTest, RowsAreAsTheyWereAtTheirCommit) {
  const Ran insert = Commit({Insert(1, "old"), Insert(2, "kept")});
  const Ran update = Commit({SetA(1, "new")});
  Commit({Delete(1), SetId(2, 3)});
  EXPECT_EQ(Answer(insert.record.end_lsn),
            (Items{{1, Item(1, "old", "b")}, {2, Item(2, "kept", "b")}}));
  EXPECT_EQ(Answer(update.record.end_lsn), (Items{{1, Item(1, "new", "b")}}));
}

TEST_F(VerifierSinkTest, RowsThatTheCommitDidNotTouchAreToldWhenAskedFor) {
  const Ran first = Commit({Insert(1)});
  const Ran second = Commit({Insert(2)});
  Commit({SetA(1, "later"), Insert(9)});
  EXPECT_EQ(Answer(second.record.end_lsn,
                   {{"items", ItemKey(1)}, {"items", ItemKey(2)}, {"items", ItemKey(9)}}),
            (Items{{1, Item(1, "a", "b")}, {2, Item(2, "a", "b")}, {9, std::nullopt}}));
}

TEST_F(VerifierSinkTest, ADeletedRowIsAbsentInTheAnswer) {
  Commit({Insert(1)});
  const Ran ran = Commit({Delete(1)});
  EXPECT_EQ(Answer(ran.record.end_lsn), (Items{{1, std::nullopt}}));
}

TEST_F(VerifierSinkTest, UnknownTablesAndStrangeKeysAreNoRows) {
  const Ran ran = Commit({});
  const auto reply =
      sink_.Answer({ran.record.end_lsn, {{"nothing", ItemKey(1)}, {"items", {}}}}, replica_);
  ASSERT_THAT(reply.rows, SizeIs(2));  // the session's, and the strange key without a row
  for (const auto& item : reply.rows)
    EXPECT_EQ(item.row.has_value(), item.address.table != "items");
}

TEST_F(VerifierSinkTest, WhatIsAcceptedIsDurableAndForgotten) {
  EXPECT_EQ(sink_.durable(), kConsistentPoint);
  const Ran first = Commit({Insert(1)}), second = Commit({SetA(1, "x")});
  sink_.OnAccepted({first.record.end_lsn});
  EXPECT_EQ(sink_.durable(), first.record.end_lsn);
  EXPECT_EQ(Answer(first.record.end_lsn), Items{});  // what it touched is forgotten
  EXPECT_EQ(Answer(first.record.end_lsn, {{"items", ItemKey(1)}}), (Items{{1, Item(1, "a", "b")}}));
  EXPECT_EQ(Answer(second.record.end_lsn), (Items{{1, Item(1, "x", "b")}}));
}

TEST_F(VerifierSinkTest, AnOldAcceptanceTakesNothingBack) {
  const Ran ran = Commit({Insert(1)});
  sink_.OnAccepted({ran.record.end_lsn});
  sink_.OnAccepted({kConsistentPoint});
  EXPECT_EQ(sink_.durable(), ran.record.end_lsn);
}

TEST_F(VerifierSinkTest, APositionIsToldOnlyWhenItIsNews) {
  const std::vector<wire::Position> positions = {{.received = {10}},
                                                 {.received = {10}},
                                                 {.received = {10}, .confirmed = {10}},
                                                 {.received = {10}, .confirmed = {10}},
                                                 {.received = {20}, .confirmed = {10}}};
  for (const wire::Position& position : positions)
    EXPECT_TRUE(sink_.ReportPosition(position).has_value());
  EXPECT_EQ(NextAs<wire::Position>(), positions[0]);
  EXPECT_EQ(NextAs<wire::Position>(), positions[2]);
  EXPECT_EQ(NextAs<wire::Position>(), positions[4]);
}

TEST_F(VerifierSinkTest, APositionComesBehindTheCommitsItSpeaksOf) {
  const Ran ran = Commit({Insert(1)});
  EXPECT_TRUE(sink_.ReportPosition({.received = ran.record.end_lsn}).has_value());
  EXPECT_EQ(NextAs<wire::Commit>().end_lsn, ran.record.end_lsn);
  EXPECT_EQ(NextAs<wire::Position>().received, ran.record.end_lsn);
}

TEST_F(VerifierSinkTest, AMisfitIsReportedWithTableAndKey) {
  Ran ran = postgres_.Run(1, {Insert(1)});
  ran.transaction.changes[1] =
      model::Delete{model::RelationOf(ran.transaction.changes[1]), Item(7, "a", "b")};
  auto applied = replica_.Apply(ran.transaction);
  ASSERT_FALSE(applied);
  EXPECT_TRUE(sink_.ReportMisfit(ran.transaction, applied.error()).has_value());
  const auto misfit = NextAs<wire::Misfit>();
  EXPECT_EQ(misfit.xid, ran.record.xid);
  EXPECT_EQ(misfit.end_lsn, ran.record.end_lsn);
  EXPECT_EQ(misfit.table, "items");
  EXPECT_EQ(misfit.key, ItemKey(7));
  EXPECT_EQ(misfit.message, applied.error().message);
}

}  // namespace
}  // namespace lockstep::listener
