#include "model/sabotage_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace lockstep::model {
namespace {

constexpr SabotageKind kKinds[] = {
    SabotageKind::kDropChange,   SabotageKind::kDuplicateTransaction,
    SabotageKind::kSwapCommits,  SabotageKind::kNullForUnchanged,
    SabotageKind::kCorruptValue, SabotageKind::kApplyRolledBack,
    SabotageKind::kStaleKey,     SabotageKind::kReorderChanges,
};

}  // namespace

std::span<const SabotageKind> SabotageKinds() { return kKinds; }

std::string_view NameOf(SabotageKind kind) {
  switch (kind) {
    case SabotageKind::kDropChange:
      return "drop-change";
    case SabotageKind::kDuplicateTransaction:
      return "duplicate-transaction";
    case SabotageKind::kSwapCommits:
      return "swap-commits";
    case SabotageKind::kNullForUnchanged:
      return "null-for-unchanged";
    case SabotageKind::kCorruptValue:
      return "corrupt-value";
    case SabotageKind::kApplyRolledBack:
      return "apply-rolled-back";
    case SabotageKind::kStaleKey:
      return "stale-key";
    case SabotageKind::kReorderChanges:
      return "reorder-changes";
  }
  std::unreachable();
}

std::string SabotageKindNames() {
  std::string names;
  for (const SabotageKind kind : kKinds)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", NameOf(kind));
  return names;
}

Result<SabotageKind> ParseSabotageKind(std::string_view name) {
  const auto* found = std::ranges::find(kKinds, name, NameOf);
  if (found != std::end(kKinds)) return *found;
  return Fail(ErrorKind::kUsage,
              fmt::format("there is no kind of sabotage \"{}\"; choose one of {}", name,
                          SabotageKindNames()));
}

}  // namespace lockstep::model
