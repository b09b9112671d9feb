#include "wire/convert.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lockstep::wire {
namespace {

using model::Digest;
using model::ErrorKind;
using model::Fail;
using model::Lsn;
using model::Result;

void Put(Digest from, proto::Digest* to) {
  to->set_high(from.high);
  to->set_low(from.low);
}

Digest Get(const proto::Digest& from) { return Digest{.high = from.high(), .low = from.low()}; }

std::unexpected<model::Error> BadNumber(std::string_view field, std::int64_t number) {
  return Fail(ErrorKind::kMalformed, fmt::format("{} has no value {}", field, number));
}

std::optional<model::ReplicaIdentity> ToIdentity(std::uint32_t number) {
  switch (number) {
    case 'd':
      return model::ReplicaIdentity::kDefault;
    case 'n':
      return model::ReplicaIdentity::kNothing;
    case 'f':
      return model::ReplicaIdentity::kFull;
    case 'i':
      return model::ReplicaIdentity::kIndex;
  }
  return std::nullopt;
}

void Put(const model::Relation& from, proto::Relation* to) {
  to->set_schema(from.schema);
  to->set_name(from.name);
  for (const model::Column& column : from.columns) {
    proto::Column* added = to->add_columns();
    added->set_name(column.name);
    added->set_type_oid(column.type.value);
    added->set_type_name(column.type_name);
    added->set_not_null(column.not_null);
    added->set_is_domain(column.is_domain);
    added->set_generated(column.generated);
  }
  to->mutable_key()->Add(from.key.begin(), from.key.end());
  to->set_identity(static_cast<unsigned char>(from.identity));
}

Result<model::RelationPtr> Get(const proto::Relation& from) {
  auto relation = std::make_shared<model::Relation>();
  relation->schema = from.schema();
  relation->name = from.name();
  relation->columns.reserve(static_cast<std::size_t>(from.columns_size()));
  for (const proto::Column& column : from.columns()) {
    relation->columns.push_back(model::Column{.name = column.name(),
                                              .type = model::Oid{column.type_oid()},
                                              .type_name = column.type_name(),
                                              .not_null = column.not_null(),
                                              .generated = column.generated(),
                                              .is_domain = column.is_domain()});
  }
  for (std::uint32_t position : from.key()) {
    if (position >= relation->columns.size()) {
      return Fail(ErrorKind::kMalformed,
                  fmt::format("table \"{}\": key column {} of {}", from.name(), position,
                              relation->columns.size()));
    }
    relation->key.push_back(position);
  }
  const auto identity = ToIdentity(from.identity());
  if (!identity.has_value()) return BadNumber("identity", from.identity());
  relation->identity = *identity;
  return relation;
}

using Counters = std::vector<std::pair<std::string, std::uint64_t>>;
using ProtoCounters = google::protobuf::RepeatedPtrField<proto::Counter>;

void Put(const Counters& from, ProtoCounters* to) {
  for (const auto& [name, value] : from) {
    proto::Counter* counter = to->Add();
    counter->set_name(name);
    counter->set_value(value);
  }
}

Counters Get(const ProtoCounters& from) {
  Counters counters;
  counters.reserve(static_cast<std::size_t>(from.size()));
  for (const proto::Counter& counter : from) counters.emplace_back(counter.name(), counter.value());
  return counters;
}

void Put(const model::NamedTexts& from, proto::NamedTexts* to) {
  for (const auto& [name, text] : from) {
    proto::NamedText* column = to->add_columns();
    column->set_name(name);
    if (text.has_value()) column->set_text(*text);
  }
}

model::NamedTexts Get(const proto::NamedTexts& from) {
  model::NamedTexts texts;
  texts.reserve(static_cast<std::size_t>(from.columns_size()));
  for (const proto::NamedText& column : from.columns()) {
    texts.emplace_back(column.name(),
                       column.has_text() ? std::optional(column.text()) : std::nullopt);
  }
  return texts;
}

void Put(const model::RowDifference& from, proto::RowDifference* to) {
  Put(from.key, to->mutable_key());
  if (from.expected.has_value()) Put(*from.expected, to->mutable_expected());
  if (from.source.has_value()) Put(*from.source, to->mutable_source());
  if (from.replicated.has_value()) Put(*from.replicated, to->mutable_replicated());
}

model::RowDifference Get(const proto::RowDifference& from) {
  model::RowDifference difference;
  difference.key = Get(from.key());
  if (from.has_expected()) difference.expected = Get(from.expected());
  if (from.has_source()) difference.source = Get(from.source());
  if (from.has_replicated()) difference.replicated = Get(from.replicated());
  return difference;
}

void Put(const model::FirstDivergence& from, proto::FirstDivergence* to) {
  to->set_listener(from.listener);
  if (from.commit.has_value()) to->set_commit(from.commit->value);
  to->set_xid(from.xid.value);
  to->set_end_lsn(from.end_lsn.value);
  to->set_table(from.table);
  for (const model::RowDifference& row : from.rows) Put(row, to->add_rows());
}

model::FirstDivergence Get(const proto::FirstDivergence& from) {
  model::FirstDivergence divergence;
  divergence.listener = from.listener();
  if (from.has_commit()) divergence.commit = model::TransactionId{from.commit()};
  divergence.xid.value = from.xid();
  divergence.end_lsn.value = from.end_lsn();
  divergence.table = from.table();
  for (const proto::RowDifference& row : from.rows()) divergence.rows.push_back(Get(row));
  return divergence;
}

std::vector<model::QuarantinedTable> Get(
    const google::protobuf::RepeatedPtrField<proto::Quarantined>& from) {
  std::vector<model::QuarantinedTable> tables;
  for (const proto::Quarantined& table : from)
    tables.push_back({table.table(), Lsn{table.end_lsn()}, table.reason()});
  return tables;
}

void Put(const model::ListenerResult& from, proto::ListenerResult* to) {
  to->set_id(from.id);
  to->set_plugin(from.plugin);
  to->set_transactions(from.transactions);
  to->set_changes(from.changes);
  to->set_commits_checked(from.commits_checked);
  to->set_foreign(from.foreign);
  to->set_end_lsn(from.end_lsn.value);
  Put(from.digest, to->mutable_digest());
  to->set_joined(from.joined.value);
  to->set_left(from.left.value);
  to->set_lost(from.lost);
  Put(from.projected, to->mutable_projected());
  for (const model::QuarantinedTable& table : from.quarantined)
    ToProto(Quarantined{table.table, table.end_lsn, table.reason}, *to->add_quarantined());
}

model::ListenerResult Get(const proto::ListenerResult& from) {
  return model::ListenerResult{.id = from.id(),
                               .plugin = from.plugin(),
                               .transactions = from.transactions(),
                               .changes = from.changes(),
                               .commits_checked = from.commits_checked(),
                               .foreign = from.foreign(),
                               .end_lsn = Lsn{from.end_lsn()},
                               .digest = Get(from.digest()),
                               .joined = Lsn{from.joined()},
                               .left = Lsn{from.left()},
                               .lost = from.lost(),
                               .projected = Get(from.projected()),
                               .quarantined = Get(from.quarantined())};
}

}  // namespace

