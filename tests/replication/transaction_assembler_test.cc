#include "replication/transaction_assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>

#include "model/relation.h"
#include "replication/follow_policy.h"
#include "tests/replication/row_literals.h"

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using model::Insert;
using model::Lsn;
using model::Xid;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

Event Begin(std::uint32_t xid) { return BeginEvent{Xid{xid}}; }
Event Commit(std::uint32_t xid, std::uint64_t end) {
  return CommitEvent{Xid{xid}, Lsn{end}, static_cast<std::int64_t>(end) * 10};
}
Event Change(std::uint32_t xid, std::int64_t row) {
  return ChangeEvent{Xid{xid}, Insert{nullptr, RowOf({Int(row)})}};
}
Event OtherTable(std::uint32_t xid) { return OtherTableEvent{Xid{xid}}; }

// The transaction that the last of these events completed.
std::optional<model::Transaction> Assemble(TransactionAssembler& assembler,
                                           std::initializer_list<Event> events) {
  std::optional<model::Transaction> last;
  for (const Event& event : events) {
    EXPECT_FALSE(last) << "a transaction came before its commit";
    auto transaction = assembler.Add(event);
    EXPECT_TRUE(transaction.has_value()) << transaction.error().message;
    if (transaction) last = std::move(*transaction);
  }
  return last;
}

// After `before`, `event` is refused, naming `what`.
void ExpectRefused(std::initializer_list<Event> before, Event event, const char* what) {
  TransactionAssembler assembler(kMegabyte);
  for (const Event& e : before) ASSERT_TRUE(assembler.Add(e).has_value());
  auto transaction = assembler.Add(std::move(event));
  ASSERT_FALSE(transaction.has_value());
  EXPECT_EQ(transaction.error().kind, ErrorKind::kMalformed);
  EXPECT_THAT(transaction.error().message, HasSubstr(what));
}

TEST(TransactionAssemblerTest, ATransactionComesWithItsCommitAndInItsOrder) {
  TransactionAssembler assembler(kMegabyte);
  auto transaction =
      Assemble(assembler, {Begin(7), Change(7, 1), OtherTable(7), Change(7, 2), Commit(7, 100)});
  ASSERT_TRUE(transaction);
  EXPECT_EQ(transaction->xid, Xid{7});
  EXPECT_EQ(transaction->end_lsn, Lsn{100});
  EXPECT_EQ(transaction->commit_micros, 1000);
  EXPECT_EQ(transaction->other_changes, 1u);
  ASSERT_EQ(transaction->changes.size(), 2u);
  EXPECT_EQ(std::get<Insert>(transaction->changes[0]).row, RowOf({Int(1)}));
  EXPECT_EQ(std::get<Insert>(transaction->changes[1]).row, RowOf({Int(2)}));
}

TEST(TransactionAssemblerTest, NothingIsLeftFromTheTransactionBefore) {
  TransactionAssembler assembler(kMegabyte);
  Assemble(assembler, {Begin(7), Change(7, 1), OtherTable(7), Commit(7, 100)});
  auto transaction = Assemble(assembler, {Begin(8), Commit(8, 200)});
  ASSERT_TRUE(transaction);
  EXPECT_EQ(transaction->xid, Xid{8});
  EXPECT_TRUE(transaction->changes.empty());
  EXPECT_EQ(transaction->other_changes, 0u);
}

TEST(TransactionAssemblerTest, WhatStandsOutsideATransactionIsRefused) {
  ExpectRefused({}, Change(7, 1), "change of transaction 7 outside any");
  ExpectRefused({}, OtherTable(7), "change of transaction 7 outside any");
  ExpectRefused({}, Commit(7, 100), "commit of transaction 7 outside any");
  ExpectRefused({Begin(7), Commit(7, 100)}, Change(7, 1), "outside any");
  ExpectRefused({Begin(7), Commit(7, 100)}, Commit(7, 200), "outside any");
}

TEST(TransactionAssemblerTest, ABeginInsideATransactionIsRefused) {
  ExpectRefused({Begin(7)}, Begin(8), "begin of transaction 8 inside transaction 7");
  ExpectRefused({Begin(7)}, Begin(7), "begin of transaction 7 inside transaction 7");
}

