// The small run's tables on a real server, with the oracle of what should be in them.
#ifndef LOCKSTEP_TESTS_VERIFIER_SOURCE_FIXTURE_H_
#define LOCKSTEP_TESTS_VERIFIER_SOURCE_FIXTURE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/postgres/cluster_fixture.h"
#include "tests/verifier/small_run.h"
#include "verifier/oracle.h"

namespace lockstep::verifier {

class SourceFixture : public postgres::ClusterFixture {
 protected:
  void SetUp() override {
    Execute(
        "CREATE SCHEMA s; "
        "CREATE TABLE s.session (session int4 PRIMARY KEY, transaction_id int8); "
        "CREATE TABLE s.items (id int8 PRIMARY KEY, a text, b text); "
        "INSERT INTO s.session SELECT i, 0 FROM generate_series(1, 3) i");
    oracle_.emplace(catalog_);
  }
  void TearDown() override { Execute("DROP SCHEMA s CASCADE"); }

  static void Execute(const std::string& sql) { postgres::Must(Sql().Execute(sql)); }

  // One transaction: the operations for the oracle, `sql` as what they mean in Postgres.
  Ran Commit(std::vector<model::Operation> operations, const std::string& sql) {
    Ran ran = postgres_.Run(1, std::move(operations));
    auto connection = Sql();
    postgres::Must(connection.Execute("BEGIN"));
    postgres::Must(connection.Execute(
        "UPDATE s.session SET transaction_id = " + std::to_string(ran.script.id.value) +
        " WHERE session = 1; " + sql));
    const auto xid = std::stoull(postgres::Must(connection.Scalar("SELECT pg_current_xact_id()")));
    postgres::Must(connection.Execute("COMMIT"));
    ran.outcome.xid = {xid};
    ran.record.xid = model::Low(ran.outcome.xid);
    for (model::Effect& effect : ran.outcome.effects) {
      if (effect.rows > 0) effect.written_by = ran.record.xid;
    }
    Tell(*oracle_, ran);
    oracle_->Advance(std::nullopt);
    return ran;
  }

  const model::Catalog catalog_ = MakeSmallCatalog();
  PretendedPostgres postgres_;
  std::optional<Oracle> oracle_;
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_TESTS_VERIFIER_SOURCE_FIXTURE_H_
