#include "replication/follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace lockstep::replication {

std::chrono::milliseconds StatusInterval(std::chrono::milliseconds wal_sender_timeout) {
  constexpr std::chrono::milliseconds kLongest{10'000};
  return wal_sender_timeout.count() == 0 ? kLongest : std::min(kLongest, wal_sender_timeout / 3);
}

Follower::Follower(const FollowerOptions& options, std::unique_ptr<Decoder> decoder, TimePoint now)
    : options_(options),
      decoder_(std::move(decoder)),
      assembler_(options.max_transaction_bytes, options.policy),
      progress_(options.start),
      received_(options.start),
      confirmed_(options.start),
      last_sent_(now) {}

void Follower::OnReconnect(std::unique_ptr<Decoder> decoder, TimePoint now) {
  decoder_ = std::move(decoder);
  assembler_ = TransactionAssembler(options_.max_transaction_bytes, options_.policy);
  last_commit_ = {};
  reply_to_.reset();
  last_sent_ = now;
}

model::Result<std::optional<model::Transaction>> Follower::OnCopyData(std::string_view bytes) {
  if (failure_) return std::unexpected(*failure_);
  auto transaction = OnFrame(bytes);
  // A keepalive after what could not be read would let P pass it.
  if (!transaction) failure_ = transaction.error();
  return transaction;
}

model::Result<void> Follower::OnNotice(std::string_view notice) {
  if (failure_) return std::unexpected(*failure_);
  auto event = decoder_->DecodeNotice(notice);
  auto transaction =
      event ? assembler_.Add(std::move(*event)) : std::unexpected(std::move(event.error()));
  if (transaction) return {};
  failure_ = transaction.error();
  return std::unexpected(std::move(transaction.error()));
}

model::Result<std::optional<model::Transaction>> Follower::OnFrame(std::string_view bytes) {
  auto frame = ParseFrame(bytes);
  if (!frame) return std::unexpected(std::move(frame.error()));
  if (const auto* data = std::get_if<XLogData>(&*frame)) return OnXLogData(*data);
  OnKeepalive(std::get<PrimaryKeepalive>(*frame));
  return std::nullopt;
}

model::Result<std::optional<model::Transaction>> Follower::OnXLogData(const XLogData& frame) {
  const auto at_frame = [&](model::Error error) {
    return model::Fail(
        fmt::format("message of {} bytes at {}", frame.payload.size(), ToString(frame.start)),
        std::move(error));
  };
  auto event = decoder_->Decode(frame);
  if (!event) return at_frame(std::move(event.error()));
  auto transaction = assembler_.Add(std::move(*event));
  if (!transaction) return at_frame(std::move(transaction.error()));
  if (!*transaction) return std::nullopt;
  // On one connection commits come in the order of the WAL; dropping one that does not would hide a
  // fault of the server's or the wire's.
  const model::Lsn end_lsn = (*transaction)->end_lsn;
  if (end_lsn <= last_commit_) {
    return at_frame(
        {model::ErrorKind::kMalformed,
         fmt::format("commit of transaction {} at {} after a commit at {}",
                     (*transaction)->xid.value, ToString(end_lsn), ToString(last_commit_))});
  }
  last_commit_ = end_lsn;
  // A slot may step back after a crash of the server and repeat transactions.
  if (!progress_.OnTransaction(end_lsn)) return std::nullopt;
  received_ = std::max(received_, end_lsn);
  pending_.push_back(end_lsn);
  return transaction;
}

void Follower::OnKeepalive(const PrimaryKeepalive& keepalive) {
  progress_.OnKeepalive(keepalive.end);
  received_ = std::max(received_, keepalive.end);
  if (keepalive.reply_requested) reply_to_ = keepalive.end;
}

void Follower::OnDurable(model::Lsn lsn) {
  progress_.OnDurable(lsn);
  while (!pending_.empty() && pending_.front() <= lsn) pending_.pop_front();
}

std::optional<StandbyStatusUpdate> Follower::TakeStatusUpdate(TimePoint now) {
  const model::Lsn position = progress_.position();
  if (reply_to_) {
    const model::Lsn asked = *std::exchange(reply_to_, std::nullopt);
    last_sent_ = now;
    if (position < asked) {
      // The sinks lag. Flush 0 confirms nothing and lets a stopping server go; an old flush would
      // hang its shutdown.
      return StandbyStatusUpdate{.write = asked};
    }
    confirmed_ = position;
    return StandbyStatusUpdate{
        .write = std::max(received_, position), .flush = position, .apply = position};
  }
  if (now < NextStatusDue()) return std::nullopt;
  last_sent_ = now;
  confirmed_ = position;
  return StandbyStatusUpdate{
      .write = std::max(received_, position), .flush = position, .apply = position};
}

TimePoint Follower::NextStatusDue() const {
  if (reply_to_) return TimePoint::min();
  const bool has_news = progress_.position() > confirmed_;
  return last_sent_ + (has_news ? std::min(options_.confirm_interval, options_.status_interval)
                                : options_.status_interval);
}

}  // namespace lockstep::replication
