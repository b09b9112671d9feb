// How long an attach tries, and what it says while it waits.
#ifndef LOCKSTEP_CONSUMER_ATTACH_PATIENCE_H_
#define LOCKSTEP_CONSUMER_ATTACH_PATIENCE_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "model/error.h"
#include "postgres/open_transactions.h"

namespace lockstep::consumer {

struct AttachWait {
  // "waiting for transaction 775 (pid 4711, psql, idle in transaction, open since ...) of database
  // shop", and the like.
  std::string reason;
  // Where transactions are waited for, the oldest first.
  std::vector<postgres::OpenTransaction> transactions = {};
  // Since the attach began, and when it gives up.
  std::chrono::milliseconds elapsed{0};
  std::chrono::milliseconds limit{0};
};

// Told before each pause. An error ends the attach with it.
using OnAttachWait = std::function<model::Result<void>(const AttachWait&)>;

class AttachPatience {
 public:
  AttachPatience(std::chrono::milliseconds limit, OnAttachWait on_wait)
      : begun_(std::chrono::steady_clock::now()), limit_(limit), on_wait_(std::move(on_wait)) {}

  // Says why, and sleeps: 10 ms, then twice as long each time, 250 ms at
  // most: what takes longer is waited for in other ways. When the time is up:
  // `last`, with how long was tried and the reason in its message.
  model::Result<void> Pause(AttachWait wait, model::Error last);
  // Zero when the time is up.
  std::chrono::milliseconds left() const;

 private:
  std::chrono::milliseconds elapsed() const;

  std::chrono::steady_clock::time_point begun_;
  std::chrono::milliseconds limit_;
  OnAttachWait on_wait_;
  std::chrono::milliseconds pause_{10};
};

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_ATTACH_PATIENCE_H_