TEST(TransactionAssemblerTest, WhatIsOfAnotherTransactionIsRefused) {
  ExpectRefused({Begin(7)}, Change(8, 1), "change of transaction 8 inside transaction 7");
  ExpectRefused({Begin(7)}, OtherTable(8), "change of transaction 8 inside transaction 7");
  ExpectRefused({Begin(7)}, Commit(8, 100), "commit of transaction 8 inside transaction 7");
}

TEST(TransactionAssemblerTest, ATransactionLargerThanTheLimitIsRefusedByName) {
  TransactionAssembler assembler(kMegabyte);
  ASSERT_TRUE(assembler.Add(Begin(7)).has_value());
  std::size_t added = 0;
  auto result = assembler.Add(Change(7, 1));
  for (; result && added < kMegabyte; ++added) result = assembler.Add(Change(7, 1));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(result.error().message, AllOf(HasSubstr("transaction 7"), HasSubstr("1 MB")));
  EXPECT_GT(added, kMegabyte / 1000);  // and not before
}

// Of two tables; the one behind it is as always.
TEST(TransactionAssemblerTest, OneThatIsTooLargeMayBePassedOverWithItsTables) {
  TransactionAssembler assembler(kMegabyte, FollowPolicy::kSetAside);
  const auto relation = [](const char* name) {
    return std::make_shared<const model::Relation>(model::Relation{.schema = "s", .name = name});
  };
  const auto of = [](const model::RelationPtr& table) {
    return ChangeEvent{Xid{7}, Insert{table, RowOf({Int(1)})}};
  };
  const model::RelationPtr a = relation("a");
  const model::RelationPtr b = relation("b");
  constexpr std::uint64_t kChanges = kMegabyte / 16;
  Assemble(assembler, {Begin(7)});
  for (std::uint64_t i = 0; i < kChanges; ++i) Assemble(assembler, {of(a)});
  auto transaction = Assemble(assembler, {of(b), of(a), Commit(7, 100)});
  ASSERT_TRUE(transaction);
  EXPECT_TRUE(transaction->changes.empty());
  EXPECT_EQ(transaction->other_changes, kChanges + 2);
  ASSERT_EQ(transaction->unread.size(), 2u);
  EXPECT_EQ(transaction->unread[0].name, "a");
  EXPECT_TRUE(transaction->unread[0].is_followable);
  EXPECT_THAT(transaction->unread[0].reason, HasSubstr("transaction 7, which is larger than"));
  EXPECT_EQ(transaction->unread[1].name, "b");
  transaction = Assemble(assembler, {Begin(8), Change(8, 1), Commit(8, 200)});
  ASSERT_TRUE(transaction);
  EXPECT_EQ(transaction->changes.size(), 1u);
  EXPECT_TRUE(transaction->unread.empty());
}

TEST(TransactionAssemblerTest, SmallTransactionsDoNotAddUpToTheLimit) {
  TransactionAssembler assembler(kMegabyte);
  for (std::uint32_t xid = 1; xid < 20'000; ++xid) {
    ASSERT_TRUE(Assemble(assembler, {Begin(xid), Change(xid, 1), Commit(xid, xid)}));
  }
}

TEST(TransactionAssemblerTest, WhatCouldNotBeReadComesWithItsTransaction) {
  TransactionAssembler assembler(kMegabyte);
  const model::UnreadTable a{"s", "a", "why"};
  const model::UnreadTable b{"s", "b", "why not"};
  auto transaction = Assemble(assembler, {Begin(7), Change(7, 1), UnreadEvent{Xid{7}, a},
                                          TruncateEvent{Xid{7}, {nullptr}, {b}}, OtherTable(7),
                                          UnreadEvent{Xid{7}, a}, Commit(7, 20)});
  ASSERT_TRUE(transaction.has_value());
  EXPECT_THAT(transaction->unread, testing::ElementsAre(a, b));
  EXPECT_EQ(transaction->changes.size(), 2U);
  EXPECT_EQ(transaction->other_changes, 3U);
  transaction = Assemble(assembler, {Begin(8), Commit(8, 30)});
  EXPECT_THAT(transaction->unread, testing::IsEmpty());
  ExpectRefused({}, UnreadEvent{Xid{7}, a}, "outside");
}

}  // namespace
}  // namespace lockstep::replication
