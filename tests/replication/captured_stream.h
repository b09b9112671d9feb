// What a real server sent (captures/<plugin>.hex, captures/copy.hex), and the tables it is about.
#ifndef LOCKSTEP_TESTS_REPLICATION_CAPTURED_STREAM_H_
#define LOCKSTEP_TESTS_REPLICATION_CAPTURED_STREAM_H_

#include <string>
#include <string_view>
#include <vector>

#include "model/relation.h"
#include "model/type_catalog.h"

namespace lockstep::replication {

// The CopyData messages in the order they came, headers and keepalives included.
std::vector<std::string> CapturedMessages(std::string_view plugin = "decoderbufs");

// The CopyData messages of COPY of a table of the schema "captured": a row each.
std::vector<std::string> CapturedCopyRows(std::string_view table);

// The followed tables (schema "captured") as the catalog had them when the slot was made, except
// captured.late, which was created later; and captured.composed, which wal2json.sql creates,
// and captured.nested, which pgoutput_before.sql does.
std::vector<model::RelationPtr> CapturedRelations();

// The built-in types and those of pgoutput's captures when the slot was made.
model::TypeCatalogPtr CapturedTypes();

// Of CapturedRelations(), by name without schema.
model::RelationPtr CapturedRelation(std::string_view name);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_TESTS_REPLICATION_CAPTURED_STREAM_H_
