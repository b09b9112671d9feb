#include "auditor/checkpoint.h"

#include <utility>

#include "postgres/connection.h"
#include "postgres/remedy.h"
#include "postgres/slot.h"
#include "postgres/table_reader.h"

namespace lockstep::auditor {

using model::Result;
using postgres::Connection;
using postgres::ConnectionKind;

namespace {

// Whatever is followed: nothing is read from the check slot, and this plugin every server has.
constexpr char kCheckSlotPlugin[] = "pgoutput";

}  // namespace

bool MayPass(const model::Error& error) {
  return error.kind == model::ErrorKind::kMisfit || model::IsWorthRetry(error) ||
         postgres::TellsOfChange(error) || postgres::IsSnapshotTooLarge(error);
}

Result<Checkpoint> Checkpoint::Begin(const CheckpointOptions& options) {
  auto prepared = consumer::PrepareTables(options.conninfo, options.application_name,
                                          options.connections, options.scope);
  if (!prepared) return std::unexpected(std::move(prepared.error()));
  auto replication = Connection::Open(options.conninfo, ConnectionKind::kReplication,
                                      {.application_name = options.application_name});
  if (!replication) return std::unexpected(std::move(replication.error()));
  auto request = postgres::SlotRequest::Start(
      std::move(*replication),
      {.name = options.slot, .plugin = kCheckSlotPlugin, .lock_timeout = options.lock_timeout});
  if (!request) return std::unexpected(std::move(request.error()));
  return Checkpoint(options, std::move(*prepared), std::move(*request));
}

// Before 15 an idle session keeps its counts until its next statement.
Result<void> Checkpoint::ReadCounting() {
  auto counts = prepared_.observer.Scalar(
      "SELECT pg_catalog.current_setting('track_counts')::pg_catalog.bool AND "
      "pg_catalog.current_setting('server_version_num')::int >= 150000");
  if (!counts) return std::unexpected(std::move(counts.error()));
  counts_rows_ = *counts == "t";
  return {};
}

Result<bool> Checkpoint::AwaitSlot() {
  if (consistent_point_.IsValid()) return true;
  auto slot = request_.Poll();
  if (!slot) return std::unexpected(std::move(slot.error()));
  if (!*slot) return false;
  auto locked =
      consumer::LockTables(prepared_, (*slot)->snapshot_name, options_.scope, options_.wanted);
  if (!locked) return std::unexpected(std::move(locked.error()));
  locked_.emplace(std::move(*locked));
  if (auto ok = ReadCounting(); !ok) return std::unexpected(std::move(ok.error()));
  consistent_point_ = (*slot)->consistent_point;
  return true;
}

Result<std::vector<postgres::TableActivity>> Checkpoint::ReadActivity() {
  std::vector<model::RelationPtr> read = locked_->tables.followed;
  read.resize(locked_->readable);
  return postgres::ReadTableActivity(prepared_.observer, read);
}

void Checkpoint::Start(const std::vector<TableTask>& tasks, const model::Database& replica,
                       const model::Projection& projection) {
  comparison_ =
      std::make_unique<Comparison>(std::move(locked_->readers), tasks, replica, projection);
}

Result<bool> Checkpoint::Read() {
  if (auto ok = comparison_->Step(); !ok) {
    return std::unexpected(
        consumer::OnUnreadable(options_.scope, comparison_->unreadable(), std::move(ok.error())));
  }
  return comparison_->done();
}

void Checkpoint::Watch(wire::Poller& poller) {
  watched_.Watch(poller, consistent_point_.IsValid() ? -1 : request_.fd(), {.read = true});
  if (comparison_) comparison_->Watch(poller);
}

void Checkpoint::Unwatch(wire::Poller& poller) {
  watched_.Watch(poller, -1, {});
  if (comparison_) comparison_->Unwatch(poller);
}

}  // namespace lockstep::auditor
