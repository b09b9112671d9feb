#include "model/type_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/type_oid.h"

namespace lockstep::model {
namespace {

struct BuiltIn {
  std::uint32_t oid;
  std::uint32_t array;
  TypeKind kind;
  std::uint32_t related;
  const char* name;
};

// The server's pg_type, without what no column of a user has.
constexpr BuiltIn kBuiltIn[] = {
    {16, 1000, TypeKind::kBase, 0, "boolean"},
    {17, 1001, TypeKind::kBase, 0, "bytea"},
    {18, 1002, TypeKind::kBase, 0, "\"char\""},
    {19, 1003, TypeKind::kBase, 0, "name"},
    {20, 1016, TypeKind::kBase, 0, "bigint"},
    {21, 1005, TypeKind::kBase, 0, "smallint"},
    {23, 1007, TypeKind::kBase, 0, "integer"},
    {24, 1008, TypeKind::kBase, 0, "regproc"},
    {25, 1009, TypeKind::kBase, 0, "text"},
    {26, 1028, TypeKind::kBase, 0, "oid"},
    {27, 1010, TypeKind::kBase, 0, "tid"},
    {28, 1011, TypeKind::kBase, 0, "xid"},
    {114, 199, TypeKind::kBase, 0, "json"},
    {142, 143, TypeKind::kBase, 0, "xml"},
    {600, 1017, TypeKind::kBase, 0, "point"},
    {601, 1018, TypeKind::kBase, 0, "lseg"},
    {602, 1019, TypeKind::kBase, 0, "path"},
    {603, 1020, TypeKind::kBase, 0, "box"},
    {604, 1027, TypeKind::kBase, 0, "polygon"},
    {628, 629, TypeKind::kBase, 0, "line"},
    {650, 651, TypeKind::kBase, 0, "cidr"},
    {700, 1021, TypeKind::kBase, 0, "real"},
    {701, 1022, TypeKind::kBase, 0, "double precision"},
    {718, 719, TypeKind::kBase, 0, "circle"},
    {774, 775, TypeKind::kBase, 0, "macaddr8"},
    {790, 791, TypeKind::kBase, 0, "money"},
    {829, 1040, TypeKind::kBase, 0, "macaddr"},
    {869, 1041, TypeKind::kBase, 0, "inet"},
    {1042, 1014, TypeKind::kBase, 0, "bpchar"},
    {1043, 1015, TypeKind::kBase, 0, "character varying"},
    {1082, 1182, TypeKind::kBase, 0, "date"},
    {1083, 1183, TypeKind::kBase, 0, "time without time zone"},
    {1114, 1115, TypeKind::kBase, 0, "timestamp without time zone"},
    {1184, 1185, TypeKind::kBase, 0, "timestamp with time zone"},
    {1186, 1187, TypeKind::kBase, 0, "interval"},
    {1266, 1270, TypeKind::kBase, 0, "time with time zone"},
    {1560, 1561, TypeKind::kBase, 0, "\"bit\""},
    {1562, 1563, TypeKind::kBase, 0, "bit varying"},
    {1700, 1231, TypeKind::kBase, 0, "numeric"},
    {1790, 2201, TypeKind::kBase, 0, "refcursor"},
    {2202, 2207, TypeKind::kBase, 0, "regprocedure"},
    {2203, 2208, TypeKind::kBase, 0, "regoper"},
    {2204, 2209, TypeKind::kBase, 0, "regoperator"},
    {2205, 2210, TypeKind::kBase, 0, "regclass"},
    {2206, 2211, TypeKind::kBase, 0, "regtype"},
    {2950, 2951, TypeKind::kBase, 0, "uuid"},
    {2970, 2949, TypeKind::kBase, 0, "txid_snapshot"},
    {3220, 3221, TypeKind::kBase, 0, "pg_lsn"},
    {3614, 3643, TypeKind::kBase, 0, "tsvector"},
    {3615, 3645, TypeKind::kBase, 0, "tsquery"},
    {3734, 3735, TypeKind::kBase, 0, "regconfig"},
    {3769, 3770, TypeKind::kBase, 0, "regdictionary"},
    {3802, 3807, TypeKind::kBase, 0, "jsonb"},
    {3904, 3905, TypeKind::kRange, 23, "int4range"},
    {3906, 3907, TypeKind::kRange, 1700, "numrange"},
    {3908, 3909, TypeKind::kRange, 1114, "tsrange"},
    {3910, 3911, TypeKind::kRange, 1184, "tstzrange"},
    {3912, 3913, TypeKind::kRange, 1082, "daterange"},
    {3926, 3927, TypeKind::kRange, 20, "int8range"},
    {4072, 4073, TypeKind::kBase, 0, "jsonpath"},
    {4089, 4090, TypeKind::kBase, 0, "regnamespace"},
    {4096, 4097, TypeKind::kBase, 0, "regrole"},
    {4191, 4192, TypeKind::kBase, 0, "regcollation"},
    {4451, 6150, TypeKind::kMultirange, 3904, "int4multirange"},
    {4532, 6151, TypeKind::kMultirange, 3906, "nummultirange"},
    {4533, 6152, TypeKind::kMultirange, 3908, "tsmultirange"},
    {4534, 6153, TypeKind::kMultirange, 3910, "tstzmultirange"},
    {4535, 6155, TypeKind::kMultirange, 3912, "datemultirange"},
    {4536, 6157, TypeKind::kMultirange, 3926, "int8multirange"},
    {5038, 5039, TypeKind::kBase, 0, "pg_snapshot"},
    {5069, 271, TypeKind::kBase, 0, "xid8"},
};

std::vector<Type> BuiltInTypes() {
  std::vector<Type> types;
  for (const BuiltIn& type : kBuiltIn) {
    types.push_back({Oid{type.oid}, type.kind, Oid{type.related}, type.name});
    types.push_back(
        {Oid{type.array}, TypeKind::kArray, Oid{type.oid}, std::string(type.name) + "[]"});
  }
  return types;
}

void SortByOid(std::vector<Type>& types) {
  std::ranges::sort(types, {}, [](const Type& type) { return type.oid.value; });
}

// A length or a precision that is stored as itself.
std::string WithNumber(std::string_view name, std::int32_t number) {
  return fmt::format("{}({})", name, number);
}

// The modifier stands after the first word: "timestamp(3) without time zone".
std::string WithPrecision(const std::string& name, std::int32_t precision) {
  const std::size_t space = std::min(name.find(' '), name.size());
  return fmt::format("{}({}){}", name.substr(0, space), precision, name.substr(space));
}

// interval: the precision in the low half, the fields as a mask of 1 << field in the high one.
std::string IntervalName(std::int32_t modifier) {
  constexpr std::int32_t kMonth = 1 << 1;
  constexpr std::int32_t kYear = 1 << 2;
  constexpr std::int32_t kDay = 1 << 3;
  constexpr std::int32_t kHour = 1 << 10;
  constexpr std::int32_t kMinute = 1 << 11;
  constexpr std::int32_t kSecond = 1 << 12;
  constexpr std::pair<std::int32_t, const char*> kFields[] = {
      {kYear, " year"},
      {kMonth, " month"},
      {kDay, " day"},
      {kHour, " hour"},
      {kMinute, " minute"},
      {kSecond, " second"},
      {kYear | kMonth, " year to month"},
      {kDay | kHour, " day to hour"},
      {kDay | kHour | kMinute, " day to minute"},
      {kDay | kHour | kMinute | kSecond, " day to second"},
      {kHour | kMinute, " hour to minute"},
      {kHour | kMinute | kSecond, " hour to second"},
      {kMinute | kSecond, " minute to second"},
  };
  std::string name = "interval";
  for (const auto& [fields, text] : kFields) {
    if (modifier >> 16 == fields) name += text;
  }
  constexpr std::int32_t kFull = 0xFFFF;
  const std::int32_t precision = modifier & 0xFFFF;
  return precision == kFull ? name : WithNumber(name, precision);
}

}  // namespace

TypeCatalog::TypeCatalog() : types_(BuiltInTypes()) { SortByOid(types_); }

TypeCatalog::TypeCatalog(std::vector<Type> types) : types_(std::move(types)), complete_(true) {
  SortByOid(types_);
  std::vector<Type> missing;
  for (Type& type : BuiltInTypes()) {
    if (!Find(type.oid)) missing.push_back(std::move(type));
  }
  std::ranges::move(missing, std::back_inserter(types_));
  SortByOid(types_);
}

const Type* TypeCatalog::Find(Oid oid) const {
  const auto it = std::ranges::lower_bound(types_, oid.value, {},
                                           [](const Type& type) { return type.oid.value; });
  return it != types_.end() && it->oid == oid ? &*it : nullptr;
}

Oid TypeCatalog::BaseOf(Oid oid) const {
  // A catalog has no ring of domains; what claims to be one must not hold us.
  constexpr int kDeepest = 100;
  for (int depth = 0; depth < kDeepest; ++depth) {
    const Type* type = Find(oid);
    if (!type || type->kind != TypeKind::kDomain) break;
    oid = type->related;
  }
  return oid;
}

std::string FormatType(const TypeCatalog& types, const Type& type, std::int32_t modifier) {
  if (modifier < 0) return type.name;
  if (type.kind == TypeKind::kArray) {
    const Type* element = types.Find(type.related);
    return element ? FormatType(types, *element, modifier) + "[]" : type.name;
  }
  constexpr std::int32_t kHeader = 4;  // a varlena's length word is counted in
  const Oid oid = type.oid;
  if (oid == type_oid::kVarchar) return WithNumber(type.name, modifier - kHeader);
  if (oid == type_oid::kBpchar) return WithNumber("character", modifier - kHeader);
  if (oid == type_oid::kBit) return WithNumber("bit", modifier);
  if (oid == type_oid::kVarbit) return WithNumber(type.name, modifier);
  if (oid == type_oid::kNumeric) {
    // The scale has eleven bits and a sign.
    const std::int32_t packed = modifier - kHeader;
    return fmt::format("numeric({},{})", packed >> 16, ((packed & 0x7FF) ^ 1024) - 1024);
  }
  if (oid == type_oid::kTime || oid == type_oid::kTimetz || oid == type_oid::kTimestamp ||
      oid == type_oid::kTimestamptz) {
    return WithPrecision(type.name, modifier);
  }
  if (oid == type_oid::kInterval) return IntervalName(modifier);
  return type.name;
}

}  // namespace lockstep::model
