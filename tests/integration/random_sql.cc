#include "tests/integration/random_sql.h"

#include <fmt/format.h>

#include <array>

namespace lockstep::integration {
namespace {

// Few, so that sessions meet.
constexpr std::uint64_t kTables = 8;
constexpr std::uint64_t kParted = 2;
constexpr std::uint64_t kKeys = 60;

constexpr std::array kSchemas = {"app", "other"};
constexpr std::array kRoles = {"storm_reader", "storm_writer"};
constexpr std::array kColumnTypes = {"int",      "text",     "numeric",    "app.mood",
                                     "app.pair", "regclass", "jsonb",      "int[]",
                                     "date",     "bigint",   "app.mood[]", "varchar(20)"};

}  // namespace

RandomSql::RandomSql(std::uint64_t seed, std::uint64_t session)
    : random_(generator::Random(seed).Stream("session", session)) {}

std::string RandomSql::Schema() {
  std::string sql =
      "CREATE SCHEMA app; CREATE SCHEMA other; CREATE TYPE app.mood AS ENUM ('sad', 'ok');"
      "CREATE TYPE app.pair AS (a int, b text);"
      "CREATE FUNCTION app.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
      "CREATE ROLE storm_reader; CREATE ROLE storm_writer;";
  for (std::uint64_t n = 0; n < kTables; n += 2)
    sql += fmt::format("CREATE TABLE app.t{}(id int PRIMARY KEY, v text, w int);", n);
  return sql;
}

std::string RandomSql::DropSchema() {
  return "DROP SCHEMA app CASCADE; DROP SCHEMA other CASCADE;"
         "DROP ROLE storm_reader; DROP ROLE storm_writer";
}

std::string RandomSql::AnyName() {
  if (random_.OneIn(8)) {
    const std::uint64_t parted = random_.Below(kParted);
    constexpr std::array kParts = {"", "_low", "_high"};
    return fmt::format("p{}{}", parted, random_.Pick(kParts));
  }
  return fmt::format("t{}", random_.Below(kTables));
}

std::string RandomSql::AnyTable() {
  const char* schema = random_.OneIn(6) ? "other" : "app";
  return fmt::format("{}.{}", schema, AnyName());
}

std::string RandomSql::Write() {
  const std::string table = AnyTable();
  const std::uint64_t key = random_.Below(kKeys);
  const std::uint64_t number = random_.Below(1000);
  switch (random_.Below(12)) {
    case 0:
    case 1:
    case 2:
      return fmt::format("INSERT INTO {} (id, v, w) VALUES ({}, 'v{}', {})", table, key, number,
                         number);
    case 3:
    case 4:
      return fmt::format(
          "INSERT INTO {} (id, v) SELECT i, 'row ' || i FROM generate_series({}, {}) i "
          "ON CONFLICT DO NOTHING",
          table, key, key + 20);
    case 5:
    case 6:
      return fmt::format("UPDATE {} SET w = coalesce(w, 0) + 1, v = 'n{}' WHERE id % 7 = {}", table,
                         number, number % 7);
    case 7:
      return fmt::format("UPDATE {} SET id = id + 1000 WHERE id = {}", table, key);
    case 8:
      return fmt::format("UPDATE {} SET v = repeat('long {} ', 400) WHERE id = {}", table, number,
                         key);
    case 9:
      return fmt::format("DELETE FROM {} WHERE id % 5 = {}", table, number % 5);
    case 10:
      return random_.OneIn(3) ? fmt::format("TRUNCATE {}", table)
                              : fmt::format("DELETE FROM {} WHERE id = {}", table, key);
    default:
      return fmt::format("UPDATE {} SET v = v", table);
  }
}

std::string RandomSql::Create() {
  const std::string table = AnyTable();
  switch (random_.Below(12)) {
    case 0:
    case 1:
    case 2:
      return fmt::format("CREATE TABLE {}(id int PRIMARY KEY, v text, w int)", table);
    case 3:
      return fmt::format("CREATE TABLE {}(id int, v text, w int)", table);
    case 4:
      return fmt::format(
          "CREATE TABLE {}(id int PRIMARY KEY, v text DEFAULT 'd', w int, m app.mood DEFAULT 'ok', "
          "c app.pair DEFAULT (1, 'x'), g int GENERATED ALWAYS AS (id * 2) STORED)",
          table);
    case 5:
      return fmt::format("CREATE UNLOGGED TABLE {}(id int PRIMARY KEY, v text, w int)", table);
    case 6:
      return fmt::format(
          "CREATE TABLE {0} AS SELECT i AS id, 'as ' || i AS v, i AS w FROM generate_series(1, 30) "
          "i",
          table);
    case 7:
      return fmt::format("CREATE TABLE {}(extra int) INHERITS ({})", table, AnyTable());
    case 8:
      return fmt::format("CREATE TABLE {} (LIKE {} INCLUDING ALL)", table, AnyTable());
    case 9: {
      const std::uint64_t parted = random_.Below(kParted);
      if (random_.OneIn(2))
        return fmt::format(
            "CREATE TABLE app.p{}(id int PRIMARY KEY, v text, w int) PARTITION BY RANGE (id)",
            parted);
      return fmt::format(
          "CREATE TABLE app.p{0}_low PARTITION OF app.p{0} FOR VALUES FROM (MINVALUE) TO (30)",
          parted);
    }
    case 10:
      return fmt::format("CREATE TABLE app.p{0}_high PARTITION OF app.p{0} DEFAULT",
                         random_.Below(kParted));
    default:
      return fmt::format("DROP TABLE IF EXISTS {}{}", table, random_.OneIn(2) ? " CASCADE" : "");
  }
}

std::string RandomSql::Alter() {
  const std::string table = AnyTable();
  switch (random_.Below(17)) {
    case 0:
      return fmt::format("ALTER TABLE {} ADD x{} {}", table, random_.Below(3),
                         random_.Pick(kColumnTypes));
    case 1:
      return fmt::format("ALTER TABLE {} ADD x{} int DEFAULT 7", table, random_.Below(3));
    case 2:
      return fmt::format("ALTER TABLE {} ADD x{} float8 DEFAULT random()", table, random_.Below(3));
    case 3:
      return fmt::format("ALTER TABLE {} DROP COLUMN IF EXISTS x{}", table, random_.Below(3));
    case 4:
      return fmt::format("ALTER TABLE {} ALTER w TYPE {} USING w::text::numeric + 1", table,
                         random_.OneIn(2) ? "bigint" : "int");
    case 5:
      return fmt::format("ALTER TABLE {} ALTER v TYPE {}", table,
                         random_.OneIn(2) ? "varchar" : "text");
    case 6:
      return random_.OneIn(2) ? fmt::format("ALTER TABLE {} RENAME w TO y", table)
                              : fmt::format("ALTER TABLE {} RENAME y TO w", table);
    case 7:
    case 8:
      return fmt::format("ALTER TABLE {} RENAME TO {}", table, AnyName());
    case 9:
      return fmt::format("ALTER TABLE {} SET SCHEMA {}", table, random_.Pick(kSchemas));
    case 10:
      return fmt::format("ALTER TABLE {} ALTER w SET DEFAULT {}", table, random_.Below(100));
    case 11:
      return fmt::format("ALTER TABLE {} ALTER v SET STATISTICS 10", table);
    case 12:
      return fmt::format("ALTER TABLE {} SET LOGGED", table);
    case 13: {
      const std::uint64_t parted = random_.Below(kParted);
      return random_.OneIn(2)
                 ? fmt::format("ALTER TABLE app.p{0} DETACH PARTITION app.p{0}_low", parted)
                 : fmt::format(
                       "ALTER TABLE app.p{0} ATTACH PARTITION app.p{0}_low FOR VALUES FROM "
                       "(MINVALUE) TO (30)",
                       parted);
    }
    case 14:
      return fmt::format("ALTER TABLE {} {} INHERIT {}", table, random_.OneIn(2) ? "NO" : "",
                         AnyTable());
    case 15:
      return fmt::format("ALTER TABLE {} ADD FOREIGN KEY (w) REFERENCES {} NOT VALID", table,
                         AnyTable());
    default:
      return fmt::format("ALTER TABLE {} SET (fillfactor = {})", table, 50 + random_.Below(50));
  }
}

std::string RandomSql::AlterIdentity() {
  const std::string table = AnyTable();
  switch (random_.Below(7)) {
    case 0:
      return fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", table);
    case 1:
      return fmt::format("ALTER TABLE {} REPLICA IDENTITY DEFAULT", table);
    case 2:
      return fmt::format("ALTER TABLE {} REPLICA IDENTITY NOTHING", table);
    case 3:
    case 4:
      return fmt::format("ALTER TABLE {} ADD PRIMARY KEY (id)", table);
    case 5:
      return fmt::format("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}_pkey", table, AnyName());
    default:
      return fmt::format("CREATE UNIQUE INDEX ON {} (id)", table);
  }
}

std::string RandomSql::AlterType() {
  switch (random_.Below(5)) {
    case 0:
      return fmt::format("ALTER TYPE app.mood ADD VALUE IF NOT EXISTS 'm{}'", random_.Below(4));
    case 1:
      return fmt::format("ALTER TYPE app.mood RENAME VALUE 'm{}' TO 'm{}'", random_.Below(4),
                         random_.Below(4));
    case 2:
      return fmt::format("ALTER TYPE app.pair ADD ATTRIBUTE a{} int", random_.Below(3));
    case 3:
      return fmt::format("ALTER TYPE app.pair DROP ATTRIBUTE IF EXISTS a{}", random_.Below(3));
    default:
      return random_.OneIn(2) ? "ALTER TYPE app.mood RENAME VALUE 'ok' TO 'fine'"
                              : "ALTER TYPE app.mood RENAME VALUE 'fine' TO 'ok'";
  }
}

std::string RandomSql::Rights() {
  const std::string table = AnyTable();
  const char* role = random_.Pick(kRoles);
  switch (random_.Below(6)) {
    case 0:
      return fmt::format("GRANT SELECT ON {} TO {}", table, role);
    case 1:
      return fmt::format("REVOKE ALL ON {} FROM {}", table, role);
    case 2:
      return fmt::format("ALTER TABLE {} OWNER TO {}", table, random_.OneIn(2) ? role : "postgres");
    case 3:
      return fmt::format("COMMENT ON TABLE {} IS 'c{}'", table, random_.Below(9));
    case 4:
      return fmt::format(
          "CREATE TRIGGER watch BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION app.nothing()",
          table);
    default:
      return fmt::format("ALTER TABLE {} {} ROW LEVEL SECURITY", table,
                         random_.OneIn(2) ? "ENABLE" : "DISABLE");
  }
}

std::string RandomSql::Maintain() {
  const std::string table = AnyTable();
  switch (random_.Below(9)) {
    case 0:
    case 1:
      return fmt::format("VACUUM FULL {}", table);
    case 2:
      return fmt::format("VACUUM {}", table);
    case 3:
      return fmt::format("ANALYZE {}", table);
    case 4:
      return fmt::format("CLUSTER {} USING {}_pkey", table, AnyName());
    case 5:
      return fmt::format("REINDEX TABLE {}", table);
    case 6:
      return "REINDEX SCHEMA app";
    case 7:
      return "CHECKPOINT";
    default:
      return fmt::format("CREATE INDEX CONCURRENTLY ON {} (w)", table);
  }
}

std::vector<std::string> RandomSql::Next() {
  const auto statement = [&]() -> std::string {
    const std::uint64_t kind = random_.Below(100);
    if (kind < 70) return Write();
    if (kind < 82) return Create();
    if (kind < 94) return Alter();
    if (kind < 96) return AlterType();
    return Rights();
  };
  const std::uint64_t kind = random_.Below(100);
  if (kind < 4) return {Maintain()};
  // By itself: until such a transaction ends no other one's table is taken out of a publication
  // (docs/audit.md, "Side effects").
  if (kind < 8) return {AlterIdentity()};
  if (kind < 60) return {statement()};
  std::vector<std::string> transaction = {"BEGIN"};
  const std::uint64_t length = 2 + random_.Below(5);
  for (std::uint64_t n = 0; n < length; ++n) {
    // A failure ends the subtransaction alone: the next savepoint's name is rolled back to.
    transaction.emplace_back("SAVEPOINT s");
    transaction.push_back(statement());
  }
  transaction.emplace_back(random_.OneIn(6) ? "ROLLBACK" : "COMMIT");
  return transaction;
}

}  // namespace lockstep::integration