void ToProto(const CatalogMade& from, proto::CatalogMade& to) {
  to.set_schema(from.catalog.schema);
  to.set_sessions(from.catalog.sessions);
  for (const model::RelationPtr& table : from.catalog.tables) Put(*table, to.add_tables());
  for (const model::UserType& type : from.catalog.types) {
    proto::UserType* added = to.add_types();
    added->set_name(type.name);
    added->set_definition(type.definition);
  }
  for (model::SessionId owner : from.catalog.owners) to.add_owners(owner.value);
  to.set_seed(from.seed);
  to.set_bracket_commits(from.bracket_commits);
}

Result<CatalogMade> FromProto(const proto::CatalogMade& from) {
  CatalogMade made;
  made.catalog.schema = from.schema();
  made.catalog.sessions = from.sessions();
  for (const proto::Relation& table : from.tables()) {
    Result<model::RelationPtr> relation = Get(table);
    if (!relation.has_value()) return std::unexpected(std::move(relation).error());
    made.catalog.tables.push_back(*std::move(relation));
  }
  for (const proto::UserType& type : from.types())
    made.catalog.types.push_back({.name = type.name(), .definition = type.definition()});
  for (std::uint32_t owner : from.owners()) made.catalog.owners.push_back({owner});
  made.seed = from.seed();
  made.bracket_commits = from.bracket_commits();
  return made;
}

void ToProto(const Ready& from, proto::Ready& to) {
  to.set_postgres_version(from.postgres_version);
}

Result<Ready> FromProto(const proto::Ready& from) {
  return Ready{.postgres_version = from.postgres_version()};
}

void ToProto(const Join& from, proto::Join& to) {
  to.set_listener(from.listener);
  to.set_plugin(from.plugin);
  to.set_losses(from.losses.bits());
}

Result<Join> FromProto(const proto::Join& from) {
  return Join{.listener = from.listener(),
              .plugin = from.plugin(),
              .losses = model::LossSet::FromBits(from.losses())};
}

void ToProto(const Attach& from, proto::Attach& to) {
  to.set_schema(from.schema);
  to.set_publication(from.publication);
}

Result<Attach> FromProto(const proto::Attach& from) {
  return Attach{.schema = from.schema(), .publication = from.publication()};
}

