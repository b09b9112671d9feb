// A run's schema on a real server, and scripts for it, in a few words.
#ifndef LOCKSTEP_TESTS_APPLIER_APPLIER_FIXTURE_H_
#define LOCKSTEP_TESTS_APPLIER_APPLIER_FIXTURE_H_

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "applier/schema.h"
#include "applier/session.h"
#include "model/catalog.h"
#include "model/operation.h"
#include "model/outcome.h"
#include "model/type_oid.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::applier {

using postgres::Connection;
using postgres::Must;

// Long enough for a slow machine; a test that gets here has failed.
inline constexpr std::chrono::seconds kPatience{60};

// "t": a int4 key, b text. Nothing else but the session table.
inline model::Catalog MakeCatalog(const std::string& schema, std::uint32_t sessions = 1) {
  model::Catalog catalog{.schema = schema, .sessions = sessions, .tables = {}};
  catalog.tables.push_back(model::MakeSessionRelation(schema));
  catalog.tables.push_back(std::make_shared<const model::Relation>(model::Relation{
      .schema = schema,
      .name = "t",
      .columns = {{"a", model::type_oid::kInt4, "integer", true},
                  {"b", model::type_oid::kText, "text", false}},
      .key = {0},
  }));
  return catalog;
}

inline model::Operation Insert(std::int64_t key, std::string_view text, std::uint32_t table = 1) {
  return model::InsertRow{table, model::MakeRow({key, model::Text{text}})};
}
inline model::Operation Upsert(std::int64_t key, std::string_view text) {
  return model::UpsertRow{1, model::MakeRow({key, model::Text{text}}), {1}};
}
inline model::Operation Update(std::int64_t key, std::string_view text) {
  model::RowBuilder builder;
  builder.Add(model::Cell(model::NotSent{}));
  builder.Add(model::Value(model::Text{text}));
  return model::UpdateRow{1, model::MakeRow({key}), builder.Build()};
}
inline model::Operation Delete(std::int64_t key) {
  return model::DeleteRow{1, model::MakeRow({key})};
}
inline constexpr model::Savepoint kSavepoint{};
inline constexpr model::RollbackToSavepoint kRollbackTo{};
inline constexpr model::ReleaseSavepoint kRelease{};

inline model::Script MakeScript(std::uint64_t id, std::vector<model::Operation> operations,
                                model::ScriptEnd end = model::ScriptEnd::kCommit) {
  return {model::TransactionId{id}, model::SessionId{1}, std::move(operations), end};
}

// Waits until the session has something to do.
inline void WaitFor(const Session& session, std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  pollfd waiting{session.fd(), static_cast<short>(session.WantsWrite() ? POLLIN | POLLOUT : POLLIN),
                 0};
  if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) == 0)
    throw std::runtime_error("the session has nothing to say");
}

// The outcome of the script under way; as in the process, driven only when its socket calls for it.
inline model::Outcome Finish(Session& session) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    WaitFor(session, deadline);
    if (std::optional<model::Outcome> outcome = Must(session.Drive())) return std::move(*outcome);
  }
}

inline model::Outcome RunScript(Session& session, const model::Script& script) {
  if (std::optional<model::Outcome> outcome = Must(session.Start(script)))
    return std::move(*outcome);
  return Finish(session);
}

inline std::vector<std::string> SqlstatesOf(const model::Outcome& outcome) {
  std::vector<std::string> states;
  for (const model::Effect& effect : outcome.effects) states.push_back(effect.sqlstate);
  return states;
}

// A schema "run" with MakeCatalog's tables for each test.
class ApplierFixture : public postgres::ClusterFixture {
 protected:
  void SetUp() override {
    if (!cluster().IsRunning()) Must(cluster().StartAgain());
    Connection sql = Sql();
    Must(CreateSchema(sql, catalog_));
  }
  void TearDown() override {
    if (!cluster().IsRunning()) Must(cluster().StartAgain());
    Connection sql = Sql();
    Must(DropSchema(sql, catalog_));
  }

  static Session OpenSession(const model::Catalog& catalog, const std::string& conninfo,
                             bool bracket_commits = false) {
    return Must(Session::Open({conninfo, model::SessionId{1}, bracket_commits}, catalog));
  }
  Session OpenSession() { return OpenSession(catalog_, cluster().uri()); }

  // Rows of t as "1=a,2=b".
  static std::string Rows() {
    return Must(
        Sql().Scalar("SELECT coalesce(string_agg(a || '=' || b, ',' ORDER BY a), '') FROM run.t"));
  }
  static std::string Scalar(const std::string& sql) { return Must(Sql().Scalar(sql)); }
  // Ends the server process of the applier session; returns when it is gone.
  static void TerminateSession() {
    Must(
        Sql().Execute("SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity "
                      "WHERE application_name = 'lockstep applier session 1'"));
  }

  model::Catalog catalog_ = MakeCatalog("run");
};

}  // namespace lockstep::applier

#endif  // LOCKSTEP_TESTS_APPLIER_APPLIER_FIXTURE_H_
