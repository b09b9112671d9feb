// What many people do to one small database at once: rows, tables, columns, keys, types, rights and
// maintenance, by a seed. Sessions know nothing of each other, so that many statements fail, as
// they would without anybody who looks on.
#ifndef LOCKSTEP_TESTS_INTEGRATION_RANDOM_SQL_H_
#define LOCKSTEP_TESTS_INTEGRATION_RANDOM_SQL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "generator/random.h"

namespace lockstep::integration {

class RandomSql {
 public:
  // Sessions of one seed differ by their number.
  RandomSql(std::uint64_t seed, std::uint64_t session);

  // Schemas, types and the first tables; once, before any session begins.
  static std::string Schema();
  static std::string DropSchema();

  // A transaction, or a statement that is one by itself. Statements are to be sent one by one; a
  // transaction's last one is COMMIT or ROLLBACK.
  std::vector<std::string> Next();

 private:
  std::string AnyTable();
  std::string AnyName();
  std::string Write();
  std::string Create();
  std::string Alter();
  std::string AlterIdentity();
  std::string AlterType();
  std::string Rights();
  std::string Maintain();

  generator::Random random_;
};

}  // namespace lockstep::integration

#endif  // LOCKSTEP_TESTS_INTEGRATION_RANDOM_SQL_H_
