// What one listener has yet to be judged for, oldest first: in memory up to a bound that all queues
// share, beyond it in a temporary file.
//
//   Push ─► tail (encoded) ─► file, block by block ─► head (decoded) ─► front, Pop
//      └──────── while nothing has gone to the file, and memory is left ────┘
//
// A block: its size and the number of its entries (u32 each), then the entries in the order of
// Expected's fields, vectors behind their length (u32); in the machine's byte order, for the file
// has no name and ends with the process.
#ifndef LOCKSTEP_VERIFIER_EXPECTATION_QUEUE_H_
#define LOCKSTEP_VERIFIER_EXPECTATION_QUEUE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "verifier/plugin_view.h"

namespace lockstep::verifier {

// What a listener must say of one commit of the run.
struct Expected {
  model::TransactionId id;
  model::Xid xid;
  model::Lsn end_lsn;
  ExpectedView view;
  std::vector<std::uint32_t> truncated;
  std::vector<std::uint32_t> touched;
};

// Memory of all queues together.
struct QueueBudget {
  std::size_t bytes_max = std::size_t{64} << 20;
  std::size_t bytes = 0;
};

class ExpectationQueue {
 public:
  explicit ExpectationQueue(std::shared_ptr<QueueBudget> budget) : budget_(std::move(budget)) {}
  ExpectationQueue(const ExpectationQueue&) = delete;
  ExpectationQueue& operator=(const ExpectationQueue&) = delete;
  ~ExpectationQueue();

  void Push(Expected expected);
  // nullptr: it is empty.
  const Expected* front() const { return head_.empty() ? nullptr : &head_.front(); }
  void Pop();  // there must be a front
  std::size_t size() const { return size_; }
  // Bytes in the file that have not come back.
  std::size_t file_bytes() const { return static_cast<std::size_t>(written_ - read_); }
  // The file failed: what was to be judged is lost, and the run cannot be judged to its end.
  const std::optional<model::Error>& error() const { return error_; }

 private:
  void WriteTail();
  void ReadBlock();
  void Decode(std::string_view entries, std::uint32_t count);
  void SetError(const char* what, int code);

  std::shared_ptr<QueueBudget> budget_;
  std::size_t size_ = 0;
  std::deque<Expected> head_;
  std::size_t head_bytes_ = 0;
  std::string tail_;
  std::uint32_t tail_count_ = 0;
  int file_ = -1;
  off_t written_ = 0;
  off_t read_ = 0;
  std::optional<model::Error> error_;
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_EXPECTATION_QUEUE_H_
