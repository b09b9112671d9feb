#include "generator/workload.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "generator/catalog_maker.h"
#include "generator/key_maker.h"
#include "generator/random.h"
#include "model/execute.h"
#include "model/outcome.h"

namespace lockstep::generator {
namespace {

// A session may own all rows, in one table, and still has to find free keys quickly.
constexpr std::uint32_t kMaxTargetRows = kKeyOrdinals / 8;

}  // namespace

model::Result<void> Validate(const WorkloadOptions& options) {
  using model::ErrorKind;
  if (options.transactions > INT64_MAX) {
    return model::Fail(ErrorKind::kUsage,
                       fmt::format("--transactions is {}: give a number from 1 to {}, or 0 for no "
                                   "end",
                                   options.transactions, INT64_MAX));
  }
  if (options.sessions == 0 || options.sessions > kMaxSessions) {
    return model::Fail(ErrorKind::kUsage,
                       fmt::format("--sessions is {}: give a number from 1 to {}", options.sessions,
                                   kMaxSessions));
  }
  if (options.target_rows == 0 || options.target_rows > kMaxTargetRows) {
    return model::Fail(ErrorKind::kUsage, fmt::format("--rows is {}: give a number from 1 to {}",
                                                      options.target_rows, kMaxTargetRows));
  }
  if (options.schema.empty() || options.schema.size() > 63) {
    return model::Fail(
        ErrorKind::kUsage,
        fmt::format("--schema is \"{}\": give a name of 1 to 63 bytes", options.schema));
  }
  return {};
}

Workload::Workload(const WorkloadOptions& options)
    : options_(options),
      catalog_(MakeCatalog(options.seed, {options.schema, options.sessions})),
      database_(MakeInitialDatabase(catalog_)),
      scripts_(catalog_, Random(options.seed).Stream("workload"), options.target_rows),
      situations_(catalog_),
      hash_(catalog_),
      last_script_(options.transactions > 0 ? options.transactions : INT64_MAX) {
  assert(Validate(options).has_value());
}

Workload::Step Workload::Next() {
  if (BarrierIsDue()) {
    scripts_at_barrier_ = counts_.scripts;
    return wire::Barrier{++counts_.barriers};
  }
  if (!HasAllScripts()) return NextScript();
  return wire::End{counts_.scripts,    counts_.barriers,     hash_.value(),
                   database_.digest(), situations_.counts(), counts_.committed};
}

model::Script Workload::NextScript() {
  model::Script script = scripts_.Make(model::TransactionId{counts_.scripts + 1}, database_);
  model::Execution execution = model::Execute(script, database_);
  // What the script maker foresaw is what the model says.
  assert(database_.row_count() == scripts_.CountRows() + catalog_.sessions);
  situations_.Add(script, execution);
  hash_.Add(script);
  ++counts_.scripts;
  ++(execution.fate == model::Fate::kCommitted ? counts_.committed : counts_.rolled_back);
  counts_.operations += script.operations.size();
  return script;
}

bool Workload::BarrierIsDue() const {
  if (counts_.scripts == scripts_at_barrier_) return false;
  return HasAllScripts() ||
         (options_.checkpoint != 0 && counts_.scripts - scripts_at_barrier_ == options_.checkpoint);
}

model::Database MakeInitialDatabase(const model::Catalog& catalog) {
  model::Database database(catalog.tables);
  for (std::uint32_t i = 1; i <= catalog.sessions; ++i) {
    model::Row row = model::MakeSessionRow(model::SessionId{i}, model::TransactionId{0});
    model::Row key = catalog.tables[model::kSessionTable]->KeyOf(row);
    database.Write(model::kSessionTable, std::move(key), std::move(row));
  }
  return database;
}

}  // namespace lockstep::generator
