#include "tests/replication/captured_stream.h"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <utility>

#include "model/ids.h"
#include "model/type_oid.h"

namespace lockstep::replication {
namespace {

using model::Column;
using model::Oid;
using model::ReplicaIdentity;
namespace type_oid = model::type_oid;

// Types without a name in model/type_oid.h (pg_type.dat), and the user types of the capture.
constexpr Oid kBit{1560};
constexpr Oid kInet{869};
constexpr Oid kInt4Array{1007};
constexpr Oid kInt4Range{3904};
constexpr Oid kJson{114};
constexpr Oid kTextArray{1009};
constexpr Oid kXml{142};
constexpr Oid kByteaArray{1001};
constexpr Oid kInt4Multirange{4451};
constexpr Oid kTstzRange{3910};
constexpr Oid kTsvector{3614};
constexpr Oid kVarbit{1562};
constexpr Oid kMood{16387};
constexpr Oid kMoodArray{16386};
constexpr Oid kLabelArray{16396};
constexpr Oid kPair{16532};
constexpr Oid kPairArray{16531};

// The user types of pgoutput's captures.
constexpr Oid kPositive{16394};
constexpr Oid kLabel{16397};
constexpr Oid kBlob{16399};
constexpr Oid kBirthday{16401};
constexpr Oid kPrice{16403};
constexpr Oid kNestedPair{16506};
constexpr Oid kNestedPairArray{16505};
constexpr Oid kPairs{16508};
constexpr Oid kWords{16512};
constexpr Oid kBoxArray{1020};

Column Id(const char* name) { return {name, type_oid::kInt4, "integer", true}; }
Column TextColumn(const char* name) { return {name, type_oid::kText, "text"}; }
Column DomainColumn(const char* name, Oid base, const char* domain) {
  return {.name = name, .type = base, .type_name = domain, .is_domain = true};
}

model::RelationPtr Table(const char* name, std::vector<Column> columns,
                         std::vector<std::uint32_t> key = {0},
                         ReplicaIdentity identity = ReplicaIdentity::kDefault) {
  return std::make_shared<const model::Relation>(
      model::Relation{"captured", name, std::move(columns), std::move(key), identity});
}

std::string FromHex(std::string_view line) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < line.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(std::string(line.substr(i, 2)), nullptr, 16)));
  return bytes;
}

