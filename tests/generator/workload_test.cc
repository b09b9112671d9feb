#include "generator/workload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "generator/situations.h"
#include "model/digest.h"
#include "model/execute.h"
#include "model/fits.h"
#include "model/outcome.h"
#include "model/relation.h"
#include "model/row.h"

namespace lockstep::generator {
namespace {

struct Generated {
  std::vector<model::Script> scripts;
  std::vector<std::uint64_t> barriers;  // how many scripts came before each
  wire::End end;
};

Generated Generate(Workload& workload) {
  Generated run;
  for (;;) {
    Workload::Step step = workload.Next();
    if (auto* script = std::get_if<model::Script>(&step)) {
      run.scripts.push_back(std::move(*script));
    } else if (auto* barrier = std::get_if<wire::Barrier>(&step)) {
      run.barriers.push_back(run.scripts.size());
      EXPECT_EQ(barrier->number, run.barriers.size());
    } else {
      run.end = std::get<wire::End>(step);
      return run;
    }
  }
}

Generated Generate(const WorkloadOptions& options) {
  Workload workload(options);
  return Generate(workload);
}

model::Row KeyOfOperation(const model::Catalog& catalog, const model::Operation& operation) {
  if (auto* insert = std::get_if<model::InsertRow>(&operation)) {
    return catalog.tables[insert->table]->KeyOf(insert->row);
  }
  if (auto* upsert = std::get_if<model::UpsertRow>(&operation)) {
    return catalog.tables[upsert->table]->KeyOf(upsert->row);
  }
  if (auto* update = std::get_if<model::UpdateRow>(&operation)) return update->key;
  return std::get<model::DeleteRow>(operation).key;
}

// Written down once. When a change of the generator is meant to change the workload, take the new
// numbers.
TEST(WorkloadTest, SeedGivesTheSameWorkloadEverywhere) {
  Generated run = Generate({.seed = 7, .transactions = 1000});
  EXPECT_EQ(model::ToString(run.end.workload_hash), "d41dbffaae2b95042b8c5f5fb05c83e7");
  EXPECT_EQ(model::ToString(run.end.digest), "97afda6488368b11277cd0751ced4573");
}

TEST(WorkloadTest, SameSeedSameScripts) {
  WorkloadOptions options{.seed = 3, .transactions = 500};
  Generated a = Generate(options);
  Generated b = Generate(options);
  EXPECT_EQ(a.scripts, b.scripts);
  EXPECT_EQ(a.end, b.end);
  options.seed = 4;
  Generated c = Generate(options);
  EXPECT_NE(a.scripts, c.scripts);
  EXPECT_NE(a.end.workload_hash, c.end.workload_hash);
  EXPECT_NE(a.end.digest, c.end.digest);
}

TEST(WorkloadTest, SchemaAndCheckpointsChangeNothing) {
  Generated a = Generate({.transactions = 300, .checkpoint = 0, .schema = "a"});
  Generated b = Generate({.transactions = 300, .checkpoint = 10, .schema = "b"});
  EXPECT_EQ(a.scripts, b.scripts);
  EXPECT_EQ(a.end.workload_hash, b.end.workload_hash);
  EXPECT_EQ(a.end.digest, b.end.digest);
}

TEST(WorkloadTest, AShorterRunIsThePrefixOfALongerOne) {
  Generated a = Generate({.transactions = 100});
  Generated b = Generate({.transactions = 200});
  EXPECT_TRUE(std::equal(a.scripts.begin(), a.scripts.end(), b.scripts.begin()));
}

TEST(WorkloadTest, BarriersComeEveryCheckpointAndJustBeforeTheEnd) {
  EXPECT_EQ(Generate({.transactions = 25, .checkpoint = 10}).barriers,
            (std::vector<std::uint64_t>{10, 20, 25}));
  EXPECT_EQ(Generate({.transactions = 20, .checkpoint = 10}).barriers,
            (std::vector<std::uint64_t>{10, 20}));
  EXPECT_EQ(Generate({.transactions = 20, .checkpoint = 0}).barriers,
            (std::vector<std::uint64_t>{20}));
  Workload workload({.transactions = 1});
  Generate(workload);
  EXPECT_TRUE(std::holds_alternative<wire::End>(workload.Next()));
}

TEST(WorkloadTest, ReplayedScriptsGiveTheGeneratorsDigest) {
  Workload workload({.seed = 9, .transactions = 1500});
  Generated run = Generate(workload);
  model::Database replayed = MakeInitialDatabase(workload.catalog());
  std::uint64_t committed = 0;
  for (const model::Script& script : run.scripts) {
    committed += model::Execute(script, replayed).fate == model::Fate::kCommitted;
  }
  EXPECT_EQ(replayed.digest(), run.end.digest);
  EXPECT_EQ(committed, workload.counts().committed);
  EXPECT_EQ(run.end.scripts, 1500u);
}

// Whatever order the sessions commit in, the state is the same.
TEST(WorkloadTest, OrderBetweenSessionsDoesNotMatter) {
  Workload workload({.seed = 5, .transactions = 800, .sessions = 5});
  Generated run = Generate(workload);
  model::Database replayed = MakeInitialDatabase(workload.catalog());
  for (std::uint32_t session = 5; session >= 1; --session) {
    for (const model::Script& script : run.scripts) {
      if (script.session.value == session) model::Execute(script, replayed);
    }
  }
  EXPECT_EQ(replayed.digest(), run.end.digest);
}

TEST(WorkloadTest, SessionsNeverShareAKey) {
  Workload workload({.seed = 6, .transactions = 2000, .sessions = 3});
  Generated run = Generate(workload);
  const model::Catalog& catalog = workload.catalog();
  std::map<std::pair<std::uint32_t, model::Row>, model::SessionId> owners;
  std::set<model::SessionId> sessions;
  for (const model::Script& script : run.scripts) {
    sessions.insert(script.session);
    auto own = [&](std::uint32_t table, model::Row key) {
      auto [owner, added] = owners.emplace(std::pair(table, std::move(key)), script.session);
      ASSERT_EQ(owner->second, script.session);
    };
    for (const model::Operation& operation : script.operations) {
      if (operation.index() > 3) continue;
      std::uint32_t table = std::visit(
          [](const auto& o) {
            if constexpr (requires { o.table; }) return o.table;
            return 0u;
          },
          operation);
      ASSERT_NE(table, model::kSessionTable);
      own(table, KeyOfOperation(catalog, operation));
    }
  }
  EXPECT_EQ(sessions.size(), 3u);
}

// What a replay sees of each script, counted by name: finer than generator/situations.h.
class Observed {
 public:
  explicit Observed(const model::Catalog& catalog)
      : catalog_(catalog), database_(MakeInitialDatabase(catalog)) {}

