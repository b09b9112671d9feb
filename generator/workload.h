// Everything that the generator sends in a run, in order, from a seed.
//
//   catalog() · Next() → script | barrier → ... → last barrier → end
//
// Scripts never depend on what became of an earlier one on Postgres: sessions own their keys, so
// the generator's own model knows what will become of each.
#ifndef LOCKSTEP_GENERATOR_WORKLOAD_H_
#define LOCKSTEP_GENERATOR_WORKLOAD_H_

#include <cstdint>
#include <string>
#include <variant>

#include "generator/script_maker.h"
#include "generator/situations.h"
#include "generator/workload_hash.h"
#include "model/catalog.h"
#include "model/database.h"
#include "model/digest.h"
#include "model/error.h"
#include "model/operation.h"
#include "wire/message.h"

namespace lockstep::generator {

struct WorkloadOptions {
  std::uint64_t seed = 42;
  std::uint64_t transactions = 2000;  // 0: until Finish()
  std::uint32_t sessions = 4;
  // A barrier after every so many scripts; 0: only at the end. Does not change the scripts.
  std::uint64_t checkpoint = 5000;
  // Where the tables are. Does not change the scripts.
  std::string schema = "lockstep";
  // About how many rows are alive once the run is under way; up to twice as many after large
  // transactions.
  std::uint32_t target_rows = 6000;
};

// kUsage, with the option's name, when a value is outside what the workload can be made for.
model::Result<void> Validate(const WorkloadOptions& options);

// Fate of the scripts so far, by the generator's own model.
struct WorkloadCounts {
  std::uint64_t scripts = 0;
  std::uint64_t committed = 0;
  std::uint64_t rolled_back = 0;
  std::uint64_t operations = 0;
  std::uint64_t barriers = 0;
};

class Workload {
 public:
  using Step = std::variant<model::Script, wire::Barrier, wire::End>;

  // The options must be valid.
  explicit Workload(const WorkloadOptions& options);

  const model::Catalog& catalog() const { return catalog_; }
  // The next script or barrier; after the last ones wire::End, again and again.
  Step Next();
  // No more scripts: what is next is the last barrier.
  void Finish() { last_script_ = counts_.scripts; }

  const WorkloadCounts& counts() const { return counts_; }
  const Situations& situations() const { return situations_; }
  // The state after the scripts so far, session rows included.
  const model::Database& database() const { return database_; }
  // Of the catalog and the scripts so far.
  model::Digest hash() const { return hash_.value(); }

 private:
  model::Script NextScript();
  bool BarrierIsDue() const;
  bool HasAllScripts() const { return counts_.scripts >= last_script_; }

  WorkloadOptions options_;
  model::Catalog catalog_;
  model::Database database_;
  ScriptMaker scripts_;
  Situations situations_;
  WorkloadHash hash_;
  WorkloadCounts counts_;
  std::uint64_t last_script_;
  std::uint64_t scripts_at_barrier_ = 0;  // how many there were at the last one
};

// The state before the first script: no rows but one per session.
model::Database MakeInitialDatabase(const model::Catalog& catalog);

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_WORKLOAD_H_