void ToProto(const Hello& from, proto::Hello& to) {
  to.set_listener(from.listener);
  to.set_plugin(from.plugin);
  to.set_slot(from.slot);
  to.set_consistent_point(from.consistent_point.value);
  Put(from.digest, to.mutable_digest());
  for (const std::string& table : from.blind_tables) to.add_blind_tables(table);
}

Result<Hello> FromProto(const proto::Hello& from) {
  return Hello{.listener = from.listener(),
               .plugin = from.plugin(),
               .slot = from.slot(),
               .consistent_point = Lsn{from.consistent_point()},
               .digest = Get(from.digest()),
               .blind_tables = {from.blind_tables().begin(), from.blind_tables().end()}};
}

void ToProto(const Barrier& from, proto::Barrier& to) { to.set_number(from.number); }

Result<Barrier> FromProto(const proto::Barrier& from) { return Barrier{.number = from.number()}; }

void ToProto(const BarrierReached& from, proto::BarrierReached& to) {
  to.set_number(from.number);
  to.set_lsn(from.lsn.value);
}

Result<BarrierReached> FromProto(const proto::BarrierReached& from) {
  return BarrierReached{.number = from.number(), .lsn = Lsn{from.lsn()}};
}

void ToProto(const BarrierRelease& from, proto::BarrierRelease& to) { to.set_number(from.number); }

Result<BarrierRelease> FromProto(const proto::BarrierRelease& from) {
  return BarrierRelease{.number = from.number()};
}

void ToProto(const End& from, proto::End& to) {
  to.set_scripts(from.scripts);
  to.set_barriers(from.barriers);
  Put(from.workload_hash, to.mutable_workload_hash());
  Put(from.digest, to.mutable_digest());
  Put(from.situations, to.mutable_situations());
  to.set_committed(from.committed);
}

Result<End> FromProto(const proto::End& from) {
  return End{.scripts = from.scripts(),
             .barriers = from.barriers(),
             .workload_hash = Get(from.workload_hash()),
             .digest = Get(from.digest()),
             .situations = Get(from.situations()),
             .committed = from.committed()};
}

void ToProto(const model::Outcome& from, proto::Outcome& to) {
  to.set_id(from.id.value);
  to.set_session(from.session.value);
  to.set_xid(from.xid.value);
  to.set_fate(from.fate == model::Fate::kCommitted ? proto::FATE_COMMITTED
                                                   : proto::FATE_ROLLED_BACK);
  to.set_was_in_doubt(from.was_in_doubt);
  for (const model::Effect& effect : from.effects) {
    proto::Effect* added = to.add_effects();
    added->set_rows(effect.rows);
    added->set_written_by(effect.written_by.value);
    added->set_sqlstate(effect.sqlstate);
  }
  if (from.bracket.has_value()) {
    to.mutable_bracket()->set_before(from.bracket->before.value);
    to.mutable_bracket()->set_after(from.bracket->after.value);
  }
  to.set_error(from.error);
}

Result<model::Outcome> FromProto(const proto::Outcome& from) {
  model::Outcome outcome;
  outcome.id.value = from.id();
  outcome.session.value = from.session();
  outcome.xid.value = from.xid();
  if (!proto::Fate_IsValid(from.fate())) return BadNumber("fate", from.fate());
  outcome.fate =
      from.fate() == proto::FATE_COMMITTED ? model::Fate::kCommitted : model::Fate::kRolledBack;
  outcome.was_in_doubt = from.was_in_doubt();
  outcome.effects.reserve(static_cast<std::size_t>(from.effects_size()));
  for (const proto::Effect& effect : from.effects()) {
    outcome.effects.push_back(model::Effect{.rows = effect.rows(),
                                            .written_by = model::Xid{effect.written_by()},
                                            .sqlstate = effect.sqlstate()});
  }
  if (from.has_bracket()) {
    outcome.bracket = model::CommitBracket{.before = Lsn{from.bracket().before()},
                                           .after = Lsn{from.bracket().after()}};
  }
  outcome.error = from.error();
  return outcome;
}

void ToProto(const Settled& from, proto::Settled& to) { to.set_lsn(from.lsn.value); }

Result<Settled> FromProto(const proto::Settled& from) { return Settled{.lsn = Lsn{from.lsn()}}; }

void ToProto(const Commit& from, proto::Commit& to) {
  to.set_xid(from.xid.value);
  to.set_end_lsn(from.end_lsn.value);
  Put(from.digest, to.mutable_digest());
  Put(from.changes_digest, to.mutable_changes_digest());
  to.set_changes(from.changes);
  to.set_run_changes(from.run_changes);
}