  void Replay(const model::Script& script) {
    bool large = script.operations.size() >= 1000;
    if (!large) CountUpdatesBesideLongTexts(script);
    for (std::size_t i = 0; i < script.operations.size(); ++i) {
      if (script.operations[i].index() == 7) CountTruncate(script, i);
    }
    model::Execution execution = model::Execute(script, database_);
    CountOperations(script, execution);
    count[large ? "large script" : "normal script"]++;
    if (!large) count["operations of normal scripts"] += script.operations.size();
    if (script.end == model::ScriptEnd::kRollback) {
      count["rollback"]++;
      if (large) count["large rollback"]++;
    } else if (execution.fate == model::Fate::kRolledBack) {
      count["failed script"]++;
    }
    CountKeys(script, execution);
  }

  std::map<std::string, std::size_t> count;

 private:
  void CountOperations(const model::Script& script, const model::Execution& execution) {
    int depth = 0;
    bool failed = false;
    for (std::size_t i = 0; i < script.operations.size(); ++i) {
      const model::Operation& operation = script.operations[i];
      const model::Effect& effect = execution.effects[i];
      static constexpr const char* kNames[] = {"insert",  "upsert",    "update",
                                               "delete",  "savepoint", "rollback to",
                                               "release", "truncate",  "message"};
      count[kNames[operation.index()]]++;
      if (effect.sqlstate == "23505") {
        count[depth > 0 ? "violation in savepoint" : "violation outside"]++;
        if (operation.index() == 2) count["violation by a key change"]++;
        failed = true;
      }
      if (effect.sqlstate == "25P02") count["skipped"]++;
      if (effect.sqlstate.empty() && operation.index() == 2 && effect.rows == 0) {
        count["update of an absent key"]++;
      }
      if (effect.sqlstate.empty() && operation.index() == 3 && effect.rows == 0) {
        count["delete of an absent key"]++;
      }
      if (operation.index() == 4) ++depth;
      if (operation.index() == 5) {
        if (failed) count["recovered"]++;
        failed = false;
      }
      if (operation.index() == 6) --depth;
      ASSERT_LE(depth, 3);
      count["depth " + std::to_string(depth)]++;
    }
    if (depth > 0) count["savepoint left open"]++;
  }

