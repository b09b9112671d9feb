// The tables of a run: what the generator makes from the seed and the applier creates.
//
// Table 0 is the session table: one row per applier session with the id of the last transaction it
// committed. Every script updates it first, so every committed script changes the state and is
// visible on every plugin.
#ifndef LOCKSTEP_MODEL_CATALOG_H_
#define LOCKSTEP_MODEL_CATALOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "model/ids.h"
#include "model/relation.h"

namespace lockstep::model {

inline constexpr std::uint32_t kSessionTable = 0;

// A type that the run makes in its schema.
struct UserType {
  std::string name;        // plain
  std::string definition;  // what follows CREATE: "TYPE {} AS ENUM (...)", "DOMAIN {} AS ...", {}
                           // the name, quoted and with its schema
  friend bool operator==(const UserType&, const UserType&) = default;
};

struct Catalog {
  std::string schema;                // plain name, e.g. "lockstep_3f2a"
  std::uint32_t sessions = 0;        // sessions 1..sessions
  std::vector<UserType> types = {};  // in the order in which they can be made
  std::vector<RelationPtr>
      tables;  // [kSessionTable] is the session table; every schema equals `schema`
  // By table, or shorter: the only session that writes to the table, and may truncate it. 0: every
  // session, each to its own keys.
  std::vector<SessionId> owners = {};

  SessionId OwnerOf(std::uint32_t table) const {
    return table < owners.size() ? owners[table] : SessionId{};
  }
};

// session int4 primary key, transaction_id int8.
RelationPtr MakeSessionRelation(const std::string& schema);
Row MakeSessionRow(SessionId session, TransactionId last_committed);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_CATALOG_H_
