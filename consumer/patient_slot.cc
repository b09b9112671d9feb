#include "consumer/patient_slot.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "postgres/open_transactions.h"
#include "postgres/remedy.h"

namespace lockstep::consumer {
namespace {

using model::Result;

constexpr std::string_view kLockTimeout = "55P03";

AttachWait WaitFor(std::vector<postgres::OpenTransaction> open, const std::string& slot) {
  AttachWait wait{.reason = "waiting for transactions that have just ended",
                  .transactions = std::move(open)};
  if (!wait.transactions.empty()) {
    wait.reason = fmt::format("waiting for {}", ToString(wait.transactions.front()));
    if (const std::size_t more = wait.transactions.size() - 1; more > 0) {
      wait.reason += fmt::format(" and {} younger", more);
    }
  }
  wait.reason += fmt::format(" to make slot {}", slot);
  return wait;
}

}  // namespace

Result<postgres::CreatedSlot> CreateSlotPatiently(postgres::Connection& replication,
                                                  postgres::Connection& observer,
                                                  postgres::CreateSlotOptions options,
                                                  AttachPatience& patience) {
  constexpr std::chrono::milliseconds kShortest{100};
  for (std::chrono::milliseconds timeout{1000};; timeout *= 2) {
    // 0 would be no limit.
    options.lock_timeout = std::max(std::min(timeout, patience.left()), kShortest);
    auto slot = postgres::CreateSlot(replication, options);
    if (slot) return slot;
    const bool too_large = postgres::IsSnapshotTooLarge(slot.error());
    if (!too_large && slot.error().sqlstate != kLockTimeout) return slot;
    auto open = postgres::ReadOpenTransactions(observer);
    if (!open) return std::unexpected(std::move(open.error()));
    AttachWait wait = WaitFor(std::move(*open), options.name);
    if (too_large) wait.reason += ": there are too many open savepoints";
    if (auto ok = patience.Pause(std::move(wait), std::move(slot.error())); !ok)
      return std::unexpected(std::move(ok.error()));
  }
}

}  // namespace lockstep::consumer