  // Its place: in a savepoint, on an empty table, before the same keys come again.
  void CountTruncate(const model::Script& script, std::size_t at) {
    const auto& truncate = std::get<model::TruncateTable>(script.operations[at]);
    EXPECT_EQ(catalog_.OwnerOf(truncate.table), script.session);
    auto is_truncate = [&](std::size_t i) {
      return i < script.operations.size() && script.operations[i].index() == 7;
    };
    if (is_truncate(at + 1)) count["truncate of an empty table"]++;
    if (at > 0 && script.operations[at - 1].index() == 4) count["truncate in a savepoint"]++;
    for (std::size_t i = at + 1; i < script.operations.size(); ++i) {
      if (script.operations[i].index() == 5) count["truncate rolled back"]++;
      if (is_truncate(i) && i > at + 1) count["truncate twice"]++;
      const auto* insert = std::get_if<model::InsertRow>(&script.operations[i]);
      if (!insert || insert->table != truncate.table) continue;
      model::Row key = catalog_.tables[insert->table]->KeyOf(insert->row);
      if (database_.table(insert->table).Find(key)) count["truncate, insert the same key"]++;
    }
  }

  // Of each kind of operation, in the variant's order: TRUNCATE writes rows, too.
  static constexpr std::string_view kLetters = "iuUdsrltm";
  static_assert(kLetters.size() == std::variant_size_v<model::Operation>);

  // By what was written: a key that moves, a row written more than once.
  void CountKeys(const model::Script& script, const model::Execution& execution) {
    std::map<std::pair<std::uint32_t, model::Row>, std::vector<std::uint32_t>> writers;
    for (std::size_t i = 0; i < execution.images.size(); ++i) {
      const model::RowImage& image = execution.images[i];
      std::uint32_t writer = execution.image_operation[i];
      if (writer == model::Execution::kSessionUpdate) continue;
      const model::Operation& operation = script.operations[writer];
      writers[{image.table, image.key}].push_back(writer);
      if (operation.index() == 2) {
        bool moved = !image.after;
        count[moved ? "key change" : "written by update"]++;
      }
      if (operation.index() == 1) count[image.before ? "upsert of a row" : "upsert of none"]++;
    }
    for (const auto& [address, operations] : writers) {
      if (operations.size() < 2) continue;
      count["row written twice"]++;
      std::string kinds;
      for (std::uint32_t o : operations) kinds += kLetters[script.operations[o].index()];
      if (kinds.find("di") != std::string::npos) count["delete, insert the same key"]++;
      if (kinds.find("iUd") != std::string::npos) count["insert, update, delete"]++;
      if (kinds.find("UU") != std::string::npos) count["update, update"]++;
    }
  }

  // Rows with a long text before the script that an update leaves alone.
  void CountUpdatesBesideLongTexts(const model::Script& script) {
    for (const model::Operation& operation : script.operations) {
      const auto* update = std::get_if<model::UpdateRow>(&operation);
      if (!update) continue;
      const model::Row* row = database_.table(update->table).Find(update->key);
      if (!row) continue;
      for (std::size_t i = 0; i < row->CountColumns(); ++i) {
        model::Cell cell = row->At(i);
        const auto* text = std::get_if<model::Text>(&std::get<model::Value>(cell));
        if (!text || text->text.size() < 3000) continue;
        if (!std::holds_alternative<model::NotSent>(update->assignments.At(i))) continue;
        bool key_changes = false;
        for (std::uint32_t k : catalog_.tables[update->table]->key) {
          key_changes |= !std::holds_alternative<model::NotSent>(update->assignments.At(k));
        }
        count[key_changes ? "key change beside a long text" : "update beside a long text"]++;
      }
    }
  }

