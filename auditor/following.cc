#include "auditor/following.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "consumer/attach_snapshot.h"
#include "model/exclusion.h"
#include "model/output_plugin.h"
#include "model/relation.h"
#include "postgres/connection.h"
#include "postgres/open_transactions.h"
#include "postgres/remedy.h"
#include "postgres/table_scope.h"
#include "replication/follow_policy.h"

namespace lockstep::auditor {
namespace {

using consumer::Consumer;
using model::Result;
using postgres::Connection;
using postgres::ConnectionKind;

// Of a workload that makes and drops tables without end.
constexpr int kAttempts = 5;
// Transactions taken from the stream before the rest is looked at.
constexpr int kBatch = 256;
// What may wait to be applied while the replica is held, and one transaction more: then reading
// pauses, and Postgres keeps the rest.
constexpr std::size_t kMaxWaitingBytes = 64'000'000;
// How long a commit that came out of the stream may take until it can be seen.
constexpr std::chrono::seconds kUnseenLimit{10};

Result<Connection> Open(const ProcessOptions& options) {
  return Connection::Open(options.conninfo, ConnectionKind::kSql,
                          postgres::OnlookerOptions("lockstep " + options.id));
}

postgres::TableName NameOf(const model::Relation& relation) {
  return {relation.schema, relation.name};
}

// Whether the first that the transaction does to the table is to empty it.
bool BeginsByTruncate(const model::Transaction& transaction, const model::Relation& table) {
  for (const model::Change& change : transaction.changes) {
    const model::RelationPtr& relation = model::RelationOf(change);
    if (relation && relation->schema == table.schema && relation->name == table.name)
      return std::holds_alternative<model::Truncate>(change);
  }
  return false;
}

}  // namespace

Following::Following(const ProcessOptions& options, model::PluginVersion version, Ledger& ledger,
                     consumer::OnAttachWait on_wait, std::function<void()> let_go)
    : options_(options),
      scope_{.scope =
                 postgres::TableScope::Matching(options.schemas, options.tables, options.excluded),
             .policy = replication::FollowPolicy::kSetAside,
             .plugin = {options.plugin, version},
             .ddl_log = options.ddl_log},
      ledger_(ledger),
      on_wait_(std::move(on_wait)),
      let_go_(std::move(let_go)),
      publishing_(options),
      newcomers_(options.conninfo, "lockstep " + options.id, let_go_) {
  if (!options.truncation_log.empty()) scope_.scope.SetTruncationLog(options.truncation_log);
  if (!options.publication.empty()) scope_.plugin.publications = {options.publication};
  if (!options.sabotage) return;
  saboteur_.emplace(*options.sabotage, [this]() -> Result<model::Xid> {
    auto sql = Open(options_);
    return sql ? postgres::RollBackOne(*sql) : std::unexpected(std::move(sql.error()));
  });
}

// ---- attaching ----

Result<void> Following::Attach() {
  // Before the copy: a TRUNCATE that waits for the copy's locks would be over when it ends.
  auto before = ReadActivity();
  if (!before) return std::unexpected(std::move(before.error()));
  for (int attempt = 1;; ++attempt) {
    if (auto ok = AttachOnce(); !ok) return ok;
    auto late = PublishedLate(consumer_->insert_only());
    if (!late) return std::unexpected(std::move(late.error()));
    if (late->empty() || attempt == kAttempts) break;  // the latest tables are insert_only then
    if (auto ok = consumer_->Detach(); !ok) return ok;
    consumer_.reset();
  }
  ledger_.OnAttached(replica().database(), consumer_->consistent_point());
  for (const postgres::ExcludedTable& table : consumer_->excluded())
    ledger_.OnExcluded({table.schema, table.name}, {table.kind, table.reason});
  spdlog::info("{}: follows {} tables from {}, {} are excluded", options_.id,
               replica().database().table_count(), ToString(consumer_->consistent_point()),
               consumer_->excluded().size());
  if (auto ok = LeaveOutOwnTriggers(*before); !ok) return ok;
  ReadFacts(*before);
  for (const auto& table : replica().set_aside()) OnSetAside(table, model::Xid());
  return {};
}

Result<void> Following::AttachOnce() {
  if (auto ok = publishing_.Make(scope_, on_wait_); !ok) return ok;
  auto attached = Consumer::Attach(
      {.conninfo = options_.conninfo,
       .application_name = "lockstep " + options_.id,
       .slot = options_.slot,
       .plugin = options_.plugin,
       .scope = scope_.scope,
       .publications = scope_.plugin.publications,
       .version = scope_.plugin.version,
       .unreadable = scope_.unreadable,
       .policy = scope_.policy,
       .install_triggers = !options_.truncation_log.empty(),
       .ddl_log = options_.ddl_log,
       .on_new_table = [this](const replication::Encounter& met) { return Meet(met); },
       .on_keyless_table =
           [this](const replication::Encounter& met) {
             return newcomers_.LookAgain(scope_, met, OidOf({met.name.schema, met.name.name}));
           },
       .copy_connections = options_.copy_connections,
       .attach_timeout = std::chrono::seconds(options_.attach_timeout_s),
       .on_wait = on_wait_});
  if (!attached) return std::unexpected(std::move(attached.error()));
  consumer_.emplace(std::move(*attached));
  return {};
}

Result<Following::ActivityByName> Following::ReadActivity() {
  auto sql = Open(options_);
  if (!sql) return std::unexpected(std::move(sql.error()));
  // Our own publications may not be there yet.
  auto tables = options_.publication.empty() ? postgres::ReadScope(*sql, scope_.scope)
                                             : consumer::ReadTables(*sql, scope_);
  if (!tables) return std::unexpected(std::move(tables.error()));
  auto activity = postgres::ReadTableActivity(*sql, tables->followed);
  if (!activity) return std::unexpected(std::move(activity.error()));
  ActivityByName by_name;
  for (std::size_t i = 0; i < activity->size(); ++i)
    by_name.emplace(tables->followed[i]->QualifiedName(), (*activity)[i]);
  return by_name;
}

// A table's first trigger, made here since, is no trace of what somebody did to it.
Result<void> Following::LeaveOutOwnTriggers(ActivityByName& before) {
  if (options_.truncation_log.empty()) return {};
  auto after = ReadActivity();
  if (!after) return std::unexpected(std::move(after.error()));
  for (auto& [name, activity] : before) {
    const auto now = after->find(name);
    const bool is_as_before = now != after->end() && now->second.oid == activity.oid &&
                              now->second.form == activity.form &&
                              now->second.file == activity.file;
    if (is_as_before) activity.entry = now->second.entry;
  }
  return {};
}

void Following::ReadFacts(const ActivityByName& before) {
  tables_.clear();
  const model::Database& database = replica().database();
  for (std::uint32_t i = 0; i < database.table_count(); ++i) {
    // One that was not there yet counts as if it had another file.
    const auto found = before.find(database.table(i).relation()->QualifiedName());
    tables_.push_back({.identity = ++identities_,
                       .copied_at = consumer_->consistent_point(),
                       .known_at = consumer_->consistent_point(),
                       .first = found == before.end() ? postgres::TableActivity{} : found->second});
  }
  NoteTables();
}

// What the consumer tells of the tables. What could not be shown of one before stays unshown until
// it is found equal.
void Following::NoteTables() {
  const model::Database& database = replica().database();
  const auto note = [&](const std::vector<postgres::TableName>& names, bool Followed::*fact) {
    for (const postgres::TableName& name : names) {
      if (const auto number = database.FindTable(name.schema, name.name))
        tables_[*number].*fact = true;
    }
  };
  note(consumer_->insert_only(), &Followed::insert_only);
  note(consumer_->blind_tables(), &Followed::blind);
  SetWriters();
  set_aside_seen_ = replica().set_aside().size();
}

void Following::SetWriters() {
  std::vector<std::uint64_t> identities;
  for (const Followed& table : tables_) identities.push_back(table.identity);
  writers_.SetTables(std::move(identities));
}

Result<void> Following::Detach() {
  auto detached = consumer_ ? consumer_->Detach() : Result<void>();
  auto dropped = publishing_.Drop();
  return detached ? dropped : detached;
}

// What came of it and was not applied will come again.
void Following::ForgetStream() {
  waiting_.clear();
  waiting_bytes_ = 0;
  newcomers_.Clear();
  limit_.reset();
  reconnect_pace_ = {};
  more_to_read_ = false;
}

Result<void> Following::AttachAnew(const std::string& reason) {
  spdlog::warn("{}: reads all tables anew: {}", options_.id, reason);
  ledger_.OnResync(replica().valid_at(), reason);
  if (auto ok = Detach(); !ok) return ok;
  consumer_.reset();
  stuck_.clear();
  to_read_anew_.clear();
  ForgetStream();
  return Attach();
}

// ---- tables that are to be read anew ----

bool Following::IsToBeReadAnew(const postgres::TableName& table) const {
  return to_read_anew_.contains(table);
}

void Following::ReadAnew(const postgres::TableName& table, model::Lsn lsn,
                         const std::string& reason) {
  if (!to_read_anew_.insert(table).second) return;
  spdlog::warn("{}: table {} is to be read anew from {} on: it {}", options_.id,
               table.QualifiedName(), ToString(lsn), reason);
  ledger_.OnNeedsResync(table, lsn, reason);
  if (const auto number = replica().database().FindTable(table.schema, table.name))
    replica().Quarantine(*number);
}

bool Following::Rekey(const postgres::TableName& table, const model::RelationPtr& now) {
  const auto number = replica().database().FindTable(table.schema, table.name);
  if (!number || tables_[*number].left_out || IsToBeReadAnew(table)) return false;
  return replica().Rekey(*number, now).has_value();
}

void Following::ForgetUnfollowed(const std::vector<model::RelationPtr>& followed, model::Lsn lsn) {
  std::set<postgres::TableName> names;
  for (const model::RelationPtr& relation : followed) names.insert(NameOf(*relation));
  std::erase_if(to_read_anew_, [&](const postgres::TableName& table) {
    if (names.contains(table)) return false;
    ledger_.OnGone(table, lsn);
    return true;
  });
}

Result<std::optional<model::Error>> Following::PublishNew() {
  auto update = publishing_.Update(scope_);
  if (!update) {
    model::Error error = std::move(update.error());
    const bool is_gone =
        error.kind == model::ErrorKind::kSql && postgres::IsOfWhatIsGone(error) && MayAttachAnew();
    if (!is_gone) return std::unexpected(std::move(error));
    stuck_ = error.message;
    return model::Fail(model::ErrorKind::kMisfit, std::move(error.message));
  }
  // It had no identity for a while: what was updated then was not sent. Or it was taken out of the
  // one publication that it was in.
  for (const postgres::TableName& table : update->without_changes) {
    const Followed* known = Find(table);
    if (known && !known->insert_only && !known->left_out && !known->published_late)
      ReadAnew(table, received(), "was without a replica identity");
  }
  for (const postgres::TableName& table : update->without_any) {
    const Followed* known = Find(table);
    if (known && !known->left_out) ReadAnew(table, received(), "was not published for a while");
  }
  if (to_read_anew_.empty() && !has_doubtful_) return std::move(update->left);
  auto installed = consumer_->InstallTriggers();
  if (installed) return std::move(update->left);
  if (installed.error().kind == model::ErrorKind::kMisfit) return std::move(installed.error());
  // No right: another role's table, made meanwhile, has none, and is excluded when it is truncated.
  if (installed.error().sqlstate != "42501") return std::unexpected(std::move(installed.error()));
  spdlog::warn("{}: {}", options_.id, installed.error().message);
  return std::move(update->left);
}

Result<void> Following::TakeOver(consumer::LockedTables& locked, model::Database& copies,
                                 const std::vector<postgres::TableActivity>& activity,
                                 model::Lsn consistent_point) {
  auto snapshot = consumer::MakeAttachSnapshot(locked, consistent_point, scope_);
  replication::Replica& fresh = *snapshot.replica;
  model::Database& before = replica().database();
  std::vector<Followed> tables;
  for (std::uint32_t i = 0; i < fresh.database().table_count(); ++i) {
    const model::Relation& relation = *fresh.database().table(i).relation();
    if (const auto copy = copies.FindTable(relation.schema, relation.name)) {
      fresh.database().PutTable(i, copies.TakeTable(*copy));
      tables.push_back({.identity = ++identities_,
                        .copied_at = consistent_point,
                        .known_at = consistent_point,
                        .first = activity[i]});
      ledger_.OnCopied(relation, consistent_point);
      to_read_anew_.erase(NameOf(relation));
      continue;
    }
    const auto known = before.FindTable(relation.schema, relation.name);
    const bool has_form = known && *before.table(*known).relation() == relation;
    tables.push_back(known ? tables_[*known]
                           : Followed{.identity = ++identities_, .copied_at = consistent_point});
    if (has_form) fresh.database().PutTable(i, before.TakeTable(*known));
    // What could not be read now is to be read later.
    if (!has_form || tables.back().left_out || IsToBeReadAnew(NameOf(relation)))
      fresh.Quarantine(i);
  }
  for (std::uint32_t i = 0; i < before.table_count(); ++i) {
    const postgres::TableName name = NameOf(*before.table(i).relation());
    if (!fresh.database().FindTable(name.schema, name.name)) ledger_.OnGone(name, consistent_point);
  }
  auto restarted = consumer_->Restart(std::move(snapshot), consistent_point);
  tables_ = std::move(tables);
  NoteTables();
  ForgetStream();
  return !restarted && model::IsWorthRetry(restarted.error()) ? Result<void>() : restarted;
}

// ---- tables that come into being ----

const Following::Followed* Following::Find(const postgres::TableName& table) {
  if (!consumer_) return nullptr;
  const auto number = replica().database().FindTable(table.schema, table.name);
  return number ? &tables_[*number] : nullptr;
}

// Of the one that is to be followed once its transaction is applied, if there is one.
std::uint32_t Following::OidOf(const postgres::TableName& table) {
  if (const std::uint32_t waiting = newcomers_.OidOf(table); waiting != 0) return waiting;
  const Followed* known = Find(table);
  return known ? known->first.oid : 0;
}

std::optional<replication::NewTable> Following::Meet(const replication::Encounter& met) {
  const postgres::TableName table{met.name.schema, met.name.name};
  const Followed* known = Find(table);
  auto seen = newcomers_.Look(scope_, met, publishing_.MayHideInserts(scope_));
  if (!seen) return std::nullopt;
  if (const auto* excluded = std::get_if<model::Exclusion>(&*seen)) {
    if (known) return std::nullopt;
    ledger_.OnExcluded(table, *excluded);
    return replication::NewTable{};
  }
  auto& newcomer = std::get<Newcomer>(*seen);
  // As a new one of that name, only if it is: changes of the known one are not its.
  const std::uint32_t oid = OidOf(table);
  if (known || oid != 0) {
    const bool is_another = oid != 0 && oid != newcomer.activity.oid;
    if (!is_another || newcomer.may_begin_unseen) return std::nullopt;
  }
  // At once, for until then not all of its changes are sent; what fails PublishNew tries again.
  publishing_.Add(scope_, table);
  replication::NewTable made = newcomer.table;
  newcomers_.Add(std::move(newcomer));
  return made;
}

void Following::Join(const Newcomer& newcomer, const model::Transaction& transaction) {
  const postgres::TableName name = NameOf(*newcomer.table.relation);
  spdlog::info("{}: table {} was made, and is followed from {} on", options_.id,
               name.QualifiedName(), ToString(replica().valid_at()));
  to_read_anew_.erase(name);
  const std::uint32_t number = consumer_->Join(newcomer.table);
  set_aside_seen_ = replica().set_aside().size();
  ledger_.OnJoined(*newcomer.table.relation, replica().valid_at());
  const model::LossSet losses = model::LossesOf(scope_.plugin.name, scope_.plugin.version);
  const bool is_blind = losses.Has(model::Loss::kTruncate);
  tables_.resize(replica().database().table_count());
  const bool needs_trigger = is_blind && !options_.truncation_log.empty();
  tables_[number] = {.identity = ++identities_,
                     .copied_at = replica().valid_at(),
                     .known_at = replica().valid_at(),
                     .blind = is_blind,
                     .is_new = true,
                     .began_unseen = newcomer.may_begin_unseen &&
                                     !(newcomer.is_as_emptied &&
                                       BeginsByTruncate(transaction, *newcomer.table.relation)),
                     .published_late = publishing_.is_made() || needs_trigger,
                     .first = newcomer.activity};
  has_doubtful_ = has_doubtful_ || IsDoubtful(number);
  SetWriters();
}

void Following::LookForDoubtful() {
  has_doubtful_ = false;
  for (std::uint32_t table = 0; table < tables_.size(); ++table)
    has_doubtful_ = has_doubtful_ || IsDoubtful(table);
}

// ---- following ----

Result<void> Following::Turn(wire::Time now) {
  took_some_ = false;
  auto ok = is_connected() ? consumer_->SendStatus(now) : Reconnect(now);
  if (ok) ok = consumer_->Flush();
  if (ok) ok = ReadStream();
  reconnect_pace_.OnReceived(received());
  if (ok) return ok;
  const bool is_ended = postgres::IsOfTheChange(ok.error()) || postgres::IsOfWhatIsGone(ok.error());
  const bool lies_behind = is_ended && MayAttachAnew();
  if (ok.error().kind == model::ErrorKind::kMisfit || lies_behind) {
    stuck_ = ok.error().message;
    return {};
  }
  const auto answer = reconnect_pace_.OnError(ok.error(), now);
  if (answer == consumer::ReconnectPace::Answer::kGiveUp) return ok;
  if (answer == consumer::ReconnectPace::Answer::kWarnRetry)
    spdlog::warn("{}: {}; reconnecting", options_.id, ok.error().message);
  return {};
}

// Behind what the server cannot send, or what somebody dropped: not for ever.
bool Following::MayAttachAnew() { return ++ended_streams_ <= kAttempts; }

Result<void> Following::Reconnect(wire::Time now) {
  if (now < reconnect_pace_.next_try()) return {};
  auto ok = consumer_->Reconnect(now);
  if (!ok) return ok;
  reconnect_pace_.OnConnected(now);
  newcomers_.OnReconnected();
  return ok;
}

bool Following::WantsToRead() const {
  return consumer_->WantsToRead() && waiting_bytes_ < kMaxWaitingBytes && stuck_.empty();
}

Result<void> Following::ReadStream() {
  more_to_read_ = false;
  if (auto ok = ApplyWaiting(); !ok) return ok;
  for (int i = 0; i < kBatch && WantsToRead(); ++i) {
    auto next = consumer_->Next();
    if (!next) return std::unexpected(std::move(next.error()));
    if (std::holds_alternative<consumer::NothingNow>(*next)) return {};
    if (std::holds_alternative<consumer::StatusIsDue>(*next)) break;
    took_some_ = true;
    newcomers_.OnReceived(std::get<model::Transaction>(*next).xid);
    waiting_.push_back(std::get<model::Transaction>(std::move(*next)));
    waiting_bytes_ += model::BytesOf(waiting_.back());
    if (auto ok = ApplyWaiting(); !ok) return ok;
  }
  more_to_read_ = WantsToRead();
  return {};
}

bool Following::HasReached(model::Lsn lsn) const {
  return consumer_->received() >= lsn && (waiting_.empty() || waiting_.front().end_lsn > lsn);
}

Result<void> Following::ApplyWaiting() {
  while (!waiting_.empty() && stuck_.empty()) {
    if (limit_ && waiting_.front().end_lsn > *limit_) return {};
    model::Transaction transaction = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= model::BytesOf(transaction);
    if (auto ok = Take(std::move(transaction)); !ok) return ok;
  }
  return {};
}

Result<void> Following::Take(model::Transaction transaction) {
  const model::Lsn end_lsn = transaction.end_lsn;
  for (const Newcomer& newcomer : newcomers_.Take(transaction.xid)) Join(newcomer, transaction);
  if (!saboteur_) {
    Apply(transaction);
  } else {
    auto changed = saboteur_->Change(std::move(transaction));
    if (!changed) return std::unexpected(std::move(changed.error()));
    for (const model::Transaction& one : *changed) Apply(one);
  }
  // Nothing is to be had again: an auditor that dies ends the audit.
  consumer_->OnDurable(end_lsn);
  return {};
}

void Following::Apply(const model::Transaction& transaction) {
  auto applied = replica().Apply(transaction);
  while (!applied) {
    if (!SettleMisfit(transaction, applied.error())) {
      stuck_ = applied.error().message;
      return;
    }
    applied = replica().Apply(transaction);
  }
  ledger_.OnTransaction(transaction);
  NoteTruncations(transaction);
  writers_.OnApplied(applied->images, {transaction.xid, transaction.end_lsn});
  const auto& set_aside = replica().set_aside();
  for (; set_aside_seen_ < set_aside.size(); ++set_aside_seen_)
    OnSetAside(set_aside[set_aside_seen_], transaction.xid);
}

// Leaves the table out that has a row that a change did not fit. False: there is no such table.
bool Following::SettleMisfit(const model::Transaction& transaction,
                             const replication::Misfit& misfit) {
  const model::Database& database = replica().database();
  const auto table = database.FindTable(misfit.schema, misfit.table);
  if (!table || tables_[*table].left_out) return false;
  const model::RelationPtr relation = database.table(*table).relation();
  if (IsToBeReadAnew(NameOf(*relation))) return false;
  spdlog::error("{}: xid {} at {}: {}", options_.id, transaction.xid.value,
                ToString(transaction.end_lsn), misfit.message);
  const auto sight = LookAfter(transaction.xid, *table);
  if (!sight) {
    ledger_.OnUndecided(*relation, fmt::format("xid {} at {}: {}, and {}", transaction.xid.value,
                                               ToString(transaction.end_lsn), misfit.message,
                                               sight.error().message));
    LeaveOut(*table);
    return true;
  }
  TableFacts facts = Facts(*table, sight->activity);
  AddLogged(sight->ddl_log, *relation, tables_[*table].known_at, transaction.end_lsn, facts);
  const Explanation explanation = ExplainMisfit(facts);
  if (IsExcuse(explanation)) {
    ledger_.OnExcusedMisfit(transaction, *relation, misfit, ExcuseReason(explanation, facts));
  }
  if (!Excuse(*table, explanation, facts, transaction.end_lsn)) {
    ledger_.OnMisfit(transaction, *relation, misfit);
    LeaveOut(*table);
  }
  return true;
}

// A table that came into being or was altered, maybe into what it was, is read anew; one that was
// not cannot be followed in its form, however often it is tried.
void Following::OnSetAside(const replication::SetAsideTable& table, model::Xid xid) {
  const postgres::TableName name{table.schema, table.name};
  const auto number = replica().database().FindTable(table.schema, table.name);
  if (!number) {
    strangers_[name] = table.end_lsn;
    return ReadAnew(name, table.end_lsn, "was made");
  }
  if (table.is_followable) return ReadAnew(name, table.end_lsn, table.reason);
  if (table.unshown_key) return ExcludeUnshown(name, table.reason);
  // It was looked at later than its first change was made.
  if (tables_[*number].is_new) return ReadAnew(name, table.end_lsn, "was made, and altered");
  const postgres::TableActivity& first = tables_[*number].first;
  const auto sight = LookAfter(xid, *number);
  if (sight && sight->activity.oid != 0 && sight->activity.oid != first.oid)
    return ReadAnew(name, table.end_lsn, RewrittenReason({.new_table = true}));
  // What cannot be told now the next comparison tells.
  if (!sight || sight->activity.form != first.form || sight->activity.entry != first.entry)
    return ReadAnew(name, table.end_lsn, "was altered");
  spdlog::warn("{}: table {} cannot be followed beyond {}: {}", options_.id, name.QualifiedName(),
               ToString(table.end_lsn), table.reason);
  tables_[*number].left_out = true;
  ledger_.OnExcluded(name, {model::ExclusionKind::kCannotBeFollowed,
                            fmt::format("from {} on: {}", ToString(table.end_lsn), table.reason)});
}

TableFacts Following::Facts(std::uint32_t table, const postgres::TableActivity& now) const {
  const Followed& known = tables_[table];
  return {.insert_only = known.insert_only || (known.published_late && publishing_.is_made()),
          .blind = known.blind,
          .new_table = now.oid != known.first.oid,
          .new_file = now.file != known.first.file,
          .rewritten =
              now.file != known.first.file && now.form != known.first.form && now.altered_at_once,
          .new_text = postgres::IsTextAltered(known.first, now),
          .volatile_text = now.volatile_text,
          .altered = now.form != known.first.form || now.entry != known.first.entry,
          .renamed = WasRenamed(known, now) || now.partitions != known.first.partitions,
          .saw_truncate = known.saw_truncate,
          .began_unseen = known.began_unseen,
          .published_late = known.published_late,
          .updated_or_deleted = now.updated_or_deleted - known.first.updated_or_deleted};
}

bool Following::Excuse(std::uint32_t table, Explanation explanation, const TableFacts& facts,
                       model::Lsn lsn) {
  const model::RelationPtr relation = replica().database().table(table).relation();
  switch (explanation) {
    case Explanation::kFault:
    case Explanation::kTooEarly:
      break;
    case Explanation::kUnshown:
    case Explanation::kMaybeUnshown:
      ledger_.OnExcluded(NameOf(*relation),
                         {model::ExclusionKind::kUnshownChange, UnshownReason(facts)});
      LeaveOut(table);
      return true;
    case Explanation::kRewritten:
    case Explanation::kMaybeRewritten:
      ReadAnew(NameOf(*relation), lsn, RewrittenReason(facts));
      return true;
  }
  return false;
}

// A rename and the one back leave a new row in the catalog, as does much else; and what was changed
// under that name came as changes of a table that was not followed, and that is not there.
bool Following::WasRenamed(const Followed& known, const postgres::TableActivity& now) const {
  return now.entry != known.first.entry &&
         std::ranges::any_of(
             strangers_, [&](const auto& stranger) { return stranger.second > known.known_at; });
}

void Following::OnEqual(std::uint32_t table, const postgres::TableActivity& now, model::Lsn point) {
  Followed& known = tables_[table];
  known.known_at = point;
  known.first = now;
  known.saw_truncate = false;
  known.is_new = false;
  known.began_unseen = false;
  known.published_late = false;
  const postgres::TableName name = NameOf(*replica().database().table(table).relation());
  known.insert_only = seen_insert_only_.contains(name);
  known.blind = seen_blind_.contains(name);
}

void Following::OnSeen(const consumer::LockedTables& seen) {
  for (const model::RelationPtr& relation : seen.tables.followed)
    strangers_.erase(NameOf(*relation));
  for (const postgres::ExcludedTable& table : seen.tables.excluded)
    strangers_.erase({table.schema, table.name});
  seen_insert_only_ = {seen.tables.insert_only.begin(), seen.tables.insert_only.end()};
  seen_blind_ = {seen.blind_tables.begin(), seen.blind_tables.end()};
}

Result<Following::Sight> Following::LookAfter(model::Xid xid, std::uint32_t table) {
  const auto cannot_look = [](model::Error error) {
    return model::Fail("what became of the table could not be read", std::move(error));
  };
  auto sql = Open(options_);
  if (!sql) return cannot_look(std::move(sql.error()));
  auto is_seen = postgres::AwaitEnd(*sql, xid, kUnseenLimit, let_go_);
  if (!is_seen) return cannot_look(std::move(is_seen.error()));
  if (!*is_seen) {
    return model::Fail(model::ErrorKind::kEnvironment,
                       fmt::format("nobody could see what it did for {} s (a synchronous standby "
                                   "that does not answer?)",
                                   kUnseenLimit.count()));
  }
  auto activity = postgres::ReadTableActivity(*sql, {replica().database().table(table).relation()});
  if (!activity) return cannot_look(std::move(activity.error()));
  auto log = postgres::ReadDdlLog(*sql, options_.ddl_log);
  if (!log) return cannot_look(std::move(log.error()));
  return Sight{activity->front(), std::move(*log)};
}

void Following::NoteTruncations(const model::Transaction& transaction) {
  for (const model::Change& change : transaction.changes) {
    const auto* truncate = std::get_if<model::Truncate>(&change);
    if (!truncate) continue;
    const model::Database& database = replica().database();
    const auto table = database.FindTable(truncate->relation->schema, truncate->relation->name);
    // One of a partition alone is not sent, so that of the whole explains no partition's new file.
    if (table && !database.table(*table).relation()->is_partitioned)
      tables_[*table].saw_truncate = true;
  }
}

void Following::LeaveOut(std::uint32_t table) {
  replica().Quarantine(table);
  tables_[table].left_out = true;
}

// ---- waiting ----

wire::Time Following::NextDeadline(wire::Time now) const {
  if (more_to_read_) return now;
  if (!waiting_.empty() && (!limit_ || waiting_.front().end_lsn <= *limit_)) return now;
  return is_connected() ? consumer_->NextStatusDue() : reconnect_pace_.next_try();
}

void Following::Watch(wire::Poller& poller) {
  watched_.Watch(poller, consumer_->fd(),
                 {.read = WantsToRead(), .write = consumer_->WantsWrite()});
}

}  // namespace lockstep::auditor
