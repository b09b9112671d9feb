// What is known of types by their OID: the built-in ones, and those of a database as its catalog
// had them when a listener attached.
#ifndef LOCKSTEP_MODEL_TYPE_CATALOG_H_
#define LOCKSTEP_MODEL_TYPE_CATALOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/ids.h"

namespace lockstep::model {

// pg_type.typtype, with arrays told apart from other base types.
enum class TypeKind : char {
  kBase = 'b',
  kDomain = 'd',
  kEnum = 'e',
  kComposite = 'c',
  kRange = 'r',
  kMultirange = 'm',
  kArray = 'a',
};

struct Type {
  Oid oid;
  TypeKind kind = TypeKind::kBase;
  // Of a domain the type under it, of an array its element, of a range its subtype, of a multirange
  // its range; 0 for the others.
  Oid related = {};
  // As format_type(oid, -1) prints it with only pg_catalog in the search path.
  std::string name = {};
  friend bool operator==(const Type&, const Type&) = default;
};

class TypeCatalog {
 public:
  // The built-in types only.
  TypeCatalog();
  // The built-in types and those of a database, which win.
  explicit TypeCatalog(std::vector<Type> types);

  // nullptr when there is no such type.
  const Type* Find(Oid oid) const;
  // What a domain is a domain over, through domains over domains; other types are their own base.
  Oid BaseOf(Oid oid) const;
  // True when it holds the types of a database: a type that is not here is newer than the attach.
  bool is_complete() const { return complete_; }

 private:
  std::vector<Type> types_;  // by OID
  bool complete_ = false;
};

using TypeCatalogPtr = std::shared_ptr<const TypeCatalog>;

// The name of the type `type` as a column with the modifier `modifier` (pg_attribute.atttypmod)
// shows it: "numeric(10,2)", "character varying(5)[]".
std::string FormatType(const TypeCatalog& types, const Type& type, std::int32_t modifier);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_TYPE_CATALOG_H_
