#include "applier/settler.h"

#include <utility>
#include <variant>

namespace lockstep::applier {
namespace {

using model::Result;

// Bounds how long a foreign commit holds up the verifier; the question costs the server some 20 µs.
constexpr std::chrono::milliseconds kInterval{25};

Result<postgres::Pipeline> OpenPipeline(const std::string& conninfo) {
  auto connection = postgres::Connection::Open(conninfo, postgres::ConnectionKind::kSql,
                                               {.application_name = "lockstep applier"});
  if (!connection) return std::unexpected(std::move(connection.error()));
  return postgres::Pipeline::Start(std::move(*connection));
}

}  // namespace

Result<Settler> Settler::Open(const std::string& conninfo) {
  auto pipeline = OpenPipeline(conninfo);
  if (!pipeline) return std::unexpected(std::move(pipeline.error()));
  return Settler(conninfo, std::move(*pipeline));
}

std::optional<Settler::Time> Settler::NextAsk() const {
  return asking_ || candidate_ ? std::nullopt : std::optional(next_ask_);
}

Result<void> Settler::Ask(Time now) {
  if (asking_ || candidate_ || now < next_ask_) return {};
  next_ask_ = now + kInterval;
  auto sent = pipeline_.SendSql("SELECT pg_catalog.pg_current_wal_flush_lsn()");
  if (sent) sent = pipeline_.Sync();
  if (sent) sent = pipeline_.Flush();
  if (sent) {
    asking_ = true;
    return {};
  }
  return model::IsWorthRetry(sent.error()) ? Reopen() : sent;
}

Result<void> Settler::Drive(const std::vector<model::TransactionId>& under_way) {
  auto flushed = pipeline_.Flush();
  while (flushed) {
    auto result = pipeline_.Next();
    if (!result) {
      flushed = std::unexpected(std::move(result.error()));
      break;
    }
    if (!*result) return {};
    if (const auto* ok = std::get_if<postgres::CommandOk>(&**result)) {
      auto lsn = model::ParseLsn(ok->FirstValue().value_or(""));
      if (!lsn) return std::unexpected(std::move(lsn.error()));
      candidate_ = *lsn;
      waits_for_ = {under_way.begin(), under_way.end()};
    } else if (auto* failed = std::get_if<postgres::CommandFailed>(&**result)) {
      flushed = std::unexpected(std::move(failed->error));
    }
    if (std::holds_alternative<postgres::SyncReached>(**result)) asking_ = false;
  }
  return model::IsWorthRetry(flushed.error()) ? Reopen() : flushed;
}

void Settler::OnOutcome(model::TransactionId id) { waits_for_.erase(id); }

std::optional<model::Lsn> Settler::TakeSettled() {
  return waits_for_.empty() ? std::exchange(candidate_, std::nullopt) : std::nullopt;
}

Result<void> Settler::Reopen() {
  auto pipeline = OpenPipeline(conninfo_);
  asking_ = false;
  if (pipeline) {
    pipeline_ = std::move(*pipeline);
    return {};
  }
  // Not yet: the sessions, which have scripts to lose, decide when it is too long.
  if (model::IsWorthRetry(pipeline.error())) return {};
  return std::unexpected(std::move(pipeline.error()));
}

}  // namespace lockstep::applier