Result<Commit> FromProto(const proto::Commit& from) {
  return Commit{.xid = model::Xid{from.xid()},
                .end_lsn = Lsn{from.end_lsn()},
                .digest = Get(from.digest()),
                .changes_digest = Get(from.changes_digest()),
                .changes = from.changes(),
                .run_changes = from.run_changes()};
}

void ToProto(const Position& from, proto::Position& to) {
  to.set_received(from.received.value);
  to.set_confirmed(from.confirmed.value);
}

Result<Position> FromProto(const proto::Position& from) {
  return Position{.received = Lsn{from.received()}, .confirmed = Lsn{from.confirmed()}};
}

void ToProto(const Misfit& from, proto::Misfit& to) {
  to.set_xid(from.xid.value);
  to.set_end_lsn(from.end_lsn.value);
  to.set_table(from.table);
  to.set_message(from.message);
  to.set_key(std::string(from.key.bytes()));
}

Result<Misfit> FromProto(const proto::Misfit& from) {
  Result<model::Row> key = model::Row::FromCanonical(from.key());
  if (!key.has_value()) return Fail("key", std::move(key).error());
  return Misfit{.xid = model::Xid{from.xid()},
                .end_lsn = Lsn{from.end_lsn()},
                .table = from.table(),
                .message = from.message(),
                .key = *std::move(key)};
}

void ToProto(const Quarantine& from, proto::Quarantine& to) { to.set_table(from.table); }

Result<Quarantine> FromProto(const proto::Quarantine& from) { return Quarantine{from.table()}; }

void ToProto(const Quarantined& from, proto::Quarantined& to) {
  to.set_table(from.table);
  to.set_end_lsn(from.end_lsn.value);
  to.set_reason(from.reason);
}

Result<Quarantined> FromProto(const proto::Quarantined& from) {
  return Quarantined{from.table(), Lsn{from.end_lsn()}, from.reason()};
}

void ToProto(const Status& from, proto::Status& to) {
  to.set_process(from.process);
  Put(from.counters, to.mutable_counters());
}

Result<Status> FromProto(const proto::Status& from) {
  return Status{.process = from.process(), .counters = Get(from.counters())};
}

void ToProto(const model::Verdict& from, proto::Verdict& to) {
  // The numbers of model::VerdictKind and model::CommitOrderSource are part of their contracts.
  to.set_kind(static_cast<proto::VerdictKind>(from.kind));
  to.set_reason(from.reason);
  to.set_seed(from.seed);
  Put(from.workload_hash, to.mutable_workload_hash());
  to.set_postgres_version(from.postgres_version);
  to.set_commit_order(static_cast<proto::CommitOrderSource>(from.commit_order));
  to.mutable_transactions()->set_generated(from.transactions.generated);
  to.mutable_transactions()->set_committed(from.transactions.committed);
  to.mutable_transactions()->set_rolled_back(from.transactions.rolled_back);
  to.mutable_transactions()->set_failed(from.transactions.failed);
  for (const model::ListenerResult& listener : from.listeners) Put(listener, to.add_listeners());
  Put(from.expected, to.mutable_expected());
  Put(from.source, to.mutable_source());
  Put(from.generator, to.mutable_generator());
  to.set_rows_compared(from.rows_compared);
  Put(from.situations, to.mutable_situations());
  if (from.first_divergence.has_value()) {
    Put(*from.first_divergence, to.mutable_first_divergence());
  }
}

Result<model::Verdict> FromProto(const proto::Verdict& from) {
  model::Verdict verdict;
  if (!proto::VerdictKind_IsValid(from.kind())) return BadNumber("kind", from.kind());
  verdict.kind = static_cast<model::VerdictKind>(from.kind());
  if (!proto::CommitOrderSource_IsValid(from.commit_order()))
    return BadNumber("commit_order", from.commit_order());
  verdict.commit_order = static_cast<model::CommitOrderSource>(from.commit_order());
  verdict.reason = from.reason();
  verdict.seed = from.seed();
  verdict.workload_hash = Get(from.workload_hash());
  verdict.postgres_version = from.postgres_version();
  verdict.transactions = model::TransactionCounts{.generated = from.transactions().generated(),
                                                  .committed = from.transactions().committed(),
                                                  .rolled_back = from.transactions().rolled_back(),
                                                  .failed = from.transactions().failed()};
  for (const proto::ListenerResult& listener : from.listeners()) {
    verdict.listeners.push_back(Get(listener));
  }
  verdict.expected = Get(from.expected());
  verdict.source = Get(from.source());
  verdict.generator = Get(from.generator());
  verdict.rows_compared = from.rows_compared();
  verdict.situations = Get(from.situations());
  if (from.has_first_divergence()) verdict.first_divergence = Get(from.first_divergence());
  return verdict;
}

}  // namespace lockstep::wire
