// First in, first out, with little memory, much, and no disk.
#include "verifier/expectation_queue.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <memory>

namespace lockstep::verifier {
namespace {

Expected Make(std::uint64_t n) {
  Expected expected{.id = {n}, .xid = {static_cast<std::uint32_t>(n)}, .end_lsn = {n * 16}};
  expected.view = {.state = {n, 1}, .changes = {n, 2}, .projected = {}, .watched = {}};
  expected.view.projected[model::Loss::kTruncate] = n;
  for (std::uint64_t i = 0; i < n % 3; ++i) {
    expected.view.watched.push_back({n, i});
    expected.touched.push_back(static_cast<std::uint32_t>(i));
  }
  expected.truncated.assign(n % 2, 7);
  return expected;
}

void ExpectSame(const Expected& a, const Expected& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.xid, b.xid);
  EXPECT_EQ(a.end_lsn, b.end_lsn);
  EXPECT_EQ(a.view.state, b.view.state);
  EXPECT_EQ(a.view.changes, b.view.changes);
  EXPECT_EQ(a.view.projected, b.view.projected);
  EXPECT_EQ(a.view.watched, b.view.watched);
  EXPECT_EQ(a.truncated, b.truncated);
  EXPECT_EQ(a.touched, b.touched);
}

class ExpectationQueueTest : public testing::Test {
 protected:
  void Push(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) queue_->Push(Make(++pushed_));
  }
  void Pop(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_NE(queue_->front(), nullptr) << popped_;
      ExpectSame(*queue_->front(), Make(++popped_));
      queue_->Pop();
    }
    EXPECT_EQ(queue_->size(), pushed_ - popped_);
  }

  std::shared_ptr<QueueBudget> budget_ = std::make_shared<QueueBudget>();
  std::unique_ptr<ExpectationQueue> queue_ = std::make_unique<ExpectationQueue>(budget_);
  std::uint64_t pushed_ = 0;
  std::uint64_t popped_ = 0;
};

TEST_F(ExpectationQueueTest, StaysInMemoryWithinTheBudget) {
  Push(10'000);
  EXPECT_EQ(queue_->file_bytes(), 0u);
  Pop(10'000);
  EXPECT_EQ(queue_->front(), nullptr);
  EXPECT_EQ(budget_->bytes, 0u);
}

TEST_F(ExpectationQueueTest, GoesOnInAFileAndComesBackInOrder) {
  budget_->bytes_max = 10'000;
  Push(20'000);
  EXPECT_GT(queue_->file_bytes(), 1'000'000u);
  EXPECT_LE(budget_->bytes, 10'000u);
  Pop(7'000);
  Push(5'000);
  Pop(18'000);
  EXPECT_EQ(queue_->front(), nullptr);
  EXPECT_EQ(queue_->file_bytes(), 0u);
  EXPECT_EQ(budget_->bytes, 0u);
  Push(3);
  Pop(3);
}

TEST_F(ExpectationQueueTest, MemoryStaysBoundedWhileItIsReadBack) {
  budget_->bytes_max = 10'000;
  Push(50'000);
  while (popped_ < pushed_) {
    Pop(1);
    ASSERT_LT(budget_->bytes, 200'000u);
  }
}

TEST_F(ExpectationQueueTest, QueuesShareTheMemory) {
  budget_->bytes_max = 10'000;
  ExpectationQueue other(budget_);
  for (std::uint64_t n = 0; n < 1'000; ++n) other.Push(Make(n));
  Push(1);  // one always fits
  Push(2'000);
  EXPECT_GT(queue_->file_bytes(), 0u);
  Pop(2'001);
}

TEST_F(ExpectationQueueTest, ADiskThatFailsIsAnErrorThatSaysWhere) {
  budget_->bytes_max = 0;
  setenv("TMPDIR", "/nowhere/at/all", 1);
  Push(5'000);
  unsetenv("TMPDIR");
  ASSERT_TRUE(queue_->error());
  EXPECT_EQ(queue_->error()->kind, model::ErrorKind::kEnvironment);
  EXPECT_NE(queue_->error()->message.find("in /nowhere/at/all"), std::string::npos)
      << queue_->error()->message;
}

}  // namespace
}  // namespace lockstep::verifier