  const model::Catalog& catalog_;
  model::Database database_;
};

TEST(WorkloadTest, EverySituationOccursInTwoThousandTransactions) {
  for (std::uint64_t seed : {42u, 7u, 1u}) {
    Workload workload({.seed = seed});
    Observed situations(workload.catalog());
    Generated run = Generate(workload);
    for (const model::Script& script : run.scripts) situations.Replay(script);
    std::map<std::string, std::size_t>& count = situations.count;
    for (const char* name : {"insert",
                             "upsert",
                             "update",
                             "delete",
                             "savepoint",
                             "rollback to",
                             "release",
                             "rollback",
                             "failed script",
                             "violation in savepoint",
                             "violation outside",
                             "violation by a key change",
                             "skipped",
                             "recovered",
                             "update of an absent key",
                             "delete of an absent key",
                             "depth 1",
                             "depth 2",
                             "depth 3",
                             "savepoint left open",
                             "key change",
                             "upsert of a row",
                             "upsert of none",
                             "row written twice",
                             "delete, insert the same key",
                             "insert, update, delete",
                             "update, update",
                             "update beside a long text",
                             "key change beside a long text",
                             "message",
                             "truncate",
                             "truncate in a savepoint",
                             "truncate rolled back",
                             "truncate twice",
                             "truncate of an empty table",
                             "truncate, insert the same key",
                             "large script"}) {
      EXPECT_GE(count[name], 1u) << name << " at seed " << seed;
    }
    EXPECT_GE(count["rollback"], 140u);
    EXPECT_LE(count["rollback"], 260u);
    EXPECT_LE(count["failed script"], 80u);
    double operations = static_cast<double>(count["operations of normal scripts"]) /
                        static_cast<double>(count["normal script"]);
    EXPECT_GE(operations, 3.0);
    EXPECT_LE(operations, 4.6);
    for (const auto& [name, number] : count) RecordProperty(name, static_cast<int>(number));
  }
}

TEST(WorkloadTest, TheEndCountsEverySituationInADefaultRun) {
  for (std::uint32_t sessions : {4u, 1u}) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      Generated run = Generate({.seed = seed == 0 ? 42 : seed, .sessions = sessions});
      EXPECT_EQ(run.end.situations.size(), kSituationCount);
      for (const auto& [name, count] : run.end.situations) {
        EXPECT_GE(count, 1u) << name << " at seed " << seed << ", sessions " << sessions;
        if (seed == 0) RecordProperty(name + std::to_string(sessions), static_cast<int>(count));
      }
    }
  }
}

TEST(WorkloadTest, OwnedTablesAreTouchedByTheirOwnerOnly) {
  Workload workload({.seed = 8, .transactions = 1000});
  const model::Catalog& catalog = workload.catalog();
  for (const model::Script& script : Generate(workload).scripts) {
    EXPECT_TRUE(model::Fits(script, catalog)) << "script " << script.id.value;
  }
}

TEST(WorkloadTest, RowsAliveStayBounded) {
  WorkloadOptions options{.seed = 12, .transactions = 50'000, .checkpoint = 0};
  Workload workload(options);
  std::uint64_t most = 0;
  std::uint64_t fewest = UINT64_MAX;
  for (std::uint64_t i = 0; i < options.transactions; ++i) {
    workload.Next();
    std::uint64_t rows = workload.database().row_count();
    most = std::max(most, rows);
    if (i > 10'000) fewest = std::min(fewest, rows);
  }
  EXPECT_LE(most, 14'000u);
  EXPECT_GE(fewest, 1'000u);
}

TEST(WorkloadTest, ManySessionsWork) {
  Workload workload({.seed = 2, .transactions = 3000, .sessions = 64, .target_rows = 500});
  Generated run = Generate(workload);
  EXPECT_LE(workload.database().row_count(), 3000u);
}

TEST(WorkloadTest, OptionsOutOfRangeAreRefusedByName) {
  auto message = [](const WorkloadOptions& options) {
    model::Result<void> result = Validate(options);
    return result ? std::string() : result.error().message;
  };
  EXPECT_EQ(message({}), "");
  EXPECT_NE(message({.transactions = UINT64_MAX}).find("--transactions is 18"), std::string::npos);
  EXPECT_NE(message({.sessions = 0}).find("--sessions is 0"), std::string::npos);
  EXPECT_NE(message({.sessions = 1001}).find("1 to 1000"), std::string::npos);
  EXPECT_NE(message({.target_rows = 100'000}).find("--rows"), std::string::npos);
  EXPECT_NE(message({.schema = ""}).find("--schema"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::generator
