#include "auditor/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "auditor/form_changes.h"
#include "model/relation.h"
#include "postgres/table_state.h"

namespace lockstep::auditor {
namespace {

using model::Fail;
using model::RelationPtr;
using model::Result;
using postgres::Connection;
using postgres::ConnectionKind;

// How long a lock is waited for: behind a TRUNCATE or an ALTER that waits for others.
constexpr std::chrono::milliseconds kLockTimeout{1000};
// Whatever is followed: nothing is read from the check slot, and this plugin every server has.
constexpr char kCheckSlotPlugin[] = "pgoutput";

// What a lock that cannot be had means here: somebody is changing the table.
bool TellsOfChange(const model::Error& error) {
  return error.sqlstate == "55P03" || error.sqlstate == "40P01" || error.sqlstate == "42P01" ||
         error.sqlstate == "3F000";
}

Result<Connection> Open(const CheckpointOptions& options, ConnectionKind kind) {
  return Connection::Open(options.conninfo, kind, {.application_name = options.application_name});
}

std::vector<RelationPtr> TablesOf(const model::Database& replica) {
  std::vector<RelationPtr> tables;
  for (std::uint32_t i = 0; i < replica.table_count(); ++i)
    tables.push_back(replica.table(i).relation());
  return tables;
}

}  // namespace

bool MayPass(const model::Error& error) {
  return error.kind == model::ErrorKind::kMisfit || model::IsWorthRetry(error) ||
         error.sqlstate == "55P03" ||
         // The server does not translate it, and has no SQLSTATE for it.
         error.message.find("initial slot snapshot too large") != std::string::npos;
}

Result<Checkpoint> Checkpoint::Begin(const CheckpointOptions& options) {
  auto observer = Open(options, ConnectionKind::kSql);
  if (!observer) return std::unexpected(std::move(observer.error()));
  std::vector<Connection> reading;
  for (int i = 0; i < std::max(options.connections, 1); ++i) {
    auto connection = Open(options, ConnectionKind::kSql);
    if (!connection && i == 0) return std::unexpected(std::move(connection.error()));
    if (!connection) break;
    reading.push_back(std::move(*connection));
  }
  auto replication = Open(options, ConnectionKind::kReplication);
  if (!replication) return std::unexpected(std::move(replication.error()));
  auto request = postgres::SlotRequest::Start(
      std::move(*replication),
      {.name = options.slot, .plugin = kCheckSlotPlugin, .lock_timeout = options.lock_timeout});
  if (!request) return std::unexpected(std::move(request.error()));
  return Checkpoint(options, std::move(*observer), std::move(reading), std::move(*request));
}

Result<bool> Checkpoint::AwaitSlot(const model::Database& replica) {
  if (consistent_point_.IsValid()) return true;
  auto slot = request_.Poll();
  if (!slot) return std::unexpected(std::move(slot.error()));
  if (!*slot) return false;
  if (auto ok = LockTables(replica, (*slot)->snapshot_name); !ok)
    return std::unexpected(std::move(ok.error()));
  consistent_point_ = (*slot)->consistent_point;
  return true;
}

// TRUNCATE keeps no rows for older snapshots: an emptied table would look like one that was empty
// at the consistent point. So the tables are locked, and then asked whether they still are what the
// snapshot shows.
Result<void> Checkpoint::LockTables(const model::Database& replica, const std::string& snapshot) {
  Connection& leader = reading_.front();
  const std::vector<RelationPtr> tables = TablesOf(replica);
  auto locked = postgres::BeginSnapshotAndLock(leader, snapshot, tables, kLockTimeout);
  auto now = consumer::ReadTables(observer_, options_.scope);
  if (!now) return std::unexpected(std::move(now.error()));
  if (!locked && !TellsOfChange(locked.error())) return locked;
  if (!locked) {
    form_changes_ = FormChanges(replica, now->followed);
    if (!form_changes_.empty()) return {};
    locked.error().kind = model::ErrorKind::kMisfit;
    return locked;
  }
  auto then = consumer::ReadTables(leader, options_.scope);
  if (!then) return std::unexpected(std::move(then.error()));
  form_changes_ = FormChanges(replica, then->followed);
  if (!form_changes_.empty()) return {};
  if (const auto later = FormChanges(replica, now->followed); !later.empty()) {
    return Fail(model::ErrorKind::kMisfit, later.front() + " just after the snapshot");
  }
  excluded_ = std::move(then->excluded);
  auto states = postgres::ReadTableStates(leader, tables);
  if (!states) return std::unexpected(std::move(states.error()));
  for (std::uint32_t i = 0; i < tables.size(); ++i) {
    if ((*states)[i].replaced) {
      return Fail(model::ErrorKind::kMisfit,
                  fmt::format("table {} was truncated or rewritten just after the snapshot",
                              tables[i]->QualifiedName()));
    }
    tables_.push_back({i, (*states)[i].bytes});
  }
  return StartReaders(tables, snapshot);
}

// The leader, which has the locks, and as many more as get them at once: one that waited behind a
// TRUNCATE that waits for the leader would wait for ever.
Result<void> Checkpoint::StartReaders(const std::vector<RelationPtr>& tables,
                                      const std::string& snapshot) {
  auto leader = postgres::TableReader::Adopt(std::move(reading_.front()));
  if (!leader) return std::unexpected(std::move(leader.error()));
  readers_.push_back(std::move(*leader));
  for (std::size_t i = 1; i < reading_.size() && readers_.size() < tables.size(); ++i) {
    if (auto ok = reading_[i].Execute("SET lock_timeout = '100ms'"); !ok)
      return std::unexpected(std::move(ok.error()));
    auto reader = postgres::TableReader::Start(std::move(reading_[i]), snapshot, tables);
    if (reader) {
      readers_.push_back(std::move(*reader));
    } else if (TellsOfChange(reader.error())) {
      break;
    } else {
      return std::unexpected(std::move(reader.error()));
    }
  }
  reading_.clear();
  return {};
}

Result<std::vector<postgres::TableActivity>> Checkpoint::ReadActivity(
    const model::Database& replica) {
  return postgres::ReadTableActivity(observer_, TablesOf(replica));
}

void Checkpoint::StartComparing(const model::Database& replica, const model::Projection& projection,
                                const std::set<std::uint32_t>& left_out) {
  std::erase_if(tables_,
                [&](const TableToCompare& table) { return left_out.contains(table.table); });
  comparison_.emplace(std::move(readers_), std::move(tables_), replica, projection);
}

Result<bool> Checkpoint::Compare() {
  if (auto ok = comparison_->Step(); !ok) return std::unexpected(std::move(ok.error()));
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
