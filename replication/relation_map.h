// The relations a listener follows, and the types of the database: read from the catalog under the
// attach snapshot, so that they fit the first change of the stream. A later look-up could show a
// newer column list: whoever looks up a table that was made since (OnNew) has to see to that.
#ifndef LOCKSTEP_REPLICATION_RELATION_MAP_H_
#define LOCKSTEP_REPLICATION_RELATION_MAP_H_

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/ids.h"
#include "model/relation.h"
#include "model/type_catalog.h"
#include "replication/follow_policy.h"
#include "replication/sql_name.h"

namespace lockstep::replication {

// The first change of a table that is not known.
struct Encounter {
  QualifiedName name;
  model::Xid xid;       // of the transaction that changes it
  model::Oid oid = {};  // of the table, where the plugin tells it; 0: it does not
  // The last transaction before that changed what is known under the name; 0: none that this
  // decoder saw.
  model::Xid changed_by = {};
};

// A table that came into being.
struct NewTable {
  // In the form that it had at the change it was met at; nullptr: it is not to be followed.
  model::RelationPtr relation;
  model::TypeCatalogPtr types =
      nullptr;  // of the database by now; nullptr: those that are known do
};

class RelationMap {
 public:
  // Whether a table would be followed if it were there at the attach.
  using Covers = std::function<bool(const QualifiedName&)>;

  // Asked for a table that should be followed and is unknown, or is another one than the one that
  // is known under its name. nullopt: it should be followed, and cannot be from here on.
  using OnNew = std::function<std::optional<NewTable>(const Encounter&)>;
  // Asked for a known table without a key that is changed by one. The table with the key that it
  // has by now; nullptr: it has none, or another one has the name.
  using OnKeyless = std::function<model::RelationPtr(const Encounter&)>;

  // Follows `relations`, which are all the tables of their schemas. Without `types` the built-in
  // ones are known.
  explicit RelationMap(std::vector<model::RelationPtr> relations,
                       model::TypeCatalogPtr types = std::make_shared<const model::TypeCatalog>())
      : RelationMap(std::move(relations), std::move(types), nullptr) {}
  // Follows `relations`, which are all the tables that `covers` is true of, and logs of
  // truncations.
  RelationMap(std::vector<model::RelationPtr> relations, model::TypeCatalogPtr types, Covers covers,
              FollowPolicy policy = FollowPolicy::kStrict, OnNew on_new = nullptr,
              OnKeyless on_keyless = nullptr)
      : relations_(std::move(relations)),
        types_(std::move(types)),
        covers_(std::move(covers)),
        policy_(policy),
        on_new_(std::move(on_new)),
        on_keyless_(std::move(on_keyless)) {}

  // nullptr: the table is not followed, or is a log of truncations, also one that was made since.
  // kMisfit: it should be followed and is unknown.
  model::Result<model::RelationPtr> Find(const Encounter& met);
  // Of a table that is not the known one of its name: known from here on. nullptr: it cannot be
  // followed.
  model::RelationPtr FindMadeAnew(const Encounter& met);
  // Of a known table that is updated or deleted from by a key that it is not known to have, by a
  // plugin that does not tell of it: known with its key from here on. nullptr: it has none.
  model::RelationPtr FindKeyed(const Encounter& met, const model::RelationPtr& known);

  // The log of truncations that is read (model/truncation_log.h), for plugins that do not
  // send a TRUNCATE; nullptr for any other table.
  model::RelationPtr FindTruncationLog(const QualifiedName& name) const;

  const model::TypeCatalog& types() const { return *types_; }
  // What is done about a table whose changes cannot be read.
  FollowPolicy policy() const { return policy_; }

 private:
  model::RelationPtr Take(const QualifiedName& name, NewTable made);

  std::vector<model::RelationPtr> relations_;
  model::TypeCatalogPtr types_;
  Covers covers_;  // empty: all tables of the relations' schemas
  FollowPolicy policy_ = FollowPolicy::kStrict;
  OnNew on_new_;                     // empty: none can be followed
  OnKeyless on_keyless_;             // empty: none gets a key
  std::set<QualifiedName> keyless_;  // that were asked for, and have no key
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_RELATION_MAP_H_
