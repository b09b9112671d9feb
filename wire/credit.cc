#include "wire/credit.h"

#include <algorithm>
#include <cassert>

namespace lockstep::wire {
namespace {

// See NextGrant().
constexpr std::uint64_t kGrantsPerWindow = 8;

}  // namespace

CreditGrantor::CreditGrantor(CreditWindow window) : window_(window) {
  assert(window.scripts > 0 && window.bytes > 0);
}

void CreditGrantor::Judge(std::uint64_t scripts, std::uint64_t bytes) {
  judged_.scripts += scripts;
  judged_.bytes += bytes;
}

std::optional<Credit> CreditGrantor::NextGrant() {
  if (judged_at_grant_.has_value()) {
    const std::uint64_t scripts = judged_.scripts - judged_at_grant_->scripts;
    const std::uint64_t bytes = judged_.bytes - judged_at_grant_->bytes;
    const bool is_step =
        scripts >= std::max<std::uint64_t>(1, window_.scripts / kGrantsPerWindow) ||
        bytes >= std::max<std::uint64_t>(1, window_.bytes / kGrantsPerWindow);
    if (!is_step) return std::nullopt;
  }
  judged_at_grant_ = judged_;
  return Credit{.scripts = judged_.scripts + window_.scripts,
                .bytes = judged_.bytes + window_.bytes};
}

void CreditSpender::Apply(const Credit& credit) {
  granted_.scripts = std::max(granted_.scripts, credit.scripts);
  granted_.bytes = std::max(granted_.bytes, credit.bytes);
}

void CreditSpender::Spend(std::uint64_t bytes) {
  assert(MaySend());
  ++sent_.scripts;
  sent_.bytes += bytes;
}

}  // namespace lockstep::wire