std::vector<std::string> LinesOf(std::string_view capture) {
  const std::string path = "tests/replication/captures/" + std::string(capture) + ".hex";
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::vector<std::string> CapturedMessages(std::string_view plugin) {
  std::vector<std::string> messages;
  for (const std::string& line : LinesOf(plugin)) {
    if (!line.starts_with('#')) messages.push_back(FromHex(line));
  }
  return messages;
}

std::vector<std::string> CapturedCopyRows(std::string_view table) {
  const std::string heading = "# table " + std::string(table);
  std::vector<std::string> rows;
  bool is_of_table = false;
  for (const std::string& line : LinesOf("copy")) {
    if (line.starts_with('#')) {
      is_of_table = line == heading;
    } else if (is_of_table) {
      rows.push_back(FromHex(line));
    }
  }
  return rows;
}

std::vector<model::RelationPtr> CapturedRelations() {
  return {
      Table("numbers", {Id("id"),
                        {"b", type_oid::kBool, "boolean"},
                        {"i2", type_oid::kInt2, "smallint"},
                        {"i8", type_oid::kInt8, "bigint"},
                        {"o", type_oid::kOid, "oid"},
                        {"f4", type_oid::kFloat4, "real"},
                        {"f8", type_oid::kFloat8, "double precision"},
                        {"n", type_oid::kNumeric, "numeric"},
                        {"n2", type_oid::kNumeric, "numeric(10,2)"}}),
      Table("texts", {Id("id"),
                      TextColumn("t"),
                      {"v", type_oid::kVarchar, "character varying(20)"},
                      {"c", type_oid::kBpchar, "character(5)"},
                      {"n", type_oid::kName, "name"},
                      {"c1", type_oid::kChar, "\"char\""},
                      {"u", type_oid::kUuid, "uuid"},
                      {"b", type_oid::kBytea, "bytea"},
                      {"j", kJson, "json"},
                      {"jb", type_oid::kJsonb, "jsonb"},
                      {"bits", kBit, "bit(3)"},
                      {"x", kXml, "xml"}}),
      Table("times", {Id("id"),
                      {"d", type_oid::kDate, "date"},
                      {"t", type_oid::kTime, "time without time zone"},
                      {"tz", type_oid::kTimetz, "time with time zone"},
                      {"ts", type_oid::kTimestamp, "timestamp without time zone"},
                      {"tstz", type_oid::kTimestamptz, "timestamp with time zone"},
                      {"i", type_oid::kInterval, "interval"}}),
      Table("others", {Id("id"),
                       {"m", type_oid::kMoney, "money"},
                       {"p", type_oid::kPoint, "point"},
                       {"e", kMood, "captured.mood"},
                       DomainColumn("positive", type_oid::kInt4, "captured.positive"),
                       DomainColumn("label", type_oid::kText, "captured.label"),
                       DomainColumn("blob", type_oid::kBytea, "captured.blob"),
                       DomainColumn("birthday", type_oid::kDate, "captured.birthday"),
                       DomainColumn("price", type_oid::kNumeric, "captured.price"),
                       {"ints", kInt4Array, "integer[]"},
                       {"words", kTextArray, "text[]"},
                       {"r", kInt4Range, "int4range"},
                       {"ip", kInet, "inet"}}),
      Table("Odd \"T.q\"", {Id("Order"),
                            TextColumn("a.b \"c\""),
                            TextColumn("select"),
                            {"größe", type_oid::kInt4, "integer"}}),
      Table("toasted", {Id("id"), TextColumn("big"), TextColumn("note")}),
      Table("keyed", {Id("a"), {"b", type_oid::kText, "text", true}, TextColumn("note")}, {1, 0}),
      Table("full_identity", {Id("id"), TextColumn("note"), TextColumn("big")}, {0},
            ReplicaIdentity::kFull),
      Table("indexed", {Id("id"), {"code", type_oid::kText, "text", true}, TextColumn("note")}, {1},
            ReplicaIdentity::kIndex),
      Table("bare", {TextColumn("note")}, {}),
      Table("nothing", {Id("id"), TextColumn("note")}, {}, ReplicaIdentity::kNothing),
      Table("changing", {Id("id"), TextColumn("note")}),
      Table("saved", {Id("id")}),
      Table("generated", {Id("id"), {"twice", type_oid::kInt4, "integer", false, "(id * 2)"}}),
      Table("composed", {Id("id"),
                         {"p", kPair, "captured.pair"},
                         {"pairs", kPairArray, "captured.pair[]"},
                         {"moods", kMoodArray, "captured.mood[]"},
                         {"labels", kLabelArray, "captured.label[]"},
                         {"blobs", kByteaArray, "bytea[]"},
                         {"r", kInt4Multirange, "int4multirange"},
                         {"tr", kTstzRange, "tstzrange"},
                         {"v", kVarbit, "bit varying"},
                         {"ts", kTsvector, "tsvector"},
                         DomainColumn("yes", type_oid::kBool, "captured.yes"),
                         DomainColumn("ratio", type_oid::kFloat8, "captured.ratio")}),
      Table("nested", {Id("id"),
                       {"p", kNestedPair, "captured.pair"},
                       DomainColumn("ps", kNestedPairArray, "captured.pairs"),
                       {"moods", kMoodArray, "captured.mood[]"},
                       {"labels", kLabelArray, "captured.label[]"},
                       {"blobs", kByteaArray, "bytea[]"},
                       {"w", kWords, "captured.words"},
                       {"ms", kInt4Multirange, "int4multirange"},
                       {"tr", kTstzRange, "tstzrange"},
                       {"v", kVarbit, "bit varying"},
                       {"boxes", kBoxArray, "box[]"}}),
  };
}

model::TypeCatalogPtr CapturedTypes() {
  using enum model::TypeKind;
  return std::make_shared<const model::TypeCatalog>(std::vector<model::Type>{
      {kMood, kEnum, {}, "captured.mood"},
      {kMoodArray, kArray, kMood, "captured.mood[]"},
      {kPositive, kDomain, type_oid::kInt4, "captured.positive"},
      {kLabel, kDomain, type_oid::kText, "captured.label"},
      {kLabelArray, kArray, kLabel, "captured.label[]"},
      {kBlob, kDomain, type_oid::kBytea, "captured.blob"},
      {kBirthday, kDomain, type_oid::kDate, "captured.birthday"},
      {kPrice, kDomain, type_oid::kNumeric, "captured.price"},
      {kNestedPair, kComposite, {}, "captured.pair"},
      {kNestedPairArray, kArray, kNestedPair, "captured.pair[]"},
      {kPairs, kDomain, kNestedPairArray, "captured.pairs"},
      {kWords, kRange, type_oid::kText, "captured.words"},
  });
}

model::RelationPtr CapturedRelation(std::string_view name) {
  for (model::RelationPtr& relation : CapturedRelations()) {
    if (relation->name == name) return std::move(relation);
  }
  throw std::runtime_error("no captured table " + std::string(name));
}

}  // namespace lockstep::replication
